import { ownPrefix, type ShadowColumn } from '../shadow-table.ts'
import { quote, text } from './quote.ts'
import type { Ask } from './read-tables.ts'

/** Where the shadow notes the columns that were added to augmented tables. Made with the first one. */
export const columnTable = `${ownPrefix}column`

/** What is known of a column that was added here. */
export interface RecordedColumn {
  readonly name: string
  /** As `ALTER TABLE … ADD COLUMN` had it. */
  readonly definition: string
  /** What rows of the base show in it, as an expression of its affinity. */
  readonly preset: string
}

/** By the table, in the order in which they were added. */
export async function readRecordedColumns(ask: Ask): Promise<ReadonlyMap<string, readonly RecordedColumn[]>> {
  const found = await ask(`SELECT 1 FROM main.sqlite_schema WHERE name = ${text(columnTable)}`)
  if (found.length === 0) return new Map()
  const rows = await ask(
    `SELECT table_name, name, definition, preset FROM main.${quote(columnTable)} ORDER BY table_name, place`,
  )
  return Map.groupBy(
    rows.map((row) => ({
      table: String(row['table_name']),
      name: String(row['name']),
      definition: String(row['definition']),
      preset: String(row['preset']),
    })),
    ({ table }) => table,
  )
}

/** Notes a column, and as a `literal` what rows of the base show. Without row numbers, that tells `last_insert_rowid()` nothing. */
export function recordingSql(
  table: string,
  { name, definition, preset }: RecordedColumn,
  literal: string,
): readonly string[] {
  const values = [table, name, definition, preset].map(text).join(', ')
  return [
    `CREATE TABLE IF NOT EXISTS main.${quote(columnTable)} (table_name TEXT, place INTEGER, name TEXT NOT NULL, definition TEXT NOT NULL, preset TEXT NOT NULL, value, PRIMARY KEY (table_name, place)) WITHOUT ROWID`,
    `INSERT INTO main.${quote(columnTable)} (table_name, name, definition, preset, value, place) SELECT ${values}, ${literal}, count(*) FROM main.${quote(columnTable)}`,
  ]
}

/** The query, as a value of no affinity, of what rows of the base show in a column. */
export function recordedValue(table: string, column: string): string {
  return `(SELECT value FROM main.${quote(columnTable)} WHERE table_name = ${text(table)} AND name = ${text(column)})`
}

/** Forgets the columns of a table that is not kept any more. */
export async function forgettingSql(ask: Ask, table: string): Promise<readonly string[]> {
  const found = await ask(`SELECT 1 FROM main.sqlite_schema WHERE name = ${text(columnTable)}`)
  return found.length === 0 ? [] : [`DELETE FROM main.${quote(columnTable)} WHERE table_name = ${text(table)}`]
}

/** The columns of a table with what was noted of them. */
export function withRecord(
  columns: readonly ShadowColumn[],
  recorded: readonly RecordedColumn[],
): readonly ShadowColumn[] {
  return columns.map((column) => {
    const own = recorded.find(({ name }) => name === column.name)
    return own === undefined ? column : { ...column, preset: own.preset, definition: own.definition }
  })
}
