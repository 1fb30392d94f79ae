import type { Driver, Engine } from '../drivers/driver.ts'
import { ShardMonitor } from '../failover/monitor.ts'
import type { ShardView } from '../failover/shard-view.ts'
import type { Database, Server, Shard } from '../topology/topology.ts'
import { shardOf, type Decision } from './decision.ts'
import { InFlight } from './in-flight.ts'
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
  readonly inFlight = new InFlight()

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

  /** The primary, or a replica where that cannot be asked: for what is the same on all of them. */
  anyServer(decision: Decision): Server {
    const shard = shardOf(decision)
    const monitor = this.of(decision.database, shard)
    const primary = monitor.primary()
    const first = primary.kind === 'primary' ? primary.server : shard.primary
    return [first, ...shard.replicas].find((server) => monitor.usable(server)) ?? first
  }

  /** Connections to the server that were lost so far: one more, and it may have restarted. */
  lossesOf(server: Server): number {
    return this.#pools.opened(server)?.losses ?? 0
  }

  views(): readonly ShardView[] {
    return [...this.#monitors.values()].map((monitor) => monitor.view())
  }

  async close(timeoutMs: number): Promise<void> {
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
