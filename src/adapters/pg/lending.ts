import type { Pool, PoolClient } from 'pg'
import { poolHint, releaseHint } from './error-hints.ts'
import { hinted } from '../hinted.ts'
import type { ClientInternals } from './native-pg.ts'

/** Gives a client back to its pool. */
export type Release = (error?: unknown) => void

interface ReturnedClient extends PoolClient {
  _lend?(returned: () => void): void
}

/** The clients of a pool that somebody has, and since when; and so, what its errors do not say. */
export class Lending {
  readonly #pool: Pool
  /** The first one first. */
  readonly #lent = new Map<PoolClient, number>()
  #endedAt: number | undefined
  #isTold = false

  constructor(pool: Pool) {
    this.#pool = pool
  }

  lent(client: PoolClient): void {
    this.#lent.set(client, performance.now())
  }

  returned(client: PoolClient): void {
    this.#lent.delete(client)
  }

  /** `end()` was called. */
  ended(): void {
    this.#endedAt = performance.now()
  }

  /** What gives one client back, once; and then the client hears of it. */
  once(client: PoolClient, release: Release): Release {
    let releasedAt: number | undefined
    return (reason) => {
      const since = releasedAt
      releasedAt ??= performance.now()
      try {
        release(reason)
      } catch (error) {
        if (since === undefined) throw error
        throw hinted(error, releaseHint(performance.now() - since, this.#lent.has(client)))
      }
      // Who waited has it already.
      if (!this.#lent.has(client)) (client as ReturnedClient)._lend?.(this.#tellOfReturned)
    }
  }

  hinted<E>(error: E): E {
    if (!(error instanceof Error)) return error
    const { options, waitingCount } = this.#pool
    const now = performance.now()
    const [first] = this.#lent.values()
    const facts = {
      max: options.max,
      lent: this.#lent.size,
      longestMs: first === undefined ? 0 : now - first,
      unused: [...this.#lent.keys()].filter((client) => !isBusy(client)).length,
      waiting: waitingCount,
      timeoutMs: options.connectionTimeoutMillis ?? 0,
      endedMs: this.#endedAt === undefined ? undefined : now - this.#endedAt,
    }
    hinted(error, poolHint(error, facts))
    return error
  }

  /** One for all clients: they are many. */
  readonly #tellOfReturned = (): void => {
    if (this.#isTold) return
    this.#isTold = true
    process.emitWarning(
      'A query was called on a client that had been given back to its pool. Whoever gets the client next may find it in their transaction. ' +
        'Query before release(), or by pool.query().',
      'SignalboxWarning',
    )
  }
}

function isBusy(client: PoolClient): boolean {
  return (client as unknown as ClientInternals)._activeQuery instanceof Object
}
