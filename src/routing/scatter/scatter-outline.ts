import type { ValueSource } from '../../statement/analysis.ts'
import type { AggregationPlan } from '../partial-aggregates.ts'
import { shardText, type RowPlan } from './row-plan.ts'

/** How a query is asked of several shards, for people. */
export interface ScatterOutline {
  /** `rows`: the rows of the shards, as they are. `groups`: partial groups, which a server finishes. More kinds may come. */
  readonly kind: 'rows' | 'groups'
  /** The text that each shard gets. Sort keys may be asked for as texts, where the driver's own form of a type is not exact. */
  readonly sql: string
  /** What is done with the answers, in that order. */
  readonly steps: readonly string[]
}

/** Says what a plan does. Pure. */
export function scatterOutline(plan: RowPlan): ScatterOutline {
  const { kind, order, limit } = plan
  const keys = order.map(
    ({ expression, descending, nulls }) => `${expression} ${descending ? 'descending' : 'ascending'}, NULL ${nulls}`,
  )
  const steps = [
    order.length === 0
      ? 'the rows of one shard come after those of another, in the order of the shards'
      : `the rows of the shards, each in order, are merged by ${keys.join('; ')}`,
  ]
  if (limit?.offset !== undefined) steps.push(`of the whole the first ${amountOf(limit.offset)} rows are left out`)
  if (limit?.count !== undefined) steps.push(`of the rest at most ${amountOf(limit.count)} rows are taken`)
  if (order.length > 0) {
    const names = order.map(({ name }) => name).join(', ')
    steps.push(
      `the ${order.length === 1 ? 'column' : 'columns'} ${names} of the sort ${order.length === 1 ? 'key is' : 'keys are'} taken out`,
    )
  }
  return { kind, sql: shardText(plan), steps }
}

/** Says what a plan with groups, aggregates or DISTINCT does. Pure. */
export function groupOutline({ shard, columns, gathers, otherwise }: AggregationPlan): ScatterOutline {
  const instead =
    otherwise === undefined
      ? []
      : [
          `a shard is asked for the types of these; if they are floating-point numbers, each is asked for its rows instead: ${otherwise.shard.sql}`,
        ]
  return {
    kind: 'groups',
    sql: shard.sql,
    steps: [
      ...instead,
      `${gathers ? 'the values that the aggregates need of each row' : 'the partial rows of the shards'} (${columns.join(', ')}) are sent to one of them`,
      'it makes the answer of them by its own rules, with the HAVING, ORDER BY and LIMIT of the statement',
    ],
  }
}

function amountOf(source: ValueSource): string {
  switch (source.from) {
    case 'constant':
      return String(source.value)
    case 'named':
      return `:${source.name}`
    case 'parameter':
      return `(parameter ${source.index + 1})`
    case 'array-parameter':
    case 'expression':
      return '(an expression)'
  }
}
