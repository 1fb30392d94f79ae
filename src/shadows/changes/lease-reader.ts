import type { BeginOptions, DriverPool, Lease } from '../../drivers/driver.ts'
import type { ShadowTable } from '../shadow-table.ts'
import type { RowValues } from './row-change.ts'
import type { ShadowReader } from './shadow-store.ts'

/** Reads what a shadow keeps on one connection, in one transaction. The pool is its own. */
export class LeaseReader implements ShadowReader {
  readonly tables: readonly ShadowTable[]
  readonly #pool: DriverPool
  readonly #lease: Lease

  private constructor(pool: DriverPool, lease: Lease, tables: readonly ShadowTable[]) {
    this.tables = tables
    this.#pool = pool
    this.#lease = lease
  }

  /** `tablesOf`: what the shadow keeps there. `undefined` if it keeps nothing; then, and after an error, the pool is closed. */
  static async open(
    pool: DriverPool,
    begin: BeginOptions,
    tablesOf: (lease: Lease) => Promise<readonly ShadowTable[] | undefined>,
  ): Promise<LeaseReader | undefined> {
    let lease: Lease | undefined
    let reader: LeaseReader | undefined
    try {
      lease = await pool.lease({ access: 'read' })
      await lease.begin(begin)
      const tables = await tablesOf(lease)
      if (tables !== undefined) reader = new LeaseReader(pool, lease, tables)
      return reader
    } finally {
      if (reader === undefined) await close(pool, lease)
    }
  }

  rows(sql: string): AsyncIterable<RowValues> {
    return this.#lease.stream({ sql, params: [], access: 'read', rowMode: 'raw' }) as AsyncIterable<RowValues>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#pool, this.#lease)
  }
}

async function close(pool: DriverPool, lease: Lease | undefined): Promise<void> {
  await lease?.release('destroy')
  await pool.close()
}
