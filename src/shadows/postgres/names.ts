import { quotedName, quotedText } from '../../statement/quotes.ts'
import type { KeyColumn } from '../shadow-table.ts'

/** What begins the name of every schema that a shadow keeps for itself. None is the name of a user, whose search path it would be in. */
export const ownSchemas = 'signalbox_'

/** Schemas of the local database. In each of them a table has the name that it has in the base. */
export const schemas = {
  /** Parents of the local tables and of the base's, functions, and the record of what is kept. */
  merged: `${ownSchemas}shadow`,
  /** The tables of the base, as foreign tables. */
  base: `${ownSchemas}base`,
  /** The local rows of augmented tables. */
  local: `${ownSchemas}local`,
  /** Rows of the base that are not shown any more, as they were when they were first touched. */
  original: `${ownSchemas}original`,
  /** Marks of tables nothing of which was changed yet: they are read from the base alone. */
  asleep: `${ownSchemas}asleep`,
} as const

/** A name has at most 63 bytes, and functions are called by what they do and by their table. */
export const longestTableName = 50

/** SQLSTATEs of errors that a shadow raises to itself, or to the application. */
export const states = {
  /** Rows of the base have keys that new rows got; the detail says which: `{ table, keys }`. */
  collision: 'SBX01',
  /** The message is for the application. */
  refusal: 'SBX02',
  /** Something is to be changed in a table that is read from the base alone so far; the detail is its name. */
  asleep: 'SBX03',
} as const

/** A setting: keys of the base are looked for with each row, as the engine looks for those of the local rows. */
export const rowByRow = 'signalbox.row_by_row'

/** A setting: copies are being made, of rows that may refer to one another. */
export const copying = 'signalbox.copying'

/** A name in SQL. */
export function quote(name: string): string {
  return quotedName('postgres', name)
}

/** A text in SQL. */
export function text(value: string): string {
  return quotedText('postgres', value)
}

/** A table of one of the own schemas. */
export function within(schema: keyof typeof schemas, table: string): string {
  return `${schemas[schema]}.${quote(table)}`
}

export function names(columns: readonly (string | KeyColumn)[], of = ''): string {
  return columns.map((column) => of + quote(typeof column === 'string' ? column : column.name)).join(', ')
}
