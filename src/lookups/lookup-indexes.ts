import type { LookupReport } from './check.ts'
import type { BackfillReport } from './backfill.ts'
import type { Lookups, LookupTarget } from './lookups.ts'

/** What is to be done about the declared lookups, besides writing and reading: see docs/lookup-indexes.md. */
export class LookupIndexes {
  readonly #lookups: Lookups
  readonly #timeoutMs: () => number

  /** @internal Made by `connect()`. `timeoutMs`: for each statement; throws if the client is closed. */
  constructor(lookups: Lookups, timeoutMs: () => number) {
    this.#lookups = lookups
    this.#timeoutMs = timeoutMs
  }

  /** Creates the tables of all lookups, unless they are there: in their control databases, and on each shard. */
  async setUp(): Promise<void> {
    await this.#lookups.setUp({ timeoutMs: this.#timeoutMs() })
  }

  /**
   * Makes an entry for each row that has none, and has the lookup asked from then on; before, reads ask every shard. Call it once
   * every process has the lookup in its configuration. May run beside them, be broken off, and be repeated.
   *
   * Throws the error of a constraint if two rows have the same value, naming their shard keys; `LookupWriteError` for a row of which no
   * entry can be kept; `ConfigError` for a lookup that is not declared, or a column that takes more texts for the same than its type.
   *
   * @example
   * ```ts
   * import { connect, hashShards } from 'signalbox'
   *
   * const client = await connect({
   *   databases: {
   *     default: { shards: { a: 'sqlite:./a.db', b: 'sqlite:./b.db' }, shardMap: hashShards({ key: 'integer' }) },
   *     control: 'sqlite:./control.db',
   *   },
   *   tables: {
   *     customer: { database: 'default', shardKey: 'id', lookups: { email: { in: 'control', type: 'text' } } },
   *   },
   * })
   * await client.lookups.setUp()
   * const { rows, added } = await client.lookups.backfill({ table: 'customer', column: 'email' })
   * console.log(`${added} of ${rows} rows had no entry`)
   * ```
   */
  async backfill(target: LookupTarget): Promise<BackfillReport> {
    return await this.#lookups.backfill(target, { timeoutMs: this.#timeoutMs() })
  }

  /** Compares the rows with the entries: reads all of them, in batches, beside whatever is written. Throws as `backfill` does. */
  async check(target: LookupTarget): Promise<LookupReport> {
    return await this.#lookups.check(target, { timeoutMs: this.#timeoutMs() })
  }
}
