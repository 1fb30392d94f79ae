import { describe, expect, it } from 'vitest'
import { ConfigError, OwnerUnknownError, ShardKeyError } from '../../errors.ts'
import { directoryShards, type DirectoryOptions } from './directory-shards.ts'
import { shardMoves } from './shard-moves.ts'
import { rendezvous } from './rendezvous.ts'

const shards = ['a', 'b', 'c']
const path = 'databases.orders.shardMap'
const declare = (changes: Partial<DirectoryOptions> = {}): ReturnType<ReturnType<typeof directoryShards>['bind']> =>
  directoryShards({ key: 'integer', directory: 'control', ...changes }).bind(shards, path)

/** How many of the keys from 0 each shard gets. */
function spread(changes: Partial<DirectoryOptions>, keys: number): Record<string, number> {
  const { directory } = declare(changes)
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 }
  for (let key = 0; key < keys; key += 1) {
    const shard = directory?.placeOf(String(key)) ?? ''
    counts[shard] = (counts[shard] ?? 0) + 1
  }
  return counts
}

/** The distance of what was counted from what the weights say; with two degrees of freedom above 13.8 once in a thousand. */
function chiSquared(counts: Readonly<Record<string, number>>, weights: Readonly<Record<string, number>>): number {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  return Object.entries(weights).reduce((sum, [shard, weight]) => {
    const expected = (all * weight) / total
    return sum + ((counts[shard] ?? 0) - expected) ** 2 / expected
  }, 0)
}

describe('where new keys go', () => {
  it.each([
    { a: 1, b: 1, c: 1 },
    { a: 2, b: 1, c: 1 },
    { a: 0.5, b: 3, c: 10 },
  ])('as the weights %j say, over 100,000 keys', (weights) => {
    expect(chiSquared(spread({ weights }, 100_000), weights)).toBeLessThan(13.8)
  })

  it('nowhere with a weight of 0, and nowhere that accepts none', () => {
    expect(spread({ weights: { a: 0 }, acceptNew: { c: false } }, 1_000)).toEqual({ a: 0, b: 1_000, c: 0 })
  })

  it('a shard that takes no more changes the place of those that it would have got, and of no others', () => {
    const [all, fewer] = [declare(), declare({ acceptNew: { b: false } })]
    for (let key = 0; key < 1_000; key += 1) {
      const [before, after] = [all.directory?.placeOf(String(key)), fewer.directory?.placeOf(String(key))]
      if (before === 'b') expect(after).not.toBe('b')
      else expect(after).toBe(before)
    }
  })

  it('is the same in every version: what two processes place at once goes by it', () => {
    const contenders = shards.map((shard) => ({ shard, weight: 1 }))
    const placed = Array.from({ length: 24 }, (_, key) => rendezvous(String(key), contenders)).join('')
    expect(placed).toBe('cabbabbcccbaaabcabcbaacc')
  })
})

describe('the options of a directory', () => {
  it.each([
    ['directory', undefined],
    ['directory', ''],
    ['directory', 7],
    ['table', 'owners; drop table x'],
    ['weights', [1]],
    ['maxStalenessMs', -1],
    ['maxStalenessMs', 3_600_001],
    ['cachedKeys', 0],
  ])('refuses %s: %j, naming its path', (option, value) => {
    expect(() => declare({ [option]: value })).toThrow(ConfigError)
    expect(() => declare({ [option]: value })).toThrow(`${path}.${option}: `)
  })

  it.each([
    ['weights', { d: 1 }, 'weights.d'],
    ['weights', { a: -1 }, 'weights.a'],
    ['weights', { a: 1_001 }, 'weights.a'],
    ['weights', { a: Number.NaN }, 'weights.a'],
    ['acceptNew', { a: 'no' }, 'acceptNew.a'],
    ['acceptNew', { d: false }, 'acceptNew.d'],
  ])('refuses %s: %j', (option, value, place) => {
    expect(() => declare({ [option]: value })).toThrow(`${path}.${place}: `)
  })

  it('refuses a map on which no new key has a place', () => {
    expect(() => declare({ weights: { a: 0, b: 0 }, acceptNew: { c: false } })).toThrow('No shard gets new keys')
  })

  it('what is remembered is no part of what the map is', () => {
    expect(declare({ maxStalenessMs: 0, cachedKeys: 7 }).fingerprint).toBe(declare().fingerprint)
    expect(declare({ table: 'other_owner' }).fingerprint).not.toBe(declare().fingerprint)
  })

  it('other weights, and another shard, leave every row where it is', () => {
    const more = directoryShards({ key: 'integer', directory: 'control', weights: { a: 2 }, acceptNew: { b: false } })
    const after = more.bind([...shards, 'd'], path)
    expect(after.fingerprint).toBe(declare().fingerprint)
    expect(shardMoves(declare(), after)).toEqual([])
  })

  it('tells nobody’s shard, and says who does', () => {
    expect(() => declare().shardOf(7)).toThrow(OwnerUnknownError)
    expect(() => declare().shardOf(7)).toThrow('client.findShard(key)')
  })

  it('refuses a key that the table could not hold', () => {
    const texts = declare({ key: 'binary-text' })
    expect(texts.keyText('é'.repeat(256))).toHaveLength(256)
    expect(() => texts.keyText('é'.repeat(257))).toThrow(ShardKeyError)
  })
})
