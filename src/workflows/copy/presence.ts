import type { UsingTarget } from '../../config.ts'
import { TextWithValues } from '../../distributed/moves/row-texts.ts'
import { quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import { pairColumns, type ColumnPair, type TablePair } from './column-pairs.ts'
import { CopyValueError } from './errors.ts'
import { givenKey } from './given-keys.ts'
import type { Place, RawRow } from './place.ts'
import { beginReading } from './places.ts'
import { keyCondition, keyText, mostKeys, type Side } from './row-keys.ts'
import { readShape } from './shapes/read-shape.ts'
import { ValueRefused, type Canonical, type RawValue } from './values/kind.ts'

/** Options of `client.presence()`. */
export interface PresenceOptions<A extends string = string> {
  /** The other database. */
  readonly in: UsingTarget<A>
  readonly table: string
  /** Where the rows are from. Default: the database that gave them, or the home of the table. */
  readonly from?: UsingTarget<A>
  /** The properties of the rows that hold the primary key, in its order. Default: the names of its columns. */
  readonly key?: string | readonly string[]
  readonly signal?: AbortSignal
  /** Milliseconds for each statement. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
}

/** What the other database has of a row. */
export interface Presence<Row> {
  readonly row: Row
  readonly state: 'missing' | 'same' | 'different'
  /** The names of the columns that differ. All of them if the row is gone where it was from. */
  readonly columns: readonly string[]
}

/** What is asked. */
export interface PresenceQuestion<Row> {
  readonly rows: readonly Row[]
  readonly table: TableName
  readonly name: string
  readonly key: readonly string[] | undefined
}

/** Compares rows, which are read anew by their keys, with those of another database. Two statements for each 500 rows. */
export async function presenceOf<Row extends object>(
  source: Place,
  target: Place,
  { rows, table, name, key }: PresenceQuestion<Row>,
): Promise<readonly Presence<Row>[]> {
  await beginReading(source)
  await beginReading(target)
  const from = await readShape(source, table, name)
  const pair = pairColumns(name, [source, from], [target, await readShape(target, table, name)])
  const keyed = rows.map((row, index) => ({
    row,
    key: givenKey(renamed(row, pair.key, key), pair.key, `rows[${index}]`),
  }))
  const result: Presence<Row>[] = []
  for (let at = 0; at < keyed.length; at += mostKeys) {
    const some = keyed.slice(at, at + mostKeys)
    const keys = some.map((each) => each.key)
    const here = await rowsOf(source, 'source', table, pair, keys)
    const there = await rowsOf(
      target,
      'target',
      table,
      pair,
      keys.map((each) => convertedKey(pair, each)).filter((each) => each !== undefined),
    )
    for (const { row, key: own } of some) {
      const other = convertedKey(pair, own)
      const found = other === undefined ? undefined : there.get(keyText(other))
      result.push({ row, ...comparison(pair, here.get(keyText(own)), found) })
    }
  }
  return result
}

function renamed(row: object, pairs: readonly ColumnPair[], key: readonly string[] | undefined): unknown {
  if (key === undefined) return row
  return Object.fromEntries(pairs.map(({ name }, index) => [name, Reflect.get(row, key[index] ?? '') as unknown]))
}

/** The key as the other database has it; `undefined` if it cannot have it. */
function convertedKey(pair: TablePair, key: readonly Canonical[]): readonly Canonical[] | undefined {
  try {
    return key.map((value, index) => pair.key[index]!.convertValue(value))
  } catch (error) {
    if (error instanceof ValueRefused || error instanceof CopyValueError) return undefined
    throw error
  }
}

/** Rows by their keys, as they were sent. */
async function rowsOf(
  place: Place,
  side: Side,
  table: TableName,
  pair: TablePair,
  keys: readonly (readonly Canonical[])[],
): Promise<ReadonlyMap<string, RawRow>> {
  const found = new Map<string, RawRow>()
  if (keys.length === 0) return found
  const text = new TextWithValues(place.engine)
  const items = pair.pairs.map((each) => each[side].read).join(', ')
  const condition = keyCondition(place.engine, text, side, pair.key, keys)
  const sql = `select ${items} from ${quotedTable(place.engine, table)} where ${condition}`
  const { rows } = await place.query(sql, text.params)
  for (const row of rows) {
    const key = pair.key.map((each) => each[side].decode(row[pair.pairs.indexOf(each)]!))
    found.set(keyText(key), row)
  }
  return found
}

function comparison(
  { pairs }: TablePair,
  here: RawRow | undefined,
  there: RawRow | undefined,
): Pick<Presence<object>, 'state' | 'columns'> {
  if (there === undefined) return { state: 'missing', columns: [] }
  const columns = pairs.filter((pair, index) => here === undefined || !isSame(pair, here[index]!, there[index]!))
  return { state: columns.length === 0 ? 'same' : 'different', columns: columns.map(({ name }) => name) }
}

/** A value that the other database cannot have is another one. */
function isSame(pair: ColumnPair, here: RawValue, there: RawValue): boolean {
  try {
    return pair.holds(pair.convert(here), pair.target.decode(there))
  } catch (error) {
    if (error instanceof ValueRefused || error instanceof CopyValueError) return false
    throw error
  }
}
