import type { Client, Database, Handle, Scope, Server } from '../index.ts'
import { isReplicated } from './most-connections.ts'
import { isSpread } from './probe.ts'

/** Statements of this scope of the watching client run on this server, whatever its role and shard. */
export function serverScope(client: Client, database: Database, server: Server): Scope {
  // The only server of a database has a connection already, over which it is asked for its role.
  if (!isReplicated(database) && !isSpread(database)) return client.using(database.alias)
  const target = server.target()
  return target.from === 'dsn' ? client.using(target.dsn) : client.using(target.handle as Handle)
}
