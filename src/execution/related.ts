import { ConfigError, ParameterError } from '../errors.ts'
import type { Engine } from '../drivers/driver.ts'
import type { Route } from '../routing/route.ts'
import { quotedName } from '../statement/quotes.ts'
import type { Result } from './result.ts'

/** Which rows belong to the given ones. */
export interface RelatedOptions<Row, Column extends string = string> {
  /** The column of the given rows that refers to the others. */
  readonly key: keyof Row & string
  /** The table of the others, with its schema if it needs one. */
  readonly table: string
  /** The column of that table which `key` refers to. Default `id`. */
  readonly column?: Column
  /** The columns to fetch; `column` is always among them. Default all. */
  readonly columns?: readonly string[]
}

/** The rows that belong to the given ones, fetched with one `IN` for each chunk of keys. */
export interface Related<Row, Other> {
  /** Every row found, in the order in which the database gave them. */
  readonly rows: readonly Other[]
  /** The keys for which there is no row, each once, as they were given. */
  readonly missing: readonly unknown[]
  /** The first row that belongs to this one; `undefined` if it is missing or its key is null. */
  of(row: Row): Other | undefined
  /** All rows that belong to this one. */
  allOf(row: Row): readonly Other[]
  /** Where the fetching ran; one route for each chunk. */
  readonly routes: readonly Route[]
}

/** A statement in the dialect of an engine. */
export type TextIn = (engine: Engine) => readonly [sql: string, params: readonly unknown[]]

/** The two-query "join": fetches the rows of another table, wherever it lives, that belong to the given rows. */
export async function fetchRelated<Row extends object, Other extends object>(
  rows: readonly Row[],
  options: RelatedOptions<Row>,
  context: { readonly run: (textIn: TextIn) => Promise<Result>; readonly chunk: number },
): Promise<Related<Row, Other>> {
  const column = options.column ?? 'id'
  const keys = distinctKeys(rows, options.key)
  const found: Other[] = []
  const routes: Route[] = []
  const values = [...keys.values()]
  for (let start = 0; start < values.length; start += context.chunk) {
    const chunk = values.slice(start, start + context.chunk)
    const result = await context.run((engine) => selectByKeys(options, column, chunk, context.chunk, engine))
    found.push(...(result.rows as Other[]))
    routes.push(result.route)
  }
  const groups = groupByKey(found, column, keys)
  const groupOf = (row: Row): readonly Other[] => groups.get(keyOf(row[options.key])) ?? []
  return {
    rows: found,
    missing: [...keys].filter(([key]) => !groups.has(key)).map(([, value]) => value),
    of: (row) => groupOf(row)[0],
    allOf: groupOf,
    routes,
  }
}

function distinctKeys<Row extends object>(rows: readonly Row[], key: keyof Row & string): ReadonlyMap<string, unknown> {
  const keys = new Map<string, unknown>()
  for (const row of rows) {
    const value = row[key]
    if (value === undefined)
      throw new ParameterError(`related(): a row has no column "${key}". It has: ${Object.keys(row).join(', ')}.`)
    if (value === null) continue
    const isScalar = typeof value !== 'object' || value instanceof Uint8Array || isValidDate(value)
    if (!isScalar || typeof value === 'function' || typeof value === 'symbol') {
      throw new ParameterError(
        `related(): the column "${key}" holds what is no key. A key is a number, bigint, text, boolean, valid Date or Buffer.`,
      )
    }
    keys.set(keyOf(value), value)
  }
  return keys
}

function isValidDate(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime())
}

/** The rows by the key they belong to. */
function groupByKey<Other extends object>(
  found: readonly Other[],
  column: string,
  keys: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, readonly Other[]> {
  const name = found[0] === undefined ? column : columnIn(found[0], column)
  const exact = Map.groupBy(found, (other) => keyOf((other as Record<string, unknown>)[name]))
  const strays = [...exact.keys()].filter((key) => !keys.has(key))
  if (strays.length === 0) return exact
  // The database gave these rows for one of the keys, so its equality is wider than that of texts: a collation without
  // case, a UUID, CHAR padding, a decimal's trailing zeros.
  const byLoose = Map.groupBy(strays, looseKey)
  const groups = new Map<string, readonly Other[]>(exact)
  for (const key of keys.keys()) {
    const meant = groups.has(key) ? [] : (byLoose.get(looseKey(key)) ?? [])
    if (meant.length > 0)
      groups.set(
        key,
        meant.flatMap((stray) => exact.get(stray) ?? []),
      )
  }
  return groups
}

// MySQL and SQLite find a column whatever its case, and answer with the name as it was declared or asked for.
function columnIn(row: object, column: string): string {
  if (Object.hasOwn(row, column)) return column
  const names = Object.keys(row)
  const name = names.find((candidate) => candidate.toLowerCase() === column.toLowerCase())
  if (name !== undefined) return name
  throw new ParameterError(`related(): the rows found have no column "${column}". They have: ${names.join(', ')}.`)
}

// Engines give the same number as number, bigint or text, so keys are compared by what they say.
function keyOf(value: unknown): string {
  if (value instanceof Date) return isValidDate(value) ? value.toISOString() : 'invalid date'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return String(value)
}

function looseKey(key: string): string {
  const text = key.trimEnd().toLowerCase()
  return /^-?\d+\.\d+$/.test(text) ? text.replace(/\.?0+$/, '') : text
}

function selectByKeys(
  { table, columns }: Pick<RelatedOptions<object>, 'table' | 'columns'>,
  column: string,
  keys: readonly unknown[],
  most: number,
  engine: Engine,
): ReturnType<TextIn> {
  const list =
    columns === undefined ? '*' : [...new Set([column, ...columns])].map((name) => quoteName(name, engine)).join(', ')
  const from = table
    .split('.')
    .map((part) => quoteName(part, engine))
    .join('.')
  const where = quoteName(column, engine)
  // One text for every number of keys, so that it is prepared once.
  if (engine === 'postgres') return [`select ${list} from ${from} where ${where} = any($1)`, [keys]]
  // A few texts at least: up to the next power of two the last key stands there again.
  const size = Math.min(most, 2 ** Math.ceil(Math.log2(keys.length)))
  const padded = [...keys, ...Array.from({ length: size - keys.length }, () => keys.at(-1))]
  return [`select ${list} from ${from} where ${where} in (${padded.map(() => '?').join(', ')})`, padded]
}

/** A name as an identifier of the engine, whatever it contains. */
export function quoteName(name: string, engine: Engine): string {
  if (name === '' || name.includes('\0'))
    throw new ConfigError('name', `${JSON.stringify(name)} is not accepted.`, 'the name of a table or column')
  return quotedName(engine, name)
}
