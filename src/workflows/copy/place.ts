import type { Access, Engine, Lease } from '../../drivers/driver.ts'
import { locate } from '../../errors.ts'
import type { RawValue } from './values/kind.ts'

/** The limits of a copy's statements. */
export interface PlaceLimits {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for each statement; 0 = none. Bulk copies have none. */
  readonly timeoutMs: number
}

export type RawRow = readonly RawValue[]

/** Rows come as arrays of values that have lost nothing. */
export interface Answer {
  readonly rows: readonly RawRow[]
  readonly rowCount: number
}

/** A connection of the copy's own to the primary of one database. */
export class Place {
  readonly engine: Engine
  /** The alias. */
  readonly database: string
  readonly lease: Lease
  readonly limits: PlaceLimits
  #inTransaction = false
  #broken = false

  constructor(lease: Lease, database: { readonly alias: string; readonly engine: Engine }, limits: PlaceLimits) {
    this.lease = lease
    this.engine = database.engine
    this.database = database.alias
    this.limits = limits
  }

  async query(sql: string, params: readonly unknown[] = [], access: Access = 'read'): Promise<Answer> {
    // Texts have as many parameters as there are rows: to prepare each would fill the server with them.
    const request = { sql, params, access, rowMode: 'raw', prepare: this.engine === 'sqlite', ...this.limits } as const
    const { rows, rowCount } = await this.located(() => this.lease.query(request))
    return { rows: rows as readonly RawRow[], rowCount }
  }

  async begin(readOnly: boolean): Promise<void> {
    await this.located(() => this.lease.begin({ readOnly, ...(readOnly ? { isolation: 'repeatable read' } : {}) }))
    this.#inTransaction = true
  }

  async commit(): Promise<void> {
    this.#inTransaction = false
    await this.located(() => this.lease.commit()).catch((error: unknown) => {
      this.#broken = true
      throw error
    })
  }

  /** Rolls back what is open. How that goes changes nothing: what was not committed is gone with the connection, too. */
  async rollback(): Promise<void> {
    if (!this.#inTransaction) return
    this.#inTransaction = false
    await this.lease.rollback().catch(() => (this.#broken = true))
  }

  /** Gives the connection back. How that goes says nothing about the copy: what was committed is there. */
  async close(): Promise<void> {
    await this.rollback()
    await this.lease.release(this.#broken ? 'destroy' : 'reset').catch(() => undefined)
  }

  /** Errors say which database they are from. */
  async located<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw locate(error, { database: this.database })
    }
  }
}
