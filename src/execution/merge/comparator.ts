import { MergeError } from '../../errors.ts'
import type { RowOrder } from './merge-sorted.ts'
import { orderOf, type SortType } from './sort-type.ts'

/** One key of an ORDER BY. */
export interface SortKey<Row> {
  /** The value of a row; NULL is `null`. */
  readonly of: (row: Row) => unknown
  readonly type: SortType
  readonly descending: boolean
  /** Where NULLs come, as they are seen: `descending` does not turn it round. */
  readonly nulls: 'first' | 'last'
}

/** Compares the values of one key, made ready. */
type CompareValues = (a: unknown, b: unknown) => number

/**
 * The order of rows by several keys, each deciding where those before it are equal.
 *
 * @throws MergeError while it is used, for a value that is none of its type, and for values that cannot be compared.
 */
export function comparatorOf<Row>(keys: readonly SortKey<Row>[]): RowOrder<Row> {
  const readers = keys.map(readerOf)
  const compares = keys.map(compareOf)
  const [read, second] = readers
  const [compare] = compares
  if (read !== undefined && compare !== undefined && second === undefined) return { keyOf: read, compare }
  const keyOf = (row: Row): readonly unknown[] => readers.map((read) => read(row))
  return { keyOf, compare: (a, b) => compareLists(a as readonly unknown[], b as readonly unknown[], compares) }
}

function compareLists(a: readonly unknown[], b: readonly unknown[], compares: readonly CompareValues[]): number {
  for (let i = 0; i < compares.length; i += 1) {
    const difference = compares[i]!(a[i], b[i])
    if (difference !== 0) return difference
  }
  return 0
}

function compareOf<Row>({ type, descending, nulls }: SortKey<Row>): CompareValues {
  const order = orderOf(type)
  const nullFirst = nulls === 'first' ? -1 : 1
  return (a, b) => {
    if (a === null || b === null) {
      if (a === b) return 0
      return a === null ? nullFirst : -nullFirst
    }
    return descending ? order.compare(b, a) : order.compare(a, b)
  }
}

function readerOf<Row>({ of, type }: SortKey<Row>, index: number): (row: Row) => unknown {
  const order = orderOf(type)
  return (row) => {
    const value = of(row)
    if (value === null) return null
    const key = order.keyOf(value)
    if (key === undefined) throw unexpected(value, type, order.form, index)
    return key
  }
}

/** Names the form of the value, not the value: rows do not belong in messages. */
function unexpected(value: unknown, type: SortType, form: string, index: number): MergeError {
  const found = value === undefined ? 'no value' : formOf(value)
  return new MergeError(
    `Rows of several shards are sorted by key ${index + 1} of their ORDER BY as "${type}", and a row has ${found} there. Signalbox can place only ${form}. Leave the driver's own conversions of this type in place, or sort by an expression of another type.`,
  )
}

function formOf(value: unknown): string {
  if (typeof value === 'string') return `a text of ${value.length} characters that does not fit`
  if (typeof value === 'number' || typeof value === 'bigint') return `a ${typeof value} that does not fit`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  return typeof value === 'object' && value !== null ? `an object (${value.constructor?.name})` : `a ${typeof value}`
}
