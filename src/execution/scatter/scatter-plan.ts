import { CannotScatterError } from '../../errors.ts'
import { aggregationPlan, isAggregated } from '../../routing/partial-aggregates.ts'
import { foreignAggregate } from '../../routing/scatter/foreign-aggregate.ts'
import { rowPlan, type NoPlan, type RowPlan } from '../../routing/scatter/row-plan.ts'
import { unionPlan } from '../../routing/scatter/union-plan.ts'
import type { Analysis, FunctionUse } from '../../statement/analysis.ts'
import type { QueryTree } from '../../statement/query-tree/query-tree.ts'
import { readQueryTree } from '../../statement/query-tree/read-query-tree.ts'
import type { QueryShape } from '../../statement/shape/query-shape.ts'
import { readQueryShape } from '../../statement/shape/read-query-shape.ts'
import { BoundedMap } from '../../statement/bounded-map.ts'
import type { Decision, GroupPlan, ScatterMemo, ScatterPlan } from '../decision.ts'

/** Found out once for each text. */
function planOf(decision: Decision): ScatterPlan {
  const memo = memoOf(decision)
  memo.plan ??= makePlan(decision, memo.isBuiltIn)
  return memo.plan
}

/** What is remembered of the text. */
export function memoOf({ scatter }: Decision): ScatterMemo {
  return scatter ?? { isBuiltIn: () => false }
}

/** How the decision's text is asked of several shards. Throws `CannotScatterError` if it cannot be. */
export function scatterPlanOf(decision: Decision): Exclude<ScatterPlan, NoPlan> {
  const plan = planOf(decision)
  if (plan.kind === 'none') throw cannot(decision, plan.obstacle)
  return plan
}

/** Most texts of shards whose plans are remembered for one text: more than one for each shard come of keys whose owners hang on parameters. */
const mostOwnPlans = 100

/**
 * The plan for the text of one shard, which has fewer items in its lists than the decision's; made once for each such text. Where the
 * text is read in another way, which never should be, the plan of the whole.
 */
export function planOfShard<Plan extends RowPlan | GroupPlan>(decision: Decision, plan: Plan, sql: string): Plan {
  if (sql === decision.sql) return plan
  const memo = memoOf(decision)
  const known = memo.ownPlans?.get(sql)
  const own = known ?? makePlan({ ...decision, sql }, memo.isBuiltIn)
  if (known === undefined) {
    memo.ownPlans ??= new BoundedMap(mostOwnPlans)
    memo.ownPlans.set(sql, own)
  }
  return isAlike(own, plan) ? own : plan
}

function isAlike<Plan extends RowPlan | GroupPlan>(own: ScatterPlan, plan: Plan): own is Plan {
  const columnsOf = (each: ScatterPlan): readonly string[] =>
    each.kind === 'rows'
      ? each.order.map(({ expression }) => expression)
      : each.kind === 'groups'
        ? [...each.plan.columns, String(each.plan.gathers), ...(each.plan.otherwise?.columns ?? [])]
        : []
  return own.kind === plan.kind && columnsOf(own).join('\0') === columnsOf(plan).join('\0')
}

function makePlan({ sql, analysis, database }: Decision, isBuiltIn: ScatterMemo['isBuiltIn']): ScatterPlan {
  if (analysis.statements > 1) return { kind: 'none', obstacle: 'several statements in one text' }
  const own = new Set(analysis.functions.filter((fn) => !isBuiltIn(fn)).map(({ name }) => name.toLowerCase()))
  const isOwn = ({ name }: FunctionUse): boolean => own.has(name.toLowerCase())
  const queries = queriesOf(sql, analysis, isOwn)
  const foreign = queries === undefined ? undefined : foreignAggregate(queries, isOwn)
  if (foreign !== undefined)
    return { kind: 'none', obstacle: `the function ${foreign}() in a query inside, which may be an aggregate,` }
  if (queries?.kind === 'set') return unionPlan(sql, database.engine, queries)
  const shape = readQueryShape(sql, database.engine, isOwn)
  if (shape === undefined) return { kind: 'none', obstacle: 'a query that is not one plain SELECT' }
  if (!isAggregated(shape)) return rowPlan(sql, shape)
  // What makes a value JSON, or a truth value, is the expression that it comes from.
  const json = queries === undefined || database.engine === 'postgres' ? undefined : jsonAggregate(shape)
  if (json !== undefined) return { kind: 'none', obstacle: `${json.toUpperCase()} of what a query inside gives` }
  const plan = aggregationPlan(sql, shape, { isOwn: (name) => own.has(name) })
  return 'refused' in plan ? { kind: 'none', obstacle: plan.refused } : { kind: 'groups', plan, memo: {} }
}

/** Where the rows come from other queries: these. */
function queriesOf(
  sql: string,
  { dialect, appearances }: Analysis,
  isOwn: (call: FunctionUse) => boolean,
): QueryTree | undefined {
  return appearances.some(({ place }) => place === 'derived') ? readQueryTree(sql, dialect, isOwn) : undefined
}

function jsonAggregate({ items, having, orderBy }: QueryShape): string | undefined {
  const all = [...items, ...(having === undefined ? [] : [having.condition]), ...(orderBy?.keys ?? [])]
  return all.flatMap(({ aggregates }) => aggregates).find(({ name }) => name.includes('json'))?.name
}

/** The refusal of what stands in the way, by its name. `done`: what was done before that was known. */
export function cannot(
  { database, route }: Decision,
  obstacle: string,
  done: 'nothing' | 'read' = 'nothing',
): CannotScatterError {
  return new CannotScatterError(
    obstacle,
    `The statement would have to be asked of the shards ${route.shards.join(', ')} of "${database.alias}", and ${obstacle} cannot be put together from their answers. ` +
      `${done === 'read' ? 'The shards were only read. ' : 'Nothing was sent. '}Give the shard key, or ask each shard: client.shard(key, fn).`,
    { database: database.alias },
  )
}
