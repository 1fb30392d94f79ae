import { isDeepStrictEqual } from 'node:util'
import { valuesOf } from '../routing/partial-aggregates.ts'
import type { Route } from '../routing/route.ts'
import { groupOutline, scatterOutline, type ScatterOutline } from '../routing/scatter/scatter-outline.ts'
import { shardText } from '../routing/scatter/row-plan.ts'
import { shardParams } from '../routing/scatter/shard-limit.ts'
import { destinationOf, previewShards, type Destination } from '../routing/shards/preview-shards.ts'
import { Unanswered } from '../routing/shards/unanswered.ts'
import type { StatementKind } from '../statement/analysis.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'
import { ownStatements, type OwnStatements } from './own-statements.ts'
import { planOfShard, scatterPlanOf } from './scatter/scatter-plan.ts'
import {
  onShards,
  openDecision,
  refuseUnknownValues,
  shardSurroundings,
  shardWishes,
  withShards,
  type ShardTerms,
} from './shard-decision.ts'

/** Where a statement runs, as far as that is known without running anything. Frozen, as the route that it extends. */
export interface RoutePreview extends Route {
  readonly kind: StatementKind
  /** On one shard, and whether the text alone tells which; or on several, and how. `shards` are then those that it may be. */
  readonly destination: Destination
  /** Of the destination `scatter`: what each shard is asked, and how the answers are put together. */
  readonly scatter?: ScatterOutline
  /**
   * Of several shards: the parameters that each gets, where they are not the given ones. Of lists of keys each gets its own values; LIMIT
   * and OFFSET may have others.
   */
  readonly shardParams?: Readonly<Record<string, Params>>
  /** Of several shards: the text that each gets, where they are not the same: of lists of constants each gets its own, too. */
  readonly shardSql?: Readonly<Record<string, string>>
}

type Plan = ReturnType<typeof scatterPlanOf>

/**
 * The preview of a decision whose shards are not settled yet. `params`: `undefined` if they are not known. Pure.
 *
 * Throws what `query` would throw before it sends anything.
 */
export function routePreview(template: Decision, params: Params | undefined, terms: ShardTerms): RoutePreview {
  try {
    return previewOf(template, params, terms)
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return previewed(openDecision(template, error), template.analysis.kind, 'by-key')
  }
}

function previewOf(template: Decision, params: Params | undefined, terms: ShardTerms): RoutePreview {
  const { plan, analysis } = template
  if (plan === undefined) return previewed(template, analysis.kind, 'one')
  if (params === undefined) {
    refuseUnknownValues(template)
    const preview = previewShards(plan, shardWishes(template, terms), shardSurroundings(template, terms))
    const decision = withShards({ ...template, keyLists: preview.lists }, preview.shards, preview.reason)
    return previewed(decision, analysis.kind, preview.destination)
  }
  const decision = onShards(template, params, terms)
  const { reasons, shards } = decision.route
  return previewed(decision, analysis.kind, destinationOf(reasons.at(-1)?.rule ?? '', shards), params)
}

function previewed(decision: Decision, kind: StatementKind, destination: Destination, params?: Params): RoutePreview {
  const base = { ...decision.route, kind, destination }
  const own = destination === 'every' || destination === 'scatter' ? ownOf(decision, destination, params) : {}
  if (destination !== 'scatter') return Object.freeze({ ...base, ...own })
  const plan = scatterPlanOf(decision)
  const scatter = plan.kind === 'groups' ? groupOutline(plan.plan) : scatterOutline(plan)
  return Object.freeze({ ...base, scatter, ...own })
}

/** What the shards get each for itself, as far as it is known. */
function ownOf(
  decision: Decision,
  destination: 'every' | 'scatter',
  params: Params | undefined,
): Pick<RoutePreview, 'shardParams' | 'shardSql'> {
  if (decision.rows !== undefined) return {}
  const own = ownStatements(decision)
  const plan = destination === 'scatter' ? scatterPlanOf(decision) : undefined
  const { shards } = decision.route
  const values = params === undefined ? {} : shardParamsOf(decision, plan, own, params)
  if (shards.every((shard) => own.sqlOf(shard) === decision.sql)) return values
  const texts = shards.map((shard): [string, string] => [shard, textOf(decision, plan, own.sqlOf(shard))])
  return { ...values, shardSql: Object.freeze(Object.fromEntries(texts)) }
}

function shardParamsOf(
  { route, database }: Decision,
  plan: Plan | undefined,
  own: OwnStatements,
  params: Params,
): Pick<RoutePreview, 'shardParams'> {
  const each = route.shards.map((shard): [string, Params] => {
    if (plan?.kind === 'groups') return [shard, valuesOf(plan.plan.shard, own.paramsOf(shard, params))]
    const given = plan === undefined ? params : shardParams(params, plan.limit, database.engine).params
    return [shard, own.paramsOf(shard, given)]
  })
  const isOther = each.some(([, some]) => !isDeepStrictEqual(some, params))
  return isOther ? { shardParams: Object.freeze(Object.fromEntries(each)) } : {}
}

/** What a shard is asked, whose own text of the statement that is. */
function textOf(decision: Decision, plan: Plan | undefined, sql: string): string {
  if (plan === undefined) return sql
  const own = planOfShard(decision, plan, sql)
  return own.kind === 'groups' ? own.plan.shard.sql : shardText(own)
}
