import { connect, hashShards, type Client } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor } from './dialect.ts'
import { freshDatabase } from './servers.ts'
import { wholesaleTables, type WholesaleTable } from './wholesale-rows.ts'

/** The rows of a wholesaler twice: in one database, and with its sales over four shards. */
export interface ShardedWholesale extends AsyncDisposable {
  readonly whole: Client<'default'>
  readonly sharded: Client<'default'>
}

/** A sale lives with its lines; whatever both are looked up in is on every shard. */
const homes = {
  sale: { database: 'default', shardKey: 'id' },
  sale_line: { database: 'default', shardKey: 'sale_id' },
  region: { database: 'default', kind: 'reference' },
  nation: { database: 'default', kind: 'reference' },
  supplier: { database: 'default', kind: 'reference' },
  customer: { database: 'default', kind: 'reference' },
  part: { database: 'default', kind: 'reference' },
  offer: { database: 'default', kind: 'reference' },
} as const

export async function startShardedWholesale(engine: Engine): Promise<ShardedWholesale> {
  const single = await freshDatabase(engine)
  const shards = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (name) => [name, await freshDatabase(engine)] as const),
  )
  const whole = await connect(single.dsn)
  const sharded = await connect({
    databases: {
      default: {
        shards: Object.fromEntries(shards.map(([name, { dsn }]) => [name, dsn])),
        shardMap: hashShards({ key: 'integer' }),
        pool: { maxConnections: 3 },
      },
    },
    tables: homes,
  })
  for (const client of [whole, sharded]) for (const table of wholesaleTables()) await fill(client, engine, table)
  return {
    whole,
    sharded,
    async [Symbol.asyncDispose]() {
      await whole.close()
      await sharded.close()
      for (const database of [single, ...shards.map(([, each]) => each)]) await database.drop()
    },
  }
}

type Kind = WholesaleTable['columns'][string]

const types: Readonly<Record<Engine, Readonly<Record<Kind, string>>>> = {
  postgres: { key: 'integer', integer: 'integer', money: 'numeric(14, 2)', day: 'date', text: 'varchar(40)' },
  mysql: {
    key: 'integer',
    integer: 'integer',
    money: 'decimal(14, 2)',
    day: 'date',
    text: 'varchar(40) collate utf8mb4_bin',
  },
  // Cents and texts, which add up and compare exactly.
  sqlite: { key: 'integer', integer: 'integer', money: 'integer', day: 'text', text: 'text' },
}

async function fill(client: Client<'default'>, engine: Engine, table: WholesaleTable): Promise<void> {
  const { name, columns, primaryKey, rows } = table
  const kinds = Object.values(columns)
  const defined = Object.entries(columns).map(([column, kind]) => `${column} ${types[engine][kind]} not null`)
  await client.query(`create table ${name} (${defined.join(', ')}, primary key (${primaryKey}))`)
  const row = `(${kinds.map(() => '?').join(', ')})`
  for (let from = 0; from < rows.length; from += 500) {
    const some = rows.slice(from, from + 500)
    const values = some.flatMap((each) =>
      each.map((value, at) =>
        kinds[at] === 'money' && engine !== 'sqlite' ? (Number(value) / 100).toFixed(2) : value,
      ),
    )
    const text = `insert into ${name} (${Object.keys(columns).join(', ')}) values ${some.map(() => row).join(', ')}`
    await client.query(sqlFor(engine, text), values)
  }
}
