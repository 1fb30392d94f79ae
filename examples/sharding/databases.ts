import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dsn, ShardInput } from 'signalbox'

/** The one setting: `sqlite`, `postgres` or `mariadb`. */
const engine = process.env['ENGINE'] ?? 'sqlite'

export const names = ['amsterdam', 'bergen', 'cork']

export interface Databases {
  readonly shards: Readonly<Record<string, Dsn | ShardInput>>
  /** A statement written with `?` for each parameter, as the engine wants it: PostgreSQL numbers them. */
  readonly text: (sql: string) => string
  readonly close: () => Promise<void>
}

/** Three SQLite files beside this one; or three primaries, each with a replica, just for this run. */
export async function openDatabases(): Promise<Databases> {
  if (engine === 'sqlite') return await openFiles()
  if (engine !== 'postgres' && engine !== 'mariadb')
    throw new Error(`ENGINE=${engine}: use sqlite, postgres or mariadb.`)
  const { startMariadbCluster, startPostgresCluster } = await import('signalbox/testing')
  const start = engine === 'postgres' ? startPostgresCluster : startMariadbCluster
  const clusters = await Promise.all(names.map(async () => await start({ replicas: 1 })))
  const made = await Promise.all(clusters.map(async (cluster) => await cluster.createDatabase('shop')))
  return {
    shards: Object.fromEntries(made.map(({ primary, replicas }, index) => [names[index], { primary, replicas }])),
    text: engine === 'postgres' ? numbered : asIs,
    close: async () => {
      for (const cluster of clusters) await cluster.stop()
    },
  }
}

async function openFiles(): Promise<Databases> {
  const files = names.map((name) => join(import.meta.dirname, `${name}.db`))
  for (const file of files) for (const end of ['', '-wal', '-shm']) await rm(`${file}${end}`, { force: true })
  return {
    shards: Object.fromEntries(names.map((name, index): [string, Dsn] => [name, `sqlite:${files[index]}`])),
    text: asIs,
    close: async () => {},
  }
}

const asIs = (sql: string): string => sql

function numbered(sql: string): string {
  let position = 0
  return sql.replaceAll('?', () => `$${++position}`)
}
