import { copiedColumns, writtenColumns, type ShadowTable } from '../shadow-table.ts'

/** The values of a row, in the order of {@link comparedColumns}, as the engine has them: on SQLite a `bigint` for each INTEGER. */
export type RowValues = readonly unknown[]

/** What became of one row: `before` is absent of an added one, `after` of a deleted one. */
export interface RowChange {
  readonly table: ShadowTable
  readonly before?: RowValues
  readonly after?: RowValues
}

/**
 * The columns of a table by which its rows are compared with the base's, of those that can be written. Of a replaced table those that
 * both have; of an augmented one all: what a row of the base shows in a column that was added here stands in the originals, too.
 */
export function comparedColumns(table: ShadowTable): readonly string[] {
  return table.storage === 'replace' ? copiedColumns(table) : writtenColumns(table).map(({ name }) => name)
}

/** Why the rows of a table cannot be compared with the base's one by one; `undefined`: they can. */
export function incomparable(table: ShadowTable): string | undefined {
  if (table.primaryKey.length === 0) return 'it has no primary key'
  const columns = new Set(copiedColumns(table))
  const missing = table.primaryKey.find(({ name }) => !columns.has(name))
  return missing === undefined ? undefined : `the base has no column ${missing.name}`
}

/** The values of some columns. */
export function valuesOf(table: ShadowTable, row: RowValues, columns: readonly string[]): RowValues {
  const places = comparedColumns(table)
  return columns.map((column) => row[places.indexOf(column)])
}

/** The values of the primary key: before the change, or, of an added row, after it. */
export function keyOf({ table, before, after }: RowChange): RowValues {
  return valuesOf(
    table,
    before ?? after ?? [],
    table.primaryKey.map(({ name }) => name),
  )
}

/** The columns whose values differ between two states of a row. */
export function changedColumns(table: ShadowTable, before: RowValues, after: RowValues): readonly string[] {
  return comparedColumns(table).filter((_, place) => !isSame(before[place], after[place]))
}

/** Whether two values are stored as the same. */
export function isSame(one: unknown, other: unknown): boolean {
  return one === other || valueText(one) === valueText(other)
}

/** Equal for values that are the same, whichever type of JavaScript they came as. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number' || typeof value === 'bigint') return `n${String(value)}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('hex')}`
  return `t${typeof value === 'string' ? value : JSON.stringify(value)}`
}
