import type { ShadowTexts } from '../changes/shadow-texts.ts'
import { quote, text, within } from './names.ts'
import type { ShadowTable } from '../shadow-table.ts'
import type { PostgresTable } from './postgres-table.ts'

/** Values are the server's texts. */
export const postgresTexts: ShadowTexts = {
  quote,
  target,
  literal: (value) =>
    value === null || value === undefined
      ? 'NULL'
      : text(typeof value === 'string' ? value : JSON.stringify(value)).trimStart(),
  placeholder: (number) => `$${number}`,
  // Stored alike, to the last letter.
  same: (one, other) => `ROW(${one})::record *= ROW(${other})::record`,
  // A parameter has the type of the column that it is compared with, and its idea of the same, if it has one.
  has: ({ name, isOpaque }, placeholder) =>
    isOpaque === true
      ? `${quote(name)}::text IS NOT DISTINCT FROM ${placeholder}::text`
      : `${quote(name)} IS NOT DISTINCT FROM ${placeholder}`,
  // What a shadow of this engine keeps is of this kind.
  local: (table) => (table as PostgresTable).stored,
  original: (table) => within('original', table),
  base: (table) => within('base', table),
  preset: ({ preset, type }) => `CAST(${preset ?? 'NULL'} AS ${type})`,
  columnsOf: (table) =>
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass(${text(target(table)).trimStart()}) AND attnum > 0 AND NOT attisdropped`,
  overriding: ' OVERRIDING SYSTEM VALUE',
  deferKeys: 'SET CONSTRAINTS ALL DEFERRED',
  locking: ' FOR UPDATE',
}
/** By which statements find it over there. */
function target({ name, place }: ShadowTable): string {
  return place === undefined ? quote(name) : `${quote(place.schema)}.${quote(place.name)}`
}
