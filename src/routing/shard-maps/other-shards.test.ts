import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError, ShardKeyError } from '../../errors.ts'
import { customShards, type CustomOptions } from './custom-shards.ts'
import { listShards, type ListOptions } from './list-shards.ts'
import { moduloShards } from './modulo-shards.ts'
import { storedShardMap } from './stored-shard-map.ts'

const shards = ['a', 'b', 'c']

describe('listShards', () => {
  const lists = { b: ['de', 'FR'], a: ['us'] }
  it('leads the listed keys to their shards, as equal as the column has them', () => {
    const map = listShards({ key: 'caseless-text', lists }).bind(shards)
    expect(['DE', 'fr', 'us '].map((key) => map.shardOf(key))).toEqual(['b', 'b', 'a'])
  })

  it('refuses other keys, or leads them to the default', () => {
    const none = listShards({ key: 'text', lists }).bind(shards)
    expect(() => none.shardOf('fr')).toThrow(ShardKeyError)
    expect(() => none.shardOf('fr')).toThrow('No shard owns the key "fr": it is in no list.')
    const one = { key: 'fr', inclusive: true }
    expect(none.shardsWithin({ from: one, to: one })).toEqual([])
    expect(none.shardsWithin({})).toEqual(['a', 'b'])
    const rest = listShards({ key: 'text', lists, default: 'c' }).bind(shards)
    expect(rest.shardOf('fr')).toBe('c')
    expect(rest.shardsWithin({ from: one, to: one })).toEqual(['c'])
  })

  it('narrows a range to the lists with keys in it, and the default', () => {
    const options = { key: 'integer', lists: { a: [1, 5], b: [9] } } as const
    const range = { from: { key: 1, inclusive: false }, to: { key: 9, inclusive: false } }
    expect(listShards(options).bind(shards).shardsWithin(range)).toEqual(['a'])
    expect(
      listShards({ ...options, default: 'c' })
        .bind(shards)
        .shardsWithin(range),
    ).toEqual(['a', 'c'])
    expect(
      listShards(options)
        .bind(shards)
        .shardsWithin({ from: { key: 9, inclusive: true } }),
    ).toEqual(['b'])
  })

  it('is equal whatever the order of the keys', () => {
    const one = listShards({ key: 'integer', lists: { a: [10, 9, 1], b: [7] } }).bind(shards)
    const same = listShards({ key: 'integer', lists: { b: ['07'], a: [1n, 10, '9'] } }).bind(shards)
    expect(same.fingerprint).toBe(one.fingerprint)
    expect(one.data).toMatchObject({ lists: { a: [['1'], ['9'], ['10']], b: [['7']], c: [] }, default: null })
  })

  it.each([
    [{ lists: { d: [1] } }, 'shardMap.lists.d: There is no shard "d".'],
    [{ lists: { a: 1 } }, 'shardMap.lists.a: 1 is not accepted. Allowed: a list of keys.'],
    [{ lists: { a: [1, null] } }, 'shardMap.lists.a[1]: NULL is no shard key'],
    [{ lists: { a: [1], b: ['01'] } }, 'shardMap.lists.b[0]: The key "1" belongs to "a" already.'],
    [{ lists: {}, default: 'd' }, 'shardMap.default: There is no shard "d".'],
    [{}, 'shardMap.lists: undefined is not accepted.'],
  ])('refuses %j', (options, message) => {
    const bind = (): unknown => listShards({ key: 'integer', ...options } as ListOptions).bind(shards)
    expect(bind).toThrow(ConfigError)
    expect(bind).toThrow(message)
  })
})

describe('moduloShards', () => {
  it('is the sample’s 1 + md5(key) mod n', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_024 }), fc.nat(), (count, key) => {
        const order = Array.from({ length: count }, (_, index) => `reviews-${index + 1}`)
        const number = BigInt(`0x${createHash('md5').update(String(key)).digest('hex')}`)
        const map = moduloShards({ key: 'integer', order }).bind(order)
        expect(map.shardOf(key)).toBe(`reviews-${1n + (number % BigInt(count))}`)
      }),
    )
  })

  it('has these answers for its three shards', () => {
    const order = ['reviews-1', 'reviews-2', 'reviews-3']
    const map = moduloShards({ key: 'integer', order }).bind(order)
    expect([1, 2, 3, 4, 5, 6, 7].map((key) => map.shardOf(key).at(-1)).join('')).toBe('2123111')
  })

  it.each([[['a', 'b']], [['a', 'b', 'b']], [['a', 'b', 'c', 'a']], [undefined]])('refuses the order %j', (order) => {
    const bind = (): unknown => moduloShards({ key: 'integer', order: order ?? [] }).bind(shards)
    expect(bind).toThrow(/^shardMap\.order: \d names for 3 shards are not accepted\. Allowed: each shard once/)
  })

  it('refuses a shard that is not there', () => {
    expect(() => moduloShards({ key: 'integer', order: ['a', 'b', 'd'] }).bind(shards)).toThrow(
      'shardMap.order[2]: There is no shard "d".',
    )
  })
})

describe('customShards', () => {
  it('gets the canonical text of each column', () => {
    const seen: (readonly string[])[] = []
    const shardOf = (values: readonly string[]): string => {
      seen.push(values)
      return 'b'
    }
    const map = customShards({ key: ['integer', 'text'], version: '1', shardOf }).bind(shards)
    expect(map.shardOf(['07', 'x '])).toBe('b')
    expect(seen).toEqual([['7', 'x']])
    expect(customShards({ key: ['integer', 'text'], version: '2', shardOf }).bind(shards).fingerprint).not.toBe(
      map.fingerprint,
    )
  })

  it.each([['d'], [undefined], [Promise.resolve('a')]])('refuses the answer %s', (answer) => {
    const map = customShards({ key: 'text', version: '1', shardOf: () => answer as string }).bind(shards)
    expect(() => map.shardOf('x')).toThrow(ShardKeyError)
    expect(() => map.shardOf('x')).toThrow('for the key "x", and the shards are: "a", "b", "c"')
  })

  it('lets through what the function throws', () => {
    const fault = new Error('no region')
    const shardOf = (): never => {
      throw fault
    }
    expect(() => customShards({ key: 'text', version: '1', shardOf }).bind(shards).shardOf('x')).toThrow(fault)
  })

  it.each([
    [{ version: '' }, 'shardMap.version: "" is not accepted.'],
    [{ version: 1 }, 'shardMap.version: 1 is not accepted.'],
    [{ version: '1', shardOf: 'a' }, 'shardMap.shardOf: "a" is not accepted.'],
  ])('refuses %j', (options, message) => {
    const all = { key: 'text', shardOf: () => 'a', ...options } as CustomOptions
    expect(() => customShards(all).bind(shards)).toThrow(message)
  })
})

it.each([
  [null, 'stored: null is not accepted.'],
  [{ kind: 'ring', shards }, 'stored.kind: "ring" is not accepted. Allowed: hash, range, list, modulo, directory.'],
  [{ kind: 'list', shards: 'a', key: 'text', lists: {} }, 'stored.shards: "a" is not accepted.'],
  [{ kind: 'hash', shards, key: ['text'], version: 2 }, 'stored.version: There is no such option.'],
])('stored data %j is refused', (data, message) => {
  expect(() => storedShardMap(data, 'stored')).toThrow(message)
})
