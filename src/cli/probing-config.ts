import type {
  Config,
  Database,
  DatabaseEntry,
  Handle,
  Hints,
  PartialRoute,
  Router,
  Server,
  ServerInput,
  ShardedDatabaseInput,
  ShardInput,
} from '../index.ts'
import { calledFunctions } from './inventory.ts'

/**
 * The configuration to look at every server with: connects as slowly as the time limit allows and no slower, keeps one
 * connection to each, never creates or changes a SQLite file, and asks no router. Each server becomes a database of its own
 * (see {@link probingAlias}), so that what is asked of it is answered by it. Servers that would be found are not among them.
 */
export function probingConfig(config: string | Config, timeoutMs: number): Config {
  const { tables: _tables, views: _views, ...full } = lookOnlyConfig(config, timeoutMs)
  const databases = Object.entries(full.databases).flatMap(([alias, entry]): [string, DatabaseEntry][] => {
    if (typeof entry === 'string') return [[alias, entry]]
    if ('shards' in entry) return shardServers(alias, entry)
    if (!('primary' in entry)) return [[alias, entry]]
    const { replicas = [], replication: _replication, discovery: _discovery, ...rest } = entry
    return [[alias, rest], ...copies(`${alias}/main`, replicas)]
  })
  return { ...full, databases: Object.fromEntries(databases) }
}

function shardServers(alias: string, entry: ShardedDatabaseInput): [string, DatabaseEntry][] {
  const { schema } = entry
  return Object.entries(entry.shards).flatMap(([name, shard], index) => {
    const { primary, replicas = [] } = shardParts(shard)
    // Other aliases lead to the database's own, which must be one.
    const own = index === 0 ? alias : `${alias}/${name}/primary`
    const rest = schema === undefined ? { primary } : { primary, schema }
    return [[own, rest] satisfies [string, DatabaseEntry], ...copies(`${alias}/${name}`, replicas)]
  })
}

type Target = string | ServerInput | Handle

function shardParts(shard: string | ShardInput | Handle): ShardInput {
  return typeof shard !== 'string' && 'primary' in shard ? shard : { primary: shard }
}

function copies(shard: string, replicas: readonly Target[]): [string, DatabaseEntry][] {
  return replicas.map((primary, index) => [`${shard}/replica-${index + 1}`, { primary }])
}

/**
 * Where the probing configuration has a server: an alias that is also its id; for the first primary of a database, the
 * alias of that.
 */
export function probingAlias({ alias, shards }: Database, { id }: Server): string {
  return id === shards[0]?.primary.id ? alias : id
}

/** How often a server is asked, in ms: somebody looks, and the lag is measured as finely as that. */
const watchIntervalMs = 250

/** Servers that come and go while somebody looks. */
const mostServers = 10_000

/** The configuration to watch every shard with, as the application would: with its replicas, and its limits for them. */
export function watchingConfig(config: string | Config, timeoutMs: number): Config {
  const full = lookOnlyConfig(config, timeoutMs)
  const often = { probeIntervalMs: watchIntervalMs }
  const databases = Object.entries(full.databases).map(([alias, entry]): [string, DatabaseEntry] =>
    typeof entry === 'string' || !('primary' in entry || 'shards' in entry)
      ? [alias, entry]
      : [alias, { ...entry, replication: { ...entry.replication, ...often } }],
  )
  // What is shown of connections must not come and go with those of the command itself.
  const pool = { ...full.pool, idleTimeoutMs: 0 }
  // Each server is asked for its connections by its data source name.
  const limits = { ...full.limits, adHocDatabases: mostServers }
  return { ...full, pool, limits, routers: [obedientRouter], databases: Object.fromEntries(databases) }
}

/** The hints by which a statement without a table is sent to a shard of the watching configuration. */
export function shardHints(database: string, shard: string): Hints {
  return { watched: { database, shard } }
}

const obedientRouter: Router = {
  name: 'the shard that is looked at',
  route: (_statement, { watched }) => watched as PartialRoute | undefined,
}

/** The configuration as it is, with its shards, to look at and to change nothing. */
export function lookOnlyConfig(config: string | Config, timeoutMs: number): Config {
  const full: Config = typeof config === 'string' ? { databases: { default: config } } : config
  const databases = Object.entries(full.databases).map(
    ([alias, entry]) => [alias, lookOnly(unshadowed(entry, full.databases))] as const,
  )
  return {
    ...full,
    databases: Object.fromEntries(databases),
    harmlessFunctions: calledFunctions,
    routers: [],
    pool: {
      ...full.pool,
      maxConnections: 1,
      multiplexConnections: 0,
      connectTimeoutMs: timeoutMs,
      acquireTimeoutMs: timeoutMs,
    },
    limits: { ...full.limits, readAttempts: 1, queryTimeoutMs: timeoutMs, closeTimeoutMs: 200 },
  }
}

/**
 * A shadow as the server of its base that it reads: that has the tables, and looking into the local database could make the shadow. Other
 * entries stay.
 */
function unshadowed(entry: DatabaseEntry, databases: Config['databases']): DatabaseEntry {
  if (typeof entry === 'string' || !('shadow' in entry)) return entry
  let base = databases[entry.shadow.base]
  while (typeof base === 'string' && Object.hasOwn(databases, base)) base = databases[base]
  if (base === undefined || typeof base === 'string' || 'shadow' in base) return base ?? entry
  const parts = 'shards' in base ? Object.values(base.shards).map(shardParts)[0] : 'primary' in base ? base : undefined
  const server = parts?.replicas?.[0] ?? parts?.primary
  return server === undefined ? base : { primary: server }
}

/** A database's entry with what would write to a SQLite file, and its own pool limits, taken out. Handles stay. */
function lookOnly(entry: DatabaseEntry): DatabaseEntry {
  if (typeof entry === 'string') return readOnlyDsn(entry)
  if ('shards' in entry) {
    const { pool: _ownLimits, shards, ...rest } = entry
    const looking = Object.entries(shards).map(([name, shard]) => [name, readOnlyServers(shardParts(shard))] as const)
    return { ...rest, shards: Object.fromEntries(looking) }
  }
  if (!('primary' in entry)) return entry
  const { pool: _ownLimits, ...rest } = entry
  return { ...rest, ...readOnlyServers(entry) }
}

function readOnlyServers({ primary, replicas }: ShardInput): ShardInput {
  const looking: ShardInput = { primary: readOnlyServer(primary) }
  return replicas === undefined ? looking : { ...looking, replicas: replicas.map(readOnlyServer) }
}

function readOnlyServer(server: Target): Target {
  if (typeof server === 'string') return readOnlyDsn(server)
  return 'url' in server ? { ...server, url: readOnlyDsn(server.url) } : server
}

/** Opening a file for writing would create it, or change its journal. */
function readOnlyDsn(dsn: string): string {
  const [, file, query = ''] = /^sqlite:([^?]*)(?:\?(.*))?$/is.exec(dsn) ?? []
  if (file === undefined || file === ':memory:') return dsn
  const options = new URLSearchParams(query)
  options.set('mode', 'ro')
  return `sqlite:${file}?${options.toString()}`
}
