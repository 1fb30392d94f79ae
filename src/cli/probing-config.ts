import type { Config, DatabaseEntry, DatabaseInput, Handle, ServerInput } from '../index.ts'
import { calledFunctions } from './inventory.ts'

/**
 * The configuration to look at every server with: connects as slowly as the time limit allows and no slower, keeps one
 * connection to each, never creates or changes a SQLite file, and asks no router. A replica becomes a database of its own
 * (see {@link replicaAlias}), so that what is asked of it is answered by it. Servers that would be found are not among them.
 */
export function probingConfig(config: string | Config, timeoutMs: number): Config {
  const full = lookOnlyConfig(config, timeoutMs)
  const databases = Object.entries(full.databases).flatMap(([alias, entry]): [string, DatabaseEntry][] => {
    if (typeof entry === 'string' || !('primary' in entry)) return [[alias, entry]]
    const { replicas = [], replication: _replication, discovery: _discovery, ...rest } = entry
    const copies = replicas.map((primary, index): [string, DatabaseEntry] => [replicaAlias(alias, index), { primary }])
    return [[alias, rest], ...copies]
  })
  return { ...full, databases: Object.fromEntries(databases) }
}

/** Where the probing configuration has a replica: an alias that is also the id of the server. `index` from 0. */
export function replicaAlias(alias: string, index: number): string {
  return `${alias}/main/replica-${index + 1}`
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
    typeof entry === 'string' || !('primary' in entry)
      ? [alias, entry]
      : [alias, { ...entry, replication: { ...entry.replication, ...often } }],
  )
  // What is shown of connections must not come and go with those of the command itself.
  const pool = { ...full.pool, idleTimeoutMs: 0 }
  // Each server is asked for its connections by its data source name.
  const limits = { ...full.limits, adHocDatabases: mostServers }
  return { ...full, pool, limits, databases: Object.fromEntries(databases) }
}

function lookOnlyConfig(config: string | Config, timeoutMs: number): Config {
  const full: Config = typeof config === 'string' ? { databases: { default: config } } : config
  const databases = Object.entries(full.databases).map(([alias, entry]) => [alias, lookOnly(entry)] as const)
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

/** A database's entry with what would write to a SQLite file, and its own pool limits, taken out. Handles stay. */
function lookOnly(entry: DatabaseEntry): DatabaseEntry {
  if (typeof entry === 'string') return readOnlyDsn(entry)
  if (!('primary' in entry)) return entry
  const { pool: _ownLimits, primary, replicas, ...rest } = entry
  const looking: DatabaseInput = { ...rest, primary: readOnlyServer(primary) }
  return replicas === undefined ? looking : { ...looking, replicas: replicas.map(readOnlyServer) }
}

function readOnlyServer(server: string | ServerInput | Handle): string | ServerInput | Handle {
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
