import type { Params } from '../../statement/statement.ts'
import type { Decision, GroupPlan, SendOptions } from '../decision.ts'
import { mostPartialRows } from '../relation/partial-answer.ts'
import { ownStatements } from '../own-statements.ts'
import { Result } from '../result.ts'
import { finish, namesOf, partialRows, planByTypes, type Aggregation, type PartialRows } from './aggregate.ts'
import { ReachableShards } from './reachable-shards.ts'
import { asDoubles, exactRows } from './exact-floats.ts'
import { cannot, planOfShard } from './scatter-plan.ts'
import { mapAtMost, onShard, type ScatterParts } from './shard-parts.ts'
import { SpilledGroups, type NoTable } from './spilled-groups.ts'

/** Most that is finished without a table: the rows are in memory, and once more in one statement, for which servers have a limit as well. */
const held = { rows: mostPartialRows, weight: 8_000_000 }
/** The same for streams, of which nobody expects that they fill the memory. */
const heldOfStreams = { rows: 10_000, weight: 1_000_000 }

/** What is the same for all ways to read groups. */
interface GroupRead extends Aggregation {
  readonly names: readonly string[]
  readonly decision: Decision
  readonly options: SendOptions | undefined
  readonly parts: ScatterParts
}

/** Aggregates, groups and DISTINCT, which the server of one shard finishes. Throws `CannotScatterError` for what cannot be finished. */
export async function groupsOf<Row>(
  parts: ScatterParts,
  decision: Decision,
  plan: GroupPlan,
  params: Params,
  options: SendOptions | undefined,
): Promise<Result<Row>> {
  const first = await begun(parts, decision, plan, params, options)
  const { asked: read, rows: some } = await exactRows(first, shareOf(held.rows, first))
  if (fits(some, held)) return await finished<Row>(read, some)
  const { count } = some
  const answer = await spilledAnswer<Row>(read)
  if (!('refused' in answer)) return answer
  return await finished<Row>(read, await withoutTable(read, count, answer))
}

/** The same, row by row: the memory it takes does not depend on how many groups there are. */
export async function* streamOfGroups<Row>(
  parts: ScatterParts,
  decision: Decision,
  plan: GroupPlan,
  params: Params,
  options: SendOptions | undefined,
): AsyncGenerator<Row, void, undefined> {
  const first = await begun(parts, decision, plan, params, options)
  const { asked: read, rows: few } = await exactRows(first, shareOf(heldOfStreams.rows, first))
  if (fits(few, heldOfStreams)) {
    yield* (await finished<Row>(read, few)).rows
    return
  }
  const { count } = few
  const groups = await spilled(read)
  if (groups instanceof SpilledGroups) {
    try {
      yield* groups.stream(options?.rowMode) as AsyncGenerator<Row, void, undefined>
    } finally {
      await groups.close()
    }
    return
  }
  yield* (await finished<Row>(read, await withoutTable(read, count, groups))).rows
}

/** Of many shards each is asked for less, so that they are in memory together: four times what is held at most. */
function shareOf(rows: number, { shards }: GroupRead): number {
  return Math.min(rows, Math.ceil((4 * rows) / Math.max(1, shards.present.length)))
}

/** All partial rows in memory, asked for once more, if they are not too many for that: those before were not kept meanwhile. */
async function withoutTable(read: GroupRead, known: number, why: NoTable): Promise<PartialRows> {
  if (why.unable !== true || known > held.rows) throw refusal(read, why)
  const all = await partialRows(read, held.rows)
  if (all.count > held.rows) throw refusal(read, why)
  return all
}

async function begun(
  parts: ScatterParts,
  decision: Decision,
  whole: GroupPlan,
  params: Params,
  options: SendOptions | undefined,
): Promise<GroupRead> {
  if (!Array.isArray(params)) throw cannot(decision, 'a query with named parameters and aggregates')
  const own = ownStatements(decision)
  const { plan: first, memo } = whole
  const asked: Aggregation = {
    plan: first,
    planOf: (shard) => planOfShard(decision, whole, own.sqlOf(shard)).plan,
    paramsOf: (shard) => own.paramsOf(shard, params),
    shards: new ReachableShards(decision.route.shards, options?.partial),
    partial: options?.partial,
    run: async (shard, sql, given, rowMode) =>
      await parts.run(onShard(decision, shard, sql), given, { ...options, rowMode }),
    mapShards: async (shards, work) => await mapAtMost(parts.concurrency, shards, work),
    memo,
  }
  const aggregation = asDoubles(await planByTypes(asked), memo.doubles ?? [])
  const names = await namesOf(aggregation)
  if ('refused' in names) throw cannot(decision, names.refused)
  return { ...aggregation, names, decision, options, parts }
}

function fits(
  { isWhole, count, weight }: PartialRows,
  most: { readonly rows: number; readonly weight: number },
): boolean {
  return isWhole && count <= most.rows && weight <= most.weight
}

async function finished<Row>(read: GroupRead, rows: PartialRows): Promise<Result<Row>> {
  const { decision, names, options, shards } = read
  const answer = await finish(read, rows, names, options?.rowMode ?? 'object')
  if ('refused' in answer) {
    // The types are others than they were: the next call asks for them again.
    read.memo.isOtherwise = undefined
    read.memo.doubles = undefined
    throw cannot(decision, answer.refused, 'read')
  }
  const { fields, native } = answer
  return new Result<Row>(
    { rows: answer.rows, rowCount: answer.rowCount, fields, native },
    decision.route,
    shards.missing,
  )
}

/** Once more without a shard that was lost meanwhile, where that may be. */
async function spilledAnswer<Row>(read: GroupRead): Promise<Result<Row> | NoTable> {
  const { decision, options, shards } = read
  for (;;) {
    const present = shards.present.length
    let groups: SpilledGroups | NoTable | undefined
    try {
      groups = await spilled(read)
      if (!(groups instanceof SpilledGroups)) return groups
      return new Result<Row>(await groups.query(options?.rowMode), decision.route, shards.missing)
    } catch (error) {
      if (groups instanceof SpilledGroups) shards.leaves(groups.finisher, error)
      if (shards.present.length === present) throw error
    } finally {
      if (groups instanceof SpilledGroups) await groups.close()
    }
  }
}

async function spilled(read: GroupRead): Promise<SpilledGroups | NoTable> {
  const { decision, names, options, paramsOf, parts, plan, planOf, shards } = read
  const { spill } = parts
  if (spill === undefined) return { refused: 'a distributed transaction makes no temporary table', unable: true }
  if (spill.mostRows === 0) return { refused: 'limits.scatterSpill is 0', unable: true }
  return await SpilledGroups.of({ decision, plan, planOf, names, paramsOf, options, parts, spill }, shards)
}

function refusal({ decision, plan }: GroupRead, { refused, unable }: NoTable): Error {
  const what = plan.gathers ? 'rows that aggregates need' : 'groups of all shards together'
  return cannot(decision, unable === true ? `more than ${held.rows} ${what}, while ${refused},` : refused, 'read')
}
