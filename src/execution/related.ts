import { ConfigError, ParameterError } from '../errors.ts'
import type { Engine } from '../drivers/driver.ts'
import type { Route } from '../routing/route.ts'
import type { Params } from '../statement/statement.ts'
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

type Run = (sql: string, params: Params) => Promise<Result>

/** The two-query "join": fetches the rows of another table, wherever it lives, that belong to the given rows. */
export async function fetchRelated<Row extends object, Other extends object>(
  rows: readonly Row[],
  options: RelatedOptions<Row>,
  context: { readonly run: Run; readonly engine: Engine; readonly chunk: number },
): Promise<Related<Row, Other>> {
  const column = options.column ?? 'id'
  const keys = distinctKeys(rows, options.key)
  const found: Other[] = []
  const routes: Route[] = []
  const values = [...keys.values()]
  for (let start = 0; start < values.length; start += context.chunk) {
    const chunk = values.slice(start, start + context.chunk)
    const result = await context.run(...selectByKeys(options.table, column, options.columns, chunk, context.engine))
    found.push(...(result.rows as Other[]))
    routes.push(result.route)
  }
  const groups = Map.groupBy(found, (other) => keyOf((other as Record<string, unknown>)[column]))
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
    if (value !== null) keys.set(keyOf(value), value)
  }
  return keys
}

// Engines give the same number as number, bigint or text, so keys are compared by what they say.
function keyOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return String(value)
}

function selectByKeys(
  table: string,
  column: string,
  columns: readonly string[] | undefined,
  keys: readonly unknown[],
  engine: Engine,
): [sql: string, params: readonly unknown[]] {
  const list =
    columns === undefined ? '*' : [...new Set([column, ...columns])].map((name) => quoteName(name, engine)).join(', ')
  const from = table
    .split('.')
    .map((part) => quoteName(part, engine))
    .join('.')
  const where = quoteName(column, engine)
  // One text for every number of keys, so that it is prepared once.
  if (engine === 'postgres') return [`select ${list} from ${from} where ${where} = any($1)`, [keys]]
  return [`select ${list} from ${from} where ${where} in (${keys.map(() => '?').join(', ')})`, keys]
}

/** A name as an identifier of the engine, whatever it contains. */
export function quoteName(name: string, engine: Engine): string {
  if (name === '' || name.includes('\0'))
    throw new ConfigError('name', `${JSON.stringify(name)} is not accepted.`, 'the name of a table or column')
  return engine === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`
}
