import type { DriverRequest } from '../../drivers/driver.ts'
import { valuesOf, type AggregationPlan, type PartText } from '../../routing/partial-aggregates.ts'
import type { Params } from '../../statement/statement.ts'
import type { GroupMemo } from '../decision.ts'
import type { PartialAnswer, RelationContext } from '../relation/partial-answer.ts'
import { relationOf } from '../relation/relation-of.ts'
import type { Result } from '../result.ts'
import { ReachableShards } from './reachable-shards.ts'
import { weightOf } from './weighed.ts'

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
  /** The same for one shard, whose text has its own keys alone. */
  readonly planOf: (shard: string) => AggregationPlan
  /** The parameters that a shard gets. */
  readonly paramsOf: (shard: string) => Params
  readonly shards: ReachableShards
  /** Shards that cannot be reached are left out. */
  readonly partial: boolean | undefined
  readonly run: RunOnShard
  /** Most shards at a time. */
  readonly mapShards: <T>(shards: readonly string[], work: (shard: string) => Promise<T>) => Promise<readonly T[]>
  /** What the text does not tell, learnt once for each text. */
  readonly memo: GroupMemo
}

/** Something in the statement stands in the way. */
export interface Unfinished {
  readonly refused: string
}

interface ShardAnswer extends PartialAnswer {
  readonly shard: string
}

/** What the shards have answered, or as much of it as was asked for. */
export interface PartialRows {
  readonly answers: readonly ShardAnswer[]
  /** No shard has more. */
  readonly isWhole: boolean
  readonly count: number
  /** About how many bytes they are as text. */
  readonly weight: number
}

/** The names of the answer's columns. */
export async function namesOf({
  plan,
  paramsOf,
  shards,
  run,
  memo,
}: Aggregation): Promise<readonly string[] | Unfinished> {
  if (memo.names !== undefined) return memo.names
  const learnt = await shards.first(async (shard) =>
    learnNames(plan, async (text) => await run(shard, text.sql, valuesOf(text, paramsOf(shard)), 'raw')),
  )
  if ('refused' in learnt) return learnt
  memo.names = learnt.names
  return learnt.names
}

/**
 * With the plan by which the aggregates can be computed of columns of these types. A shard is asked for the types before anything is
 * read: partial values of some would be of no use, and may not even be possible.
 */
export async function planByTypes(asked: Aggregation): Promise<Aggregation> {
  const { plan, planOf, paramsOf, shards, run, memo } = asked
  const { otherwise } = plan
  if (otherwise === undefined) return asked
  if (memo.isOtherwise === undefined) {
    const { isRefused } = await shards.first(async (shard) => {
      const [own, params] = [planOf(shard), paramsOf(shard)]
      const { fields } = await run(shard, `${own.shard.sql} limit 0`, valuesOf(own.shard, params), 'raw')
      const ask = askerOn(shard, run)
      const relation = await relationOf({ plan: own, params, answers: [{ fields, rows: [] }], ask })
      return { isRefused: 'refused' in relation || 'refused' in own.final(relation, []) }
    })
    memo.isOtherwise = isRefused
  }
  // The plan of a shard is that of the same statement, but for its keys.
  return memo.isOtherwise ? { ...asked, plan: otherwise, planOf: (shard) => planOf(shard).otherwise! } : asked
}

/** Asks each shard for its groups: for one more than `most` of them, so that too many are seen, and are not all in memory. */
export async function partialRows(
  { planOf, paramsOf, shards, run, mapShards }: Aggregation,
  most: number,
): Promise<PartialRows> {
  const asked = await mapShards(
    shards.present,
    async (shard) =>
      await shards.ask(shard, async (): Promise<ShardAnswer> => {
        const { many, shard: text } = planOf(shard)
        const sql = many ? `${text.sql} limit ${most + 1}` : text.sql
        const { rows, fields } = await run(shard, sql, valuesOf(text, paramsOf(shard)), 'raw')
        return { shard, rows, fields }
      }),
  )
  shards.refuseNone()
  const answers = asked.filter((answer) => answer !== undefined)
  let [count, weight] = [0, 0]
  for (const { rows } of answers) {
    count += rows.length
    for (const row of rows) weight += weightOf(row)
  }
  return { answers, isWhole: answers.every(({ rows }) => rows.length <= most), count, weight }
}

/**
 * Has the server of the first shard finish: sums, averages, texts, HAVING, ORDER BY and LIMIT are then exactly what the engine makes of the groups.
 * Where shards may be left out, and that server is lost meanwhile, the next one finishes: the groups of the first are told already.
 */
export async function finish(
  { plan, paramsOf, run, partial }: Aggregation,
  { answers }: PartialRows,
  names: readonly string[],
  rowMode: NonNullable<DriverRequest['rowMode']>,
): Promise<Result<unknown> | Unfinished> {
  const finishers = new ReachableShards(
    answers.map(({ shard }) => shard),
    partial,
  )
  return await finishers.first(async (shard): Promise<Result<unknown> | Unfinished> => {
    const params = paramsOf(shard)
    const relation = await relationOf({ plan, params, answers: leadBy(shard, answers), ask: askerOn(shard, run) })
    if ('refused' in relation) return relation
    const text = plan.final(relation, names)
    return 'refused' in text ? text : await run(shard, text.sql, valuesOf(text, params), rowMode)
  })
}

function leadBy(shard: string, answers: readonly ShardAnswer[]): RelationContext['answers'] {
  const [own, others] = [true, false].map((isOwn) => answers.filter((answer) => (answer.shard === shard) === isOwn))
  return [own![0]!, ...others!]
}

function askerOn(shard: string, run: RunOnShard): RelationContext['ask'] {
  return async ({ sql, params, rowMode }) => {
    const { rows, rowCount, fields, native } = await run(shard, sql, params, rowMode)
    return { rows, rowCount, fields, native }
  }
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
