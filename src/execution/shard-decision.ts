import { LookupWriteError } from '../routing/lookups/lookup-error.ts'
import type { Reason, Route } from '../routing/route.ts'
import { boundShard } from '../routing/shards/bound-shard.ts'
import {
  chooseShards,
  type ShardChoice,
  type ShardSurroundings,
  type ShardWishes,
} from '../routing/shards/choose-shards.ts'
import type { ShardAnswers, Unanswered } from '../routing/shards/unanswered.ts'
import { innerBinding, type ShardBinding } from '../routing/surroundings.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'
import type { OpenShard } from './one-shard.ts'

/** What surrounds a statement on shards. */
export interface ShardTerms {
  /** The key that the scope or the call names. */
  readonly binding?: ShardBinding | undefined
  readonly open?: OpenShard | undefined
  readonly allShards?: boolean | undefined
  /** What was asked for this call, because the choice of its shards could not do without. */
  readonly answers?: ShardAnswers | undefined
}

/** Nothing is said about shards. */
export const noTerms: ShardTerms = Object.freeze({})

/** What the scope around a call, the call and the open transaction say about shards. */
export function shardTermsOf(
  outer: ShardBinding | undefined,
  call: { readonly shardKey?: unknown; readonly allShards?: boolean } | undefined,
  open: OpenShard | undefined,
): ShardTerms {
  if (outer === undefined && open === undefined && call === undefined) return noTerms
  const { shardKey, allShards } = call ?? {}
  const own: ShardBinding = { key: shardKey, locked: false, by: 'the call', byCall: true }
  return { binding: shardKey === undefined ? outer : innerBinding(outer, own), allShards, open }
}

/**
 * The decision with the shards that these parameters lead to. Pure, but for remembering its answers: for the same shards it
 * is the same object, so that a statement that comes again costs little more than to find the shard of its key.
 *
 * Throws what `chooseShards` throws, and `Unanswered` where a database has to be asked first.
 */
export function onShards(template: Decision, params: Params, terms: ShardTerms): Decision {
  const { plan, placements, askedShard } = template
  if (plan === undefined || placements === undefined) return template
  const wishes = shardWishes(template, terms)
  const choice = chooseShards(plan, params, wishes, shardSurroundings(template, terms))
  refuseUnknownValues(template)
  const [only = ''] = choice.shards
  const key = choice.shards.length === 1 ? `${choice.rule} ${only}` : `${choice.rule} ${choice.shards.join(' ')}`
  // A scope that names its key is one of many; those are not worth remembering.
  const isLasting = wishes.bound === undefined || askedShard !== undefined
  const known = isLasting ? placements.get(key) : undefined
  if (known !== undefined) return withOwnValues(known, choice)
  const placed = withShards(template, choice.shards, { rule: choice.rule, text: choice.why() })
  if (isLasting && placements.size < mostPlacements) placements.set(key, placed)
  return withOwnValues(placed, choice)
}

/** Whoever names the shard does not say which values looked-up columns get there. */
export function refuseUnknownValues({ lookupUse, database }: Decision): void {
  if (lookupUse?.kind !== 'refused') return
  throw new LookupWriteError(
    `${lookupUse.text.charAt(0).toUpperCase()}${lookupUse.text.slice(1)}. Nothing was sent. ` +
      'Name the column and the shard key with their values: INSERT … (key, column) VALUES (…), UPDATE … SET column = … WHERE key = ….',
    { database: database.alias },
  )
}

/** What hangs on the values of this call, and on what was asked for it, is nothing to remember. */
function withOwnValues(placed: Decision, { rows, lists, keys }: ShardChoice): Decision {
  const ownedKeys = placed.route.effect === 'read' || placed.analysis.kind === 'ddl' ? undefined : keys
  if (rows === undefined && lists === undefined && ownedKeys === undefined) return placed
  return { ...placed, rows, keyLists: lists, ownedKeys }
}

/** What the shards of a statement are chosen from. */
export function shardSurroundings(template: Decision, { answers }: ShardTerms): ShardSurroundings {
  const { database, shardMap: map, shardNames: shards = [] } = template
  return { database: database.alias, shards, map, answers, refusesScatters: database.refusesScatters }
}

/** The decision as far as it is known while somebody has to be asked: it may be any of the shards. */
export function openDecision(template: Decision, { questions }: Unanswered): Decision {
  const asked = [...new Set(questions.map(({ about }) => about))].join(', ')
  const reason: Reason = { rule: 'ask-first', text: `on which of these shards its rows are has to be asked: ${asked}` }
  const decision = withShards(template, template.shardNames ?? [], reason)
  const { consistency: _, ...route } = decision.route
  return { ...decision, route: Object.freeze(route), isOpen: true }
}

/** What the scope, the call, the open transaction and routers say about the shards of a statement. */
export function shardWishes(template: Decision, terms: ShardTerms): ShardWishes {
  const { database, askedShard, route } = template
  const { binding, open, allShards } = terms
  // A change whose text names no key may bring the first rows of the one that the scope names.
  const bound = boundShard(binding, shardSurroundings(template, terms), route.effect === 'read' ? 'find' : 'place')
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
  const shardRule = reason?.rule ?? decision.shardRule
  return { ...decision, route: on, server: shard?.primary ?? decision.server, shardRule }
}
