import { AsyncResource } from 'node:async_hooks'
import type { QueuedQuery } from './native-pg.ts'

/** Where a query keeps its call; a map from queries to calls costs more than all the rest. */
const made = Symbol('signalbox.call')

type Called = QueuedQuery & { [made]?: Call }

/** `pg`'s queue of a client's queries; each of them is part of the session, and the scopes, in which it was called. */
export class CallQueue extends Array<QueuedQuery> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  /** False until the client's pool has lent it for the first time. */
  isLent: boolean
  /** Called just now, by who is still on the stack. */
  #fresh: QueuedQuery | undefined

  constructor(isLent: boolean) {
    super()
    this.isLent = isLent
  }

  /** `pg` adds one at a time, and asks at once whether it may run. */
  override push(query: QueuedQuery): number {
    ;(query as Called)[made] = { surroundings: new AsyncResource('SignalboxQuery'), isEarly: !this.isLent }
    this.#fresh = query
    // The methods of arrays take a slow way in classes derived from them.
    this[this.length] = query
    return this.length
  }

  /** The next one, if there is any. */
  next(): QueuedQuery | undefined {
    if (this.length !== 1) return this.length === 0 ? undefined : this.shift()
    const only = this[0]
    this.length = 0
    return only
  }

  /** What was called just now, if it is this call that asks for it; once. */
  takeFresh(): QueuedQuery | undefined {
    const fresh = this.#fresh
    this.#fresh = undefined
    return fresh
  }

  /** Runs `work` where the query was called. */
  run<Given extends unknown[]>(query: QueuedQuery, work: (...given: Given) => void, ...given: Given): void {
    const call = (query as Called)[made]
    if (call === undefined) work(...given)
    else call.surroundings.runInAsyncScope(work, undefined, ...given)
  }

  /** Whether it was called by who makes the clients of a pool what they are, before anybody else had this one. */
  isEarly(query: QueuedQuery): boolean {
    return (query as Called)[made]?.isEarly === true
  }
}

interface Call {
  /** Much cheaper than a snapshot, and holds the same. */
  readonly surroundings: AsyncResource
  readonly isEarly: boolean
}
