import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SpaceSaving } from './space-saving.ts'

/** Things that come unevenly often: the squares make small numbers likely. */
const things = fc.array(
  fc.nat(40).map((n) => String(Math.floor((n * n) / 40))),
  { maxLength: 400 },
)

it('is exact while there are counters enough, and bounded by its error where there are not', () => {
  fc.assert(
    fc.property(things, fc.integer({ min: 1, max: 50 }), (came, capacity) => {
      const exact = new Map<string, number>()
      const counted = new SpaceSaving<string>(capacity)
      for (const thing of came) {
        exact.set(thing, (exact.get(thing) ?? 0) + 1)
        expect(counted.add(thing, () => thing)).toBe(thing)
      }
      const top = counted.top(capacity)
      expect(counted.total).toBe(came.length)
      expect(top).toHaveLength(Math.min(capacity, exact.size))
      // What the counters hold together is what came.
      expect(top.reduce((sum, { count }) => sum + count, 0)).toBe(came.length)
      for (const { key, value, count, error } of top) {
        const truth = exact.get(key) ?? 0
        expect(value).toBe(key)
        expect(count).toBeGreaterThanOrEqual(truth)
        expect(count - error).toBeLessThanOrEqual(truth)
        expect(error).toBeLessThanOrEqual(came.length / capacity)
        if (exact.size <= capacity) expect([count, error]).toEqual([truth, 0])
      }
      for (const [thing, truth] of exact)
        if (truth > came.length / capacity) expect(top.map(({ key }) => key)).toContain(thing)
      expect(top.map(({ count }) => count)).toEqual(top.map(({ count }) => count).toSorted((a, b) => b - a))
    }),
    { numRuns: 500 },
  )
})

it('keeps what is known of a thing for as long as it is counted', () => {
  const counted = new SpaceSaving<{ readonly made: number }>(2)
  let made = 0
  const add = (key: string): number => counted.add(key, () => ({ made: ++made })).made
  expect(['a', 'b', 'a', 'a', 'b', 'c', 'b', 'a'].map(add)).toEqual([1, 2, 1, 1, 2, 3, 4, 1])
  expect(counted.top(1)).toEqual([{ key: 'a', count: 4, error: 0, value: { made: 1 } }])
})

it('takes nothing where it may keep nothing', () => {
  const none = new SpaceSaving<string>(0)
  expect([none.add('a', () => 'a'), none.total, none.top(5)]).toEqual(['a', 1, []])
})
