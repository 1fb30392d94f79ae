import type { FieldDef } from 'pg'
import type { TypeParsers } from '../driver.ts'

/** What a result of `pg` holds while its rows are read. Its class may be that of another copy of `pg`. */
export interface BuiltResult {
  readonly _types?: TypeParsers | undefined
  fields?: readonly FieldDef[]
  _parsers?: unknown
  /** What each row is a copy of: an object with all columns. */
  _prebuiltEmptyResultObject?: object | null | undefined
  addFields(fields: readonly FieldDef[]): void
}

/** Results for which one object is copied. */
const renewedAfter = 64

/**
 * Columns that a statement is known to have. `pg` prepares each result for its rows anew, which takes longer than to read a few of
 * them; the part that is the same each time is made once here. What makes values of texts is looked up each time, since it may be changed.
 */
export class KnownColumns {
  readonly fields: readonly FieldDef[]
  #empty: object | undefined
  #uses = 0

  constructor(fields: readonly FieldDef[]) {
    this.fields = fields
  }

  /** Whether rows with these columns look the same. */
  areLike(fields: readonly FieldDef[]): boolean {
    if (fields.length !== this.fields.length) return false
    for (let i = 0; i < fields.length; i++) if (fields[i]!.name !== this.fields[i]!.name) return false
    return true
  }

  /** Prepares a result for rows of these columns; `fields`: as the server has described them this time, if it has. */
  describe(result: BuiltResult, fields = this.fields): void {
    const { _types: types } = result
    if (this.#empty === undefined || types === undefined || result._prebuiltEmptyResultObject === undefined) {
      result.addFields(fields)
      this.#empty = result._prebuiltEmptyResultObject ?? undefined
      return
    }
    // Rows teach V8 what is in the columns; an object made before is not of the class that it makes then, and slow to copy.
    this.#uses += 1
    if (this.#uses % renewedAfter === 0) this.#empty = { ...this.#empty }
    const parsers: unknown[] = []
    for (const { dataTypeID, format } of fields)
      parsers.push(types.getTypeParser(dataTypeID, format === 'binary' ? 'binary' : 'text'))
    result.fields = fields
    result._parsers = parsers
    result._prebuiltEmptyResultObject = this.#empty
  }
}
