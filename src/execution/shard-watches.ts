import type { Driver, Engine } from '../drivers/driver.ts'
import { ShardMonitor } from '../failover/monitor.ts'
import type { ShardView } from '../failover/shard-view.ts'
import type { Position } from '../topology/position.ts'
import type { Database, Server, Shard } from '../topology/topology.ts'
import { shardOf, type Decision } from './decision.ts'
import { InFlight } from './in-flight.ts'
import type { KnownShard } from './placement.ts'
import { PoolRegistry } from './pool-registry.ts'

/** What is known of the servers of all replicated shards. Asks nobody before a shard is first used. */
export class ShardWatches {
  readonly #pools: PoolRegistry
  /**
   * A connection of their own for each server: the probes of one whose connections are all busy must not wait, and must
   * not be taken for those of one that hangs.
   */
  readonly #probePools: PoolRegistry
  readonly #monitors = new Map<Shard, ShardMonitor>()
  readonly #losses = new Map<string, number>()
  readonly inFlight = new InFlight()
  #closed = false

  constructor(pools: PoolRegistry, drivers: Readonly<Record<Engine, () => Promise<Driver>>>) {
    this.#pools = pools
    this.#probePools = new PoolRegistry(drivers)
  }

  of(database: Database, shard: Shard): ShardMonitor {
    let monitor = this.#monitors.get(shard)
    if (monitor === undefined) {
      const { probeIntervalMs, probeTimeoutMs, maxLagMs } = database.replication
      const probed = probeDatabase(database)
      monitor = new ShardMonitor({
        database: database.alias,
        shard,
        options: { probeIntervalMs, probeTimeoutMs, maxLagMs },
        onChange: (view) => this.#giveUpHung(shard, view),
        probe: async (server, timeoutMs) => {
          // A SQLite database in memory is another one on another connection.
          if (database.engine !== 'sqlite') {
            return await (await this.#probePools.open(server, probed)).status({ timeoutMs })
          }
          const status = await (await this.#pools.open(server, database)).status({ timeoutMs })
          // Every file takes writes: there the configuration alone says who is what.
          return { ...status, writable: server === shard.primary }
        },
      })
      this.#monitors.set(shard, monitor)
    }
    return monitor
  }

  /** Reads on a server that answers no probe go elsewhere. One that is merely behind goes on with what it has begun. */
  #giveUpHung(shard: Shard, { servers }: ShardView): void {
    for (const server of [shard.primary, ...shard.replicas]) {
      const view = servers.find(({ id }) => id === server.id)
      if (view?.out !== undefined && view.state === 'down') this.inFlight.giveUp(server, view.out)
    }
  }

  /** The primary, then the replicas, without those that are known not to answer: for what is the same on all of them. */
  serversOf(decision: Decision): readonly Server[] {
    const shard = shardOf(decision)
    const monitor = this.of(decision.database, shard)
    const primary = monitor.primary()
    const first = primary.kind === 'primary' ? primary.server : shard.primary
    const others = shard.replicas.filter((server) => server !== first)
    const usable = [first, ...others].filter((server) => monitor.usable(server))
    return usable.length === 0 ? [first] : usable
  }

  /**
   * Connections to the server that were lost so far: one more, and it may have restarted. The probes' own connection is
   * always there, also where those of the statements were closed because nobody used them.
   */
  lossesOf(server: Server): number {
    return (this.#pools.opened(server)?.losses ?? 0) + (this.#probePools.opened(server)?.losses ?? 0)
  }

  /** How far the server is known to have come, if it has lost no connection since that was asked. */
  positionOf(database: Database, shard: Shard, server: Server): Position | undefined {
    const monitor = this.of(database, shard)
    const losses = this.lossesOf(server)
    if (losses !== (this.#losses.get(server.id) ?? 0)) {
      this.#losses.set(server.id, losses)
      monitor.forget(server)
    }
    return monitor.positionOf(server)
  }

  /** What is known of a shard's servers at this moment. Asks none of them, also if nobody has yet. */
  known(database: Database, shard: Shard): KnownShard {
    const { primary, servers } = this.of(database, shard).view()
    const byId = new Map(servers.map((server) => [server.id, server]))
    return {
      primary: () => primary,
      usable: ({ id }) => byId.get(id)?.out === undefined,
      positionOf: ({ id }) => byId.get(id)?.position,
      lagMsOf: ({ id }) => byId.get(id)?.lagMs,
    }
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Has `close()` wait for a statement that was accepted, and may be waiting for its server. */
  async hold<T>(statement: Promise<T>): Promise<T> {
    return await this.#pools.hold(statement)
  }

  views(): readonly ShardView[] {
    return [...this.#monitors.values()].map((monitor) => monitor.view())
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    for (const monitor of this.#monitors.values()) monitor.stop()
    await this.#probePools.close(timeoutMs)
  }
}

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
