import { describe, expect, it } from 'vitest'
import { lsn, type SimulatedServer, startedShard } from '../../test/support/simulated-shard.ts'
import type { VirtualClock } from '../testing/virtual-clock.ts'
import type { ShardMonitor } from './monitor.ts'

function lagOf(monitor: ShardMonitor, { server }: SimulatedServer): number | undefined {
  return monitor.view().servers.find(({ id }) => id === server.id)?.lagMs
}

describe('a refresh', () => {
  it('is a probe that begins after the call, shared by those who wait for it', async () => {
    const { clock, monitor, b } = await startedShard()
    b.latencyMs = 20
    const before = b.probes.length
    const first = [monitor.refresh(b.server), monitor.refresh(b.server)]
    await clock.advance(5)
    expect(b.probes.length - before).toBe(1)
    b.set({ position: lsn(11) })
    const later = [monitor.refresh(b.server), monitor.refresh(b.server), monitor.refresh(b.server)]
    await clock.advance(15)
    expect((await Promise.all(first)).map((status) => status?.position)).toEqual([lsn(10), lsn(10)])
    await clock.advance(20)
    expect((await Promise.all(later)).map((status) => status?.position)).toEqual([lsn(11), lsn(11), lsn(11)])
    expect(b.probes.length - before).toBe(2)
    expect(monitor.positionOf(b.server)).toEqual(lsn(11))
  })

  it('that fails answers with nothing, and the server is out by then', async () => {
    const { clock, monitor, b } = await startedShard()
    b.mode = 'refuses'
    const refreshed = monitor.refresh(b.server).then((status) => [status, monitor.usable(b.server)])
    await clock.advance(1)
    expect(await refreshed).toEqual([undefined, false])
  })

  it('is not overridden by the late answer of a probe that was given up', async () => {
    const { clock, monitor, b } = await startedShard({ probeTimeoutMs: 100 })
    b.latencyMs = 150
    void monitor.refresh(b.server)
    await clock.advance(99)
    b.latencyMs = 1
    b.set({ position: lsn(12) })
    expect(monitor.usable(b.server)).toBe(true)
    await clock.advance(1)
    expect(monitor.usable(b.server)).toBe(false)
    await clock.advance(1)
    expect([monitor.positionOf(b.server), monitor.usable(b.server)]).toEqual([lsn(12), true])
    await clock.advance(100)
    expect([monitor.positionOf(b.server), monitor.usable(b.server)]).toEqual([lsn(12), true])
  })
})

describe('a position', () => {
  it('goes back with a server that was restarted', async () => {
    const { clock, monitor, b } = await startedShard()
    b.set({ position: lsn(7) })
    await monitorAsked(monitor, [b], clock)
    expect(monitor.positionOf(b.server)).toEqual(lsn(7))
  })

  it('is dropped when the server failed, and by forget, until a later probe', async () => {
    const { clock, monitor, b } = await startedShard()
    b.latencyMs = 20
    void monitor.refresh(b.server)
    await clock.advance(10)
    monitor.forget(b.server)
    await clock.advance(10)
    expect([monitor.positionOf(b.server), monitor.usable(b.server)]).toEqual([undefined, true])
    void monitor.refresh(b.server)
    await clock.advance(20)
    expect(monitor.positionOf(b.server)).toEqual(lsn(10))
    monitor.reportFailure(b.server, new Error('reset'))
    expect(monitor.positionOf(b.server)).toBeUndefined()
  })
})

describe('lag', () => {
  it('takes a replica out above the limit and back below half of it', async () => {
    const { clock, monitor, a, b, c } = await startedShard({ maxLagMs: 1_000 })
    let position = 100
    const step = async (): Promise<void> => {
      a.set({ position: lsn(++position) })
      c.set({ position: lsn(position) })
      await clock.advance(50)
    }
    for (let i = 0; i < 15; i++) await step()
    expect(monitor.usable(b.server)).toBe(true)
    for (let i = 0; i < 30; i++) await step()
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([false, true])
    expect(monitor.view().servers[1]?.out).toMatch(/^\d{4} ms behind$/)
    b.set({ position: lsn(position) })
    await clock.advance(300)
    expect([monitor.usable(b.server), lagOf(monitor, b), lagOf(monitor, a)]).toEqual([true, 0, 0])
  })

  it('is nothing that keeps a promoted replica out', async () => {
    const { clock, monitor, a, b } = await startedShard({ maxLagMs: 1_000 })
    a.set({ position: lsn(1_000) })
    await clock.advance(500)
    a.set({ position: lsn(2_000) })
    await clock.advance(3_000)
    expect(monitor.usable(b.server)).toBe(false)
    a.mode = 'refuses'
    b.set({ writable: true, position: lsn(11, 2) })
    monitor.reportFailure(a.server, new Error('connection lost'))
    await clock.advance(2)
    expect(monitor.primary()).toEqual({ kind: 'primary', server: b.server })
    expect([monitor.usable(b.server), lagOf(monitor, b)]).toEqual([true, 0])
  })

  it('is none on an idle shard', async () => {
    const { clock, monitor, b } = await startedShard({ maxLagMs: 1_000 })
    b.set({ lagMs: 3_600_000 })
    await clock.advance(60_000)
    expect([monitor.usable(b.server), lagOf(monitor, b)]).toEqual([true, 0])
  })

  it('that cannot be told is too much under a limit; a replica that is cut off is not asked what it thinks', async () => {
    const { clock, monitor, b, c } = await startedShard({ maxLagMs: 1_000 })
    b.set({ position: undefined, lagMs: 0, receiving: false })
    c.set({ position: undefined, lagMs: 0, receiving: true })
    await clock.advance(2_000)
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([false, true])
    expect(monitor.view().servers[1]?.out).toBe('how far it is behind cannot be told')
  })

  it('that cannot be told does not matter while there is no primary; one that was too much does', async () => {
    const { clock, monitor, a, b, c } = await startedShard({ maxLagMs: 1_000 })
    a.set({ position: lsn(1_000) })
    b.set({ position: lsn(1_000) })
    await clock.advance(5_000)
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([true, false])
    a.mode = 'refuses'
    for (const standby of [b, c]) standby.set({ position: undefined, lagMs: 0, receiving: false })
    await clock.advance(5_000)
    expect(monitor.primary().kind).toBe('none')
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([true, false])
    a.mode = 'answers'
    await clock.advance(2_000)
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([false, false])
  })

  it('does not matter without a limit', async () => {
    const { clock, monitor, a, b } = await startedShard()
    a.set({ position: lsn(1_000) })
    await clock.advance(1_000)
    a.set({ position: lsn(2_000) })
    await clock.advance(5_000)
    expect(monitor.usable(b.server)).toBe(true)
    expect(lagOf(monitor, b)).toBeGreaterThan(4_000)
    expect(monitor.view().servers[1]).toMatchObject({ bytesBehind: 1_990, role: 'replica', probeAgeMs: 499 })
  })
})

describe('the position of a standby that cannot prove it any more', () => {
  it('is the last one that it proved, as long as the same server runs', async () => {
    const { clock, monitor, a, b } = await startedShard({ maxLagMs: 1_000 })
    b.set({ instance: 'first', position: lsn(50) })
    await monitorAsked(monitor, [b], clock)
    a.mode = 'refuses'
    b.set({ position: undefined, receiving: false })
    await clock.advance(5_000)
    expect([monitor.positionOf(b.server), monitor.usable(b.server)]).toEqual([lsn(50), true])
    b.set({ position: lsn(60, 2) })
    await monitorAsked(monitor, [b], clock)
    expect(monitor.positionOf(b.server)).toEqual(lsn(60, 2))
    b.set({ instance: 'second', position: undefined })
    await monitorAsked(monitor, [b], clock)
    expect(monitor.positionOf(b.server)).toBeUndefined()
  })

  it('is forgotten with a lost connection, and does not exist of one that does not tell who it is', async () => {
    const { clock, monitor, b, c } = await startedShard()
    b.set({ instance: 'first' })
    await monitorAsked(monitor, [b], clock)
    for (const standby of [b, c]) standby.set({ position: undefined })
    await monitorAsked(monitor, [b, c], clock)
    expect([b, c].map(({ server }) => monitor.positionOf(server))).toEqual([lsn(10), undefined])
    monitor.forget(b.server)
    await monitorAsked(monitor, [b], clock)
    expect(monitor.positionOf(b.server)).toBeUndefined()
  })
})

describe('how old the rows of a replica may be', () => {
  it('is counted from the last time at which the primary was asked, and goes on while nobody is asked', async () => {
    const { clock, monitor, a, b } = await startedShard()
    const before = monitor.stalenessMsOf(b.server)!
    expect(before).toBeLessThanOrEqual(600)
    // It stands still, and nobody knows yet.
    a.set({ position: lsn(1_000) })
    await clock.advance(100)
    const later = monitor.stalenessMsOf(b.server)!
    expect(later === before + 100 || later > 100).toBe(true)
    await monitorAsked(monitor, [a, b], clock)
    expect(monitor.stalenessMsOf(b.server)).toBeGreaterThan(100)
    b.set({ position: lsn(1_000) })
    await monitorAsked(monitor, [a, b], clock)
    expect(monitor.stalenessMsOf(b.server)).toBeLessThan(10)
    expect(monitor.stalenessMsOf(a.server)).toBe(0)
  })

  it('is counted from its own account where there are no positions, and is not known of one that fails', async () => {
    const { clock, monitor, a, b } = await startedShard()
    for (const server of [a, b]) server.set({ position: undefined })
    b.set({ lagMs: 50 })
    await monitorAsked(monitor, [a, b], clock)
    await clock.advance(20)
    expect(monitor.stalenessMsOf(b.server)).toBeGreaterThanOrEqual(70)
    b.mode = 'refuses'
    await monitorAsked(monitor, [b], clock)
    expect(monitor.stalenessMsOf(b.server)).toBeUndefined()
  })
})

async function monitorAsked(
  monitor: ShardMonitor,
  servers: readonly SimulatedServer[],
  clock: VirtualClock,
): Promise<void> {
  for (const { server } of servers) {
    const asked = monitor.refresh(server)
    await clock.advance(2)
    await asked
  }
}
