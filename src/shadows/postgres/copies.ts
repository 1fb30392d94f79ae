import { copiedColumns, type KeyColumn, type ShadowTable } from '../shadow-table.ts'
import { hiding, names, quote, within } from './names.ts'

/**
 * A copy of a row of the base is made by an insert into the table of originals, whose trigger makes the local row. No change can be seen by
 * that: what is shown stays the same. A key that was added here, and then in the base, too, is the local row's.
 */
export function copySql(table: ShadowTable, condition: string): string {
  const columns = copiedColumns(table)
  return (
    `INSERT INTO ${within('original', table)} (${names(columns)}) SELECT ${names(columns, 'b.')} ` +
    `FROM ${within('base', table)} AS b WHERE ${condition} AND ${isShown(table, 'b')} ` +
    `AND NOT EXISTS (SELECT FROM ${within('local', table)} AS l WHERE ${equal('l', table.primaryKey, 'b', table.primaryKey)}) ON CONFLICT DO NOTHING`
  )
}

/** Copies the rows of the base that are shown still; `keys`: a query of their primary keys. */
export function touchSql(table: ShadowTable, keys: string): string {
  const given = table.primaryKey.map((_, place) => `k${place + 1}`)
  const own = within('original', table)
  const open =
    `SELECT ${names(given, 'k.')} FROM signalbox_keys AS k ` +
    `WHERE NOT EXISTS (SELECT FROM ${own} AS o WHERE ${equal('o', table.primaryKey, 'k', given)})`
  return (
    `WITH signalbox_keys (${names(given)}) AS MATERIALIZED (${keys}) ` + copySql(table, isAmong(table.primaryKey, open))
  )
}

/**
 * Hides all rows of the base, as if each had been deleted. No local rows are made of them, whose foreign keys would have to be proved
 * before the table can be emptied.
 */
export function hidingSql(table: ShadowTable): readonly string[] {
  const columns = copiedColumns(table)
  const local = within('local', table)
  return [
    // It is read from the base alone no longer.
    `INSERT INTO ${local} (${names(columns)}) OVERRIDING SYSTEM VALUE SELECT ${names(columns, 'l.')} FROM ${local} AS l WHERE false`,
    `SELECT set_config('${hiding}', 'on', true)`,
    `INSERT INTO ${within('original', table)} (${names(columns)}) SELECT ${names(columns, 'b.')} ` +
      `FROM ${within('base', table)} AS b WHERE ${isShown(table, 'b')} ON CONFLICT DO NOTHING`,
    `SELECT set_config('${hiding}', 'off', true)`,
  ]
}

/** That a row of the base, by the name `row`, was not copied. */
export function isShown(table: ShadowTable, row: string): string {
  const { primaryKey } = table
  return `NOT EXISTS (SELECT FROM ${within('original', table)} AS o WHERE ${equal('o', primaryKey, row, primaryKey)})`
}

type Columns = readonly (string | KeyColumn)[]

/** `null` is equal to nothing. */
export function equal(one: string, columns: Columns, other: string, otherColumns: Columns): string {
  return columns
    .map((column, place) => `${one}.${names([column])} = ${other}.${names([otherColumns[place] ?? ''])}`)
    .join(' AND ')
}

/**
 * That columns of a row `b` of the base have the values of a row that a query gives. As arrays the values are sent to the base, and
 * its indexes find the rows; without any value it is not asked.
 */
export function isAmong(columns: Columns, query: string): string {
  const given = columns.map((_, place) => quote(`k${place + 1}`))
  const one = (column: string): string =>
    `ARRAY(SELECT q.${column} FROM (${query}) AS q (${given.join(', ')}) WHERE q.${column} IS NOT NULL)`
  const each = columns.map((column, place) => `b.${names([column])} = ANY (${one(given[place] ?? '')})`)
  const all = columns.length === 1 ? [] : [`(${names(columns, 'b.')}) IN (${query})`]
  return [`(SELECT EXISTS (${query}))`, ...each, ...all].join(' AND ')
}
