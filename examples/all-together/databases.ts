import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dsn, ShardInput } from 'signalbox'

/** The one setting: `sqlite`, `postgres` or `mariadb`. */
const engine = process.env['ENGINE'] ?? 'sqlite'

/** MySQL and MariaDB cannot lay rows over those of another server. */
export const augments = engine !== 'mariadb'

const names = ['amsterdam', 'bergen', 'cork']

export interface Databases {
  readonly shards: Readonly<Record<string, ShardInput>>
  readonly catalogue: Dsn
  /** Where the developer's changes go. */
  readonly local: Dsn
  /** Resolves when the replicas have what was written. */
  readonly caughtUp: () => Promise<void>
  readonly close: () => Promise<void>
}

/** SQLite files in the folder `data`; or seven servers just for this run. */
export async function openDatabases(): Promise<Databases> {
  if (engine === 'sqlite') return await openFiles()
  if (engine !== 'postgres' && engine !== 'mariadb')
    throw new Error(`ENGINE=${engine}: use sqlite, postgres or mariadb.`)
  const testing = await import('signalbox/testing')
  const start = engine === 'postgres' ? testing.startPostgresCluster : testing.startMariadbCluster
  const clusters = await Promise.all(names.map(async () => await start({ replicas: 1 })))
  const sales = await Promise.all(clusters.map(async (cluster) => await cluster.createDatabase('sales')))
  const server = await (engine === 'postgres' ? testing.startPostgres() : testing.startMariadb())
  const [catalogue, local] = [await server.createDatabase('catalogue'), await server.createDatabase('dev')]
  return {
    shards: Object.fromEntries(sales.map(({ primary, replicas }, index) => [names[index], { primary, replicas }])),
    catalogue: catalogue.dsn,
    local: local.dsn,
    caughtUp: async () => void (await Promise.all(clusters.map(async (cluster) => await cluster.caughtUp()))),
    close: async () => void (await Promise.all([...clusters, server].map(async (each) => await each.stop()))),
  }
}

/** SQLite has no replication: the test kit copies the primaries' files. */
async function openFiles(): Promise<Databases> {
  const { startSqliteCluster } = await import('signalbox/testing')
  const data = join(import.meta.dirname, 'data')
  await rm(data, { recursive: true, force: true })
  const clusters = await Promise.all(
    names.map(async (name) => await startSqliteCluster({ replicas: 1, folder: join(data, name) })),
  )
  const shards = clusters.map(({ primary, replicas }) => [primary.dsn, replicas.map(({ dsn }) => dsn)] as const)
  return {
    shards: Object.fromEntries(shards.map(([primary, replicas], index) => [names[index], { primary, replicas }])),
    catalogue: `sqlite:${join(data, 'catalogue.db')}`,
    local: `sqlite:${join(data, 'dev.db')}`,
    caughtUp: async () => void (await Promise.all(clusters.map(async (cluster) => await cluster.caughtUp()))),
    close: async () => void (await Promise.all(clusters.map(async (cluster) => await cluster.stop()))),
  }
}

/** A statement written with `?` for each parameter, as the engine wants it: PostgreSQL numbers them. */
export function text(sql: string): string {
  let position = 0
  return engine === 'postgres' ? sql.replaceAll('?', () => `$${++position}`) : sql
}
