import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClockError } from '../errors.ts'
import { TimeCounter, toleranceMs } from './time-counter.ts'

const start = 1_700_000_000_000

/** A counter whose clock shows what the test sets, and moves on with each reading by `drift` milliseconds. */
function counterAt(mostCount: number, drift = 0, firstCount = 0) {
  const clock = { ms: start, reads: 0 }
  const now = (): number => {
    clock.reads++
    return (clock.ms += drift)
  }
  return { clock, counter: new TimeCounter({ now, mostCount, firstCount: () => firstCount }) }
}

function pairOf({ ms, count }: TimeCounter): readonly [number, number] {
  return [ms - start, count]
}

describe('a counter of moments', () => {
  it('rises whatever the clock does, stays near it, and follows it when it is ahead', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 1, max: 30 })), {
      minLength: 1,
      maxLength: 40,
    })
    let [refusals, pairs, borrowed] = [0, 0, 0]
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 7 }), (steps, mostCount, first) => {
        const { clock, counter } = counterAt(mostCount, 0.01, Math.min(first, mostCount))
        let [seen, last] = [-Infinity, [-Infinity, 0] as readonly [number, number]]
        for (const [delta, burst] of steps) {
          clock.ms += delta
          for (let index = 0; index < burst; index++) {
            const tooFarBack = Math.floor(clock.ms + 0.01) < seen - toleranceMs
            if (tooFarBack) {
              expect(() => counter.advance()).toThrow(ClockError)
              expect(pairOf(counter)).toEqual(last)
              refusals++
              continue
            }
            counter.advance()
            const now = Math.floor(clock.ms) - start
            seen = Math.max(seen, now + start)
            const pair = pairOf(counter)
            expect(pair[0] > last[0] || (pair[0] === last[0] && pair[1] > last[1])).toBe(true)
            expect(pair[1]).toBeLessThanOrEqual(mostCount)
            expect(pair[0]).toBeGreaterThanOrEqual(now)
            expect(pair[0]).toBeLessThanOrEqual(seen - start + toleranceMs)
            if (pair[0] > now) borrowed++
            pairs++
            last = pair
          }
        }
      }),
    )
    expect(Math.min(refusals, pairs, borrowed)).toBeGreaterThan(100)
  })

  it('counts within a millisecond, and borrows the next one', () => {
    const { clock, counter } = counterAt(1)
    const made = Array.from({ length: 5 }, () => (counter.advance(), pairOf(counter)))
    expect(made).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
    ])
    clock.ms += 2
    counter.advance()
    expect(pairOf(counter)).toEqual([2, 1])
    clock.ms += 1
    counter.advance()
    expect(pairOf(counter)).toEqual([3, 0])
  })

  it('goes on with the last millisecond while the clock is up to 10 ms back, and refuses at 11', () => {
    const { clock, counter } = counterAt(9)
    counter.advance()
    clock.ms -= toleranceMs
    counter.advance()
    expect(pairOf(counter)).toEqual([0, 1])
    clock.ms -= 1
    expect(() => counter.advance()).toThrow(/gone back by 11 ms, to 2023-11-14T22:13:19\.989Z/)
    clock.ms += 1
    counter.advance()
    expect(pairOf(counter)).toEqual([0, 2])
  })

  it('waits for the clock when 10 ms are borrowed', () => {
    const { clock, counter } = counterAt(0, 0.25)
    clock.ms -= 0.25
    for (let made = 0; made <= toleranceMs; made++) counter.advance()
    expect(pairOf(counter)[0]).toBeLessThanOrEqual(2 + toleranceMs)
    for (let made = 0; made < 100; made++) {
      counter.advance()
      expect(pairOf(counter)[0]).toBeLessThanOrEqual(Math.floor(clock.ms) - start + toleranceMs)
    }
    // 4 readings are a millisecond: it has waited for nearly all of the 100.
    expect(clock.reads).toBeGreaterThan(390)
  })

  it('follows a clock that leaps ahead while it waits', () => {
    let reads = 0
    // Still for the 11 ids that may be borrowed and a while longer, then an hour on.
    const counter = new TimeCounter({
      now: () => (reads++ < 50 ? start : start + 3_600_000),
      mostCount: 0,
      firstCount: () => 0,
    })
    for (let made = 0; made <= toleranceMs; made++) counter.advance()
    expect(pairOf(counter)).toEqual([10, 0])
    counter.advance()
    expect(pairOf(counter)).toEqual([3_600_000, 0])
  })

  it('says so when the clock stands still, or shows no time', () => {
    const { clock, counter } = counterAt(0)
    for (let made = 0; made <= toleranceMs; made++) counter.advance()
    expect(() => counter.advance()).toThrow(/stands still at 2023-11-14T22:13:20\.000Z/)
    clock.ms += 1
    counter.advance()
    expect(pairOf(counter)).toEqual([11, 0])
    clock.ms = Number.NaN
    expect(() => counter.advance()).toThrow(/shows no time/)
  })
})
