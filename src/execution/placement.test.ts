import { beforeEach, describe, expect, it } from 'vitest'
import type { ServerStatus } from '../drivers/driver.ts'
import { parseConfig } from '../parse-config.ts'
import { ShardMemory } from '../routing/session.ts'
import type { RoutedStatement } from '../routing/route-statement.ts'
import type { Position } from '../topology/position.ts'
import type { Database, Server, Shard } from '../topology/topology.ts'
import { ReplicaBalancer } from './balancer.ts'
import { CallWait } from './call-wait.ts'
import type { Decision } from './decision.ts'
import { Placement, type ReadWishes, type ShardWatch } from './placement.ts'
import type { CallLimits } from './time-limit.ts'

const at = (lsn: number, timeline = 1): Position => ({ kind: 'lsn', timeline, lsn: BigInt(lsn) })

/** Servers whose positions a test sets; what is known of them is what a probe has seen. */
class FakeWatch implements ShardWatch {
  readonly shard: Shard
  readonly real = new Map<Server, Position>()
  readonly known = new Map<Server, Position>()
  readonly down = new Set<Server>()
  readonly lag = new Map<Server, number>()
  readonly freshOnceAsked = new Map<Server, number>()
  probes: string[] = []
  primaryIs: Server | 'none' | 'split'
  #change = Promise.withResolvers<void>()

  constructor(shard: Shard) {
    this.shard = shard
    this.primaryIs = shard.primary
  }

  get servers(): readonly Server[] {
    return [this.shard.primary, ...this.shard.replicas]
  }

  usable(server: Server): boolean {
    return !this.down.has(server)
  }

  positionOf(server: Server): Position | undefined {
    return this.known.get(server)
  }

  stalenessMsOf(server: Server): number | undefined {
    return this.lag.get(server)
  }

  async refresh(server: Server): Promise<ServerStatus | undefined> {
    this.probes.push(server.id)
    const position = this.real.get(server)
    if (this.down.has(server) || position === undefined) return undefined
    this.known.set(server, position)
    const fresh = this.freshOnceAsked.get(server)
    if (fresh !== undefined) this.lag.set(server, fresh)
    const writable = server === this.primaryIs
    return { writable, position, cluster: undefined, receiving: undefined, lagMs: 0, version: '' }
  }

  primary(): ReturnType<ShardWatch['primary']> {
    const { primaryIs } = this
    return typeof primaryIs === 'string' ? { kind: primaryIs, why: 'a test' } : { kind: 'primary', server: primaryIs }
  }

  changed(): Promise<void> {
    return this.#change.promise
  }

  change(to: Server): void {
    this.primaryIs = to
    this.#change.resolve()
  }
}

describe('the placement of a read', () => {
  const dsn = (name: string): `postgres://${string}` => `postgres://u@${name}/d`
  let database: Database
  let shard: Shard
  let watch: FakeWatch
  let placement: Placement
  let decision: Decision
  let memory: ShardMemory
  let losses: Map<string, number>
  let clock = 0
  let closed: boolean
  const wait = (limits: CallLimits = {}): CallWait => new CallWait(limits, () => clock)

  beforeEach(() => {
    const replicas = [{ url: dsn('r1'), tags: ['search'] }, dsn('r2')] as const
    const config = parseConfig({ databases: { default: { primary: dsn('p'), replicas } } })
    database = config.topology.databases.get('default')!
    shard = database.shards[0]!
    watch = new FakeWatch(shard)
    for (const server of [shard.primary, ...shard.replicas]) watch.real.set(server, at(10))
    losses = new Map()
    clock = 0
    closed = false
    placement = new Placement({
      positionOf: (_database, _shard, server) => watch.positionOf(server),
      watchOf: () => watch,
      knownOf: () => watch,
      isClosed: () => closed,
      lossesOf: (server) => losses.get(server.id) ?? 0,
      balancer: new ReplicaBalancer(() => 0),
      now: () => clock,
      // Only pauses take time here: what could be interrupted by them is always quicker.
      sleep: (ms, signal) => {
        if (signal !== undefined) return new Promise(() => {})
        clock += ms
        return Promise.resolve()
      },
    })
    const route = {
      database: 'default',
      engine: 'postgres',
      shards: ['main'],
      role: 'replica',
      effect: 'read',
      reasons: [],
    }
    decision = {
      route,
      database,
      tags: [],
      locations: [],
      server: shard.primary,
      sql: '',
    } as unknown as RoutedStatement & Decision
    memory = new ShardMemory()
  })

  const wishes = (more: Partial<ReadWishes> = {}): ReadWishes => ({
    memory,
    sticky: true,
    shared: false,
    anyState: false,
    tags: [],
    maxStalenessMs: undefined,
    ...more,
  })
  const place = async (
    more: Partial<ReadWishes> = {},
    tried: string[] = [],
  ): Promise<{ server: string; rule: string }> => {
    const { server, route } = await placement.read(decision, wishes(more), new Set(tried), wait())
    return { server: server.id.replace('default/main/', ''), rule: route.reasons.at(-1)!.rule }
  }
  const wroteUpTo = (lsn: number): void => {
    memory.begin()
    watch.real.set(shard.primary, at(lsn))
    memory.end()
  }

  it('stays on one replica in a session, and asks nobody anything', async () => {
    const { server, rule } = await place()
    expect(rule).toBe('balanced')
    for (let i = 0; i < 3; i++) expect(await place()).toEqual({ server, rule: 'stays' })
    expect(watch.probes).toEqual([])
  })

  it('balances each read where a session is not to stay', async () => {
    const servers = [await place({ sticky: false }), await place({ sticky: false })].map(({ server }) => server)
    expect(new Set(servers)).toEqual(new Set(['replica-1', 'replica-2']))
  })

  it('takes a replica that shows what was written', async () => {
    wroteUpTo(20)
    watch.real.set(shard.replicas[1]!, at(20))
    expect(await place()).toEqual({ server: 'replica-2', rule: 'caught-up' })
    expect(watch.probes[0]).toBe('default/main/primary')
    expect(clock).toBe(0)
  })

  it('takes no replica of the weight zero because it is the first to show what was written', async () => {
    const spare = { url: dsn('r2'), weight: 0 }
    const config = parseConfig({ databases: { default: { primary: dsn('p'), replicas: [dsn('r1'), spare] } } })
    ;[shard] = config.topology.databases.get('default')!.shards as [Shard]
    watch = new FakeWatch(shard)
    for (const server of watch.servers) watch.real.set(server, at(10))
    decision = { ...decision, database: config.topology.databases.get('default')!, server: shard.primary }
    wroteUpTo(20)
    watch.real.set(shard.replicas[1]!, at(20))
    expect(await place()).toEqual({ server: 'primary', rule: 'behind' })
    watch.down.add(shard.replicas[0]!)
    expect((await place()).server).toBe('replica-2')
  })

  it('waits for one, and then reads the primary', async () => {
    wroteUpTo(20)
    expect(await place()).toEqual({ server: 'primary', rule: 'behind' })
    expect(clock).toBeGreaterThanOrEqual(50)
    expect(clock).toBeLessThan(150)
  })

  it('asks the primary anew for each read while a write of the session is under way', async () => {
    memory.begin()
    for (let reads = 1; reads <= 3; reads++) {
      watch.real.set(shard.primary, at(10 + reads))
      for (const replica of shard.replicas) watch.real.set(replica, at(9 + reads))
      expect(await place()).toEqual({ server: 'primary', rule: 'behind' })
      for (const replica of shard.replicas) watch.real.set(replica, at(10 + reads))
      expect((await place()).server).toMatch(/^replica/)
    }
    expect(watch.probes.filter((id) => id.endsWith('primary'))).toHaveLength(6)
  })

  it('reads the primary when that cannot say how far it is', async () => {
    wroteUpTo(20)
    watch.down.add(shard.primary)
    expect(await place()).toEqual({ server: 'primary', rule: 'no-position' })
  })

  it('trusts no position of another timeline', async () => {
    wroteUpTo(20)
    watch.real.set(shard.primary, at(20, 2))
    for (const replica of shard.replicas) watch.real.set(replica, at(30, 1))
    expect((await place()).server).toBe('primary')
  })

  it('asks the primary before it leaves the replica that it read: what was seen there is not known', async () => {
    const { server } = await place()
    const mine = shard.replicas.find(({ id }) => id.endsWith(server))!
    const other = shard.replicas.find((replica) => replica !== mine)!
    watch.known.set(other, at(5))
    watch.real.set(other, at(5))
    watch.down.add(mine)
    expect(await place()).toEqual({ server: 'primary', rule: 'behind' })
    watch.real.set(other, at(10))
    expect(await place()).toEqual({ server: other.id.replace('default/main/', ''), rule: 'caught-up' })
  })

  it('does so as well when the replica has lost its connections: it may have restarted with an older state', async () => {
    const { server } = await place()
    const mine = shard.replicas.find(({ id }) => id.endsWith(server))!
    losses.set(mine.id, 1)
    for (const replica of shard.replicas) watch.real.set(replica, at(9))
    expect(await place()).toEqual({ server: 'primary', rule: 'behind' })
  })

  it('waits for nothing where any state will do', async () => {
    wroteUpTo(20)
    expect((await place({ anyState: true })).server).toMatch(/^replica/)
    expect(watch.probes).toEqual([])
  })

  it('knows tags, and says so where none can be used and no other may', async () => {
    expect((await place({ tags: ['search'] })).server).toBe('replica-1')
    watch.down.add(shard.replicas[0]!)
    expect(await place({ tags: ['search'] })).toEqual({ server: 'primary', rule: 'no-usable-replica' })
    const strict = { ...database, replication: { ...database.replication, tagFallback: 'error' as const } }
    decision = { ...decision, database: strict }
    await expect(place({ tags: ['search'] })).rejects.toMatchObject({ code: 'SIGNALBOX_NO_REPLICA' })
  })

  it('takes no replica whose rows may be older than wanted, or whose lag is not known', async () => {
    watch.lag.set(shard.replicas[0]!, 500)
    expect((await place({ maxStalenessMs: 400 })).server).toBe('primary')
    expect((await place({ maxStalenessMs: 500 })).server).toBe('replica-1')
  })

  it('asks the primary, then the replicas, how fresh they are before it gives them up', async () => {
    for (const replica of shard.replicas) watch.lag.set(replica, 600)
    expect(await place({ maxStalenessMs: 500 })).toEqual({ server: 'primary', rule: 'no-usable-replica' })
    expect(watch.probes).toEqual([shard.primary, ...shard.replicas].map(({ id }) => id))
    watch.freshOnceAsked.set(shard.replicas[1]!, 3)
    expect((await place({ maxStalenessMs: 500 })).server).toBe('replica-2')
    const asked = watch.probes.length
    expect((await place({ maxStalenessMs: 500 })).server).toBe('replica-2')
    expect(watch.probes.length).toBe(asked)
  })

  it('leaves out those that have failed for this read', async () => {
    expect((await place({}, ['default/main/replica-1'])).server).toBe('replica-2')
    expect(
      (
        await place(
          {},
          shard.replicas.map(({ id }) => id),
        )
      ).rule,
    ).toBe('no-usable-replica')
  })

  it('follows the primary, and never reads from two of them', async () => {
    watch.change(shard.replicas[0]!)
    const servers = new Set<string>()
    for (let i = 0; i < 4; i++) servers.add((await place({ sticky: false })).server)
    expect(servers).toEqual(new Set(['primary', 'replica-2']))
    expect((await placement.primary(decision, wait())).server).toBe(shard.replicas[0])
  })

  it('holds what needs a primary until there is one, for a limited time', async () => {
    watch.primaryIs = 'none'
    const held = Promise.resolve(placement.primary({ ...decision, database: withHold(60_000) }, wait()))
    watch.change(shard.replicas[1]!)
    expect((await held).server).toBe(shard.replicas[1])
    watch.primaryIs = 'none'
    await expect(placement.primary({ ...decision, database: withHold(0) }, wait())).rejects.toMatchObject({
      code: 'SIGNALBOX_NO_PRIMARY',
      safeToRetry: true,
      message: expect.stringMatching(/\(replication\.holdMs\)\. Nothing was sent\. Promote a replica/),
    })
    watch.primaryIs = 'split'
    await expect(placement.primary(decision, wait())).rejects.toMatchObject({ code: 'SIGNALBOX_TWO_PRIMARIES' })
  })

  it('is told beforehand without a change to the session, the balancer, or what is held', () => {
    const likely = (): string => placement.likely(decision, wishes()).server.id
    expect(likely()).toBe(likely())
    expect(memory.stay).toBeUndefined()
    watch.down.add(shard.replicas[0]!).add(shard.replicas[1]!)
    watch.primaryIs = 'none'
    memory.stay = { server: shard.replicas[0]!.id, losses: 0 }
    expect(placement.likely(decision, wishes())).toBe(decision)
    expect(memory).toMatchObject({ stay: { losses: 0 }, need: 'nothing' })
    expect(watch.probes).toEqual([])
  })

  it('does not leave its replica for one that shows what is needed: it may have shown more', async () => {
    const [mine, other] = shard.replicas
    memory.require(at(7))
    memory.stay = { server: mine!.id, losses: 0 }
    watch.known.set(other!, at(8))
    watch.real.set(other!, at(8))
    expect((await place()).server).toBe('replica-1')
    expect(watch.probes).toContain(shard.primary.id)
  })

  it('waits no longer than its call may, for a replica, a position or a primary', async () => {
    wroteUpTo(20)
    const aborted = AbortSignal.abort()
    await expect(placement.read(decision, wishes(), new Set(), wait({ signal: aborted }))).rejects.toMatchObject({
      code: 'SIGNALBOX_ABORTED',
      safeToRetry: true,
    })
    const late = wait({ timeoutMs: 3 })
    watch.known.set(shard.replicas[0]!, at(10))
    await expect(placement.read(decision, wishes(), new Set(), late)).rejects.toMatchObject({
      code: 'SIGNALBOX_TIMEOUT',
      timeoutMs: 3,
      safeToRetry: true,
    })
    watch.primaryIs = 'none'
    clock += 1
    const held = Promise.resolve(placement.primary({ ...decision, database: withHold(60_000) }, wait({ timeoutMs: 9 })))
    clock += 9
    watch.change(shard.replicas[0]!)
    await expect(held).rejects.toMatchObject({ code: 'SIGNALBOX_TIMEOUT' })
    watch.primaryIs = 'none'
    closed = true
    await expect(placement.primary({ ...decision, database: withHold(60_000) }, wait())).rejects.toMatchObject({
      code: 'SIGNALBOX_CLIENT_CLOSED',
    })
  })

  const withHold = (holdMs: number): Database => ({ ...database, replication: { ...database.replication, holdMs } })
})
