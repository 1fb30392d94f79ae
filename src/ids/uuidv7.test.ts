import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClockError, ConfigError } from '../errors.ts'
import { uuidv7 } from './uuidv7.ts'

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('UUIDs of version 7', () => {
  it('begin as the example of RFC 9562, A.6, at its time', () => {
    const made = uuidv7({ now: () => 1_645_557_742_000 })
    expect(made.next()).toMatch(/^017f22e2-79b0-7/)
    expect(made.timeOf('017F22E2-79B0-7CC3-98C4-DC0C0C07398F').toISOString()).toBe('2022-02-22T19:22:22.000Z')
  })

  it('have version, variant and time, rise, and are unique, whatever the clock does', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: 1, max: 600 })), {
      minLength: 1,
      maxLength: 15,
    })
    const begin = fc.oneof(fc.integer({ min: 1000, max: 2 ** 48 - 1000 }), fc.constantFrom(1000, 2 ** 48 - 1000))
    fc.assert(
      fc.property(begin, steps, (begin, steps) => {
        const clock = { ms: begin, seen: begin }
        const made = uuidv7({ now: () => (clock.ms += 0.001) })
        let last = ''
        for (const [delta, burst] of steps) {
          clock.ms = Math.max(clock.ms + delta, clock.seen - 9)
          for (let index = 0; index < burst; index++) {
            const uuid = made.next()
            clock.seen = Math.max(clock.seen, clock.ms)
            if (!form.test(uuid) || uuid <= last) expect.fail(`${uuid} behind ${last}`)
            const late = made.timeOf(uuid).getTime() - clock.seen
            if (late <= -11 || late > 10) expect.fail(`${uuid} is ${late} ms late`)
            last = uuid
          }
        }
      }),
      { numRuns: 50 },
    )
  })

  it('have room for 2,048 in any millisecond, and borrow the next', () => {
    for (let round = 0; round < 20; round++) {
      const made = uuidv7({ now: () => 1000 })
      const all = Array.from({ length: 5_000 }, () => made.next())
      expect(all.filter((uuid) => made.timeOf(uuid).getTime() === 1000).length).toBeGreaterThanOrEqual(2_048)
      expect(new Set(all.map((uuid) => made.timeOf(uuid).getTime())).size).toBeLessThanOrEqual(3)
      expect(all.toSorted()).toEqual(all)
    }
  })

  it('begin counting anywhere in the lower half, and are random behind it', () => {
    const firsts = Array.from({ length: 400 }, (_, ms) => uuidv7({ now: () => ms }).next())
    const counts = firsts.map((uuid) => Number.parseInt(uuid.slice(15, 18), 16))
    expect(Math.max(...counts)).toBeLessThan(2_048)
    expect(Math.max(...counts)).toBeGreaterThan(1_800)
    expect(Math.min(...counts)).toBeLessThan(250)
    expect(new Set(firsts.map((uuid) => uuid.slice(19))).size).toBe(400)
  })

  it('are refused where no time fits', () => {
    expect(() => uuidv7({ now: () => -1 }).next()).toThrow(/1969-12-31/)
    expect(() => uuidv7({ now: () => 2 ** 48 }).next()).toThrow(ClockError)
    expect(() => uuidv7({ clock: 1 } as never)).toThrow(ConfigError)
    expect(() => uuidv7(null as never)).toThrow(ConfigError)
    const made = uuidv7()
    for (const text of ['', 7, '0190a1b2-c3d4-4abc-8def-0123456789ab', '0190a1b2-c3d4-7abc-0def-0123456789ab'])
      expect(() => made.timeOf(text as never), String(text)).toThrow(ConfigError)
    expect(Math.abs(made.timeOf(made.next()).getTime() - Date.now())).toBeLessThan(1_000)
  })
})
