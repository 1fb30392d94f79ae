import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../errors.ts'
import type { ShardMap } from '../shard-map.ts'
import { hashShards, type HashOptions } from './hash-shards.ts'
import { shardMoves } from './shard-moves.ts'

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `s${index}`)

/** How many buckets each shard owns. */
function sizes({ data }: ShardMap): Readonly<Record<string, number>> {
  if (data.kind !== 'hash') return {}
  const size = (runs: readonly (readonly [number, number])[]): number =>
    runs.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  return Object.fromEntries(Object.entries(data.owners).map(([name, runs]) => [name, size(runs)]))
}

function moved(from: ShardMap, to: ShardMap): number {
  const sum = (runs: readonly (readonly [number, number])[]): number =>
    runs.reduce((count, [first, last]) => count + last - first + 1, 0)
  return (shardMoves(from, to) ?? []).reduce((all, { part }) => all + (part.kind === 'hash' ? sum(part.buckets) : 0), 0)
}

describe('buckets', () => {
  // The vectors of ADR 14.
  it.each([
    ['integer', 7, 2_289],
    ['integer', -1, 1_723],
    ['integer', 18_446_744_073_709_551_615n, 2_023],
    ['text', 'Größe', 3_364],
    ['caseless-text', 'Anna@Example.ORG', 1_911],
    ['uuid', '0190A1B2-C3D4-7ABC-8DEF-0123456789AB', 1_797],
    ['bytes', Uint8Array.of(0, 255, 16), 3_951],
    ['date', '2024-02-29', 3_470],
    ['instant', new Date(0), 2_212],
    [['text', 'integer'], ['eu', 7], 2_214],
    [['text', 'integer'], ['a|b', 7], 1_744],
  ] as const)('of %s %s is the published one', (key, value, bucket) => {
    expect(hashShards({ key }).bind(['a']).bucketOf(value)).toBe(bucket)
  })

  it('are the first digits of the MD5, as SQL would find them', () => {
    const map = hashShards({ key: 'integer' }).bind(['a'])
    const few = hashShards({ key: 'integer', buckets: 16 }).bind(['a'])
    fc.assert(
      fc.property(fc.bigInt(), (key) => {
        const digest = createHash('md5').update(String(key)).digest('hex')
        expect(map.bucketOf(key)).toBe(Number.parseInt(digest.slice(0, 3), 16))
        expect(few.bucketOf(key)).toBe(Number.parseInt(digest.slice(0, 1), 16))
      }),
    )
  })

  it('are doubled without moving a row', () => {
    const before = hashShards({ key: 'integer' }).bind(names(3))
    if (before.data.kind !== 'hash') throw new Error('not a hash map')
    const owners = Object.fromEntries(
      Object.entries(before.data.owners).map(([name, runs]) => [
        name,
        runs.map(([first, last]) => [2 * first, 2 * last + 1] as const),
      ]),
    )
    const after = hashShards({ key: 'integer', buckets: 8_192, owners }).bind(names(3))
    fc.assert(fc.property(fc.integer(), (key) => after.shardOf(key) === before.shardOf(key)))
    expect(after.fingerprint).not.toBe(before.fingerprint)
    expect(shardMoves(before, after)).toEqual([])
  })
})

/** χ² of 100,000 keys over the buckets, in standard deviations from what an even spread gives. */
function deviation(keyOf: (index: number) => unknown, key: HashOptions['key'], buckets: number): number {
  const keys = 100_000
  const map = hashShards({ key, buckets }).bind(['a'])
  const counts = new Uint32Array(buckets)
  for (let index = 0; index < keys; index += 1) {
    const bucket = map.bucketOf(keyOf(index))
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  const expected = keys / buckets
  const sum = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0)
  return (sum - (buckets - 1)) / Math.sqrt(2 * (buckets - 1))
}

describe('the spread', () => {
  const padded = (index: number): string => String(index).padStart(12, '0')
  it.each([
    ['ascending integers', 'integer', (index: number) => index],
    ['integers a thousand apart', 'integer', (index: number) => index * 1_024],
    ['ids with the shard in their last bits', 'integer', (index: number) => (BigInt(index) << 22n) | 5n],
    ['UUIDs that differ at the end', 'uuid', (index: number) => `0190a1b2-c3d4-7abc-8def-${padded(index)}`],
    ['e-mail addresses', 'caseless-text', (index: number) => `customer.${index}@mail${index % 7}.example.org`],
    [
      'texts with a long beginning in common',
      'text',
      (index: number) => `tenant/europe/germany/${'x'.repeat(60)}/${index}`,
    ],
    ['days', 'date', (index: number) => new Date(index * 86_400_000).toISOString().slice(0, 10)],
  ] as const)('of %s is as even as chance', (_, key, keyOf) => {
    for (const buckets of [16, 4_096, 65_536]) {
      expect(Math.abs(deviation(keyOf, key, buckets)), `${buckets} buckets`).toBeLessThan(4)
    }
  })
})

describe('growing', () => {
  const buckets = fc.constantFrom(64, 256, 4_096)

  it('from n to n + 1 shards moves one bucket in n + 1, all to the new one', () => {
    fc.assert(
      fc.property(buckets, fc.integer({ min: 1, max: 40 }), (count, n) => {
        const before = hashShards({ key: 'integer', buckets: count }).bind(names(n))
        const after = before.over(names(n + 1))
        expect(moved(before, after)).toBeLessThanOrEqual(Math.ceil(count / (n + 1)))
        expect(moved(before, after)).toBeGreaterThanOrEqual(Math.floor(count / (n + 1)))
        expect(new Set((shardMoves(before, after) ?? []).map(({ to }) => to))).toEqual(new Set([`s${n}`]))
      }),
    )
  })

  it('keeps the shards even through any changes, and moves only what evenness asks for', () => {
    const change = fc.uniqueArray(fc.constantFrom(...names(12)), { minLength: 1 })
    fc.assert(
      fc.property(buckets, fc.array(change, { minLength: 2, maxLength: 6 }), (count, [first = ['s0'], ...changes]) => {
        let map = hashShards({ key: 'integer', buckets: count }).bind(first)
        for (const shards of changes) {
          const next = map.over(shards)
          const after = shards.map((name) => sizes(next)[name] ?? 0)
          expect(Math.max(...after) - Math.min(...after)).toBeLessThanOrEqual(1)
          expect(after.reduce((sum, size) => sum + size, 0)).toBe(count)
          // A shard gives nothing away and gets something at the same time.
          const gained = shards.reduce(
            (sum, name) => sum + Math.max(0, (sizes(next)[name] ?? 0) - (sizes(map)[name] ?? 0)),
            0,
          )
          expect(moved(map, next)).toBe(gained)
          map = next
        }
      }),
    )
  })

  it('moves the keys of those buckets and no others', () => {
    const before = hashShards({ key: 'integer' }).bind(names(3))
    const after = before.over(names(4))
    const moves = shardMoves(before, after) ?? []
    expect(moves.map(({ from, to }) => [from, to])).toEqual([
      ['s0', 's3'],
      ['s1', 's3'],
      ['s2', 's3'],
    ])
    for (let key = 0; key < 5_000; key += 1) {
      const bucket = before.bucketOf(key)
      const move = moves.find(
        ({ part }) => part.kind === 'hash' && part.buckets.some(([first, last]) => first <= bucket && bucket <= last),
      )
      expect([before.shardOf(key), after.shardOf(key)]).toEqual(
        move === undefined ? [before.shardOf(key), before.shardOf(key)] : [move.from, move.to],
      )
    }
  })

  it('leaves each shard one run, and the moved buckets one run a shard', () => {
    expect(hashShards({ key: 'integer' }).bind(['b', 'a', 'c']).data).toMatchObject({
      owners: { a: [[0, 1_365]], b: [[1_366, 2_730]], c: [[2_731, 4_095]] },
    })
    expect(hashShards({ key: 'integer' }).bind(['b', 'a', 'c']).over(['a', 'b', 'c', 'd']).data).toMatchObject({
      owners: {
        a: [[0, 1_023]],
        b: [[1_366, 2_389]],
        c: [[2_731, 3_754]],
        d: [
          [1_024, 1_365],
          [2_390, 2_730],
          [3_755, 4_095],
        ],
      },
    })
  })

  it('needs a bucket a shard', () => {
    const map = hashShards({ key: 'integer', buckets: 4 }).bind(names(4))
    expect(() => map.over(names(5))).toThrow('4 buckets are too few for 5 shards')
    expect(() => hashShards({ key: 'integer', buckets: 4 }).bind(names(5))).toThrow(ConfigError)
  })
})

describe('options', () => {
  const owners = { a: [[0, 1]], b: [[2, 3]] } as const
  it.each([
    [{ buckets: 1 }, 'shardMap.buckets: 1 is not accepted. Allowed: a power of two from 2 to 65536; default 4096.'],
    [{ buckets: 100 }, 'shardMap.buckets: 100 is not accepted.'],
    [{ buckets: 131_072 }, 'shardMap.buckets: 131072 is not accepted.'],
    [{ buckets: '64' }, 'shardMap.buckets: "64" is not accepted.'],
    [{ buckets: 4, owners: { ...owners, d: [] } }, 'shardMap.owners.d: There is no shard "d". Allowed: "a", "b", "c".'],
    [
      { buckets: 4, owners: { a: [[0, 1]], b: [[1, 3]] } },
      'shardMap.owners.b[0]: The bucket 1 belongs to "a" already.',
    ],
    [{ buckets: 4, owners: { a: [[0, 1]], b: [[3, 3]] } }, 'shardMap.owners: Nobody owns the bucket 2.'],
    [{ buckets: 4, owners: { a: [[0, 4]] } }, 'shardMap.owners.a[0]: [0, 4] is not accepted.'],
    [{ buckets: 4, owners: { a: [[1, 0]] } }, 'shardMap.owners.a[0]: [1, 0] is not accepted.'],
    [{ buckets: 4, owners: { a: [[0, 1, 2]] } }, 'shardMap.owners.a[0]: [0, 1, 2] is not accepted.'],
    [{ buckets: 4, owners: { a: [0] } }, 'shardMap.owners.a[0]: 0 is not accepted.'],
    [{ buckets: 4, owners: { a: 0 } }, 'shardMap.owners.a: 0 is not accepted.'],
    [{ buckets: 4, owners: [] }, 'shardMap.owners: an array of 0 is not accepted.'],
  ])('refuses %j', (options, message) => {
    const bind = (): unknown => hashShards({ key: 'integer', ...options } as HashOptions).bind(['a', 'b', 'c'])
    expect(bind).toThrow(ConfigError)
    expect(bind).toThrow(message)
  })

  it('lets a shard own nothing yet, and sends nothing there', () => {
    const map = hashShards({ key: 'integer', buckets: 4, owners }).bind(['a', 'b', 'c'])
    expect(map.shards).toEqual(['a', 'b', 'c'])
    expect(map.shardsWithin({})).toEqual(['a', 'b'])
    expect(map.data).toMatchObject({ owners: { a: [[0, 1]], b: [[2, 3]], c: [] } })
  })
})
