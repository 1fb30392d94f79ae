import type { ShadowConflict } from '../../errors.ts'
import type { ShadowTable } from '../shadow-table.ts'
import type { RowConflict } from './read-changes.ts'
import { changedColumns, comparedColumns, keyOf, valuesOf, type RowChange, type RowValues } from './row-change.ts'

/** A row of a shadow that is not as in the database whose data it shows. */
export interface ChangedRow {
  readonly table: string
  readonly change: 'added' | 'changed' | 'deleted'
  /** The values of the primary key, by column. */
  readonly key: Readonly<Record<string, unknown>>
  /** As it was when it was first changed; `null` of an added row. */
  readonly before: Readonly<Record<string, unknown>> | null
  /** As the shadow shows it; `null` of a deleted row. */
  readonly after: Readonly<Record<string, unknown>> | null
  /** The columns whose values differ; of an added or deleted row all. */
  readonly columns: readonly string[]
}

/** A change as the application knows rows: numbers, unless they are too large for one. */
export function rowReport(change: RowChange): ChangedRow {
  const { table, before, after } = change
  return {
    table: table.name,
    change: before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed',
    key: keyRecord(change),
    before: record(table, before),
    after: record(table, after),
    columns:
      before === undefined || after === undefined ? comparedColumns(table) : changedColumns(table, before, after),
  }
}

export function conflictReport({ table, was, ours, theirs }: RowConflict): ShadowConflict {
  const rest = was ?? ours
  return {
    table: table.name,
    key: keyRecord({ table, before: rest ?? [] }),
    was: record(table, was),
    ours: record(table, ours),
    theirs: record(table, theirs),
    columns: rest === undefined || theirs === undefined ? comparedColumns(table) : changedColumns(table, rest, theirs),
  }
}

/** A row in a message. */
export function rowText(change: RowChange): string {
  const parts = Object.entries(keyRecord(change)).map(([name, value]) => `${name} ${String(value)}`)
  return `${change.table.name} (${parts.join(', ')})`
}

function keyRecord(change: RowChange): Readonly<Record<string, unknown>> {
  const values = keyOf(change)
  return Object.fromEntries(change.table.primaryKey.map(({ name }, place) => [name, plain(values[place])]))
}

function record(table: ShadowTable, row: RowValues | undefined): Readonly<Record<string, unknown>> | null {
  if (row === undefined) return null
  const columns = comparedColumns(table)
  const values = valuesOf(table, row, columns)
  return Object.fromEntries(columns.map((column, place) => [column, plain(values[place])]))
}

function plain(value: unknown): unknown {
  return typeof value === 'bigint' && BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
    ? Number(value)
    : value
}
