import { describe, expect, it } from 'vitest'
import { backOffMs, type Health, type HealthEvent, nextHealth, unknownHealth } from './health.ts'

const up: Health = { kind: 'up', since: 1 }
const suspect: Health = { kind: 'suspect', since: 2, why: 'reset' }
const down: Health = { kind: 'down', since: 3, why: 'refused', nextProbeAt: 1_100, attempt: 2 }
const probing: Health = { kind: 'probing', since: 3, why: 'refused', attempt: 2 }
const all = [unknownHealth, up, suspect, down, probing]

const failedProbe: HealthEvent = { kind: 'probe failed', begunAt: 1_000, at: 1_001, why: 'refused again', random: 0.5 }

describe('health', () => {
  it('is up after any probe that succeeded, since the first of them', () => {
    for (const health of [unknownHealth, suspect, down, probing])
      expect(nextHealth(health, { kind: 'probe ok', at: 9 })).toEqual({ kind: 'up', since: 9 })
    expect(nextHealth(up, { kind: 'probe ok', at: 9 })).toBe(up)
  })

  it('is down after any probe that failed, since the first of them', () => {
    for (const health of [unknownHealth, up, suspect])
      expect(nextHealth(health, failedProbe)).toEqual({
        kind: 'down',
        since: 1_001,
        why: 'refused again',
        nextProbeAt: 1_085,
        attempt: 1,
      })
    for (const health of [down, probing])
      expect(nextHealth(health, failedProbe)).toMatchObject({ kind: 'down', since: 3, nextProbeAt: 1_340, attempt: 3 })
  })

  it('is suspect after a statement that lost its connection, but stays out where it was out', () => {
    const event: HealthEvent = { kind: 'statement failed', at: 9, why: 'broken pipe' }
    for (const health of [unknownHealth, up])
      expect(nextHealth(health, event)).toEqual({ kind: 'suspect', since: 9, why: 'broken pipe' })
    for (const health of [suspect, down, probing]) expect(nextHealth(health, event)).toBe(health)
  })

  it('is half open when its time has come', () => {
    expect(nextHealth(down, { kind: 'time', at: 1_099 })).toBe(down)
    expect(nextHealth(down, { kind: 'time', at: 1_100 })).toEqual(probing)
    for (const health of all) if (health !== down) expect(nextHealth(health, { kind: 'time', at: 9_999 })).toBe(health)
  })

  it('backs off from 100 to 500 ms, and jitter never makes it longer', () => {
    expect([1, 2, 3, 4, 5, 6, 1_000].map((attempt) => Math.round(backOffMs(attempt, 0) / 0.95))).toEqual([
      100, 200, 400, 500, 500, 500, 500,
    ])
    expect(backOffMs(9, 1)).toBe(375)
  })

  it('asks again at once after a probe that took its whole time limit', () => {
    const hung: HealthEvent = { ...failedProbe, at: 2_000 }
    expect(nextHealth({ ...probing, attempt: 9 }, hung)).toMatchObject({ nextProbeAt: 2_000 })
  })
})
