import type { Generated, Kysely, KyselyConfig } from 'kysely'
import { kysely } from '../../src/adapters/kysely.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { freshDatabase, testedEngines, type TestDatabase } from './servers.ts'

/** The tables of the tests, each in the database of its name's role. */
export interface Shop {
  product: { id: number; name: string; stock: number }
  category: { id: number; product_id: number; title: string }
  review: { id: Generated<number>; product_id: number; text: string | null }
  author: { id: number; review_id: number; name: string }
  archived_product: { id: number; name: string }
  archived_note: { id: Generated<number>; product_id: number; text: string }
}

/** The three tables that are alike, with their engines: for tests that do the same everywhere. */
export const engines = { shop: engineAt(1), reviews: engineAt(2), archive: engineAt(0) } as const

/** Whether the three databases are of three engines: true unless SIGNALBOX_TEST_ENGINES narrows the run. */
export const threeEngines = testedEngines.length === 3

// PostgreSQL, MariaDB and SQLite in this order when all are tested; with fewer engines some have two databases.
function engineAt(index: number): Engine {
  const order = (['sqlite', 'postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))
  return order[index % order.length] ?? 'sqlite'
}

export type Alias = 'default' | 'shop' | 'reviews' | 'archive'

/** One client and one Kysely instance over three databases. */
export interface KyselyShop extends AsyncDisposable {
  readonly client: Client<Alias>
  readonly db: Kysely<Shop>
}

/** Creates the databases and the tables. */
export async function kyselyShop(config: Omit<KyselyConfig, 'dialect'> = {}): Promise<KyselyShop> {
  const made: TestDatabase[] = []
  for (const engine of [engines.shop, engines.reviews, engines.archive]) made.push(await freshDatabase(engine))
  const [shop, reviews, archive] = made.map(({ dsn }) => dsn as Dsn) as [Dsn, Dsn, Dsn]
  const client = await connect({
    databases: { default: 'shop', shop, reviews, archive },
    tables: { review: 'reviews', author: 'reviews', 'archived_*': 'archive' },
  })
  await client.query('create table product (id integer primary key, name varchar(40), stock integer not null)')
  await client.query('create table category (id integer primary key, product_id integer, title varchar(40))')
  await client.query(`create table review (id ${serial(engines.reviews)}, product_id integer, text varchar(80))`)
  await client.query('create table author (id integer primary key, review_id integer, name varchar(40))')
  await client.query('create table archived_product (id integer primary key, name varchar(40))')
  await client.query(`create table archived_note (id ${serial(engines.archive)}, product_id integer, text varchar(80))`)
  return {
    client,
    db: kysely<Shop>(client, config),
    [Symbol.asyncDispose]: async () => {
      await client.close()
      for (const database of made) await database.drop()
    },
  }
}

const tables = ['product', 'category', 'review', 'author', 'archived_product', 'archived_note'] as const

/** Empties all tables. */
export async function emptyShop({ client }: KyselyShop): Promise<void> {
  for (const table of tables) await client.query(`delete from ${table}`)
}

function serial(engine: Engine): string {
  if (engine === 'postgres') return 'serial primary key'
  return engine === 'mysql' ? 'integer auto_increment primary key' : 'integer primary key'
}
