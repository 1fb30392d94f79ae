import { replicasWith, FoundServers } from '../discovery/found-servers.ts'
import { ServerFollower } from '../discovery/follower.ts'
import type { AskPrimary } from '../discovery/replica-hosts.ts'
import { sourceOf } from '../discovery/source-of.ts'
import type { Driver, Engine } from '../drivers/driver.ts'
import { ShardMonitor } from '../failover/monitor.ts'
import type { ShardView } from '../failover/shard-view.ts'
import type { Position } from '../topology/position.ts'
import type { TopologyStore } from '../topology/topology-store.ts'
import type { Database, Server, Shard } from '../topology/topology.ts'
import { shardOf, type Decision } from './decision.ts'
import { InFlight } from './in-flight.ts'
import type { KnownShard } from './placement.ts'
import { PoolRegistry } from './pool-registry.ts'
import { SharedQuestion } from './shared-question.ts'

/** How long a server that is gone from its shard may take to end what runs there. */
const leaveTimeoutMs = 60_000
/** More connections than a server loses while it is known. */
const mostLosses = 2 ** 24

/** What is known of the servers of all replicated shards. Asks nobody before a shard is first used. */
export class ShardWatches {
  readonly #pools: PoolRegistry
  /**
   * A connection of their own for each server: the probes of one whose connections are all busy must not wait, and must
   * not be taken for those of one that hangs.
   */
  readonly #probePools: PoolRegistry
  readonly #monitors = new Map<Shard, ShardMonitor>()
  /** By id: servers that said so when they were last asked. */
  readonly #takesWrites = new Set<string>()
  readonly #followers = new Map<Shard, ServerFollower>()
  readonly #topology: TopologyStore
  readonly #losses = new Map<string, number>()
  /** Whether a primary shows what a replica has shown, by the ids of both. */
  readonly #proofs = new Map<string, Map<string, SharedQuestion<boolean>>>()
  /** What is added to the losses of a server that was found, so that one that was gone meanwhile has more than before. */
  readonly #arrivals = new Map<string, number>()
  #arrived = 0
  readonly inFlight = new InFlight({ ask: (server) => this.#ask(server) })
  #closed = false

  /** `topology`: where roles and servers are published when they change. */
  constructor(pools: PoolRegistry, drivers: Readonly<Record<Engine, () => Promise<Driver>>>, topology: TopologyStore) {
    this.#pools = pools
    this.#topology = topology
    // Watching servers is nothing that a process should live for.
    this.#probePools = new PoolRegistry(drivers, undefined, true)
  }

  of(database: Database, shard: Shard): ShardMonitor {
    const known = this.#monitors.get(shard)
    if (known !== undefined) return known
    const { probeIntervalMs, probeTimeoutMs, maxLagMs } = database.replication
    const probed = probeDatabase(database)
    const monitor: ShardMonitor = new ShardMonitor({
      database: database.alias,
      shard,
      options: { probeIntervalMs, probeTimeoutMs, maxLagMs },
      onStart: () => follower?.start(),
      onChange: (view) => {
        this.#giveUpHung(monitor.servers, view)
        this.#severReplaced(monitor.servers, view)
        this.#publish(monitor, view)
        if (view.primary.kind !== 'primary') follower?.lookSoon()
      },
      probe: async (server, timeoutMs) => {
        // A SQLite database in memory is another one on another connection.
        if (database.engine !== 'sqlite') {
          const status = await (await this.#probePools.open(server, probed)).status({ timeoutMs })
          this.#noteRole(server, status.writable)
          return status
        }
        const status = await (await this.#pools.open(server, database)).status({ timeoutMs })
        // Every file takes writes: there the configuration alone says who is what.
        return { ...status, writable: server === shard.primary }
      },
    })
    this.#monitors.set(shard, monitor)
    const follower = this.#followerOf(database, shard, monitor)
    return monitor
  }

  /** What looks for further servers of the shard, if its database says so. */
  #followerOf(database: Database, shard: Shard, monitor: ShardMonitor): ServerFollower | undefined {
    const { discovery } = database
    if (discovery === undefined) return undefined
    const found = new FoundServers()
    const ask: AskPrimary = async (sql, { timeoutMs }) => {
      const primary = monitor.primary()
      if (primary.kind !== 'primary') throw new Error('there is no primary that could be asked')
      // Not by the connection for probes: a slow answer would look like a server that hangs.
      const pool = await this.#pools.open(primary.server, database)
      const { rows } = await pool.query({ sql, params: [], access: 'read', prepare: false, timeoutMs })
      return rows as readonly Readonly<Record<string, unknown>>[]
    }
    const follower = new ServerFollower({
      source: sourceOf(discovery.source, ask),
      intervalMs: discovery.intervalMs,
      timeoutMs: discovery.timeoutMs,
      onFound: (servers) => {
        const before = monitor.servers
        const replicas = replicasWith(shard, found.update(servers), `${database.alias}/${shard.name}`)
        monitor.follow(withPrimary(replicas, shard, monitor))
        this.#noteChanges(before, monitor.servers)
        this.#publish(monitor, monitor.view())
      },
    })
    this.#followers.set(shard, follower)
    return follower
  }

  /** The name of a primary that takes no writes any more may lead to the next one, which only a new connection finds out. */
  #noteRole(server: Server, writable: boolean): void {
    const tookWrites = this.#takesWrites.has(server.id)
    if (writable) this.#takesWrites.add(server.id)
    else this.#takesWrites.delete(server.id)
    if (writable || !tookWrites) return
    this.#arrive(server.id)
    this.#probePools.drop(server, leaveTimeoutMs).catch(nothing)
  }

  #noteChanges(before: readonly Server[], now: readonly Server[]): void {
    const [known, kept] = [before, now].map((servers) => new Set(servers.map(({ id }) => id)))
    for (const server of before) if (!kept!.has(server.id)) this.#leave(server)
    for (const { id } of now) if (!known!.has(id)) this.#losses.set(id, this.#arrive(id))
  }

  /** Its connections are counted from a number that no earlier one came to, which is returned. */
  #arrive(id: string): number {
    this.#arrived += 1
    const from = this.#arrived * mostLosses
    this.#arrivals.set(id, from)
    return from
  }

  /** The server is none of the shard's any more. What runs there comes to its end. */
  #leave(server: Server): void {
    this.#arrivals.delete(server.id)
    this.#takesWrites.delete(server.id)
    this.#losses.delete(server.id)
    this.#proofs.delete(server.id)
    for (const proofs of this.#proofs.values()) proofs.delete(server.id)
    for (const pools of [this.#pools, this.#probePools]) pools.drop(server, leaveTimeoutMs).catch(nothing)
  }

  #publish(monitor: ShardMonitor, { database, shard, primary }: ShardView): void {
    const server = primary.kind === 'primary' ? primary.server : undefined
    this.#topology.publish({ database, shard, primary: server, servers: monitor.servers })
  }

  /** A probe at once, so that a server that hangs is found out however seldom it is asked. */
  #ask(server: Server): void {
    for (const monitor of this.#monitors.values())
      if (monitor.servers.some(({ id }) => id === server.id)) void monitor.refresh(server)
  }

  /** Reads on a server that answers no probe go elsewhere. One that is merely behind goes on with what it has begun. */
  #giveUpHung(servers: readonly Server[], view: ShardView): void {
    for (const server of servers) {
      const one = view.servers.find(({ id }) => id === server.id)
      if (one?.out !== undefined && one.state === 'down') this.inFlight.giveUp(server, one.out)
    }
  }

  /**
   * A primary that hangs, and another took its place: what was sent to it is never answered, or by a server that should not
   * take writes any more. Until another is the primary nobody can say that, and writes are waited for.
   */
  #severReplaced(servers: readonly Server[], { primary, servers: views }: ShardView): void {
    if (primary.kind !== 'primary') return
    for (const server of servers) {
      if (server.id === primary.server.id || !this.#takesWrites.has(server.id)) continue
      const { state, out } = views.find(({ id }) => id === server.id) ?? {}
      if (state !== 'down' && state !== 'probing') continue
      this.#takesWrites.delete(server.id)
      this.#pools
        .opened(server)
        ?.sever?.(`it does not answer (${out}), and ${primary.server.address} is the primary now`)
      // Nor is it known of idle connections whether they still lead there.
      this.#arrive(server.id)
      this.#pools.drop(server, leaveTimeoutMs).catch(nothing)
    }
  }

  /** The primary, then the replicas, without those that are known not to answer: for what is the same on all of them. */
  serversOf(decision: Decision): readonly Server[] {
    const shard = shardOf(decision)
    const monitor = this.of(decision.database, shard)
    const primary = monitor.primary()
    const first = primary.kind === 'primary' ? primary.server : shard.primary
    const others = monitor.servers.filter(({ id }) => id !== first.id)
    const usable = [first, ...others].filter((server) => monitor.usable(server))
    return usable.length === 0 ? [first] : usable
  }

  /**
   * Connections to the server that were lost so far: one more, and it may have restarted. The probes' own connection is
   * always there, also where those of the statements were closed because nobody used them. A server that is found again
   * after it was gone has lost all of them.
   */
  lossesOf(server: Server): number {
    const lost = (this.#pools.opened(server)?.losses ?? 0) + (this.#probePools.opened(server)?.losses ?? 0)
    return lost + (this.#arrivals.get(server.id) ?? 0)
  }

  /** How far the server is known to have come, if it has lost no connection since that was asked. */
  positionOf(database: Database, shard: Shard, server: Server): Position | undefined {
    const monitor = this.of(database, shard)
    const losses = this.lossesOf(server)
    if (losses !== (this.#losses.get(server.id) ?? 0)) {
      this.#losses.set(server.id, losses)
      monitor.forget(server)
      // Not only when its turn comes: until then nobody who wrote would read a server that is back.
      void monitor.refresh(server)
    }
    return monitor.positionOf(server)
  }

  /**
   * Waits, for `waitMs` at most, until the primary of the placed decision shows all that the replica with this id has shown.
   * `false` if that is not certain.
   */
  async showsAll(placed: Decision, shownBy: string): Promise<boolean> {
    const { database, server } = placed
    const proofs = this.#proofs.get(server.id) ?? new Map<string, SharedQuestion<boolean>>()
    this.#proofs.set(server.id, proofs)
    let question = proofs.get(shownBy)
    if (question === undefined) {
      question = new SharedQuestion(async () => {
        const monitor = this.of(database, shardOf(placed))
        const replica = monitor.servers.find(({ id }) => id === shownBy)
        const state = replica && monitor.stateOf(replica).kind
        const asked =
          replica !== undefined && (state === 'up' || state === 'unknown') ? this.#pools.opened(replica) : undefined
        const pool = await this.#pools.open(server, database)
        return (await pool.showsAll?.({ replica: asked, timeoutMs: database.replication.waitMs })) ?? false
      })
      proofs.set(shownBy, question)
    }
    return await question.ask()
  }

  /** What is known of a shard's servers at this moment. Asks none of them, also if nobody has yet. */
  known(database: Database, shard: Shard): KnownShard {
    const monitor = this.of(database, shard)
    const { primary, servers } = monitor.view()
    const byId = new Map(servers.map((server) => [server.id, server]))
    return {
      servers: monitor.servers,
      primary: () => primary,
      usable: ({ id }) => byId.get(id)?.out === undefined,
      positionOf: (server) => monitor.positionOf(server),
      stalenessMsOf: (server) => monitor.stalenessMsOf(server),
    }
  }

  /** False: what looks for servers of the shard has not answered yet, or not the last time, so others may know of more. */
  knowsAll(shard: Shard): boolean {
    const last = this.#followers.get(shard)?.last
    return last === undefined || (last.found !== undefined && last.failed === undefined)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Has `close()` wait for a statement that was accepted, and may be waiting for its server. */
  async hold<T>(statement: Promise<T>): Promise<T> {
    return await this.#pools.hold(statement)
  }

  views(): readonly ShardView[] {
    return [...this.#monitors].map(([shard, monitor]) => {
      const follower = this.#followers.get(shard)
      return follower === undefined ? monitor.view() : { ...monitor.view(), discovery: follower.last }
    })
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    for (const follower of this.#followers.values()) follower.stop()
    for (const monitor of this.#monitors.values()) monitor.stop()
    await this.#probePools.close(timeoutMs)
  }
}

/**
 * The primary stays, whoever has forgotten to name it: its own list of replicas, for instance, does not. Also while it is
 * suspect: without it there may be nobody left who could name it again.
 */
function withPrimary(replicas: readonly Server[], shard: Shard, monitor: ShardMonitor): readonly Server[] {
  const primary = monitor.primary()
  if (primary.kind !== 'primary' || primary.server.id === shard.primary.id) return replicas
  return replicas.some(({ id }) => id === primary.server.id) ? replicas : [...replicas, primary.server]
}

function nothing(): void {}

function probeDatabase(database: Database): Database {
  if (database.engine === 'sqlite') return database
  const { probeTimeoutMs } = database.replication
  const pool = {
    ...database.pool,
    maxConnections: 1,
    multiplexConnections: 0,
    connectTimeoutMs: probeTimeoutMs,
    acquireTimeoutMs: probeTimeoutMs,
    // Probes come regularly, and a connection for each would be a waste.
    idleTimeoutMs: 0,
  }
  return { ...database, pool }
}
