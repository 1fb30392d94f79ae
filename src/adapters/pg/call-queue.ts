import { AsyncLocalStorage } from 'node:async_hooks'
import type { QueuedQuery } from './native-pg.ts'

/** `pg`'s queue of a client's queries; each of them is part of the session, and the scopes, in which it was called. */
export class CallQueue extends Array<QueuedQuery> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  readonly #surroundings = new WeakMap<QueuedQuery, ReturnType<typeof AsyncLocalStorage.snapshot>>()

  override push(...queries: QueuedQuery[]): number {
    for (const query of queries) this.#surroundings.set(query, AsyncLocalStorage.snapshot())
    return super.push(...queries)
  }

  /** Runs `work` where the query was called. */
  run(query: QueuedQuery, work: () => void): void {
    const surroundings = this.#surroundings.get(query)
    if (surroundings === undefined) work()
    else surroundings(work)
  }
}
