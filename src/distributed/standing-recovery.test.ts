import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { RecoveredBranch, RecoveryReport } from './recovery.ts'
import { StandingRecovery, type RecoveryEvent } from './standing-recovery.ts'

const nothing: RecoveryReport = { branches: [], unreachable: [], forgotten: 0 }

function left(outcome: RecoveredBranch['outcome']): RecoveryReport {
  return { ...nothing, branches: [{ transaction: 'x', name: 'x', database: 'a', shard: 'b', outcome }] }
}

function standing(recover: () => Promise<RecoveryReport>, everyMs = 60_000) {
  const clock = new VirtualClock(0)
  const times: number[] = []
  const recovery = new StandingRecovery({
    everyMs,
    clock,
    recover: async () => {
      times.push(clock.now())
      return await recover()
    },
  })
  onTestFinished(() => recovery.stop())
  return { clock, times, recovery }
}

describe('a standing recovery', () => {
  it('begins with the start, goes on regularly, and ends', async () => {
    const { clock, times, recovery } = standing(async () => nothing)
    recovery.start()
    expect(times).toEqual([])
    await clock.advance(130_000)
    expect(times).toEqual([0, 60_000, 120_000])
    recovery.stop()
    recovery.soon()
    await clock.advance(600_000)
    expect(times).toHaveLength(3)
    expect(clock.pending).toBe(0)
  })

  it.each<[string, () => Promise<RecoveryReport>]>([
    ['a branch is young', async () => left('young')],
    ['a branch had to be left', async () => left('left')],
    ['a server was gone', async () => ({ ...nothing, unreachable: [{ database: 'a', shard: 'b', why: '' }] })],
    ['the log was gone', async () => await Promise.reject(new Error('gone'))],
  ])('comes back sooner while %s', async (_, first) => {
    let isFirst = true
    const { clock, times, recovery } = standing(async () => {
      if (!isFirst) return left('rolled back')
      isFirst = false
      return await first()
    })
    recovery.start()
    await clock.advance(75_000)
    expect(times).toEqual([0, 10_000, 70_000])
  })

  it('comes soon after something was left prepared, and not later than it would have', async () => {
    const { clock, times, recovery } = standing(async () => nothing)
    recovery.start()
    await clock.advance(20_000)
    recovery.soon()
    await clock.advance(1_000)
    recovery.soon()
    await clock.advance(9_000)
    expect(times).toEqual([0, 30_000])
    await clock.advance(55_000)
    recovery.soon()
    await clock.advance(5_000)
    expect(times).toEqual([0, 30_000, 90_000])
  })

  it('waits for one recovery before the next', async () => {
    const first = Promise.withResolvers<RecoveryReport>()
    const { clock, times, recovery } = standing(() => first.promise, 5_000)
    recovery.start()
    await clock.advance(20_000)
    recovery.soon()
    await clock.advance(20_000)
    expect(times).toEqual([0])
    first.resolve(left('young'))
    await clock.advance(5_000)
    expect(times).toEqual([0, 45_000])
  })

  it('is no part of what asks for it', async () => {
    const surroundings = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { clock, recovery } = standing(async () => {
      seen.push(surroundings.getStore())
      return nothing
    })
    surroundings.run('a session', () => recovery.soon())
    await clock.advance(10_000)
    expect(seen).toEqual([undefined])
  })

  it('tells what it has found', async () => {
    const events: RecoveryEvent[] = []
    const receive = (event: unknown): void => void events.push(event as RecoveryEvent)
    subscribe('signalbox:transaction-recovery', receive)
    onTestFinished(() => void unsubscribe('signalbox:transaction-recovery', receive))
    const gone = new Error('gone')
    let isFirst = true
    const { clock, recovery } = standing(async () => {
      if (!isFirst) return nothing
      isFirst = false
      throw gone
    })
    recovery.start()
    await clock.advance(10_000)
    expect(events).toEqual([{ error: gone }, { report: nothing }])
  })
})
