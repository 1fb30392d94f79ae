import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dsn } from 'signalbox'
import type { TestServer } from 'signalbox/testing'
import type { EngineName } from './dialect.ts'

/** Where the three databases are. */
export interface DatabaseUrls {
  readonly catalogue: Dsn
  readonly sales: Dsn
  readonly reviews: Dsn
}

export interface DatabaseWishes {
  readonly engine: EngineName
  /** SQLite: leave the files. */
  readonly keep: boolean
  /** Removes what is made here, also if making the rest of it fails. */
  readonly cleanup: AsyncDisposableStack
}

/** Three empty databases: files in a temporary folder, or servers, one for each database, on free ports of 127.0.0.1. */
export async function makeDatabases({ engine, keep, cleanup }: DatabaseWishes): Promise<DatabaseUrls> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-demo-'))
  if (!keep) cleanup.defer(async () => await rm(folder, { recursive: true, force: true }))
  if (engine === 'sqlite') {
    const file = (name: string): Dsn => `sqlite:${join(folder, `${name}.db`)}`
    return { catalogue: file('catalogue'), sales: file('sales'), reviews: file('reviews') }
  }
  const start = await serverStarter(engine, join(folder, 'template'))
  const serve = async (name: string): Promise<Dsn> => {
    const starting = start()
    cleanup.defer(async () => await stopStarted(starting))
    return (await (await starting).createDatabase(name)).dsn
  }
  const [catalogue, sales, reviews] = await Promise.all([serve('catalogue'), serve('sales'), serve('reviews')])
  return { catalogue, sales, reviews }
}

/** The data directory is made once and copied for each server, which is faster than making it three times. */
async function serverStarter(engine: 'postgres' | 'mariadb', folder: string): Promise<() => Promise<TestServer>> {
  const { createMariadbTemplate, createPostgresTemplate, startMariadb, startPostgres } =
    await import('signalbox/testing')
  if (engine === 'postgres') {
    const template = await createPostgresTemplate(folder)
    return async () => await startPostgres({ template })
  }
  const template = await createMariadbTemplate(folder)
  return async () => await startMariadb({ template })
}

async function stopStarted(starting: Promise<TestServer>): Promise<void> {
  const server = await starting.catch(() => undefined)
  await server?.stop()
}
