import type { Discovery } from './discovery.ts'
import type { Shadow } from './shadow.ts'
import type { Engine, PoolOptions, ServerTarget } from './server-target.ts'

/** What a server is: the primary takes the writes of its shard, replicas follow it. */
export type Role = 'primary' | 'replica'

/** How one of several replicas is chosen. */
export type Balancer = 'least-outstanding' | 'round-robin' | 'random' | 'weighted' | 'nearest'

/** How the reads of a database with replicas are spread, and what they may wait for. Defaults stand in `config.ts`. */
export interface ReplicationOptions {
  readonly balancer: Balancer
  /** `session`: the reads of a session stay on one replica, so that they never go back in time. */
  readonly stickiness: 'session' | 'query'
  /** Where no replica with the wanted tags can be used: read elsewhere (`primary`), or throw (`error`). */
  readonly tagFallback: 'primary' | 'error'
  /**
   * PostgreSQL: whether a transaction notes what the server can be asked for should the answer to its COMMIT be lost.
   * `auto`: where there are replicas; it costs about 50 µs a transaction that writes.
   */
  readonly commitFate: 'auto' | 'ask' | 'leave'
  /** `skip`: reads of tables that the session did not write, as far as the statements tell, do not wait for what it wrote. */
  readonly untouchedTables: 'wait' | 'skip'
  readonly waitMs: number
  readonly holdMs: number
  readonly holdStatements: number
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  readonly maxLagMs: number
}

/** One address that accepts connections. */
export interface Server {
  /** Unique in the topology, for instance `shop/main/primary`. */
  readonly id: string
  /** For people and logs: the data source name without its password. */
  readonly address: string
  readonly role: Role
  readonly weight: number
  readonly tags: readonly string[]
  /** A function, so that no inspection, spread or serialisation of a topology can show a password. */
  readonly target: () => ServerTarget
}

/** One horizontal part of a database. An unsharded database has one, named `main`. */
export interface Shard {
  readonly name: string
  readonly primary: Server
  readonly replicas: readonly Server[]
}

/** A logical database, known by its alias. */
export interface Database {
  readonly alias: string
  readonly engine: Engine
  readonly shards: readonly Shard[]
  /** Only tables whose declared home is this database may live in it. */
  readonly exclusive: boolean
  /** MySQL/MariaDB: the schema that holds this database's tables, for statements across databases on one server. */
  readonly schema?: string
  readonly pool: PoolOptions
  readonly replication: ReplicationOptions
  /** Reads without a shard key are refused, unless the call says that all shards are meant. */
  readonly refusesScatters: boolean
  /** Why nothing is written to it through this client: `noWritesTo names it`; absent: it takes writes. */
  readonly noWrites?: string
  /** MySQL/MariaDB: schemas on its servers that belong to databases which take no writes, and why; absent: none is known. */
  readonly schemasWithoutWrites?: ReadonlyMap<string, string>
  /** What finds servers besides those of the configuration; absent: nothing does. */
  readonly discovery?: Discovery
  /** Present: it shows another database's data, with the local changes of its own server laid over it. */
  readonly shadow?: Shadow
}

/** Whether the database has, or may get, more servers than its primary. */
export function hasReplicas({ shards, discovery }: Pick<Database, 'shards' | 'discovery'>): boolean {
  if (discovery !== undefined) return true
  // Asked for each statement, so without a function for it.
  for (const { replicas } of shards) if (replicas.length > 0) return true
  return false
}

/** Frozen, versioned picture of the databases. A change is a new topology with a higher version. */
export interface Topology {
  readonly version: number
  /** By their own alias; aliases of aliases are in `aliases`. */
  readonly databases: ReadonlyMap<string, Database>
  /** Every declared alias, to the alias of the database that it means in the end. */
  readonly aliases: ReadonlyMap<string, string>
  /** Groups of databases that are schemas of one MySQL/MariaDB server. */
  readonly sharedServers: readonly (readonly string[])[]
}

export const onlyShard = 'main'
