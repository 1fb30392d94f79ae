import { CannotScatterError } from '../../errors.ts'
import { aggregationPlan, isAggregated } from '../../routing/partial-aggregates.ts'
import { foreignAggregate } from '../../routing/scatter/foreign-aggregate.ts'
import { rowPlan, type NoPlan } from '../../routing/scatter/row-plan.ts'
import { unionPlan } from '../../routing/scatter/union-plan.ts'
import type { Analysis, FunctionUse } from '../../statement/analysis.ts'
import type { QueryTree } from '../../statement/query-tree/query-tree.ts'
import { readQueryTree } from '../../statement/query-tree/read-query-tree.ts'
import type { QueryShape } from '../../statement/shape/query-shape.ts'
import { readQueryShape } from '../../statement/shape/read-query-shape.ts'
import type { Decision, ScatterMemo, ScatterPlan } from '../decision.ts'

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
  return 'refused' in plan ? { kind: 'none', obstacle: plan.refused } : { kind: 'groups', plan, names: {} }
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
