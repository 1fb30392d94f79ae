import type { ValueSource } from '../../statement/analysis.ts'
import type { Reason } from '../route.ts'
import { chooseShards, type ShardSurroundings, type ShardWishes } from './choose-shards.ts'
import type { KeyPin } from './key-pins.ts'
import type { ShardPlan } from './shard-plan.ts'

/**
 * How many shards a statement runs on: `one`; `by-key`, one too, but which hangs on the values of parameters; `scatter`: each
 * is asked for its part of the answer; `every`: each carries out its part of the change.
 */
export type Destination = 'one' | 'by-key' | 'scatter' | 'every'

export interface ShardPreview {
  readonly destination: Destination
  /** Of `by-key`, those that it may be. */
  readonly shards: readonly string[]
  readonly reason: Reason
}

/** What is known of the shards of a statement before the values of its parameters are. Pure. Throws what `chooseShards` throws. */
export function previewShards(plan: ShardPlan, wishes: ShardWishes, surroundings: ShardSurroundings): ShardPreview {
  if (plan.kind === 'keyed' && plan.isPinned && wishes.bound === undefined && plan.pins.some(hangsOnParameter)) {
    return { destination: 'by-key', shards: surroundings.shards, reason: byKey(plan) }
  }
  // Where not all tables are pinned, or the shard is named, no value of a parameter changes anything.
  const isOpen = plan.kind === 'keyed' && plan.pins.some(hangsOnParameter)
  const { shards, rule, why } = chooseShards(isOpen ? { ...plan, pins: [] } : plan, [], wishes, surroundings)
  const reason = { rule, text: why() }
  return { destination: destinationOf(reason, shards), shards, reason }
}

/** What the choice of these shards for this reason amounts to. */
export function destinationOf({ rule }: Reason, shards: readonly string[]): Destination {
  if (rule === 'scatter') return shards.length > 1 ? 'scatter' : 'one'
  return rule === 'all-shards' || rule === 'rows-by-shard' ? 'every' : 'one'
}

function byKey({ pins, single, isWrite }: Extract<ShardPlan, { kind: 'keyed' }>): Reason {
  const tables = [...new Set(pins.map(({ table }) => table))].join(', ')
  const text = `a parameter gives the shard key of ${tables}, which leads to one shard`
  if (!pins.some(hasSeveralValues)) return { rule: 'shard-key', text }
  const otherwise = single !== undefined || isWrite ? 'refused' : 'asked of each of them'
  return { rule: 'shard-key', text: `${text}; with values of several shards it is ${otherwise}` }
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
