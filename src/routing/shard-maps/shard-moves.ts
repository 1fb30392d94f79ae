import type { BucketRun, CanonicalKey, MovedPart, RangeData, ShardMap, ShardMapData, ShardMove } from '../shard-map.ts'
import { joined, KeyShape } from './key-shape.ts'

type DataOf<K extends ShardMapData['kind']> = Extract<ShardMapData, { kind: K }>

/**
 * What changes its shard from one map to another: for each pair of shards what moves between them, and nothing else.
 * Ordered by shard, then by key. `undefined` where it cannot be told from the maps alone (they are of different kinds, have
 * keys of different types, or are a user's own function): then every row is asked for its shard.
 */
export function shardMoves(from: ShardMap, to: ShardMap): readonly ShardMove[] | undefined {
  const [before, after] = [from.data, to.data]
  if (from.fingerprint === to.fingerprint) return []
  if (joined(before.key) !== joined(after.key)) return undefined
  const shape = new KeyShape(before.key)
  if (before.kind === 'hash' && after.kind === 'hash') return hashMoves(before, after)
  if (before.kind === 'range' && after.kind === 'range') return rangeMoves(before, after, shape)
  if (before.kind === 'list' && after.kind === 'list') return listMoves(before, after)
  if (before.kind === 'modulo' && after.kind === 'modulo') return moduloMoves(before, after)
  return undefined
}

/** In terms of the larger number of buckets: each of the smaller one's is a run of them. */
function hashMoves(before: DataOf<'hash'>, after: DataOf<'hash'>): readonly ShardMove[] {
  const buckets = Math.max(before.buckets, after.buckets)
  const [old, now] = [bucketOwners(before, buckets), bucketOwners(after, buckets)]
  const moved = pairs(
    Array.from({ length: buckets }, (_, bucket) => [old[bucket], now[bucket] ?? null, bucket] as const),
  )
  return moved.map(({ from, to, items }) => ({ from, to, part: { kind: 'hash', buckets: runs(items) } }))
}

function bucketOwners({ owners, buckets }: DataOf<'hash'>, count: number): readonly string[] {
  const list: string[] = Array.from({ length: count })
  const each = count / buckets
  for (const [shard, shardRuns] of Object.entries(owners)) {
    for (const [first, last] of shardRuns) list.fill(shard, first * each, (last + 1) * each)
  }
  return list
}

function runs(buckets: readonly number[]): readonly BucketRun[] {
  const found: [number, number][] = []
  for (const bucket of buckets) {
    const run = found.at(-1)
    if (run?.[1] === bucket - 1) run[1] = bucket
    else found.push([bucket, bucket])
  }
  return found
}

function rangeMoves(before: DataOf<'range'>, after: DataOf<'range'>, shape: KeyShape): readonly ShardMove[] {
  const moves: { from: string; to: string | null; part: Extract<MovedPart, { kind: 'range' }> }[] = []
  let start: CanonicalKey | null = null
  for (const end of [...bounds([...before.ranges, ...after.ranges], shape), null]) {
    const [old, now] = [ownerFrom(before.ranges, start, shape), ownerFrom(after.ranges, start, shape)]
    if (old !== null && old !== now) {
      const last = moves.at(-1)
      const goesOn = last?.from === old && last.to === now && last.part.to !== null && last.part.to === start
      if (goesOn) last.part = { ...last.part, to: end }
      else moves.push({ from: old, to: now, part: { kind: 'range', from: start, to: end } })
    }
    start = end
  }
  return moves
}

function bounds(ranges: readonly RangeData[], shape: KeyShape): readonly CanonicalKey[] {
  const all = new Map<string, CanonicalKey>()
  for (const bound of ranges.flatMap(({ from, to }) => [from, to])) {
    if (bound !== null) all.set(`${bound.length}:${joined(bound)}`, bound)
  }
  return [...all.values()].sort((one, other) => order(shape, one, other))
}

/** Who owns the keys from a bound (`null`: from the smallest) up to the next one. */
function ownerFrom(ranges: readonly RangeData[], start: CanonicalKey | null, shape: KeyShape): string | null {
  const range = ranges.find(
    ({ from, to }) =>
      (from === null || (start !== null && order(shape, from, start) <= 0)) &&
      (to === null || start === null || order(shape, start, to) < 0),
  )
  return range?.shard ?? null
}

function order(shape: KeyShape, one: CanonicalKey, other: CanonicalKey): number {
  return shape.compare({ values: one, behind: false }, { values: other, behind: false })
}

function listMoves(before: DataOf<'list'>, after: DataOf<'list'>): readonly ShardMove[] {
  const [old, now] = [listed(before), listed(after)]
  const all = new Map([...old, ...now].map(([text, { values }]) => [text, values]))
  const moved = pairs<CanonicalKey | null>([
    ...[...all].map(
      ([text, values]) =>
        [old.get(text)?.shard ?? before.default ?? undefined, now.get(text)?.shard ?? after.default, values] as const,
    ),
    [before.default ?? undefined, after.default, null],
  ])
  return moved.map(({ from, to, items }) => {
    const values = items.filter((item) => item !== null)
    return { from, to, part: { kind: 'list', values, others: values.length < items.length } }
  })
}

function listed({ lists }: DataOf<'list'>): ReadonlyMap<string, { shard: string; values: CanonicalKey }> {
  return new Map(
    Object.entries(lists).flatMap(([shard, keys]) =>
      keys.map((values) => [joined(values), { shard, values }] as const),
    ),
  )
}

/** A number's remainders by two moduli follow from the one by their least common multiple. */
function moduloMoves(before: DataOf<'modulo'>, after: DataOf<'modulo'>): readonly ShardMove[] {
  const [old, now] = [before.order, after.order]
  const modulus = (old.length * now.length) / commonDivisor(old.length, now.length)
  const moved = pairs(
    Array.from(
      { length: modulus },
      (_, rest) => [old[rest % old.length], now[rest % now.length] ?? null, rest] as const,
    ),
  )
  return moved.map(({ from, to, items }) => ({ from, to, part: { kind: 'modulo', modulus, remainders: items } }))
}

function commonDivisor(one: number, other: number): number {
  return other === 0 ? one : commonDivisor(other, one % other)
}

/** Groups what moves by its two shards. What had no shard before has no rows that could move. */
function pairs<T>(items: readonly (readonly [from: string | undefined, to: string | null, item: T])[]) {
  const groups = new Map<string, { readonly from: string; readonly to: string | null; readonly items: T[] }>()
  for (const [from, to, item] of items) {
    if (from === undefined || from === to) continue
    const name = JSON.stringify([from, to])
    const group = groups.get(name) ?? { from, to, items: [] }
    group.items.push(item)
    groups.set(name, group)
  }
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => group)
}
