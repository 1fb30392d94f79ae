import type { ValueSource } from '../../statement/analysis.ts'
import { lookupOf } from '../lookups/looked-up-keys.ts'
import type { LookupPin } from '../lookups/lookup-plan.ts'
import type { Reason } from '../route.ts'
import { chooseShards, type ShardChoice, type ShardSurroundings, type ShardWishes } from './choose-shards.ts'
import type { KeyPin } from './key-pins.ts'
import type { ShardPlan } from './shard-plan.ts'

/**
 * How many shards a statement runs on: `one`; `by-key`, one too, but which hangs on the values of parameters; `scatter`: each
 * is asked for its part of the answer; `every`: each carries out the change, or inserts its own rows of it.
 */
export type Destination = 'one' | 'by-key' | 'scatter' | 'every'

export interface ShardPreview {
  readonly destination: Destination
  /** Of `by-key`, those that it may be. */
  readonly shards: readonly string[]
  readonly reason: Reason
  /** As of {@link ShardChoice}. */
  readonly lists?: ShardChoice['lists']
}

/** What is known of the shards of a statement before the values of its parameters are. Pure. Throws what `chooseShards` throws. */
export function previewShards(plan: ShardPlan, wishes: ShardWishes, surroundings: ShardSurroundings): ShardPreview {
  if (plan.kind === 'keyed' && plan.isPinned && wishes.bound === undefined && plan.pins.some(hangsOnParameter)) {
    return { destination: 'by-key', shards: surroundings.shards, reason: byKey(plan) }
  }
  if (plan.kind === 'keyed' && plan.lookedUp.length > 0 && wishes.bound === undefined)
    return { destination: 'by-key', shards: surroundings.shards, reason: byLookup(plan.lookedUp) }
  // Where not all tables are pinned, or the shard is named, no value of a parameter changes anything.
  const isOpen = plan.kind === 'keyed' && plan.pins.some(hangsOnParameter)
  const { shards, rule, why, lists } = chooseShards(isOpen ? { ...plan, pins: [] } : plan, [], wishes, surroundings)
  return { destination: destinationOf(rule, shards), shards, reason: { rule, text: why() }, lists }
}

/** What the choice of these shards for this reason amounts to. */
export function destinationOf(rule: string, shards: readonly string[]): Destination {
  if (shards.length === 1) return 'one'
  return rule === 'scatter' ? 'scatter' : 'every'
}

function byKey({ pins, single, isWrite, inserts }: Extract<ShardPlan, { kind: 'keyed' }>): Reason {
  const tables = [...new Set(pins.map(({ table }) => table))].join(', ')
  const text = `a parameter gives the shard key of ${tables}, which leads to one shard`
  if (!pins.some(hasSeveralValues)) return { rule: 'shard-key', text }
  const isSpread = single === undefined && inserts !== undefined
  const otherwise = isSpread
    ? 'spread over them'
    : single !== undefined || isWrite
      ? 'refused'
      : 'asked of each of them'
  return { rule: 'shard-key', text: `${text}; with values of several shards it is ${otherwise}` }
}

function byLookup(pins: readonly LookupPin[]): Reason {
  const names = [...new Set(pins.map(({ lookup }) => lookupOf(lookup)))].join(' and ')
  return { rule: 'ask-first', text: `${names} has to be asked, which leads to the shard of a key` }
}

function hasSeveralValues({ columns }: KeyPin): boolean {
  return columns.some(({ values }) => values.length > 1 || values.some(({ from }) => from === 'array-parameter'))
}

function hangsOnParameter({ columns }: KeyPin): boolean {
  return columns.some(({ values }) => values.some(isParameter))
}

function isParameter({ from }: ValueSource): boolean {
  return from === 'parameter' || from === 'named' || from === 'array-parameter'
}
