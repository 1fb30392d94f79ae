import type { ShadowTexts } from '../changes/shadow-texts.ts'
import { quote, text, within } from './names.ts'

/** `shown`: the schema in which statements find the tables. Values are the server's texts. */
export function postgresTexts(shown: string): ShadowTexts {
  return {
    quote,
    literal: (value) =>
      value === null || value === undefined
        ? 'NULL'
        : text(typeof value === 'string' ? value : JSON.stringify(value)).trimStart(),
    placeholder: (number) => `$${number}`,
    // Stored alike, to the last letter; a parameter has the type of the column that it is compared with, and its idea of the same.
    same: (one, other) =>
      other.startsWith('$') ? `${one} IS NOT DISTINCT FROM ${other}` : `ROW(${one})::record *= ROW(${other})::record`,
    local: ({ name, storage }) => (storage === 'replace' ? `${quote(shown)}.${quote(name)}` : within('local', name)),
    original: ({ name }) => within('original', name),
    base: ({ name }) => within('base', name),
    preset: ({ preset, type }) => `CAST(${preset ?? 'NULL'} AS ${type})`,
    columnsOf: ({ name }) =>
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass(${text(quote(name)).trimStart()}) AND attnum > 0 AND NOT attisdropped`,
    overriding: ' OVERRIDING SYSTEM VALUE',
    deferKeys: 'SET CONSTRAINTS ALL DEFERRED',
    locking: ' FOR UPDATE',
  }
}
