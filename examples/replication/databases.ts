import { setTimeout as delay } from 'node:timers/promises'
import type { Client, Dsn } from 'signalbox'

/** The one setting: `sqlite`, `postgres` or `mariadb`. */
const engine = process.env['ENGINE'] ?? 'sqlite'
/** How far the replica lags behind the primary, where this example sees to the copying. */
const lagMs = Number(process.env['LAG_MS'] ?? 300)

export interface Databases {
  readonly primary: Dsn
  readonly replica: Dsn
  /** A statement written with `?` for each parameter, as the engine wants it: PostgreSQL numbers them. */
  readonly text: (sql: string) => string
  /** Whether the engine can say how far a replica has come. */
  readonly hasPositions: boolean
  /** Resolves when the replica has what the client wrote. */
  readonly copied: (client: Client) => Promise<void>
  readonly close: () => Promise<void>
}

/** SQLite files beside this one; servers of your own (PRIMARY_URL, REPLICA_URL); or else two servers just for this run. */
export async function openDatabases(): Promise<Databases> {
  if (!(lagMs >= 0)) throw new Error(`LAG_MS=${process.env['LAG_MS']}: a number of milliseconds, 0 or more.`)
  if (engine === 'sqlite') return await openFiles()
  if (engine !== 'postgres' && engine !== 'mariadb')
    throw new Error(`ENGINE=${engine}: use sqlite, postgres or mariadb.`)
  const { PRIMARY_URL, REPLICA_URL } = process.env
  const server = { text: engine === 'postgres' ? numbered : asIs, hasPositions: true, copied: untilReplicaIsRead }
  if (PRIMARY_URL !== undefined && REPLICA_URL !== undefined)
    return { ...server, primary: dsn(PRIMARY_URL), replica: dsn(REPLICA_URL), close: async () => {} }
  if (PRIMARY_URL !== undefined || REPLICA_URL !== undefined)
    throw new Error('Set both PRIMARY_URL and REPLICA_URL, or neither.')

  const { startMariadbCluster, startPostgresCluster } = await import('signalbox/testing')
  const cluster = await (engine === 'postgres' ? startPostgresCluster : startMariadbCluster)({ replicas: 1 })
  const { primary, replicas } = await cluster.createDatabase('shop')
  // MariaDB counts in whole seconds, and may be up to one short.
  const delayMs = engine === 'postgres' || lagMs === 0 ? lagMs : lagMs + 1_000
  for (const server of cluster.replicas) await cluster.delayReplay(server, delayMs)
  return { ...server, primary, replica: replicas[0] ?? primary, close: async () => await cluster.stop() }
}

/** SQLite has no replication: the test kit copies the file. */
async function openFiles(): Promise<Databases> {
  const { startSqliteCluster } = await import('signalbox/testing')
  const files = await startSqliteCluster({ replicas: 1, folder: import.meta.dirname })
  for (const file of files.replicas) files.delayReplay(file, lagMs)
  return {
    primary: files.primary.dsn,
    replica: files.replicas[0]?.dsn ?? files.primary.dsn,
    text: asIs,
    hasPositions: false,
    copied: async () => await files.caughtUp(),
    close: async () => await files.stop(),
  }
}

/** Outside of sessions, too, the client goes to the replica only once that shows what the client wrote. */
async function untilReplicaIsRead(client: Client): Promise<void> {
  while ((await client.query('select count(*) from review')).route.role !== 'replica') await delay(20)
}

const asIs = (sql: string): string => sql

function numbered(sql: string): string {
  let position = 0
  return sql.replaceAll('?', () => `$${++position}`)
}

function dsn(url: string): Dsn {
  if (isServerDsn(url)) return url
  throw new Error('PRIMARY_URL and REPLICA_URL have the form postgres://user:password@host:5432/name or mariadb://…')
}

function isServerDsn(url: string): url is Dsn {
  return /^(?:postgres|postgresql|mysql|mariadb):\/\//.test(url)
}
