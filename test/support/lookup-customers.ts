import { connect, hashShards, type Client, type ClientEnvironment, type Config } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { freshDatabase, type TestDatabase } from './servers.ts'

export type LookupClient = Client<'default' | 'control'>

/** Customers on three shards, whose e-mail addresses are looked up. */
export interface LookupCustomers extends AsyncDisposable {
  readonly engine: Engine
  /** Closed at the end, as all that `connect` has made. */
  readonly client: LookupClient
  /** Further clients, as other processes have them. */
  connect(change?: (config: Config) => Config, environment?: ClientEnvironment): Promise<LookupClient>
  readonly config: Config
  readonly databases: Readonly<Record<'a' | 'b' | 'c' | 'control', TestDatabase>>
}

const emails: Readonly<Record<Engine, string>> = {
  postgres: 'varchar(60)',
  mysql: 'varchar(60) collate utf8mb4_bin',
  sqlite: 'text',
}

/** `database`: where each of them comes from. */
export async function startLookupCustomers(
  engine: Engine,
  control: Engine = engine,
  database: (of: Engine) => Promise<TestDatabase> = freshDatabase,
): Promise<LookupCustomers> {
  const databases = {
    a: await database(engine),
    b: await database(engine),
    c: await database(engine),
    control: await database(control),
  }
  const config = lookupConfig(databases)
  const clients: LookupClient[] = []
  const open = async (
    change: (config: Config) => Config = (same) => same,
    environment: ClientEnvironment = {},
  ): Promise<LookupClient> => {
    const client = (await connect(change(config), environment)) as LookupClient
    clients.push(client)
    return client
  }
  const client = await open()
  await client.query(`create table customer (id integer primary key, email ${emails[engine]} unique, name varchar(40))`)
  await client.query('create table purchase (customer_id integer, id integer, primary key (customer_id, id))')
  await client.lookups.setUp()
  await client.lookups.backfill({ table: 'customer', column: 'email' })
  return {
    engine,
    client,
    config,
    databases,
    connect: open,
    async [Symbol.asyncDispose]() {
      for (const each of clients) await each.close()
      for (const database of Object.values(databases)) await database.drop()
    },
  }
}

function lookupConfig({ a, b, c, control }: LookupCustomers['databases']): Config {
  return {
    databases: {
      default: {
        shards: { a: a.dsn, b: b.dsn, c: c.dsn },
        shardMap: hashShards({ key: 'integer' }),
        pool: { maxConnections: 6 },
      },
      control: { primary: control.dsn, pool: { maxConnections: 6 } },
    },
    tables: {
      customer: {
        database: 'default',
        shardKey: 'id',
        lookups: { email: { in: 'control', type: 'text', default: null } },
      },
      purchase: { database: 'default', shardKey: 'customer_id' },
    },
  }
}

/**
 * What must hold whenever nobody is at work: every row with a value has an entry that leads to its key, and no two rows have the same
 * value. Read without the help of what is tested. Gives the rows.
 */
export async function assertInvariant(shop: LookupCustomers): Promise<ReadonlyMap<string, number>> {
  const { client } = shop
  const { rows: entries } = await client
    .using('control')
    .query<{ value: string; shard_key: string }>(
      "select value, shard_key from signalbox_lookup where lookup = 'customer.email'",
    )
  const keys = new Map(entries.map(({ value, shard_key: key }) => [value, Number((JSON.parse(key) as string[])[0])]))
  const owners = new Map<string, number>()
  const { rows } = await client.query<{ id: number; email: string }>(
    'select id, email from customer where email is not null',
  )
  for (const { id, email } of rows) {
    if (owners.has(email)) throw new Error(`${email} is that of ${owners.get(email)} and ${id}`)
    if (keys.get(email) !== id) throw new Error(`${email} is that of ${id}, and its entry leads to ${keys.get(email)}`)
    owners.set(email, id)
  }
  return owners
}
