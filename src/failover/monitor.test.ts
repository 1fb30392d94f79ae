import { describe, expect, it } from 'vitest'
import { lsn, simulateShard, type SimulatedServer, startedShard } from '../../test/support/simulated-shard.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { ShardMonitor } from './monitor.ts'

const kindOf = ({ monitor }: { readonly monitor: ShardMonitor }, { server }: SimulatedServer): string =>
  monitor.stateOf(server).kind

describe('a monitor', () => {
  it('asks nobody until it is asked, and trusts the configuration until then', async () => {
    const { clock, monitor, primary, a, b } = simulateShard()
    await clock.advance(10_000)
    expect(monitor.view().servers.map(({ state, out }) => [state, out])).toEqual(
      [1, 2, 3].map(() => ['unknown', undefined]),
    )
    expect([a.probes, clock.pending]).toEqual([[], 0])
    expect(primary()).toBe('a')
    expect(monitor.usable(b.server)).toBe(true)
    expect(monitor.stateOf(b.server)).toEqual({ kind: 'unknown' })
    await clock.advance(1)
    expect(monitor.stateOf(b.server)).toEqual({ kind: 'up', since: 15_001 })
    expect(a.probes).toEqual([15_000])
  })

  it('starts with a replica that is down, and takes it in when it comes', async () => {
    const { clock, monitor, primary, b, c } = simulateShard()
    b.mode = 'refuses'
    expect(primary()).toBe('a')
    await clock.advance(5)
    expect([primary(), monitor.usable(b.server), monitor.usable(c.server)]).toEqual(['a', false, true])
    b.mode = 'answers'
    await clock.advance(1_000)
    expect(monitor.usable(b.server)).toBe(true)
  })

  it('asks each server on a schedule of its own, with jitter', async () => {
    const all = simulateShard({ probeIntervalMs: 2_000 })
    all.b.latencyMs = 300
    all.primary()
    await all.clock.advance(7_000)
    expect(all.a.probes).toEqual([5_000, 7_000, 9_000, 11_000])
    let next = 0
    const random = () => [0, 0.999][next++ % 2] ?? 0
    const clock = new VirtualClock()
    const begun: number[] = []
    const monitor = new ShardMonitor({
      database: 'shop',
      shard: { name: 'main', primary: all.a.server, replicas: [] },
      probe: async () => {
        begun.push(clock.now())
        return all.a.status
      },
      clock,
      random,
    })
    monitor.primary()
    await clock.advance(10_000)
    const gaps = begun.slice(1).map((at, i) => at - (begun[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(800)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_200)
    expect(new Set(gaps).size).toBeGreaterThan(1)
  })

  it('leaves no timer after stop, and lets nobody wait for ever', async () => {
    const all = await startedShard()
    const { clock, monitor, a, b } = all
    b.mode = 'hangs'
    monitor.reportFailure(a.server, new Error('reset'))
    monitor.reportRoleChange()
    const waiting: Promise<unknown>[] = [monitor.changed(), monitor.settled(), monitor.refresh(b.server)]
    await clock.advance(2)
    // One that waits for the probe under way, and for a round that is not due yet.
    waiting.push(monitor.refresh(b.server))
    monitor.reportRoleChange()
    expect(clock.pending).toBeGreaterThan(4)
    monitor.stop()
    expect(clock.pending).toBe(0)
    expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined, undefined])
    await clock.advance(0)
    const probes = a.probes.length
    monitor.reportFailure(a.server, new Error('reset'))
    monitor.reportRoleChange()
    expect(await monitor.refresh(a.server)).toBeUndefined()
    await clock.advance(60_000)
    expect([clock.pending, a.probes.length]).toEqual([0, probes])
  })

  it('keeps asking as long as it lives, one timer for each server', async () => {
    const { clock, monitor, a, b, c } = await startedShard()
    b.mode = 'hangs'
    c.mode = 'refuses'
    for (let i = 0; i < 50; i++) {
      monitor.reportFailure(a.server, new Error('reset'))
      await clock.advance(97)
      // A timer for each server, the time limit and the answer of a probe, and the next round.
      expect(clock.pending).toBeLessThanOrEqual(3 + 3 + 3 + 1)
    }
    expect(c.probes.length).toBeLessThan(200)
  })
})

describe('a server', () => {
  it('that hangs is out when a probe has had no answer for its time limit, and costs the others nothing', async () => {
    const all = await startedShard({ probeTimeoutMs: 700 })
    const { clock, monitor, b, c } = all
    b.mode = 'hangs'
    await clock.advance(500 + 699)
    expect(monitor.usable(b.server)).toBe(true)
    await clock.advance(1)
    expect(monitor.usable(b.server)).toBe(false)
    expect(monitor.stateOf(b.server)).toMatchObject({ kind: 'probing', why: 'no answer within 700 ms' })
    expect([monitor.positionOf(b.server), monitor.usable(c.server)]).toEqual([undefined, true])
  })

  it('that hangs again is out again, also if an answer to an earlier probe comes meanwhile', async () => {
    const { clock, monitor, b } = await startedShard({ probeTimeoutMs: 100 })
    b.latencyMs = 150
    void monitor.refresh(b.server)
    await clock.advance(50)
    b.mode = 'hangs'
    await clock.advance(110)
    expect(b.probes.length).toBeGreaterThan(1)
    await clock.advance(1_000)
    // Each probe ended, so that another one began.
    expect(b.probes.length).toBeGreaterThan(2)
    b.mode = 'answers'
    b.latencyMs = 1
    await clock.advance(1_000)
    expect(monitor.usable(b.server)).toBe(true)
  })

  it('that was restarted is back within 1 s, however long it was away', async () => {
    for (const awayMs of [50, 333, 5_000, 61_234])
      for (const mode of ['refuses', 'hangs'] as const) {
        const { clock, monitor, b } = await startedShard()
        b.mode = mode
        monitor.reportFailure(b.server, new Error('reset'))
        expect(monitor.usable(b.server)).toBe(false)
        await clock.advance(awayMs)
        b.mode = 'answers'
        // A probe that got lost in a black hole is waited for, and the next one takes 1 ms.
        await clock.advance(mode === 'refuses' ? 1_000 : 1_001)
        expect(monitor.usable(b.server), `${mode} for ${awayMs} ms`).toBe(true)
        monitor.stop()
      }
  })

  it('is half open while it is asked again', async () => {
    const all = await startedShard()
    const { clock, monitor, b } = all
    b.mode = 'refuses'
    monitor.reportFailure(b.server, new Error('reset'))
    await clock.advance(1)
    expect(monitor.stateOf(b.server)).toMatchObject({ kind: 'down', attempt: 1, why: 'connection refused' })
    b.mode = 'answers'
    b.latencyMs = 50
    await clock.advance(100)
    expect(kindOf(all, b)).toBe('probing')
    expect(monitor.usable(b.server)).toBe(false)
    await clock.advance(40)
    expect(kindOf(all, b)).toBe('up')
  })

  it('comes back from a failed statement only by a probe that began afterwards', async () => {
    const all = await startedShard()
    const { clock, monitor, b } = all
    b.latencyMs = 30
    const earlier = monitor.refresh(b.server)
    await clock.advance(10)
    monitor.reportFailure(b.server, new Error('connection lost'))
    expect(monitor.stateOf(b.server)).toMatchObject({ kind: 'suspect', why: 'connection lost' })
    await clock.advance(20)
    expect(await earlier).toBeDefined()
    expect([kindOf(all, b), monitor.positionOf(b.server)]).toEqual(['suspect', undefined])
    await clock.advance(30)
    expect([kindOf(all, b), monitor.positionOf(b.server)]).toEqual(['up', lsn(10)])
  })

  it('of another cluster is not usable', async () => {
    const { clock, monitor, primary, b } = await startedShard()
    b.set({ cluster: 'y', writable: true })
    await clock.advance(1_500)
    expect([primary(), monitor.usable(b.server)]).toEqual(['a', false])
    expect(monitor.view().servers[1]?.out).toBe('belongs to cluster y, not to x')
  })

  it('is not out because this process was held up', async () => {
    const all = simulateShard()
    let lostMs = 0
    const held = new VirtualClock()
    let answers: (() => void) | undefined
    const monitor = new ShardMonitor({
      database: 'shop',
      shard: { name: 'main', primary: all.a.server, replicas: [all.b.server] },
      probe: async () => {
        await new Promise<void>((resolve) => (answers = resolve))
        return all.a.status
      },
      clock: { now: () => held.now() + lostMs, setTimeout: held.setTimeout, clearTimeout: () => {} },
      random: () => 0.5,
    })
    monitor.primary()
    await held.advance(0)
    lostMs = 800
    await held.advance(1_100)
    expect(monitor.stateOf(all.b.server).kind).toBe('unknown')
    answers?.()
    await held.advance(0)
    expect(monitor.stateOf(all.b.server).kind).toBe('up')
    await held.advance(3_000)
    expect(monitor.usable(all.b.server)).toBe(false)
    monitor.stop()
  })
})

describe('the primary', () => {
  it('is followed within one round of probes after a failed statement', async () => {
    const { clock, monitor, primary, a, b } = await startedShard()
    a.mode = 'refuses'
    b.set({ writable: true, position: lsn(20, 2) })
    const changed = monitor.changed()
    monitor.reportFailure(a.server, new Error('connection lost'))
    expect([primary(), monitor.usable(a.server)]).toEqual(['a', false])
    await clock.advance(1)
    await changed
    expect([primary(), monitor.usable(b.server)]).toEqual(['b', true])
  })

  it('is followed at once when it is promoted later, after the old one was lost', async () => {
    const { clock, monitor, primary, a, b } = await startedShard()
    a.mode = 'refuses'
    monitor.reportFailure(a.server, new Error('connection lost'))
    await clock.advance(1)
    expect(primary()).toBe('none')
    expect(monitor.primary()).toHaveProperty('why', expect.stringContaining('a cannot be reached: connection refused'))
    await clock.advance(3_210)
    b.set({ writable: true, position: lsn(20, 2) })
    await clock.advance(201)
    expect(primary()).toBe('b')
  })

  it('is looked for less often when there has been none for long', async () => {
    const { clock, primary, a, b } = await startedShard()
    a.mode = 'refuses'
    await clock.advance(60_000)
    expect(primary()).toBe('none')
    const before = b.probes.length
    await clock.advance(10_000)
    expect(b.probes.length - before).toBeLessThanOrEqual(11)
  })

  it('is followed in a planned switch without calling it a split', async () => {
    const { clock, monitor, primary, views, a, b } = await startedShard()
    a.set({ writable: false })
    b.set({ writable: true, position: lsn(20, 2) })
    // The new one is seen first.
    void monitor.refresh(b.server)
    await clock.advance(1)
    expect(primary()).toBe('none')
    expect(monitor.primary()).toHaveProperty('why', expect.stringContaining('are asked again'))
    await clock.advance(1)
    expect(primary()).toBe('b')
    expect(views.map((view) => view.primary.kind)).not.toContain('split')
  })

  it('that refuses writes is asked again, together with all others, at most every 100 ms', async () => {
    const { clock, monitor, primary, a, b, c } = await startedShard()
    b.set({ writable: true, position: lsn(20, 2) })
    a.set({ writable: false })
    monitor.reportRoleChange()
    await clock.advance(1)
    expect(primary()).toBe('b')
    const before = [a, b, c].map(({ probes }) => probes.length)
    for (let i = 0; i < 30; i++) {
      monitor.reportRoleChange()
      await clock.advance(10)
    }
    for (const [i, { probes }] of [a, b, c].entries()) expect(probes.length - (before[i] ?? 0)).toBeLessThanOrEqual(4)
    expect(primary()).toBe('b')
  })

  it('may be the same as before, which ends the waiting too', async () => {
    const { clock, monitor, primary } = await startedShard()
    let settled = false
    await monitor.settled()
    monitor.reportRoleChange()
    void monitor.settled().then(() => (settled = true))
    await clock.advance(0)
    expect(settled).toBe(false)
    await clock.advance(1)
    expect([settled, primary()]).toEqual([true, 'a'])
  })

  it('is nobody while two servers accept writes, loudly, until one is stopped', async () => {
    const { clock, monitor, primary, views, a, b, c } = await startedShard()
    b.set({ writable: true, position: lsn(20, 2) })
    monitor.reportRoleChange()
    await clock.advance(2)
    expect(primary()).toBe('split')
    expect(views.at(-1)?.primary).toMatchObject({ kind: 'split', why: expect.stringMatching(/^a and b all accept/) })
    // Reads are for the one whose timeline says that it was promoted.
    expect([a, b, c].map(({ server }) => monitor.usable(server))).toEqual([false, true, true])
    await clock.advance(10_000)
    expect(primary()).toBe('split')
    a.mode = 'refuses'
    await clock.advance(300)
    expect(primary()).toBe('b')
    // What comes back is an old primary again.
    a.mode = 'answers'
    await clock.advance(1_100)
    expect(primary()).toBe('split')
    a.set({ writable: false, position: lsn(21, 2) })
    await clock.advance(300)
    expect([primary(), monitor.usable(a.server)]).toEqual(['b', true])
  })

  it('is not the old one, left alone, after another one was followed', async () => {
    const { clock, monitor, primary, a, b } = await startedShard()
    a.mode = 'refuses'
    b.set({ writable: true, position: lsn(20, 2) })
    monitor.reportFailure(a.server, new Error('connection lost'))
    await clock.advance(1)
    expect(primary()).toBe('b')
    b.mode = 'refuses'
    a.mode = 'answers'
    await clock.advance(5_000)
    expect(primary()).toBe('none')
    expect(monitor.primary()).toHaveProperty('why', expect.stringContaining('a is an old primary'))
  })

  it('waits for the time limit of a hung old one before another one takes over', async () => {
    const { clock, monitor, primary, a, b } = await startedShard({ probeTimeoutMs: 400 })
    a.mode = 'hangs'
    b.set({ writable: true, position: lsn(20, 2) })
    monitor.reportFailure(a.server, new Error('no answer'))
    await clock.advance(399)
    expect(primary()).toBe('none')
    await clock.advance(1)
    expect(primary()).toBe('b')
  })

  it('keeps its name through a lost connection', async () => {
    const { clock, monitor, primary, views, a } = await startedShard()
    const before = views.length
    monitor.reportFailure(a.server, new Error('connection lost'))
    expect(primary()).toBe('a')
    await clock.advance(1)
    expect([primary(), monitor.usable(a.server)]).toEqual(['a', true])
    expect(views.slice(before).map(({ servers }) => servers[0]?.out)).toEqual(['connection lost', undefined])
  })
})

describe('a monitor whose servers change', () => {
  it('asks a new one at once, and drops one that is gone with all that was known of it', async () => {
    const { clock, monitor, a, b, c } = await startedShard()
    monitor.follow([b.server])
    expect(monitor.servers.map(({ id }) => id)).toEqual(['a', 'b'])
    const before = c.probes.length
    await clock.advance(5_000)
    expect([c.probes.length - before, monitor.usable(c.server), monitor.positionOf(c.server)]).toEqual([
      0,
      false,
      undefined,
    ])
    // What still runs there may fail, and says nothing about the shard.
    monitor.reportFailure(c.server, new Error('lost'))
    monitor.forget(c.server)
    expect(await monitor.refresh(c.server)).toBeUndefined()

    const asked = [a, b].map(({ probes }) => probes.length)
    monitor.follow([b.server, c.server])
    expect(monitor.usable(c.server)).toBe(false)
    await clock.advance(1)
    expect(c.probes.length - before).toBe(1)
    expect(monitor.positionOf(c.server)).toEqual(lsn(10))
    expect([a, b].map(({ probes }, i) => probes.length - asked[i]!)).toEqual([1, 1])
    await clock.advance(1)
    expect(monitor.usable(c.server)).toBe(true)
  })

  it('gives nothing to a new one that says it is of another shard, nor before it has said anything', async () => {
    const { clock, monitor, b, c } = await startedShard()
    monitor.follow([b.server])
    await clock.advance(200)
    c.set({ cluster: 'y' })
    c.latencyMs = 50
    monitor.follow([b.server, c.server])
    await clock.advance(49)
    expect(monitor.view().servers.map(({ out }) => out)).toEqual([undefined, undefined, 'it has not answered yet'])
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([true, false])
    await clock.advance(1)
    expect(monitor.view().servers[2]!.out).toBe('belongs to cluster y, not to x')
  })

  it('gives nothing to one that joins until it shows what the primary had by then', async () => {
    const { clock, monitor, a, b, c } = await startedShard()
    monitor.follow([b.server])
    await clock.advance(200)
    // No further behind than may be read, but whoever wrote before may have been told that every replica has it.
    c.set({ position: lsn(9) })
    monitor.follow([b.server, c.server])
    await clock.advance(1_000)
    a.set({ position: lsn(12) })
    expect(monitor.view().servers[2]).toMatchObject({
      state: 'up',
      out: 'it does not show yet what the primary had when it was found',
    })
    c.set({ position: lsn(10) })
    await clock.advance(1_500)
    expect([monitor.usable(c.server), monitor.positionOf(a.server)]).toEqual([true, lsn(12)])
    // It is known from now on, however far it falls behind.
    c.set({ position: lsn(8) })
    await clock.advance(1_500)
    expect(monitor.usable(c.server)).toBe(true)
  })

  it('reads one that joins at its first answer where there are no positions, and after a promotion by the new ones', async () => {
    const { clock, monitor, primary, a, b, c } = await startedShard()
    monitor.follow([b.server])
    await clock.advance(200)
    c.set({ position: lsn(9) })
    monitor.follow([b.server, c.server])
    await clock.advance(1_500)
    expect(monitor.usable(c.server)).toBe(false)
    a.mode = 'refuses'
    b.set({ writable: true, position: lsn(9, 2) })
    await clock.advance(1_500)
    expect([primary(), monitor.usable(c.server)]).toEqual(['b', false])
    c.set({ position: lsn(9, 2) })
    await clock.advance(1_500)
    expect(monitor.usable(c.server)).toBe(true)

    monitor.follow([b.server])
    await clock.advance(200)
    b.set({ position: undefined })
    c.set({ position: undefined })
    await clock.advance(1_500)
    monitor.follow([b.server, c.server])
    await clock.advance(1_500)
    expect(monitor.usable(c.server)).toBe(true)
  })

  it('has no primary when the primary is gone from its shard, until another is', async () => {
    const { clock, monitor, primary, a, b, c } = await startedShard()
    a.mode = 'refuses'
    b.set({ writable: true })
    await clock.advance(1_500)
    expect(primary()).toBe('b')
    monitor.follow([c.server])
    expect(primary()).toBe('none')
    c.set({ writable: true })
    await clock.advance(1_500)
    expect(primary()).toBe('c')
  })

  it('keeps what it knows of a server whose weight changes', async () => {
    const { monitor, b, c } = await startedShard()
    monitor.follow([{ ...b.server, weight: 0 }, c.server])
    expect(monitor.servers[1]!.weight).toBe(0)
    expect(monitor.positionOf(b.server)).toEqual(lsn(10))
    monitor.stop()
    monitor.follow([])
    expect(monitor.servers).toHaveLength(3)
  })

  it('gives nothing to a second address of a server', async () => {
    const { clock, monitor, primary, a, b, c } = await startedShard()
    for (const [server, instance] of [
      [a, '1'],
      [b, '2'],
      [c, '2'],
    ] as const)
      server.set({ instance })
    await clock.advance(1_500)
    expect([monitor.usable(b.server), monitor.usable(c.server)]).toEqual([true, false])
    expect(monitor.view().servers[2]!.out).toBe('the same server as b')
    // The name of the primary leads to the promoted one now.
    a.set({ instance: '2', writable: true })
    for (const server of [b, c]) server.set({ writable: true })
    await clock.advance(1_500)
    expect(primary()).toBe('a')
    expect([b, c].map(({ server }) => monitor.usable(server))).toEqual([false, false])
  })
})
