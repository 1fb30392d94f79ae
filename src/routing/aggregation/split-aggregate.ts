import type { Dialect } from '../../statement/statement.ts'
import type { Parts } from './part-text.ts'

/** One aggregate, as far as its splitting depends on it. */
export interface AggregateCall {
  readonly name: string
  readonly star: boolean
  /** The arguments as they stand in the text. */
  readonly args: readonly Parts[]
  /** The separator or second argument is a literal or a parameter. */
  readonly constantSeparator: boolean
  /** `SEPARATOR …`, empty if absent. */
  readonly separator: Parts
  /** `FILTER (WHERE …)`, empty if absent. */
  readonly filter: Parts
}

/** The final expression, from the names of the partial columns and, on PostgreSQL, their types. */
export type FinalExpression = (columns: readonly string[], types: readonly string[]) => Parts

/** What each shard computes for an aggregate, and how these partial values become the aggregate. */
export interface Split {
  readonly partials: readonly Parts[]
  readonly final: FinalExpression
  /** The final expression refuses some types: those whose partial values lose what the whole has. */
  readonly byType?: true
  /** SQLite: what has the collation by which the partial values are to be compared, which they have not themselves. */
  readonly comparedAs?: Parts
}

/** Says why the partial values cannot be put together: their types, which a text does not tell, do not allow it. */
export class FinishRefusal {
  readonly construct: string

  constructor(construct: string) {
    this.construct = construct
  }
}

/** Aggregates whose partial values are aggregated by the same function, and keep its type. */
const selfSimilar: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  postgres: new Set(['min', 'max', 'bool_and', 'bool_or', 'every', 'bit_and', 'bit_or', 'bit_xor', 'any_value']),
  mysql: new Set(['min', 'max', 'sum', 'bit_and', 'bit_or', 'bit_xor', 'any_value']),
  sqlite: new Set(['min', 'max']),
}

const deviations: Readonly<Record<string, { readonly sample: boolean; readonly root: boolean }>> = {
  var_pop: { sample: false, root: false },
  var_samp: { sample: true, root: false },
  stddev_pop: { sample: false, root: true },
  stddev_samp: { sample: true, root: true },
}

/** Names that mean another one, which is not the same in all dialects: `stddev` is of the sample on PostgreSQL only. */
const synonyms: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  postgres: { stddev: 'stddev_samp', variance: 'var_samp' },
  mysql: { std: 'stddev_pop', stddev: 'stddev_pop', variance: 'var_pop' },
  sqlite: {},
}

/** Splits an aggregate without DISTINCT and without an order of its own; `undefined` if nobody knows how. */
export function splitAggregate(dialect: Dialect, call: AggregateCall): Split | undefined {
  const { name, star, args, filter } = call
  const own = (fn: string, argument: Parts = args[0] ?? []): Parts => [`${fn}(`, ...argument, ')', ...filter]
  if (name === 'count') {
    if (!star && args.length !== 1) return undefined
    return { partials: [own('count', star ? ['*'] : args[0])], final: ([c]) => [total(dialect, c!)] }
  }
  if (name === 'string_agg' || name === 'group_concat') return splitConcatenation(dialect, call)
  if (args.length !== 1) return undefined
  if (selfSimilar[dialect].has(name)) {
    const isCompared = dialect === 'sqlite' && (name === 'min' || name === 'max')
    const comparedAs = isCompared ? { comparedAs: args[0]! } : {}
    return { partials: [own(name)], final: ([c]) => [`${name}(${c})`], ...comparedAs }
  }
  if (dialect === 'sqlite' && (name === 'sum' || name === 'total')) {
    // The total of no rows is 0. NULL is that of both infinities, and so is the whole.
    return {
      partials: [own(name), own('total')],
      final: ([s, t]) => [`case when max(${t} is null) then null else ${name}(${s}) end`],
    }
  }
  // The sum of integers is of a wider type, and the sum of such sums of one that is wider still.
  if (name === 'sum') return { partials: [own(name)], final: ([c], [type]) => [`sum(${c})::${type}`] }
  if (name === 'avg') return splitAverage(dialect, own)
  const kind = deviations[synonyms[dialect][name] ?? name]
  if (kind === undefined || dialect === 'sqlite') return undefined
  return dialect === 'postgres' ? postgresDeviation(own, args[0]!, kind) : mysqlDeviation(own, args[0]!, kind)
}

function total(dialect: Dialect, column: string): string {
  if (dialect === 'postgres') return `coalesce(sum(${column}), 0)::bigint`
  return dialect === 'mysql' ? `cast(coalesce(sum(${column}), 0) as signed)` : `coalesce(sum(${column}), 0)`
}

type Own = (fn: string, argument?: Parts) => Parts

function splitAverage(dialect: Dialect, own: Own): Split {
  const count = (column: string) => `nullif(sum(${column}), 0)`
  if (dialect === 'mysql')
    return { partials: [own('sum'), own('count')], final: ([s, n]) => [`sum(${s}) / ${count(n!)}`] }
  // SQLite's average of integers may be where their sum overflows.
  if (dialect === 'sqlite')
    return {
      partials: [own('total'), own('count')],
      final: ([s, n]) => [`case when max(${s} is null) then null else sum(${s}) / ${count(n!)} end`],
    }
  return {
    // The average itself is only wanted for `real`, whose sum has 24 bits and whose average has 53.
    partials: [own('sum'), own('count'), own('avg')],
    final: ([s, n, a], [type]) => {
      if (type === 'real') return [`sum(${a} * ${n}) / ${count(n!)}::float8`]
      if (type === 'numeric' || type === 'bigint') return [`sum(${s})::numeric / ${count(n!)}`]
      return [`sum(${s}) / ${count(n!)}::float8`]
    },
  }
}

/**
 * The engine's own formula over numeric, digit by digit: (N·Σx² − (Σx)²) / (N·(N − 1)). The last partial column only tells
 * whether the engine computes with numeric at all. A square root has one digit more or less as a function than within the
 * aggregate: it is taken with 40 digits and rounded to those of the variance.
 */
function postgresDeviation(own: Own, x: Parts, { sample, root }: { sample: boolean; root: boolean }): Split {
  const exact: Parts = ['(', ...x, ')::numeric']
  return {
    partials: [own('count'), own('sum', exact), own('sum', [...exact, ' * ', ...exact]), own('var_pop')],
    byType: true,
    final: ([n, s, q], [, , , type]) => {
      if (type !== 'numeric') throw new FinishRefusal('a standard deviation or variance of floating-point numbers')
      const numerator = `(sum(${n}) * sum(${q}) - sum(${s}) * sum(${s}))`
      const variance = `${numerator} / (sum(${n}) * ${sample ? `(sum(${n}) - 1)` : `sum(${n})`})`
      const value = root ? `round(sqrt(${variance} + 0.${'0'.repeat(40)}), scale(${variance}))` : variance
      return [
        `case when sum(${n}) > ${sample ? 1 : 0} then case when ${numerator} <= 0 then 0::numeric else ${value} end end`,
      ]
    },
  }
}

/** The engine answers with a double: only the differences, which cancel, are taken exactly. */
function mysqlDeviation(own: Own, x: Parts, { sample, root }: { sample: boolean; root: boolean }): Split {
  const wide: Parts = ['(', ...x, ') * 1.0']
  return {
    partials: [own('count'), own('sum', wide), own('sum', [...wide, ' * (', ...x, ')'])],
    byType: true,
    final: ([n, s, q], [, type]) => {
      if (type !== 'decimal') throw new FinishRefusal('a standard deviation or variance of floating-point numbers')
      const numerator = `greatest(sum(${n}) * sum(${q}) - sum(${s}) * sum(${s}), 0)`
      const variance = `(${numerator} + 0e0) / (sum(${n}) * ${sample ? `(sum(${n}) - 1)` : `sum(${n})`})`
      return [`case when sum(${n}) > ${sample ? 1 : 0} then ${root ? `sqrt(${variance})` : variance} end`]
    },
  }
}

/** Without an order of its own: any order is right, and so is one shard's values behind the other's. */
function splitConcatenation(dialect: Dialect, call: AggregateCall): Split | undefined {
  const { name, args, separator, filter } = call
  if (dialect === 'postgres' && name === 'group_concat') return undefined
  if (dialect === 'mysql') {
    if (name === 'string_agg') return undefined
    const listed = args.flatMap((each, i) => (i === 0 ? each : [', ', ...each]))
    return {
      partials: [[`${name}(`, ...listed, ...spaced(separator), ')']],
      final: ([c]) => [`${name}(${c}`, ...spaced(separator), ')'],
    }
  }
  const [value, between] = args
  if (value === undefined || args.length > 2 || (between !== undefined && !call.constantSeparator)) return undefined
  const rest: Parts = between === undefined ? [')'] : [', ', ...between, ')']
  return { partials: [[`${name}(`, ...value, ...rest, ...filter]], final: ([c]) => [`${name}(${c}`, ...rest] }
}

export function spaced(parts: Parts): Parts {
  return parts.length === 0 ? parts : [' ', ...parts]
}
