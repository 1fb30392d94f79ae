import type { Client, Database, Scope, Server } from '../index.ts'
import { mostConnections } from './most-connections.ts'
import { serverScope } from './server-scope.ts'

/** The connections of one server. What is not known is `null`. */
export interface ConnectionsReport {
  /** Clients' connections on the whole server now, those of `status` itself among them. */
  readonly open: number
  /** What it takes at most: its `max_connections`. */
  readonly max: number
  /** Of `open`, those of the account that asks. */
  readonly mine: number | null
  /** The most that one process of the application opens there; `null` for a pool of its own. */
  readonly pool: number | null
}

/** What the servers say for one picture; both change as they answer. */
export interface ConnectionsPicture {
  /** By the id of the server. */
  readonly answers: ReadonlyMap<string, ConnectionsReport>
  /** Servers that are worth waiting for: they have answered until now. */
  readonly awaited: ReadonlySet<string>
}

/**
 * Asks all servers for their connections, picture after picture. The probes of the application do not: they come before
 * reads, and must stay cheap. A server has one question at a time, and one that left a question without an answer is
 * asked again, but not waited for until it answers.
 */
export class ServerConnections {
  readonly #watching: Client
  readonly #declared: Client
  readonly #underWay = new Set<string>()
  readonly #silent = new Set<string>()

  /** `declared` knows the configuration as written, `watching` connects. */
  constructor(watching: Client, declared: Client) {
    this.#watching = watching
    this.#declared = declared
  }

  /** Asks every server that is known now, also those that were found. */
  ask(): ConnectionsPicture {
    const answers = new Map<string, ConnectionsReport>()
    const awaited = new Set<string>()
    for (const database of this.#watching.topology.databases.values()) {
      if (database.engine === 'sqlite') continue
      for (const server of database.shards.flatMap(({ primary, replicas }) => [primary, ...replicas])) {
        const { id } = server
        if (this.#underWay.has(id)) continue
        if (!this.#silent.has(id)) awaited.add(id)
        this.#underWay.add(id)
        this.#silent.add(id)
        void this.#settle(id, this.#count(database, server), answers).finally(() => awaited.delete(id))
      }
    }
    return { answers, awaited }
  }

  /** Never throws: why a server does not answer is for those to say who ask for its role. */
  async #settle(id: string, count: Promise<ConnectionsReport>, answers: Map<string, ConnectionsReport>): Promise<void> {
    try {
      answers.set(id, await count)
      this.#silent.delete(id)
    } catch {
      // It stays silent.
    } finally {
      this.#underWay.delete(id)
    }
  }

  async #count(database: Database, server: Server): Promise<ConnectionsReport> {
    const scope = serverScope(this.#watching, database, server)
    const counted = database.engine === 'postgres' ? await postgresConnections(scope) : await mysqlConnections(scope)
    const declared = this.#declared.topology.databases.get(database.alias)
    return { ...counted, pool: declared === undefined ? null : mostConnections(declared, server) }
  }
}

type Counted = Omit<ConnectionsReport, 'pool'>

async function postgresConnections(scope: Scope): Promise<Counted> {
  // What kind of process others' are is hidden from ordinary accounts. Those with an account and a database are
  // connections, or work for one (parallel workers, logical replication).
  const { rows } = await scope.query<Counted>(
    `select cast(count(*) as int) as open, cast(current_setting('max_connections') as int) as max,
      cast(count(*) filter (where usename = session_user) as int) as mine
      from pg_stat_activity
      where backend_type = 'client backend'
        or (backend_type is null and usesysid is not null and datid is not null)`,
  )
  return only(rows)
}

async function mysqlConnections(scope: Scope): Promise<Counted> {
  const { rows } = await scope.query<{ Value: string }>(`show global status like 'Threads_connected'`)
  const limits = await scope.query<{ max: number | string }>('select @@max_connections as max')
  return { open: Number(only(rows).Value), max: Number(only(limits.rows).max), mine: await mysqlOwn(scope) }
}

/** Without the privilege PROCESS an account sees its own connections, and with it all. */
async function mysqlOwn(scope: Scope): Promise<number | null> {
  try {
    const { rows } = await scope.query<{ mine: number | string }>(
      `select count(*) as mine from information_schema.processlist where user = substring_index(user(), '@', 1)`,
    )
    return Number(only(rows).mine)
  } catch {
    // Newer versions of MySQL may not have this table any more.
    return null
  }
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows
  if (row === undefined) throw new Error('The server answered a question about its connections without a row.')
  return row
}
