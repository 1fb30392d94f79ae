import type { DriverPool } from '../drivers/driver.ts'
import type { FunctionUse } from '../statement/analysis.ts'
import {
  FunctionCatalogue,
  functionCatalogueSql,
  type FunctionRow,
  type FunctionSafety,
} from '../statement/function-catalogue.ts'
import type { Database } from '../topology/topology.ts'

interface Entry {
  catalogue: FunctionCatalogue | undefined
  readAt: number
  reading: Promise<boolean> | undefined
}

/**
 * What the servers themselves say about their functions (PostgreSQL's `pg_proc`), read once for each database when a
 * statement first calls a function, and again when a function appears that is not in it.
 */
export class FunctionCatalogues {
  readonly #entries = new Map<string, Entry>()
  readonly #builtIn = new FunctionCatalogue()
  readonly #now: () => number
  readonly #refreshMs: number
  #version = 0

  constructor(now: () => number, refreshMs: number) {
    this.#now = now
    this.#refreshMs = refreshMs
  }

  /** Changes whenever a catalogue was read, so that routes made before it are made anew. */
  get version(): number {
    return this.#version
  }

  /** What is known now; before the first reading, what PostgreSQL's own functions are known to be. */
  safetyOf(database: Database, fn: FunctionUse): FunctionSafety {
    return (this.#entries.get(database.alias)?.catalogue ?? this.#builtIn).isSafe(fn)
  }

  /** Whether it is one of PostgreSQL's own for certain, and safe; nothing is before the first reading. */
  isBuiltIn(database: Database, fn: FunctionUse): boolean {
    return this.#entries.get(database.alias)?.catalogue?.isBuiltIn(fn) === true
  }

  /** Whether a reading would help with these functions: there was none, or one is unknown and the last is long ago. */
  needsReading(database: Database, functions: readonly FunctionUse[]): boolean {
    if (functions.length === 0) return false
    const entry = this.#entries.get(database.alias)
    if (entry?.catalogue === undefined) return entry === undefined || this.#now() - entry.readAt >= this.#refreshMs
    const { catalogue } = entry
    if (this.#now() - entry.readAt < this.#refreshMs) return false
    return functions.some((fn) => catalogue.isSafe(fn) === 'unknown')
  }

  /**
   * Reads the catalogue, and says whether it could; callers at the same time share one reading. A failure is no error
   * here: the statement itself will meet the same trouble and say so, and until then its functions count as unknown. It
   * may take as long as the wait for a connection (`pool.acquireTimeoutMs`).
   */
  async read(database: Database, pool: DriverPool): Promise<boolean> {
    let entry = this.#entries.get(database.alias)
    if (entry === undefined) {
      entry = { catalogue: undefined, readAt: Number.NEGATIVE_INFINITY, reading: undefined }
      this.#entries.set(database.alias, entry)
    }
    entry.reading ??= this.#fill(entry, pool, database.pool.acquireTimeoutMs)
    return await entry.reading
  }

  async #fill(entry: Entry, pool: DriverPool, timeoutMs: number): Promise<boolean> {
    try {
      const result = await pool.query({
        sql: functionCatalogueSql,
        params: [],
        access: 'read',
        prepare: false,
        timeoutMs,
      })
      entry.catalogue = new FunctionCatalogue(result.rows as readonly FunctionRow[])
      this.#version += 1
      return true
    } catch {
      // See above: unknown functions are writes, which is safe.
      return false
    } finally {
      entry.readAt = this.#now()
      entry.reading = undefined
    }
  }
}
