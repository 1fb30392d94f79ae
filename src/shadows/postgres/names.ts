import { quotedName, quotedText } from '../../statement/quotes.ts'
import type { KeyColumn, TableFacts, TablePlace } from '../shadow-table.ts'

/** What begins the name of every schema that a shadow keeps for itself. None is the name of a user, whose search path it would be in. */
export const ownSchemas = 'signalbox_'

/**
 * Schemas of the local database. In each of them a table has the name that it has in the base; for those of a further schema of the base,
 * there are such schemas once more, behind whose names stands its own.
 */
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

/** By the longest of the schemas' names, with a further schema's behind it. */
export const longestSchemaName = 44

/** SQLSTATEs of errors that a shadow raises to itself, or to the application. */
export const states = {
  /** Rows of the base have keys that new rows got; the detail says which: `{ table, keys }`. */
  collision: 'SBX01',
  /** The message is for the application. */
  refusal: 'SBX02',
  /** A row of the base cannot be copied, for a local row has one of its values; the message is for the application. */
  taken: 'SBX04',
  /** Something is to be changed in a table that is read from the base alone so far; the detail is its name. */
  asleep: 'SBX03',
} as const

/** A setting: keys of the base are looked for with each row, as the engine looks for those of the local rows. */
export const rowByRow = 'signalbox.row_by_row'

/** A setting: what SET CONSTRAINTS has made of foreign keys in this transaction, by their names; `*` stands for all. */
export const deferral = 'signalbox.deferral'

/** A setting: rows of the base are about to be hidden, and no local ones are made of them. */
export const hiding = 'signalbox.hiding'

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

/** By what a table is called. */
export type Named = Pick<TableFacts, 'name' | 'place'>

/** The schemas in which a shadow keeps what belongs to one schema of the base; `undefined`: to the first one of its search path. */
export function keptSchemas(further?: string): readonly string[] {
  return Object.values(schemas).map((schema) => schemaOf(schema, further))
}

function schemaOf(schema: string, further: string | undefined): string {
  return further === undefined ? schema : quote(`${schema}_${further}`)
}

/** A table in one of the own schemas. */
export function within(schema: keyof typeof schemas, { name, place }: Named): string {
  return `${schemaOf(schemas[schema], place?.schema)}.${quote(place?.name ?? name)}`
}

/** The mark of a table that nothing was changed in yet: its schema and its name. */
export function markOf({ name, place }: Named): readonly [schema: string, name: string] {
  return [place === undefined ? schemas.asleep : `${schemas.asleep}_${place.schema}`, place?.name ?? name]
}

/** A function that serves one table. */
export function functionOf(purpose: string, { name, place }: Named): string {
  return `${schemaOf(schemas.merged, place?.schema)}.${quote(`${purpose}_${place?.name ?? name}`)}`
}

/** A table as declarations may name it; `main`: the first schema of the search path. */
export function calledBy({ name, place }: Named, main: string): TablePlace {
  return place ?? { schema: main, name }
}

export function names(columns: readonly (string | KeyColumn)[], of = ''): string {
  return columns.map((column) => of + quote(typeof column === 'string' ? column : column.name)).join(', ')
}
