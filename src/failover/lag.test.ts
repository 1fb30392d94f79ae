import { describe, expect, it } from 'vitest'
import type { Position } from '../topology/position.ts'
import { LagGate, LagTracker } from './lag.ts'

const lsn = (value: number, timeline = 1): Position => ({ kind: 'lsn', timeline, lsn: BigInt(value) })

function tracker(...samples: readonly (readonly [at: number, value: number])[]): LagTracker {
  const made = new LagTracker()
  for (const [at, value] of samples) made.sample(at, lsn(value))
  return made
}

describe('lag', () => {
  it('is the age of the last primary position that a replica has reached', () => {
    const lag = tracker([1_000, 10], [2_000, 20], [3_000, 30])
    expect(lag.lagMs(lsn(30), 3_500)).toBe(0)
    expect(lag.lagMs(lsn(99), 3_500)).toBe(0)
    expect(lag.lagMs(lsn(29), 3_500)).toBe(1_500)
    expect(lag.lagMs(lsn(20), 3_500)).toBe(1_500)
    expect(lag.lagMs(lsn(10), 3_500)).toBe(2_500)
    // At least: how long before the first sample, nobody saw.
    expect(lag.lagMs(lsn(9), 3_500)).toBe(2_500)
  })

  it('is none on a replica of an idle primary, and counts from the end of the idling', () => {
    const lag = tracker([1_000, 10], [60_000, 10])
    expect(lag.lagMs(lsn(10), 90_000)).toBe(0)
    lag.sample(61_000, lsn(11))
    expect(lag.lagMs(lsn(10), 61_500)).toBe(1_500)
  })

  it('grows on a replica that was behind already when the primary was first seen, also while that is idle', () => {
    const lag = tracker([1_000, 10], [2_000, 10], [60_000, 10])
    expect(lag.lagMs(lsn(9), 60_010)).toBe(59_010)
  })

  it('is not known without samples, or of another timeline', () => {
    expect(new LagTracker().lagMs(lsn(1), 5)).toBeUndefined()
    expect(new LagTracker().empty).toBe(true)
    const lag = tracker([1_000, 10])
    expect(lag.empty).toBe(false)
    expect(lag.lagMs(lsn(10, 2), 2_000)).toBeUndefined()
    expect(lag.lagMs({ kind: 'gtid', domains: new Map() }, 2_000)).toBeUndefined()
  })

  it('begins anew with the positions of a promoted primary, and of one that lost its newest ones', () => {
    const lag = tracker([1_000, 10], [2_000, 20])
    lag.sample(3_000, lsn(15, 2))
    expect(lag.lagMs(lsn(20), 3_000)).toBeUndefined()
    expect(lag.lagMs(lsn(15, 2), 3_000)).toBe(0)
    lag.sample(4_000, lsn(12, 2))
    expect(lag.lagMs(lsn(12, 2), 4_200)).toBe(0)
    expect(lag.lagMs(lsn(11, 2), 4_500)).toBe(500)
  })

  it('goes by the sequences of GTIDs', () => {
    const gtid = (sequence: number): Position => ({
      kind: 'gtid',
      domains: new Map([[0, { server: 1, sequence: BigInt(sequence) }]]),
    })
    const lag = new LagTracker()
    lag.sample(1_000, gtid(5))
    lag.sample(2_000, gtid(7))
    expect(lag.lagMs(gtid(6), 2_500)).toBe(1_500)
    expect(lag.lagMs(gtid(7), 2_500)).toBe(0)
  })

  it('is remembered within a limit', () => {
    const lag = new LagTracker(3)
    for (let i = 1; i <= 10; i++) lag.sample(i * 1_000, lsn(i))
    expect(lag.lagMs(lsn(9), 10_000)).toBe(1_000)
    expect(lag.lagMs(lsn(2), 10_000)).toBe(2_000)
  })
})

describe('the gate', () => {
  it('closes above the limit and opens below half of it', () => {
    const gate = new LagGate(1_000)
    const states = [999, 1_000, 1_001, 900, 500, 499, 900, Infinity].map((ms) => {
      gate.observe(ms)
      return gate.out
    })
    expect(states).toEqual([false, false, true, true, true, false, false, true])
    gate.reset()
    expect(gate.out).toBe(false)
  })

  it('is always open without a limit', () => {
    const gate = new LagGate(0)
    gate.observe(Infinity)
    expect(gate.out).toBe(false)
  })
})
