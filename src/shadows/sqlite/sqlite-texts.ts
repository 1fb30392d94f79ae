import type { ShadowTexts } from '../changes/shadow-texts.ts'
import { localName, originalName } from '../shadow-table.ts'
import { baseSchema, presetText } from './overlay.ts'
import { quote, text } from './quote.ts'

export const sqliteTexts: ShadowTexts = {
  quote,
  target: ({ name }) => quote(name),
  literal,
  placeholder: () => '?',
  // What a column's collation calls equal is not the same yet.
  same,
  has: ({ name }, placeholder) => same(quote(name), placeholder),
  local: ({ name, storage }) => `main.${quote(storage === 'replace' ? name : localName(name))}`,
  original: ({ name }) => `main.${quote(originalName(name))}`,
  base: ({ name }) => `${baseSchema}.${quote(name)}`,
  preset: ({ preset }) => presetText(preset),
  columnsOf: ({ name }) => `SELECT name FROM pragma_table_xinfo(${text(name)})`,
  overriding: '',
  deferKeys: 'PRAGMA defer_foreign_keys = ON',
  locking: '',
}

function same(one: string, other: string): string {
  return `${one} COLLATE BINARY IS ${other}`
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realLiteral(value)
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString('hex')}'`
  const written = typeof value === 'string' ? value : JSON.stringify(value)
  // The text of a statement ends at the first NUL.
  return written.includes('\0') ? `CAST(X'${Buffer.from(written).toString('hex')}' AS TEXT)` : text(written)
}

/** A REAL that stays one in a column that takes anything. */
function realLiteral(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  const written = typeof value === 'string' ? value : JSON.stringify(value)
  return /[.e]/.test(written) ? written : `${written}.0`
}
