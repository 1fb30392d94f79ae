import { clientHint } from './error-hints.ts'
import { hinted } from '../hinted.ts'
import type { ClientInternals, QueuedQuery } from './native-pg.ts'

/** `pg`'s own, of no type, since it has one for each form of the call. */
export interface QueryMethod {
  query: (...call: unknown[]) => unknown
}

/** Whether a client is its pool's or its user's at the moment; and so, what its errors do not say. */
export class ClientUse {
  /** A pool made it. */
  isOfPool = false
  readonly #client: object
  /** Set while its pool has it: called by a query that comes all the same. */
  #told: (() => void) | undefined

  constructor(client: object) {
    this.#client = client
  }

  /** `returned`: the client is its pool's again, and this is called by queries that come all the same. */
  lent(returned?: () => void): void {
    this.#told = returned
  }

  hinted(error: unknown): unknown {
    if (!(error instanceof Error)) return error
    const { _ending, _ended } = this.#client as ClientInternals
    const isReturned = this.#told !== undefined
    return hinted(error, clientHint(error, { isOfPool: this.isOfPool, isReturned, isEnded: _ending || _ended }))
  }

  /** A call of the client's `query`, in each of its forms. */
  query(call: unknown[], own: QueryMethod): unknown {
    this.#told?.()
    const { _ending, _queryable } = this.#client as ClientInternals
    if (_queryable && !_ending) return own.query.apply(this.#client, call)
    return this.#refused(call, own)
  }

  /** Whoever called gets the hint. */
  #refused(call: unknown[], own: QueryMethod): unknown {
    const [config] = call
    if (typeof (config as { readonly submit?: unknown } | null)?.submit === 'function') {
      const submittable = config as QueuedQuery
      const handleError = submittable.handleError.bind(submittable)
      submittable.handleError = (error, connection) => handleError(this.hinted(error), connection)
      return own.query.apply(this.#client, call)
    }
    const heard = call.map((part) =>
      typeof part === 'function' ? (error: unknown, ...rest: unknown[]) => part(this.hinted(error), ...rest) : part,
    )
    const answer = own.query.apply(this.#client, heard)
    return answer instanceof Promise ? answer.catch((error: unknown) => Promise.reject(this.hinted(error))) : answer
  }
}
