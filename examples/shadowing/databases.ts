import { fileURLToPath } from 'node:url'
import type { Dsn } from 'signalbox'

/** The one setting: `sqlite`, `postgres` or `mariadb`. */
const engine = process.env['ENGINE'] ?? 'sqlite'

export interface Databases {
  readonly production: Dsn
  readonly local: Dsn
  /** MySQL and MariaDB cannot lay rows over those of another server. */
  readonly augments: boolean
  /** A statement written with `?` for each parameter, as the engine wants it: PostgreSQL numbers them. */
  readonly text: (sql: string) => string
  readonly close: () => Promise<void>
}

/** SQLite files beside this one; servers of your own (PRODUCTION_URL, LOCAL_URL); or else a server just for this run. */
export async function openDatabases(): Promise<Databases> {
  const { PRODUCTION_URL: production, LOCAL_URL: local } = process.env
  if (engine === 'sqlite')
    return { production: file('production.db'), local: file('dev.db'), augments: true, text: asIs, close: nothing }
  if (engine !== 'postgres' && engine !== 'mariadb')
    throw new Error(`ENGINE=${engine}: use sqlite, postgres or mariadb.`)
  const augments = engine === 'postgres'
  const text = engine === 'postgres' ? numbered : asIs
  if (production !== undefined && local !== undefined)
    return { production: dsn(production), local: dsn(local), augments, text, close: nothing }
  if (production !== undefined || local !== undefined)
    throw new Error('Set both PRODUCTION_URL and LOCAL_URL, or neither.')

  const { startMariadb, startPostgres } = await import('signalbox/testing')
  const server = await (engine === 'postgres' ? startPostgres() : startMariadb())
  const [first, second] = [await server.createDatabase('production'), await server.createDatabase('dev')]
  return { production: first.dsn, local: second.dsn, augments, text, close: async () => await server.stop() }
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
  throw new Error('PRODUCTION_URL and LOCAL_URL have the form postgres://user:password@host:5432/name or mariadb://…')
}

function isServerDsn(url: string): url is Dsn {
  return /^(?:postgres|postgresql|mysql|mariadb):\/\//.test(url)
}
