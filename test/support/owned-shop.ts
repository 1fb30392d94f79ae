import { connect, directoryShards, type Client, type DirectoryOptions, type Dsn } from '../../src/index.ts'
import type { ClientEnvironment } from '../../src/connect.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor } from './dialect.ts'
import { freshDatabase, type TestDatabase } from './servers.ts'

/** Purchases of customers over the shards `a`, `b` and `c`; who owns which customer stands in the database `control`. */
export interface OwnedShop extends AsyncDisposable {
  readonly client: OwnedClient
  readonly databases: Readonly<Record<ShopDatabase, ShopPlace>>
  /** Another client of the same databases, as another process has one. `control`: by another way to the directory. */
  another(options?: Partial<DirectoryOptions>, environment?: ClientEnvironment, control?: Dsn): Promise<OwnedClient>
  /** Moves a customer, with the purchases. */
  move(customer: number, to: string, mover?: OwnedClient): Promise<void>
  /** The shard of a customer, and another one. */
  placesOf(customer: number): Promise<{ readonly own: ShopShard; readonly other: ShopShard }>
  /** The purchases on a shard as `customer/id`, in order, asked for behind the back of every client. */
  purchasesOn(shard: string): Promise<string[]>
  /** Runs a statement on one database, likewise. */
  behind(database: string, sql: string): Promise<void>
}

export type OwnedClient = Client<'shop' | 'control'>
export type ShopShard = 'a' | 'b' | 'c'
type ShopDatabase = ShopShard | 'control'

/** An empty database. */
type ShopPlace = Pick<TestDatabase, 'drop'> & { readonly dsn: string }

interface Purchase {
  readonly customer_id: number
  readonly id: number
  readonly total: number
}

/** With empty tables. Clients that were made of it are closed with it. */
export async function ownedShop(
  engine: Engine,
  options: Partial<DirectoryOptions> = {},
  fresh: () => Promise<ShopPlace> = async () => await freshDatabase(engine),
): Promise<OwnedShop> {
  const databases = { a: await fresh(), b: await fresh(), c: await fresh(), control: await fresh() }
  const clients: OwnedClient[] = []
  // Several clients of four databases share a server with other tests, and its 100 connections.
  const pool = { maxConnections: 3 }
  const another = async (
    changes: Partial<DirectoryOptions> = {},
    environment: ClientEnvironment = {},
    control: Dsn = databases.control.dsn as Dsn,
  ): Promise<OwnedClient> => {
    const client = await connect(
      {
        databases: {
          shop: {
            shards: { a: databases.a.dsn, b: databases.b.dsn, c: databases.c.dsn },
            shardMap: directoryShards({ key: 'integer', directory: 'control', ...options, ...changes }),
            pool,
          },
          control: { primary: control, pool },
        },
        tables: {
          purchase: { database: 'shop', shardKey: 'customer_id' },
          country: { database: 'shop', kind: 'reference' },
        },
      },
      environment,
    )
    clients.push(client)
    return client
  }
  const sql = (text: string): string => sqlFor(engine, text)
  const insert = sql('insert into purchase (customer_id, id, total) values (?, ?, ?)')
  const client = await another()
  await client.setUpShardDirectory()
  await client.query(
    'create table purchase (customer_id integer not null, id integer not null, total integer not null, primary key (customer_id, id))',
  )
  await client.query('create table country (code varchar(2) primary key)')
  return {
    client,
    databases,
    another,
    async move(customer, to, mover = client) {
      await mover.moveOwner(customer, {
        to,
        async copy({ from, to: there }) {
          const { rows } = await from.query<Purchase>(sql('select id, total from purchase where customer_id = ?'), [
            customer,
          ])
          for (const { id, total } of rows) await there.query(insert, [customer, id, total])
        },
        async remove(from) {
          await from.query(sql('delete from purchase where customer_id = ?'), [customer])
        },
      })
    },
    async placesOf(customer) {
      const own = (await client.findShard(customer)) as ShopShard
      const other = (['a', 'b', 'c'] as const).find((shard) => shard !== own) ?? 'a'
      return { own, other }
    },
    async purchasesOn(shard) {
      await using direct = await connect(databases[shard as ShopShard].dsn)
      const { rows } = await direct.query<Purchase>('select customer_id, id from purchase order by customer_id, id')
      return rows.map(({ customer_id, id }) => `${customer_id}/${id}`)
    },
    async behind(database, text) {
      await using direct = await connect(databases[database as ShopDatabase].dsn)
      await direct.query(text)
    },
    async [Symbol.asyncDispose]() {
      for (const each of clients) await each.close()
      for (const database of Object.values(databases)) await database.drop()
    },
  }
}
