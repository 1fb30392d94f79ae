import type { DriverRequest } from '../../drivers/driver.ts'
import { valuesOf, type AggregationPlan, type PartText } from '../../routing/partial-aggregates.ts'
import type { Params } from '../../statement/statement.ts'
import type { PartialAnswer, RelationContext } from '../relation/partial-answer.ts'
import { relationOf } from '../relation/relation-of.ts'
import type { Result } from '../result.ts'

/** Runs a read on a shard. */
export type RunOnShard = (
  shard: string,
  sql: string,
  params: Params,
  rowMode: DriverRequest['rowMode'],
) => Promise<Result<unknown>>

/** What an aggregation over several shards is carried out with. */
export interface Aggregation {
  readonly plan: AggregationPlan
  readonly params: readonly unknown[]
  readonly shards: readonly string[]
  readonly run: RunOnShard
  /** Most shards at a time. */
  readonly mapShards: <T>(shards: readonly string[], work: (shard: string) => Promise<T>) => Promise<readonly T[]>
  /** What the text does not tell, learnt once for each text. */
  readonly memo: { names?: readonly string[] | undefined }
}

/** Something in the statement stands in the way. */
export interface Unfinished {
  readonly refused: string
}

/**
 * Asks each shard for its groups, and has the server of the first one finish: sums, averages, texts, HAVING, ORDER BY and LIMIT are then
 * exactly what the engine makes of them.
 */
export async function aggregate(
  { plan, params, shards, run, mapShards, memo }: Aggregation,
  rowMode: 'object' | 'array',
): Promise<Result<unknown> | Unfinished> {
  const [first = ''] = shards
  const on = async (shard: string, text: PartText, mode: DriverRequest['rowMode']): Promise<Result<unknown>> =>
    await run(shard, text.sql, valuesOf(text, params), mode)
  if (memo.names === undefined) {
    const learnt = await learnNames(plan, async (text) => await on(first, text, 'raw'))
    if ('refused' in learnt) return learnt
    memo.names = learnt.names
  }
  const answers = await mapShards(shards, async (shard): Promise<PartialAnswer> => await on(shard, plan.shard, 'raw'))
  const [leading, ...others] = answers
  if (leading === undefined) return { refused: 'no shard' }
  const ask: RelationContext['ask'] = async ({ sql, params: given, rowMode: mode }) => {
    const { rows, rowCount, fields, native } = await run(first, sql, given, mode)
    return { rows, rowCount, fields, native }
  }
  const relation = await relationOf({ plan, params, answers: [leading, ...others], ask })
  if ('refused' in relation) return relation
  const text = plan.final(relation, memo.names)
  return 'refused' in text ? text : await on(first, text, rowMode)
}

async function learnNames(
  plan: AggregationPlan,
  ask: (text: PartText) => Promise<Result<unknown>>,
): Promise<{ readonly names: readonly string[] } | Unfinished> {
  if (plan.presumed !== undefined) {
    const { fields } = await ask(plan.presumed.columnsOf)
    const present = plan.presumed.absent.filter((name) => fields.some((field) => field.name.toLowerCase() === name))
    if (present.length > 0)
      return { refused: `the name ${present.join(', ')}, which is that of a column and of an item` }
  }
  const known = plan.names.filter((name) => name !== undefined)
  if (known.length === plan.names.length) return { names: known }
  const { fields } = await ask(plan.describe)
  return { names: fields.map(({ name }) => name) }
}
