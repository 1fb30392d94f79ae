import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShardKeyError } from '../../errors.ts'
import type { MovedPart, ShardMap } from '../shard-map.ts'
import { customShards } from './custom-shards.ts'
import { hashShards } from './hash-shards.ts'
import { listShards } from './list-shards.ts'
import { md5Hex } from './md5.ts'
import { moduloShards } from './modulo-shards.ts'
import { rangeShards } from './range-shards.ts'
import { shardMoves } from './shard-moves.ts'

const shards = ['a', 'b', 'c']
const shard = fc.constantFrom(...shards)
const keys = Array.from({ length: 64 }, (_, index) => index - 2)

/** The shard of a key, `null` if nobody owns it. */
function ownerOf(map: ShardMap, key: number): string | null {
  try {
    return map.shardOf(key)
  } catch (error) {
    if (error instanceof ShardKeyError) return null
    throw error
  }
}

function holds(part: MovedPart, key: number, listed: ReadonlySet<number>): boolean {
  switch (part.kind) {
    case 'hash': {
      const bucket = Number.parseInt(md5Hex(String(key)).slice(0, 1), 16)
      return part.buckets.some(([first, last]) => first <= bucket && bucket <= last)
    }
    case 'range':
      return (part.from === null || Number(part.from[0]) <= key) && (part.to === null || key < Number(part.to[0]))
    case 'list':
      return part.values.some(([value]) => Number(value) === key) || (part.others && !listed.has(key))
    case 'modulo':
      return part.remainders.includes(Number(BigInt(`0x${md5Hex(String(key))}`) % BigInt(part.modulus)))
  }
}

/** Every key that changes its shard is in the one move between its two shards, and no other key is in any. */
function expectMoves(from: ShardMap, to: ShardMap, listed: ReadonlySet<number> = new Set()): void {
  const moves = shardMoves(from, to) ?? []
  for (const key of keys) {
    const [before, after] = [ownerOf(from, key), ownerOf(to, key)]
    const found = moves.filter(({ part }) => holds(part, key, listed)).map((move) => [move.from, move.to])
    expect(found, `${key}: ${before} → ${after}`).toEqual(before === null || before === after ? [] : [[before, after]])
  }
}

/** A list map or a range map over the keys, made from the shard of each: `undefined` has none. */
const layout = fc.array(fc.option(shard, { nil: undefined }), { minLength: 1, maxLength: 12 })

describe('what moves is what has another shard', () => {
  it('in a hash map', () => {
    const owners = fc.array(shard, { minLength: 16, maxLength: 16 })
    const map = (names: readonly string[]): ShardMap =>
      hashShards({
        key: 'integer',
        buckets: 16,
        owners: Object.fromEntries(
          shards.map((name) => [
            name,
            names.flatMap((owner, bucket) => (owner === name ? [[bucket, bucket] as const] : [])),
          ]),
        ),
      }).bind(shards)
    fc.assert(fc.property(owners, owners, (one, other) => expectMoves(map(one), map(other))))
  })

  it('in a range map, gaps included', () => {
    const map = (names: readonly (string | undefined)[]): ShardMap =>
      rangeShards({
        key: 'integer',
        gaps: true,
        ranges: [
          { to: 0, shard: 'a' },
          ...names.flatMap((name, index) =>
            name === undefined ? [] : [{ from: index * 5, to: index * 5 + 5, shard: name }],
          ),
        ],
      }).bind(shards)
    fc.assert(fc.property(layout, layout, (one, other) => expectMoves(map(one), map(other))))
  })

  it('in a list map, with and without defaults', () => {
    const map = (names: readonly (string | undefined)[], rest: string | undefined): ShardMap =>
      listShards({
        key: 'integer',
        lists: Object.fromEntries(
          shards.map((name) => [name, names.flatMap((owner, key) => (owner === name ? [key] : []))]),
        ),
        default: rest,
      }).bind(shards)
    const rest = fc.option(shard, { nil: undefined })
    fc.assert(
      fc.property(layout, layout, rest, rest, (one, other, oneRest, otherRest) => {
        const listed = new Set(keys.filter((key) => one[key] !== undefined || other[key] !== undefined))
        expectMoves(map(one, oneRest), map(other, otherRest), listed)
      }),
    )
  })

  it('in a modulo map', () => {
    const map = (count: number): ShardMap => {
      const order = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, count)
      return moduloShards({ key: 'integer', order }).bind(order)
    }
    const count = fc.integer({ min: 1, max: 6 })
    fc.assert(fc.property(count, count, (one, other) => expectMoves(map(one), map(other))))
    const remainders = (shardMoves(map(3), map(4)) ?? []).flatMap(({ part }) =>
      part.kind === 'modulo' ? part.remainders : [],
    )
    expect(remainders).toHaveLength(9)
  })
})

it('neighbouring ranges that move alike are one move', () => {
  const before = rangeShards({ key: 'date', ranges: [{ shard: 'a' }] }).bind(shards)
  const after = rangeShards({
    key: 'date',
    ranges: [{ to: '2025-01-01', shard: 'b' }, { to: '2026-01-01', shard: 'a' }, { shard: 'c' }],
  }).bind(shards)
  expect(shardMoves(before, after)).toEqual([
    { from: 'a', to: 'b', part: { kind: 'range', from: null, to: ['2025-01-01'] } },
    { from: 'a', to: 'c', part: { kind: 'range', from: ['2026-01-01'], to: null } },
  ])
  const back = rangeShards({ key: 'date', ranges: [{ shard: 'c' }] }).bind(shards)
  const split = rangeShards({ key: 'date', ranges: [{ to: '2025-06-01', shard: 'b' }, { shard: 'c' }] }).bind(shards)
  expect(shardMoves(split, after)).toEqual([
    { from: 'b', to: 'a', part: { kind: 'range', from: ['2025-01-01'], to: ['2025-06-01'] } },
    { from: 'c', to: 'a', part: { kind: 'range', from: ['2025-06-01'], to: ['2026-01-01'] } },
  ])
  expect(shardMoves(after, back)).toHaveLength(2)
})

it('cannot be told between kinds, keys, or versions of a function', () => {
  const hash = hashShards({ key: 'integer' }).bind(shards)
  const modulo = moduloShards({ key: 'integer', order: shards }).bind(shards)
  const custom = (version: string): ShardMap =>
    customShards({ key: 'integer', version, shardOf: () => 'a' }).bind(shards)
  expect(shardMoves(modulo, hash)).toBeUndefined()
  expect(shardMoves(hash, hashShards({ key: 'text' }).bind(shards))).toBeUndefined()
  expect(shardMoves(custom('1'), custom('2'))).toBeUndefined()
  expect(shardMoves(custom('1'), custom('1'))).toEqual([])
})
