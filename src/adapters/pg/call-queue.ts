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

  constructor(isLent: boolean) {
    super()
    this.isLent = isLent
  }

  override push(...queries: QueuedQuery[]): number {
    for (const query of queries)
      (query as Called)[made] = { surroundings: new AsyncResource('SignalboxQuery'), isEarly: !this.isLent }
    return super.push(...queries)
  }

  /** Runs `work` where the query was called. */
  run(query: QueuedQuery, work: () => void): void {
    const call = (query as Called)[made]
    if (call === undefined) work()
    else call.surroundings.runInAsyncScope(work)
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
