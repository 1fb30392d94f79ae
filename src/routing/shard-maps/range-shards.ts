import { ConfigError, ShardKeyError } from '../../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../../option.ts'
import type { CanonicalKey, DeclaredShardMap, KeyRange, RangeData, ShardKey, ShardMap } from '../shard-map.ts'
import { boundMap } from './bound-map.ts'
import { joined, type KeyShape } from './key-shape.ts'
import { checkShards, readKey, readKeyShape, readShard, sortedNames, type KeyOption } from './map-options.ts'

/** What {@link rangeShards} takes. */
export interface RangeOptions {
  /** The type of each column of the key. */
  readonly key: KeyOption
  /**
   * In ascending order. Each holds the keys from `from` up to but without `to`. Without `from` it begins where the one
   * before it ends, the first with the smallest key; without `to`, the last goes on to the largest. Of a key with several
   * columns a bound may leave out columns from the end. A shard may own several ranges.
   */
  readonly ranges: readonly { readonly from?: ShardKey; readonly to?: ShardKey; readonly shard: string }[]
  /** Whether some keys may belong to no shard, so that a row with one is refused. Default: false. */
  readonly gaps?: boolean | undefined
}

/**
 * Gives each shard the keys from one value to another: neighbours stay together, and a condition on a range goes to few
 * shards. Load follows the keys, so ascending ones all land on the last shard.
 *
 * Keys are compared by their type: integers by value, days and instants by time, everything else by bytes. For text that
 * need not be the database's own order: who owns a key only has to be fixed. But a range in SQL follows the database's, so
 * only `binary-text`, where both are the same, narrows `BETWEEN` to some shards; a range of other text goes to all.
 *
 * @example
 * ```ts
 * import { rangeShards } from 'signalbox'
 *
 * const shardMap = rangeShards({ key: 'date', ranges: [{ to: '2026-01-01', shard: 'archive' }, { shard: 'current' }] })
 * ```
 */
export function rangeShards(options: RangeOptions): DeclaredShardMap {
  return {
    kind: 'range',
    bind(shards, path = 'shardMap') {
      const record = asRecord(options, path)
      refuseUnknownKeys(record, ['key', 'ranges', 'gaps'], path)
      const gaps = record['gaps'] ?? false
      if (typeof gaps !== 'boolean') {
        throw new ConfigError(`${path}.gaps`, `${show(gaps)} is not accepted.`, 'true or false; default false')
      }
      const shape = readKeyShape(record['key'], path)
      const names = checkShards(shards, path)
      return rangeMap(
        shape,
        names,
        readRanges(record['ranges'], { shape, shards: names, gaps }, `${path}.ranges`),
        gaps,
      )
    },
  }
}

function rangeMap(shape: KeyShape, shards: readonly string[], ranges: readonly RangeData[], gaps: boolean): ShardMap {
  const holding = (values: CanonicalKey): RangeData | undefined => {
    let [first, beyond] = [0, ranges.length]
    while (first < beyond) {
      const middle = (first + beyond) >>> 1
      if (isBefore(shape, ranges[middle]?.to ?? null, values)) first = middle + 1
      else beyond = middle
    }
    const range = ranges[first]
    return range !== undefined && (range.from === null || isBefore(shape, range.from, values)) ? range : undefined
  }
  return boundMap(
    shape,
    shards,
    { kind: 'range', key: shape.types, shards: sortedNames(shards), ranges, gaps },
    {
      shardOf(key) {
        const values = shape.values(key)
        const shard = holding(values)?.shard
        if (shard !== undefined) return shard
        throw new ShardKeyError(`No shard owns the key ${show(joined(values))}: it lies in a gap between the ranges.`)
      },
      shardsWithin(range) {
        const owners = new Set(rangesWithin(shape, ranges, range).map(({ shard }) => shard))
        return shards.filter((name) => owners.has(name))
      },
    },
  )
}

/** Whether a bound is at or before a key: the end of a range that does not hold it, the start of one that may. */
function isBefore(shape: KeyShape, bound: CanonicalKey | null, values: CanonicalKey): boolean {
  return bound !== null && shape.compare({ values: bound, behind: false }, { values, behind: false }) <= 0
}

function rangesWithin(shape: KeyShape, ranges: readonly RangeData[], range: KeyRange): readonly RangeData[] {
  const { low, high } = shape.ends(range)
  if (low !== undefined && high !== undefined && shape.compare(low, high) >= 0) return []
  return ranges.filter(
    ({ from, to }) =>
      (from === null || high === undefined || shape.compare({ values: from, behind: false }, high) < 0) &&
      (to === null || low === undefined || shape.compare(low, { values: to, behind: false }) < 0),
  )
}

interface Reading {
  readonly shape: KeyShape
  readonly shards: readonly string[]
  readonly gaps: boolean
}

function readRanges(given: unknown, reading: Reading, path: string): readonly RangeData[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw new ConfigError(path, `${show(given)} is not accepted.`, 'a list of ranges: { from, to, shard }')
  }
  const ranges: RangeData[] = []
  for (const [index, item] of (given as readonly unknown[]).entries()) {
    const range = readRange(item, ranges.at(-1), reading, `${path}[${index}]`)
    const before = ranges.at(-1)
    // Two neighbours of one shard are one range, so that maps with equal answers are equal.
    if (before?.shard === range.shard && same(before.to, range.from))
      ranges[ranges.length - 1] = { ...before, to: range.to }
    else ranges.push(range)
  }
  if (!reading.gaps && ranges.at(-1)?.to !== null) {
    throw new ConfigError(`${path}[${given.length - 1}].to`, 'Nobody owns the keys from here on.', noGaps)
  }
  return ranges
}

const noGaps = 'ranges that hold every key, the first without "from" and the last without "to"; or "gaps: true"'

function readRange(item: unknown, before: RangeData | undefined, reading: Reading, path: string): RangeData {
  const { shape, shards, gaps } = reading
  const record = asRecord(item, path)
  refuseUnknownKeys(record, ['from', 'to', 'shard'], path)
  const bound = (name: 'from' | 'to'): CanonicalKey | null =>
    record[name] === undefined || record[name] === null
      ? null
      : Object.freeze(readKey(shape, record[name], `${path}.${name}`, 'leading'))
  const from = record['from'] === undefined && before !== undefined ? before.to : bound('from')
  const to = bound('to')
  const order = (one: CanonicalKey, other: CanonicalKey): number =>
    shape.compare({ values: one, behind: false }, { values: other, behind: false })
  if (before !== undefined) {
    const step = before.to === null || from === null ? -1 : order(before.to, from)
    if (before.to === null || from === null || step > 0) {
      throw new ConfigError(
        `${path}.from`,
        'The range begins before the one in front of it ends.',
        'ranges in ascending order',
      )
    }
    if (step < 0 && !gaps) throw new ConfigError(`${path}.from`, 'There is a gap in front of this range.', noGaps)
  } else if (from !== null && !gaps) {
    throw new ConfigError(`${path}.from`, 'Nobody owns the keys before the first range.', noGaps)
  }
  if (from !== null && to !== null && order(from, to) >= 0) {
    throw new ConfigError(`${path}.to`, 'The range ends before it begins, or where it begins.', 'a key after "from"')
  }
  return Object.freeze({ shard: readShard(record['shard'], shards, `${path}.shard`), from, to })
}

function same(one: CanonicalKey | null, other: CanonicalKey | null): boolean {
  return one !== null && other !== null && one.length === other.length && joined(one) === joined(other)
}
