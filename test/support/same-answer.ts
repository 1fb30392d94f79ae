import { expect } from 'vitest'
import type { Client, Field, Result } from '../../src/index.ts'

/** As the engine knows the type: PostgreSQL's numbers, MySQL's. SQLite's are in the values. */
export function typeOfField({ native }: Field): unknown {
  const { dataTypeID, columnType, characterSet } = (native ?? {}) as Readonly<Record<string, number | undefined>>
  // The lengths of MySQL's texts and bytes are not kept.
  if (columnType !== undefined && columnType >= 249 && columnType <= 254) return characterSet === 63 ? 'bytes' : 'text'
  return dataTypeID ?? columnType
}

interface Question {
  readonly sql: string
  readonly params?: readonly unknown[]
  /** The columns that give the rows their order; `undefined`: it is complete. None: the rows come in any order. */
  readonly sortedBy?: readonly string[] | undefined
  /** It may find nothing, which proves less. */
  readonly mayBeEmpty?: boolean
}

type Row = Readonly<Record<string, unknown>>

/**
 * Asks both, and expects the same: rows, their order as far as it is defined, names and types of the columns; as objects, as arrays and
 * as a stream. A question that finds nothing would prove nothing, unless it says that it may.
 */
export async function expectSameAnswer(
  whole: Client<'default'>,
  sharded: Client<'default'>,
  { sql, params = [], sortedBy, mayBeEmpty = false }: Question,
): Promise<Result<Row>> {
  const [one, many] = [await whole.query<Row>(sql, params), await sharded.query<Row>(sql, params)]
  if (!mayBeEmpty) expect(one.rows.length, sql).toBeGreaterThan(0)
  const ordered = (rows: readonly unknown[]): readonly unknown[] => (sortedBy === undefined ? rows : inAnyOrder(rows))
  expect(ordered(many.rows), sql).toEqual(ordered(one.rows))
  expect(many.rowCount, sql).toBe(one.rowCount)
  if (sortedBy !== undefined) expect(only(many.rows, sortedBy), sql).toEqual(only(one.rows, sortedBy))
  expect(columnsOf(many), sql).toEqual(columnsOf(one))
  const streamed = await Array.fromAsync(sharded.stream<Row>(sql, params, { fetchSize: 7 }))
  expect(ordered(streamed), sql).toEqual(ordered(one.rows))
  const [oneArrays, manyArrays] = [
    await whole.query(sql, params, { rowMode: 'array' }),
    await sharded.query(sql, params, { rowMode: 'array' }),
  ]
  expect(ordered(manyArrays.rows), sql).toEqual(ordered(oneArrays.rows))
  return many
}

function columnsOf({ fields }: Result<unknown>): unknown {
  return fields.map((field) => ({ name: field.name, type: typeOfField(field) }))
}

function only(rows: readonly Row[], names: readonly string[]): unknown {
  return rows.map((row) => names.map((name) => row[name]))
}

function inAnyOrder(rows: readonly unknown[]): readonly unknown[] {
  const text = (row: unknown): string => JSON.stringify(row)
  return rows.toSorted((a, b) => (text(a) < text(b) ? -1 : 1))
}
