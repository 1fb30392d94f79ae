import type { StatementSync } from 'node:sqlite'

import type { DriverResult, Field } from '../driver.ts'

/** What `StatementSync.run` answers. */
export interface Changes {
  readonly changes: number | bigint
  readonly lastInsertRowid: number | bigint
}

/** Rows as node:sqlite made them. The fields are described when somebody asks, since that costs more than a read. */
export class SqliteRows implements DriverResult {
  readonly rows: readonly unknown[]
  readonly rowCount: number
  readonly insertId: undefined
  readonly #statement: StatementSync | undefined
  #fields: readonly Field[] | undefined

  /** `statement` describes the columns; without it the first row's names are all that is known of them. */
  constructor(rows: readonly unknown[], statement: StatementSync | undefined) {
    this.rows = rows
    this.rowCount = rows.length
    this.#statement = statement
  }

  get native(): readonly unknown[] {
    return this.rows
  }

  get fields(): readonly Field[] {
    this.#fields ??= this.#describe()
    return this.#fields
  }

  #describe(): readonly Field[] {
    try {
      if (this.#statement !== undefined) return fieldsOf(this.#statement)
    } catch {
      // The connection was closed meanwhile: the names are all that is left.
    }
    const [first] = this.rows
    if (typeof first !== 'object' || first === null || Array.isArray(first)) return []
    return Object.keys(first).map((name) => ({ name, native: undefined }))
  }
}

/** The answer to a statement that returns no rows. */
export class SqliteChanges implements DriverResult {
  readonly rows: readonly unknown[] = []
  readonly fields: readonly Field[] = []
  readonly rowCount: number
  readonly insertId: number | bigint | undefined
  readonly native: Changes

  constructor(native: Changes, rowCount: number, insertId: number | bigint | undefined) {
    this.native = native
    this.rowCount = rowCount
    this.insertId = insertId
  }
}

/** A statement's columns as node:sqlite describes them. */
function fieldsOf(statement: StatementSync): readonly Field[] {
  return statement.columns().map((column) => ({ name: column.name, native: column }))
}
