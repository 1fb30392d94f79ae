import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { UnsupportedError } from '../../errors.ts'
import type { Changes } from './result.ts'

/** The prototypes by which the versions of `node:sqlite` are told apart. */
export interface StatementClass {
  readonly StatementSync: { readonly prototype: object }
}

/**
 * Whether this is Node.js before 22.16, whose `node:sqlite` has no `StatementSync.columns`, `setReturnArrays`,
 * `DatabaseSync.isOpen` and `isTransaction`. Source: the histories in https://nodejs.org/api/sqlite.html
 */
export function isOlderNode(module: StatementClass): boolean {
  const { prototype } = module.StatementSync
  return !('columns' in prototype && 'setReturnArrays' in prototype)
}

/** Statements whose answer is rows, even if there are none. `INSERT … RETURNING` and the like show by their rows. */
const reading = new Set(['select', 'values', 'explain', 'pragma'])

/** Makes up, for one connection, for what `node:sqlite` lacks before Node.js 22.16. */
export class OlderNode {
  readonly #db: DatabaseSync
  readonly #bigIntegers: boolean
  #counts: StatementSync | undefined
  #probe: StatementSync | undefined
  #schemaVersion: StatementSync | undefined
  #lastVersion: unknown

  constructor(db: DatabaseSync, bigIntegers: boolean) {
    this.#db = db
    this.#bigIntegers = bigIntegers
  }

  /** `exec` asks for an open database before it looks at the text, and an empty text does nothing. */
  get isOpen(): boolean {
    try {
      this.#db.exec('')
      return true
    } catch {
      return false
    }
  }

  /**
   * Asks SQLite itself, because a statement may end a transaction on its own (`INSERT OR ROLLBACK`, a full disk) and an
   * application may begin one on a handle that it shares. `VACUUM INTO` refuses to run inside a transaction before it
   * looks at its file name, and a number is never one: it fails either way, and does nothing. It takes 6 µs.
   * Source: `sqlite3RunVacuum` in https://sqlite.org/src/file/src/vacuum.c
   */
  get inTransaction(): boolean {
    this.#probe ??= this.#db.prepare('VACUUM INTO 0')
    try {
      this.#probe.run()
    } catch (error) {
      return error instanceof Error && error.message.includes('within a transaction')
    }
    return false
  }

  /**
   * Whether tables have changed since the last call. To be asked before every statement, because rows have the columns
   * that were there before SQLite noticed: a new one would be missing from the rows, a dropped one an error. It takes
   * 4 µs, and misses only what another process changes between the call and the statement.
   */
  schemaChanged(): boolean {
    this.#schemaVersion ??= this.#db.prepare('PRAGMA schema_version')
    const version = this.#schemaVersion.get()?.['schema_version']
    if (version === this.#lastVersion) return false
    // SQLite looks at its picture of the tables when a statement that uses it starts to run, not when it is prepared.
    this.#db.exec('SELECT 1 FROM sqlite_schema LIMIT 1')
    this.#lastVersion = version
    return true
  }

  /** Whether a statement that begins with this word answers with rows; false: it may do so nevertheless. */
  returnsRows(verb: string): boolean {
    return reading.has(verb)
  }

  /** What `StatementSync.run` would have answered, for a statement that was run with `all`. */
  changes(): Changes {
    this.#counts ??= this.#prepareCounts()
    const { changes, rowid } = this.#counts.get() as { readonly changes: bigint; readonly rowid: bigint }
    return this.#bigIntegers
      ? { changes, lastInsertRowid: rowid }
      : { changes: Number(changes), lastInsertRowid: Number(rowid) }
  }

  /**
   * Refuses rows as arrays, before anything is run: made from objects they would lose columns of the same name and
   * bring names that are numbers to the front.
   *
   * @throws UnsupportedError
   */
  refuseArrays(verb: string, sql: string): void {
    if (!reading.has(verb) && !/\breturning\b/i.test(sql)) return
    throw new UnsupportedError(
      `Rows as arrays (rowMode "array") need Node.js 22.16 or later on SQLite, and this is ${process.version}. ` +
        'Take them as objects, with a name of its own for every column.',
    )
  }

  #prepareCounts(): StatementSync {
    const counts = this.#db.prepare('SELECT changes() AS changes, last_insert_rowid() AS rowid')
    // A row id past 2^53 must not make a write fail that has been done.
    counts.setReadBigInts(true)
    return counts
  }
}
