import type { Reason, Route } from '../routing/route.ts'
import { boundShard } from '../routing/shards/bound-shard.ts'
import { chooseShards, type ShardWishes } from '../routing/shards/choose-shards.ts'
import type { ShardBinding } from '../routing/surroundings.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'
import type { OpenShard } from './one-shard.ts'

/** What surrounds a statement on shards. */
export interface ShardTerms {
  /** The key that the scope or the call names. */
  readonly binding?: ShardBinding | undefined
  readonly open?: OpenShard | undefined
  readonly allShards?: boolean | undefined
}

/** Nothing is said about shards. */
export const noTerms: ShardTerms = Object.freeze({})

/**
 * The decision with the shards that these parameters lead to. Pure, but for remembering its answers: for the same shards it
 * is the same object, so that a statement that comes again costs little more than to find the shard of its key.
 *
 * Throws what `chooseShards` throws.
 */
export function onShards(template: Decision, params: Params, terms: ShardTerms): Decision {
  const { plan, database, placements, askedShard, shardMap, shardNames = [] } = template
  if (plan === undefined || placements === undefined) return template
  const wishes = shardWishes(template, terms)
  const choice = chooseShards(plan, params, wishes, { database: database.alias, shards: shardNames, map: shardMap })
  const [only = ''] = choice.shards
  const key = choice.shards.length === 1 ? `${choice.rule} ${only}` : `${choice.rule} ${choice.shards.join(' ')}`
  // A scope that names its key is one of many; those are not worth remembering.
  const isLasting = wishes.bound === undefined || askedShard !== undefined
  const known = isLasting ? placements.get(key) : undefined
  if (known !== undefined) return known
  const placed = withShards(template, choice.shards, { rule: choice.rule, text: choice.why() })
  if (isLasting && placements.size < mostPlacements) placements.set(key, placed)
  return placed
}

/** What the scope, the call, the open transaction and routers say about the shards of a statement. */
export function shardWishes({ database, askedShard, shardMap }: Decision, terms: ShardTerms): ShardWishes {
  const { binding, open, allShards } = terms
  const bound = boundShard(database.alias, binding, shardMap)
  return {
    bound: askedShard === undefined ? bound : { shard: askedShard, because: 'a router asked for this shard' },
    allShards,
    lockedKey: bound !== undefined && binding?.locked === true ? binding.key : undefined,
    preferred: open?.on === database ? open.shard : undefined,
  }
}

const mostPlacements = 1_000

/** The decision on these shards. What belongs to one shard is that of the first. */
export function withShards(decision: Decision, names: readonly string[], reason?: Reason): Decision {
  const { database, route } = decision
  const [first = ''] = names
  const shard = database.shards.find(({ name }) => name === first) ?? database.shards[0]
  const reasons = reason === undefined ? route.reasons : Object.freeze([...route.reasons, Object.freeze(reason)])
  const { consistency: _, ...rest } = route
  const isScattered = names.length > 1 && route.effect === 'read'
  const on: Route = Object.freeze({
    ...rest,
    shards: Object.freeze([...names]),
    ...(isScattered ? { consistency: 'perShard' as const } : {}),
    reasons,
  })
  return { ...decision, route: on, server: shard?.primary ?? decision.server }
}
