import { fileURLToPath } from 'node:url'
import type { Dsn } from 'signalbox'

/** The one setting: `sqlite`, `postgres` or `mariadb`. */
const engine = process.env['ENGINE'] ?? 'sqlite'

export interface Databases {
  readonly shop: Dsn
  readonly reviews: Dsn
  /** A statement written with `?` for each parameter, as the engine wants it: PostgreSQL numbers them. */
  readonly text: (sql: string) => string
  readonly close: () => Promise<void>
}

/** SQLite files beside this one; servers of your own (SHOP_URL, REVIEWS_URL); or else a server just for this run. */
export async function openDatabases(): Promise<Databases> {
  const { SHOP_URL: shop, REVIEWS_URL: reviews } = process.env
  if (engine === 'sqlite') return { shop: file('shop.db'), reviews: file('reviews.db'), text: asIs, close: nothing }
  if (engine !== 'postgres' && engine !== 'mariadb')
    throw new Error(`ENGINE=${engine}: use sqlite, postgres or mariadb.`)
  const text = engine === 'postgres' ? numbered : asIs
  if (shop !== undefined && reviews !== undefined)
    return { shop: dsn(shop), reviews: dsn(reviews), text, close: nothing }
  if (shop !== undefined || reviews !== undefined) throw new Error('Set both SHOP_URL and REVIEWS_URL, or neither.')

  const { startMariadb, startPostgres } = await import('signalbox/testing')
  const server = await (engine === 'postgres' ? startPostgres() : startMariadb())
  const [first, second] = [await server.createDatabase('shop'), await server.createDatabase('reviews')]
  return { shop: first.dsn, reviews: second.dsn, text, close: async () => await server.stop() }
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
  throw new Error('SHOP_URL and REVIEWS_URL have the form postgres://user:password@host:5432/name or mariadb://…')
}

function isServerDsn(url: string): url is Dsn {
  return /^(?:postgres|postgresql|mysql|mariadb):\/\//.test(url)
}
