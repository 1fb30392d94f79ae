import { ShardKeyError } from '../../errors.ts'
import type { RangeBound } from '../../statement/analysis.ts'
import type { Params } from '../../statement/statement.ts'
import { givenValues } from '../given-values.ts'
import type { KeyBound, ShardMap } from '../shard-map.ts'
import type { KeyRangePin } from './key-pins.ts'

/**
 * The shards in which rows of a place can be whose key lies in all of these ranges: never too few. A range whose bounds are not known, or
 * cannot be keys (`id > 2.5`), says nothing here: the engine compares them all the same.
 */
export function shardsOfRanges(ranges: readonly KeyRangePin[], params: Params, map: ShardMap): readonly string[] {
  return ranges.reduce<readonly string[]>((shards, range) => {
    const within = shardsOfRange(range, params, map)
    return shards.filter((shard) => within.includes(shard))
  }, map.shards)
}

function shardsOfRange({ leading, from, to }: KeyRangePin, params: Params, map: ShardMap): readonly string[] {
  const start = givenValues(leading, params)
  if (start === undefined) return map.shards
  const bounds = [from, to].map((bound) => keyBound(start, bound, params))
  if (bounds.includes('unknown')) return map.shards
  const [low, high] = bounds as (KeyBound | undefined)[]
  try {
    return map.shardsWithin({ from: low, to: high })
  } catch (error) {
    if (error instanceof ShardKeyError) return map.shards
    throw error
  }
}

/** One end of a range; without a bound of its own, that of the columns before it. */
function keyBound(
  start: readonly unknown[],
  bound: RangeBound | undefined,
  params: Params,
): KeyBound | 'unknown' | undefined {
  if (bound === undefined) return start.length === 0 ? undefined : { key: start, inclusive: true }
  const given = givenValues([bound.value], params)
  return given === undefined ? 'unknown' : { key: [...start, ...given], inclusive: bound.inclusive }
}
