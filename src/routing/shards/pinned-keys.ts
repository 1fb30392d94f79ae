import { ShardKeyError } from '../../errors.ts'
import type { Params } from '../../statement/statement.ts'
import { givenValues } from '../given-values.ts'
import { isOfRows, type KeyPin } from './key-pins.ts'

const nothingSent = 'Nothing was sent.'

/** A key as a shard map takes it: of one column its value, of several a list. */
export function unwrapped(key: readonly unknown[]): unknown {
  return key.length === 1 ? key[0] : key
}

/** The keys that the pinned rows can have. Throws `ShardKeyError` where parameters are missing, or allow too many. */
export function keysOf(pin: KeyPin, params: Params): readonly (readonly unknown[])[] {
  const columns = pin.columns.map(({ values, operator }) => {
    const given = givenValues(values, params)
    if (given === undefined)
      throw new ShardKeyError(
        `A parameter that gives the shard key of ${pin.table} is missing, or is no array where one is needed. ${nothingSent}`,
      )
    // A condition on NULL holds for no row; a row with a key of NULL is refused by the map.
    return operator === 'insert' ? given : given.filter((value) => value !== null && value !== undefined)
  })
  if (isOfRows(pin)) return rowsOf(columns)
  return isOfRowList(pin) ? listedRows(pin, params) : combinations(columns, pin.table)
}

/** Whether all columns are looked for in one list of rows, `(region, id) IN ((…), …)`: then no other combinations are meant. */
function isOfRowList({ columns }: KeyPin): boolean {
  const [first] = columns
  return columns.length > 1 && columns.every(({ at, isOwn }) => isOwn && at !== undefined && at === first?.at)
}

function listedRows({ columns }: KeyPin, params: Params): readonly (readonly unknown[])[] {
  const rows = rowsOf(columns.map(({ values }) => givenValues(values, params) ?? []))
  return rows.filter((row) => row.every((value) => value !== null && value !== undefined))
}

/** One key for each inserted row. */
function rowsOf(columns: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  const count = Math.max(0, ...columns.map(({ length }) => length))
  return Array.from({ length: count }, (_, row) => columns.map((values) => values[row]))
}

const mostCombinations = 100_000

function combinations(columns: readonly (readonly unknown[])[], table: string): readonly (readonly unknown[])[] {
  const [only] = columns
  if (columns.length === 1 && only !== undefined) return only.map((value) => [value])
  const count = columns.reduce((product, { length }) => product * length, 1)
  if (count > mostCombinations)
    throw new ShardKeyError(
      `The conditions on the shard key of ${table} allow ${count} keys, and at most ${mostCombinations} are looked up. ${nothingSent}`,
    )
  return columns.reduce<readonly (readonly unknown[])[]>(
    (keys, values) => keys.flatMap((key) => values.map((value) => [...key, value])),
    [[]],
  )
}
