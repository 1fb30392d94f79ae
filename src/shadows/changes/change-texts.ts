import { ownColumns, type ShadowTable } from '../shadow-table.ts'
import { comparedColumns } from './row-change.ts'
import type { ShadowTexts } from './shadow-texts.ts'

/**
 * The query of the rows of a table that are not as the base's: whether there was a row, whether there is one, then all columns as they
 * were and as they are. In the order of the primary key. What is compared with: of an augmented table the rows as they were when they
 * were copied, of a replaced one those of the base.
 */
export function changesText(table: ShadowTable, texts: ShadowTexts): string {
  const columns = comparedColumns(table).map(texts.quote)
  const values = ['o', 'l'].flatMap((row) => columns.map((column) => `${row}.${column}`))
  const keys = keysOf(table, texts)
  const order = keys.map((key) => `coalesce(l.${key}, o.${key})`).join(', ')
  return `SELECT ${there('o', keys)}, ${there('l', keys)}, ${values.join(', ')} ${fromChanged(table, texts)} ORDER BY ${order}`
}

/** How many rows were added, changed and deleted: whether there was a row, whether there is one, and the number `n` of such. */
export function countsText(table: ShadowTable, texts: ShadowTexts): string {
  const keys = keysOf(table, texts)
  return `SELECT ${there('o', keys)}, ${there('l', keys)}, count(*) AS n ${fromChanged(table, texts)} GROUP BY 1, 2`
}

function fromChanged(table: ShadowTable, texts: ShadowTexts): string {
  const columns = comparedColumns(table).map(texts.quote)
  const keys = keysOf(table, texts)
  const before = table.storage === 'replace' ? texts.base(table) : texts.original(table)
  const same = columns.map((column) => texts.same(`o.${column}`, `l.${column}`)).join(' AND ')
  return (
    `FROM ${before} AS o FULL JOIN ${texts.local(table)} AS l ON ${joined('o', 'l', keys)} ` +
    `WHERE ${isGone('o', keys)} OR ${isGone('l', keys)} OR NOT (${same})`
  )
}

/**
 * The query of the local rows of an augmented table whose row of the base is not what they rest on: whether there was, is here, and is in
 * the base a row, then all columns of these three. Rows that both have changed alike are left out.
 */
export function conflictsText(table: ShadowTable, texts: ShadowTexts): string {
  const columns = comparedColumns(table).map(texts.quote)
  const keys = keysOf(table, texts)
  const presets = new Map(ownColumns(table).map((column) => [texts.quote(column.name), texts.preset(column)]))
  const value = (row: string, column: string): string =>
    (row === 'b' ? presets.get(column) : undefined) ?? `${row}.${column}`
  const values = (row: string, isThere = true): string =>
    columns.map((column) => (isThere ? value(row, column) : `NULL AS ${column}`)).join(', ')
  const same = (one: string, other: string): string =>
    columns.map((column) => texts.same(value(one, column), value(other, column))).join(' AND ')
  const [local, base] = [texts.local(table), texts.base(table)]
  const bothGone = `(${isGone('l', keys)} AND ${isGone('b', keys)})`
  const alike = `(NOT ${isGone('l', keys)} AND NOT ${isGone('b', keys)} AND ${same('l', 'b')})`
  return (
    `SELECT 1, ${there('l', keys)}, ${there('b', keys)}, ${values('o')}, ${values('l')}, ${values('b')} ` +
    `FROM ${texts.original(table)} AS o LEFT JOIN ${local} AS l ON ${joined('o', 'l', keys)} ` +
    `LEFT JOIN ${base} AS b ON ${joined('o', 'b', keys)} ` +
    `WHERE (${isGone('b', keys)} OR NOT (${same('o', 'b')})) AND NOT ${bothGone} AND NOT ${alike} ` +
    `UNION ALL SELECT 0, 1, 1, ${values('l', false)}, ${values('l')}, ${values('b')} ` +
    `FROM ${local} AS l JOIN ${base} AS b ON ${joined('l', 'b', keys)} ` +
    `WHERE NOT EXISTS (SELECT 1 FROM ${texts.original(table)} AS o WHERE ${joined('o', 'l', keys)}) ` +
    `AND NOT (${same('l', 'b')})`
  )
}

function keysOf({ primaryKey }: ShadowTable, { quote }: ShadowTexts): readonly string[] {
  return primaryKey.map(({ name }) => quote(name))
}

function joined(one: string, other: string, keys: readonly string[]): string {
  return keys.map((key) => `${one}.${key} = ${other}.${key}`).join(' AND ')
}

function there(row: string, keys: readonly string[]): string {
  return `CASE WHEN ${isGone(row, keys)} THEN 0 ELSE 1 END`
}

/** No part of a primary key is NULL, so this is a row that was not found. */
function isGone(row: string, [first = '']: readonly string[]): string {
  return `${row}.${first} IS NULL`
}
