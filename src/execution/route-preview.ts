import type { Route } from '../routing/route.ts'
import { groupOutline, scatterOutline, type ScatterOutline } from '../routing/scatter/scatter-outline.ts'
import { destinationOf, previewShards, type Destination } from '../routing/shards/preview-shards.ts'
import type { StatementKind } from '../statement/analysis.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'
import { scatterPlanOf } from './scatter/scatter.ts'
import { onShards, shardWishes, withShards, type ShardTerms } from './shard-decision.ts'

/** Where a statement runs, as far as that is known without running anything. Frozen, as the route that it extends. */
export interface RoutePreview extends Route {
  readonly kind: StatementKind
  /** On one shard, and whether the text alone tells which; or on several, and how. `shards` are then those that it may be. */
  readonly destination: Destination
  /** Of the destination `scatter`: what each shard is asked, and how the answers are put together. */
  readonly scatter?: ScatterOutline
}

/**
 * The preview of a decision whose shards are not settled yet. `params`: `undefined` if they are not known. Pure.
 *
 * Throws what `query` would throw before it sends anything.
 */
export function routePreview(template: Decision, params: Params | undefined, terms: ShardTerms): RoutePreview {
  const { plan, database, analysis, shardMap: map } = template
  if (plan === undefined) return previewed(template, analysis.kind, 'one')
  if (params === undefined) {
    const shards = database.shards.map(({ name }) => name)
    const wishes = shardWishes(template, terms)
    const preview = previewShards(plan, wishes, { database: database.alias, shards, map })
    return previewed(withShards(template, preview.shards, preview.reason), analysis.kind, preview.destination)
  }
  const decision = onShards(template, params, terms)
  const { reasons, shards } = decision.route
  return previewed(decision, analysis.kind, destinationOf(reasons.at(-1)?.rule ?? '', shards))
}

function previewed(decision: Decision, kind: StatementKind, destination: Destination): RoutePreview {
  const base = { ...decision.route, kind, destination }
  if (destination !== 'scatter') return Object.freeze(base)
  const plan = scatterPlanOf(decision)
  return Object.freeze({ ...base, scatter: plan.kind === 'groups' ? groupOutline(plan.plan) : scatterOutline(plan) })
}
