import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClockError, ConfigError } from '../errors.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { snowflake } from './snowflake.ts'

const epoch = Date.UTC(2020, 0, 1)

describe('snowflake ids', () => {
  it('have 41 bits of milliseconds, 10 of the node, and 12 of the count', () => {
    const made = snowflake({ node: 5, now: () => epoch + 3 })
    expect(made.next()).toBe((3n << 22n) | (5n << 12n))
    expect(made.next()).toBe((3n << 22n) | (5n << 12n) | 1n)
    const last = snowflake({ node: 1023, now: () => epoch + 2 ** 41 - 1 })
    const all = Array.from({ length: 4096 }, () => last.next())
    expect(all.at(-1)).toBe(2n ** 63n - 1n)
    expect(() => last.next()).toThrow(ClockError)
  })

  it('have the shard at the bottom, so that SQL finds it by a remainder', () => {
    const made = snowflake({ node: 5, shardBits: 6, now: () => epoch + 3 })
    expect(made.next(63)).toBe((3n << 22n) | (5n << 12n) | 63n)
    expect(made.next(7)).toBe((3n << 22n) | (5n << 12n) | (1n << 6n) | 7n)
  })

  it('give back what they were made of, as bigints and as text', () => {
    const parts = fc.record({
      nodeBits: fc.integer({ min: 0, max: 10 }),
      shardBits: fc.integer({ min: 1, max: 8 }),
      ms: fc.integer({ min: 0, max: 2 ** 41 - 12 }),
      start: fc.date({ min: new Date(0), max: new Date(epoch), noInvalidDate: true }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      skipped: fc.integer({ min: 0, max: 40 }),
    })
    fc.assert(
      fc.property(parts, ({ nodeBits, shardBits, ms, start, random, skipped }) => {
        const [node, shard] = [Math.floor(random * 2 ** nodeBits), Math.floor(random * 2 ** shardBits)]
        const now = (): number => start.getTime() + ms
        const made = snowflake({ node, nodeBits, shardBits, epoch: start, now })
        for (let index = 0; index < skipped; index++) made.next(0)
        const id = made.next(shard)
        for (const form of [id, String(id)]) {
          expect([made.nodeOf(form), made.shardOf(form)]).toEqual([node, shard])
          const late = made.timeOf(form).getTime() - now()
          expect(late).toBe(Math.floor(skipped / 2 ** (22 - nodeBits - shardBits)))
        }
      }),
    )
  })

  it('are unique over nodes, and rise within one, whatever their shards and the clocks', () => {
    const steps = fc.array(
      fc.record({
        node: fc.integer({ min: 0, max: 3 }),
        delta: fc.integer({ min: -9, max: 9 }),
        shard: fc.integer({ min: 0, max: 255 }),
        burst: fc.integer({ min: 1, max: 25 }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (steps) => {
        // All nodes begin at the same moment, so that the node is what tells their ids apart.
        const clocks = [0, 1, 2, 3].map(() => ({ ms: epoch + 1000, seen: epoch + 1000 }))
        const makers = clocks.map((clock, node) =>
          snowflake({ node, nodeBits: 10, shardBits: 8, now: () => (clock.ms += 0.01) }),
        )
        const all = new Set<bigint>()
        const last = [-1n, -1n, -1n, -1n]
        for (const { node, delta, shard, burst } of steps) {
          const clock = clocks[node]!
          clock.ms = Math.max(clock.ms + delta, clock.seen - 9)
          for (let index = 0; index < burst; index++) {
            const id = makers[node]!.next((shard + index * 101) % 256)
            clock.seen = Math.max(clock.seen, clock.ms)
            expect(id > last[node]!).toBe(true)
            expect(all.has(id)).toBe(false)
            last[node] = id
            all.add(id)
          }
        }
      }),
    )
  })

  it('go by a virtual clock, and by the real one', async () => {
    const clock = new VirtualClock(Date.UTC(2024, 1, 29))
    const made = snowflake({ node: 1, now: clock.now })
    expect(made.timeOf(made.next()).toISOString()).toBe('2024-02-29T00:00:00.000Z')
    await clock.advance(1500)
    expect(made.timeOf(made.next()).toISOString()).toBe('2024-02-29T00:00:01.500Z')
    const real = snowflake({ node: 1, shardBits: 8 })
    const before = Date.now()
    // 16 in a millisecond: most of these wait for the clock.
    const all = Array.from({ length: 1_000 }, () => real.next(255))
    expect(new Set(all).size).toBe(1_000)
    expect(all.toSorted((one, other) => (one < other ? -1 : 1))).toEqual(all)
    expect(real.timeOf(all[0]!).getTime()).toBeGreaterThanOrEqual(before)
    expect(real.timeOf(all.at(-1)!).getTime()).toBeLessThanOrEqual(Date.now() + 10)
  })

  it('are refused outside of the 69 years, and while the clock is back', () => {
    const early = snowflake({ node: 1, now: () => epoch - 1 })
    expect(() => early.next()).toThrow(/shows 2019-12-31T23:59:59\.999Z.*from 2020-01-01.*to 2089-09-06/)
    const clock = { ms: epoch + 100_000 }
    const made = snowflake({ node: 1, now: () => clock.ms })
    const id = made.next()
    clock.ms -= 5_000
    expect(() => made.next()).toThrow(expect.objectContaining({ code: 'SIGNALBOX_CLOCK', safeToRetry: true }))
    clock.ms += 5_000
    expect(made.next()).toBe(id + 1n)
  })

  it('refuse options, shards and ids that cannot be right', () => {
    const wrong = [
      {},
      { node: -1 },
      { node: 1024 },
      { node: 1.5 },
      { node: Number.NaN },
      { node: '1' },
      { node: 4, nodeBits: 2 },
      { node: 0, nodeBits: 11 },
      { node: 0, shardBits: 0 },
      { node: 0, shardBits: 13 },
      { node: 0, shardBits: 9 },
      { node: 0, epoch: '2020-01-01' },
      { node: 0, epoch: new Date(Number.NaN) },
      { node: 0, nodes: 1 },
    ]
    for (const options of wrong) expect(() => snowflake(options as never), JSON.stringify(options)).toThrow(ConfigError)
    const made = snowflake({ node: 0, nodeBits: 4, shardBits: 2 })
    for (const shard of [-1, 4, 0.5, undefined, '1'])
      expect(() => made.next(shard as never), String(shard)).toThrow(ConfigError)
    for (const id of [-1n, 1n << 63n, '', '1.5', '-1', 'x', '9223372036854775808', 2 ** 53, 7, null])
      expect(() => made.shardOf(id as never), String(id)).toThrow(ConfigError)
    expect(() => made.nodeOf((2 ** 60) as never)).toThrow(/may be rounded/)
    expect(made.shardOf('9223372036854775807')).toBe(3)
  })

  it('need a shard exactly where they hold one', () => {
    // @ts-expect-error ids without a shard take none
    snowflake({ node: 0 }).next(1)
    // @ts-expect-error nor do they tell one
    expect(snowflake({ node: 0 }).shardOf).toBeTypeOf('function')
    // @ts-expect-error ids with a shard need one
    expect(() => snowflake({ node: 0, shardBits: 1 }).next()).toThrow(/shard: undefined/)
  })
})
