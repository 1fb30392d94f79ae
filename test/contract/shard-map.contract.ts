import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { ConfigError, ShardKeyError } from '../../src/errors.ts'
import type { DeclaredShardMap, KeyBound, ShardKey, ShardMap } from '../../src/routing/shard-map.ts'
import { shardMoves } from '../../src/routing/shard-maps/shard-moves.ts'
import { storedShardMap } from '../../src/routing/shard-maps/stored-shard-map.ts'

export interface ShardMapContract {
  /** A map over the shards `a`, `b` and `c` whose key is an integer, and to which every key from -50 to 1,050 belongs. */
  readonly declare: (changes?: Readonly<Record<string, unknown>>) => DeclaredShardMap
  /** The same with a key of two columns, an integer and a text that is sorted by bytes. */
  readonly declareComposite: () => DeclaredShardMap
  /** Why the map cannot be made of its data again. */
  readonly notStored?: string
  /** Why the map itself cannot tell the shard of a key; the suite then looks at where new keys go. */
  readonly asks?: string
}

const shards = ['c', 'a', 'b']
const path = 'databases.orders.shardMap'
const integers = fc.integer({ min: -50, max: 1_050 })
const composites = fc.tuple(integers, fc.string({ unit: 'binary', maxLength: 3 }))

/** Every kind of shard map passes this suite. */
export function describeShardMap(name: string, contract: ShardMapContract): void {
  const map = contract.declare().bind(shards, path)
  const composite = contract.declareComposite().bind(shards, path)
  const ownerOf = (key: ShardKey, of: ShardMap = map): string =>
    of.directory === undefined ? of.shardOf(key) : of.directory.placeOf(of.keyText(key))

  describe(`shard map contract: ${name}`, () => {
    it('leads each key to one of its shards, and not all to the same', () => {
      const owners = new Set<string>()
      for (let key = -50; key <= 1_050; key += 1) owners.add(ownerOf(key))
      expect([...owners].sort()).toEqual(['a', 'b', 'c'])
      expect(map.shards).toEqual(shards)
    })

    it('gives the same answers when it is made again, whatever the order of the shards', () => {
      const again = contract.declare().bind(['a', 'b', 'c'])
      expect(again.fingerprint).toBe(map.fingerprint)
      expect(again.data).toEqual(map.data)
      fc.assert(fc.property(integers, (key) => ownerOf(key, again) === ownerOf(key)))
    })

    it('leads every form of a key to the same shard', () => {
      const forms = [
        String,
        BigInt,
        (key: number) => [key],
        (key: number) => ` ${key < 0 ? '-' : '+'}00${Math.abs(key)}`,
      ]
      fc.assert(fc.property(integers, fc.constantFrom(...forms), (key, form) => ownerOf(form(key)) === ownerOf(key)))
    })

    it.each([null, undefined, 1.5, 2 ** 53, Number.NaN, true, '7a', '', {}, [], [1, 2]])(
      'refuses the key %j',
      (key) => {
        expect(() => map.shardOf(key)).toThrow(ShardKeyError)
        expect(() => map.shardsWithin({ from: { key, inclusive: true } })).toThrow(ShardKeyError)
      },
    )

    it.each([[7], [[7]], [[7, 'x', 1]], [[null, 'x']], [[7, null]]])('refuses the key %j of two columns', (key) => {
      expect(() => composite.shardOf(key)).toThrow(ShardKeyError)
    })

    it('never names too few shards for a range', () => {
      const found = { narrowed: 0 }
      const one = fc.record({ key: integers, inclusive: fc.boolean() })
      fc.assert(
        fc.property(
          integers,
          fc.option(one, { nil: undefined }),
          fc.option(one, { nil: undefined }),
          (key, from, to) => {
            const within = map.shardsWithin({ from, to })
            expect(within).toEqual(shards.filter((shard) => within.includes(shard)))
            if (within.length < shards.length) found.narrowed += 1
            if (isAfter(key, from) && isBefore(key, to)) expect(within).toContain(ownerOf(key))
          },
        ),
        { numRuns: 2_000 },
      )
      expect(found.narrowed).toBeGreaterThan(0)
    })

    it('nor for a range of two columns, with bounds that leave out the second', () => {
      const bound = fc.record({
        key: fc.oneof(
          composites,
          integers.map((key): readonly unknown[] => [key]),
        ),
        inclusive: fc.boolean(),
      })
      let inside = 0
      fc.assert(
        fc.property(composites, bound, bound, (key, from, to) => {
          if (!isAfterTuple(key, from) || !isBeforeTuple(key, to)) return
          inside += 1
          expect(composite.shardsWithin({ from, to })).toContain(ownerOf(key, composite))
        }),
        { numRuns: 2_000 },
      )
      expect(inside).toBeGreaterThan(100)
    })

    it('names the one shard of a range of one key, and none for a range that is empty', () => {
      fc.assert(
        fc.property(integers, (key) => {
          const bound = { key, inclusive: true }
          expect(map.shardsWithin({ from: bound, to: bound }), contract.asks).toEqual(
            contract.asks === undefined ? [map.shardOf(key)] : shards,
          )
          expect(map.shardsWithin({ from: bound, to: { key: String(key), inclusive: false } })).toEqual([])
          expect(map.shardsWithin({ from: bound, to: { key: key - 1, inclusive: true } })).toEqual([])
        }),
      )
      expect(map.shardsWithin({})).toEqual(shards)
    })

    it('cannot be changed', () => {
      expect(Object.isFrozen(map)).toBe(true)
      expect(Object.isFrozen(map.data)).toBe(true)
      for (const part of Object.values(map.data)) expect(Object.isFrozen(part)).toBe(true)
    })

    it('is plain data, of which the same map is made again', () => {
      for (const each of [map, composite]) {
        const stored: unknown = JSON.parse(JSON.stringify(each.data))
        expect(stored).toEqual(each.data)
        if (contract.notStored === undefined) {
          const again = storedShardMap(stored)
          expect(again.fingerprint).toBe(each.fingerprint)
          expect(again.data).toEqual(each.data)
        } else {
          expect(() => storedShardMap(stored), contract.notStored).toThrow(ConfigError)
        }
      }
      expect(composite.fingerprint).not.toBe(map.fingerprint)
    })

    it('moves nothing to itself', () => {
      expect(shardMoves(map, contract.declare().bind(shards))).toEqual([])
      expect(shardMoves(map, composite)).toBeUndefined()
    })

    it.each([
      ['key', undefined],
      ['key', 'float'],
      ['key', []],
      ['key', ['integer', 'number']],
      ['keys', 'integer'],
    ])('refuses %s: %j, naming its path', (option, value) => {
      const bind = (): unknown => contract.declare({ [option]: value }).bind(shards, path)
      expect(bind).toThrow(ConfigError)
      expect(bind).toThrow(`${path}.${option}: `)
    })

    it('refuses a database without shards, and one with a shard twice', () => {
      expect(() => contract.declare().bind([], path)).toThrow(ConfigError)
      expect(() => contract.declare().bind([...shards, 'a'], path)).toThrow(ConfigError)
    })
  })
}

function isAfter(key: number, bound: { key: number; inclusive: boolean } | undefined): boolean {
  return bound === undefined || key > bound.key || (bound.inclusive && key === bound.key)
}

function isBefore(key: number, bound: { key: number; inclusive: boolean } | undefined): boolean {
  return bound === undefined || key < bound.key || (bound.inclusive && key === bound.key)
}

/** As SQL compares rows; a bound of one column compares that column. */
function compareTuples(key: readonly [number, string], bound: readonly unknown[]): number {
  if (key[0] !== bound[0]) return key[0] - Number(bound[0])
  return bound.length === 1 ? 0 : Buffer.compare(Buffer.from(key[1]), Buffer.from(String(bound[1])))
}

function isAfterTuple(key: readonly [number, string], { key: bound, inclusive }: KeyBound): boolean {
  const order = compareTuples(key, tuple(bound))
  return order > 0 || (inclusive && order === 0)
}

function isBeforeTuple(key: readonly [number, string], { key: bound, inclusive }: KeyBound): boolean {
  const order = compareTuples(key, tuple(bound))
  return order < 0 || (inclusive && order === 0)
}

function tuple(key: ShardKey): readonly unknown[] {
  return key as readonly unknown[]
}
