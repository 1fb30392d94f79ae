import { ParameterError } from '../../errors.ts'
import type { ValueSource } from '../../statement/analysis.ts'
import type { QueryShape } from '../../statement/shape/query-shape.ts'
import type { Dialect, Params } from '../../statement/statement.ts'

type Limit = NonNullable<QueryShape['limit']>

/** LIMIT and OFFSET of a query over several shards. */
export interface Window {
  readonly offset: number
  /** `undefined`: all. */
  readonly count: number | undefined
}

/**
 * The LIMIT clause for each shard. A shard is asked for the rows of the offset as well, because any of them may be among the
 * first of the whole. A parameter keeps its place, so that the numbers of the others stay right: `shardParams` gives
 * it the sum.
 */
export function shardLimit(sql: string, { span, count, offset }: Limit): string {
  const text = sql.slice(span.start, span.end)
  if (offset === undefined) return text
  const placeholders = text.match(/\$\d+|\?\d*/g) ?? []
  const isGiven = [count, offset].map((source) => source?.from === 'parameter')
  if (count === undefined) return isGiven[1] === true ? text : ''
  if (isGiven[0] === true && isGiven[1] === true) return text
  if (placeholders[0] !== undefined) return `LIMIT ${placeholders[0]}`
  return `LIMIT ${sumOf(constant(count), constant(offset))}`
}

/** The parameters for each shard, and what is taken of the whole. */
export function shardParams(
  params: Params,
  limit: Pick<Limit, 'count' | 'offset'> | undefined,
  dialect: Dialect,
): { readonly params: Params; readonly window: Window } {
  const count = limit?.count === undefined ? undefined : numberOf(limit.count, params, dialect, 'LIMIT')
  const offset = limit?.offset === undefined ? undefined : (numberOf(limit.offset, params, dialect, 'OFFSET') ?? 0)
  const window = { offset: offset ?? 0, count }
  if (offset === undefined || !Array.isArray(params)) return { params, window }
  const changed = [...(params as readonly unknown[])]
  const sum = count === undefined ? null : sumOf(count, offset)
  const set = (source: ValueSource | undefined, value: number | null): boolean => {
    if (source?.from !== 'parameter') return false
    changed[source.index] = value
    return true
  }
  if (set(limit?.count, sum)) set(limit?.offset, 0)
  else set(limit?.offset, limit?.count === undefined ? 0 : sum)
  return { params: changed, window }
}

/** More rows than a JavaScript number counts are all there are: "all" is written as 18446744073709551615 on MySQL. */
function sumOf(count: number, offset: number): number {
  return Math.min(count + offset, Number.MAX_SAFE_INTEGER)
}

function numberOf(
  source: ValueSource,
  params: Params,
  dialect: Dialect,
  clause: 'LIMIT' | 'OFFSET',
): number | undefined {
  const value: unknown =
    source.from === 'constant'
      ? source.value
      : source.from === 'parameter' && Array.isArray(params)
        ? (params as readonly unknown[])[source.index]
        : source.from === 'named'
          ? (params as Readonly<Record<string, unknown>>)[source.name]
          : undefined
  if (value === null || value === undefined) return undefined
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  // SQLite takes a negative number for none, and MariaDB, in a parameter, for one without a sign.
  if (dialect !== 'postgres' && number < 0)
    return dialect === 'sqlite' && clause === 'OFFSET' ? 0 : Number.MAX_SAFE_INTEGER
  if (Number.isInteger(number) && number >= 0) return Math.min(number, Number.MAX_SAFE_INTEGER)
  throw new ParameterError(
    `${clause} of a query over several shards must be a whole number from 0 on. Nothing was sent.`,
  )
}

function constant(source: ValueSource): number {
  return source.from === 'constant' ? Number(source.value) : 0
}
