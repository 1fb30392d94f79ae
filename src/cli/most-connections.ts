import type { Database, Server } from '../index.ts'

/**
 * The most connections that one process of the application opens to a server; `null` for a pool of its own. `database`: as
 * the configuration says it, not as it is changed to look at servers with.
 */
export function mostConnections(database: Database, server: Server | undefined): number | null {
  if (server?.target().from === 'handle') return null
  const { engine, pool } = database
  const watching = engine !== 'sqlite' && isReplicated(database) ? 1 : 0
  return pool.maxConnections + (sharesReads(database) ? pool.multiplexConnections : 0) + watching
}

/** On MySQL only queries that go to their server as they are share connections, which takes a database of one server. */
function sharesReads(database: Database): boolean {
  if (database.engine !== 'mysql') return database.engine === 'postgres'
  return database.shards.length === 1 && !isReplicated(database)
}

/** Whether the database has, or may get, replicas: then each of its servers is watched over a connection of its own. */
export function isReplicated({ shards, discovery }: Database): boolean {
  return discovery !== undefined || shards.some(({ replicas }) => replicas.length > 0)
}
