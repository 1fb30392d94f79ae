import { describe, expect, it } from 'vitest'
import { lsn, startedShard } from '../../test/support/simulated-shard.ts'

describe('a presumed position', () => {
  it('holds while the primary is on the same timeline', async () => {
    const { clock, monitor, b } = await startedShard()
    b.set({ position: undefined, presumed: lsn(12) })
    await clock.advance(2_000)
    expect(monitor.positionOf(b.server)).toEqual(lsn(12))
  })

  it('is none after a promotion, which the standby may have followed', async () => {
    const { clock, monitor, a, b } = await startedShard()
    a.set({ position: lsn(20, 2) })
    await clock.advance(2_000)
    b.set({ position: undefined, presumed: lsn(30) })
    await clock.advance(2_000)
    expect(monitor.positionOf(b.server)).toBeUndefined()
  })

  it('is none while the primary is not known to live', async () => {
    const { clock, monitor, a, b } = await startedShard()
    a.mode = 'refuses'
    await clock.advance(2_000)
    b.set({ position: undefined, presumed: lsn(30) })
    await clock.advance(2_000)
    expect(monitor.positionOf(b.server)).toBeUndefined()
  })

  it('of the primary itself proves nothing', async () => {
    const { clock, monitor, a } = await startedShard()
    a.set({ position: undefined, presumed: lsn(12) })
    await clock.advance(2_000)
    expect(monitor.positionOf(a.server)).toBeUndefined()
  })
})
