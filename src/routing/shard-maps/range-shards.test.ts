import { describe, expect, it } from 'vitest'
import { ConfigError, ShardKeyError } from '../../errors.ts'
import { rangeShards, type RangeOptions } from './range-shards.ts'

const shards = ['a', 'b', 'c']
const bind = (options: Partial<RangeOptions> | Readonly<Record<string, unknown>>) =>
  rangeShards(Object.assign({ key: 'integer' as const, ranges: [] }, options)).bind(shards)

it('holds the keys from "from" up to but without "to", and all beyond the open ends', () => {
  const map = bind({ ranges: [{ to: 0, shard: 'b' }, { to: 100, shard: 'a' }, { shard: 'c' }] })
  const keys = [-(2n ** 80n), -1, 0, 99, '100', 2n ** 80n]
  expect(keys.map((key) => map.shardOf(key))).toEqual(['b', 'b', 'a', 'a', 'c', 'c'])
})

it('narrows a range to the shards of the ranges that it touches', () => {
  const map = bind({ ranges: [{ to: 0, shard: 'b' }, { to: 100, shard: 'a' }, { shard: 'c' }] })
  const within = (from: number | undefined, fromInclusive: boolean, to: number | undefined, toInclusive: boolean) =>
    map
      .shardsWithin({
        from: from === undefined ? undefined : { key: from, inclusive: fromInclusive },
        to: to === undefined ? undefined : { key: to, inclusive: toInclusive },
      })
      .join('')
  expect(within(0, true, 99, true)).toBe('a')
  expect(within(0, true, 100, false)).toBe('a')
  expect(within(0, true, 100, true)).toBe('ac')
  expect(within(-1, true, 0, false)).toBe('b')
  expect(within(100, true, undefined, true)).toBe('c')
  expect(within(undefined, true, 0, false)).toBe('b')
  expect(within(undefined, true, 0, true)).toBe('ab')
})

it('compares the columns of a key in turn, and a bound may leave out the last ones', () => {
  const map = rangeShards({
    key: ['integer', 'date'],
    ranges: [
      { to: [7], shard: 'a' },
      { to: [7, '2026-01-01'], shard: 'b' },
      { to: [8, '2026-01-01'], shard: 'c' },
      { shard: 'a' },
    ],
  }).bind(shards)
  expect(map.shardOf([6, '2030-01-01'])).toBe('a')
  expect(map.shardOf([7, '0001-01-01'])).toBe('b')
  expect(map.shardOf([7, '2026-01-01'])).toBe('c')
  expect(map.shardOf([8, '2026-01-01'])).toBe('a')
  const tenant = (key: number) => ({ key: [key], inclusive: true })
  expect(map.shardsWithin({ from: tenant(7), to: tenant(7) })).toEqual(['b', 'c'])
  expect(map.shardsWithin({ from: tenant(6), to: tenant(6) })).toEqual(['a'])
  expect(map.shardsWithin({ from: { key: [7], inclusive: false } })).toEqual(['a', 'c'])
  expect(map.shardsWithin({ to: { key: [7], inclusive: false } })).toEqual(['a'])
})

describe('text', () => {
  const ranges = [{ to: 'n', shard: 'a' }, { shard: 'b' }] as const
  it('is compared by bytes, so capitals come first', () => {
    const map = rangeShards({ key: 'text', ranges }).bind(shards)
    expect(['Zoe', 'anna', 'zoe', 'émile'].map((key) => map.shardOf(key))).toEqual(['a', 'a', 'b', 'b'])
  })

  it('narrows a range only if the database sorts by bytes, too', () => {
    const range = { from: { key: 'a', inclusive: true }, to: { key: 'c', inclusive: true } }
    // ICU and Windows collations put 'Z' and 'é' elsewhere than bytes do: only all shards are sure.
    expect(rangeShards({ key: 'text', ranges }).bind(shards).shardsWithin(range)).toEqual(['a', 'b'])
    expect(rangeShards({ key: 'binary-text', ranges }).bind(shards).shardsWithin(range)).toEqual(['a'])
  })
})

it('refuses a key in a declared gap, and looks for it nowhere', () => {
  const map = bind({
    ranges: [
      { from: 0, to: 10, shard: 'a' },
      { from: 20, to: 30, shard: 'b' },
    ],
    gaps: true,
  })
  expect(map.shardOf(20)).toBe('b')
  for (const key of [-1, 10, 19, 30]) {
    expect(() => map.shardOf(key)).toThrow(ShardKeyError)
    expect(map.shardsWithin({ from: { key, inclusive: true }, to: { key, inclusive: true } })).toEqual([])
  }
  expect(map.shardsWithin({})).toEqual(['a', 'b'])
})

it('is equal to a map with the same answers', () => {
  const one = bind({ ranges: [{ to: 0, shard: 'b' }, { shard: 'c' }] })
  const same = bind({
    ranges: [{ to: -5n, shard: 'b' }, { from: '-5', to: '00', shard: 'b' }, { shard: 'c' }],
    gaps: false,
  })
  expect(same.fingerprint).toBe(one.fingerprint)
  expect(bind({ ranges: [{ to: 1, shard: 'b' }, { shard: 'c' }] }).fingerprint).not.toBe(one.fingerprint)
})

it.each([
  [{ ranges: [] }, 'shardMap.ranges: an array of 0 is not accepted.'],
  [{ ranges: 'a' }, 'shardMap.ranges: "a" is not accepted.'],
  [{ ranges: [{ shard: 'd' }] }, 'shardMap.ranges[0].shard: There is no shard "d". Allowed: "a", "b", "c".'],
  [{ ranges: [{ shard: 'a', until: 7 }] }, 'shardMap.ranges[0].until: There is no such option.'],
  [{ ranges: [{ to: 7.5, shard: 'a' }] }, 'shardMap.ranges[0].to: 7.5 cannot be a shard key of the type "integer".'],
  [{ ranges: [{ to: [7, 8], shard: 'a' }] }, 'shardMap.ranges[0].to: A shard key with 2 values was given'],
  [{ ranges: [{ to: 7, shard: 'a' }] }, 'shardMap.ranges[0].to: Nobody owns the keys from here on.'],
  [{ ranges: [{ from: 7, shard: 'a' }] }, 'shardMap.ranges[0].from: Nobody owns the keys before the first range.'],
  [
    {
      ranges: [
        { to: 7, shard: 'a' },
        { from: 8, shard: 'b' },
      ],
    },
    'shardMap.ranges[1].from: There is a gap',
  ],
  [
    {
      ranges: [
        { to: 7, shard: 'a' },
        { from: 6, shard: 'b' },
      ],
    },
    'shardMap.ranges[1].from: The range begins before',
  ],
  [
    {
      ranges: [
        { to: 7, shard: 'a' },
        { from: null, shard: 'b' },
      ],
    },
    'shardMap.ranges[1].from: The range begins before',
  ],
  [{ ranges: [{ shard: 'a' }, { to: 7, shard: 'b' }] }, 'shardMap.ranges[1].from: The range begins before'],
  [
    { ranges: [{ to: 7, shard: 'a' }, { to: 7, shard: 'b' }, { shard: 'c' }] },
    'shardMap.ranges[1].to: The range ends before',
  ],
  [
    { ranges: [{ to: 10, shard: 'a' }, { to: 9, shard: 'b' }, { shard: 'c' }] },
    'shardMap.ranges[1].to: The range ends before',
  ],
  [{ ranges: [{ shard: 'a' }], gaps: 1 }, 'shardMap.gaps: 1 is not accepted. Allowed: true or false; default false.'],
])('refuses %j', (options, message) => {
  expect(() => bind(options)).toThrow(ConfigError)
  expect(() => bind(options)).toThrow(message)
})
