import { fileURLToPath } from 'node:url'
import type { Dsn } from 'signalbox'

/** The one setting: `sqlite`, `postgres` or `mariadb`. */
const engine = process.env['ENGINE'] ?? 'sqlite'

export interface Databases {
  readonly drafts: Dsn
  readonly published: Dsn
  /** A statement written with `?` for each parameter, as the engine wants it: PostgreSQL numbers them. */
  readonly text: (sql: string) => string
  readonly close: () => Promise<void>
}

/** SQLite files beside this one; servers of your own (DRAFTS_URL, PUBLISHED_URL); or else a server just for this run. */
export async function openDatabases(): Promise<Databases> {
  const { DRAFTS_URL: drafts, PUBLISHED_URL: published } = process.env
  if (engine === 'sqlite')
    return { drafts: file('drafts.db'), published: file('published.db'), text: asIs, close: nothing }
  if (engine !== 'postgres' && engine !== 'mariadb')
    throw new Error(`ENGINE=${engine}: use sqlite, postgres or mariadb.`)
  const text = engine === 'postgres' ? numbered : asIs
  if (drafts !== undefined && published !== undefined)
    return { drafts: dsn(drafts), published: dsn(published), text, close: nothing }
  if (drafts !== undefined || published !== undefined)
    throw new Error('Set both DRAFTS_URL and PUBLISHED_URL, or neither.')

  const { startMariadb, startPostgres } = await import('signalbox/testing')
  const server = await (engine === 'postgres' ? startPostgres() : startMariadb())
  const [first, second] = [await server.createDatabase('drafts'), await server.createDatabase('published')]
  return { drafts: first.dsn, published: second.dsn, text, close: async () => await server.stop() }
}

const file = (name: string): Dsn => `sqlite:${fileURLToPath(new URL(name, import.meta.url))}`

const asIs = (sql: string): string => sql

const nothing = async (): Promise<void> => {}

function numbered(sql: string): string {
  let position = 0
  return sql.replaceAll('?', () => `$${++position}`)
}

function dsn(url: string): Dsn {
  if (isServerDsn(url)) return url
  throw new Error('DRAFTS_URL and PUBLISHED_URL have the form postgres://user:password@host:5432/name or mariadb://…')
}

function isServerDsn(url: string): url is Dsn {
  return /^(?:postgres|postgresql|mysql|mariadb):\/\//.test(url)
}
