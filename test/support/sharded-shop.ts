import { connect, hashShards, type Client } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { freshDatabase, type TestDatabase } from './servers.ts'

/** The same rows twice: in one database, and spread over several shards. */
export interface ShardedShop extends AsyncDisposable {
  readonly engine: Engine
  readonly whole: Client<'default'>
  readonly sharded: Client<'default'>
  readonly shards: readonly TestDatabase[]
}

const names = ['a', 'b', 'c', 'd']

const types: Readonly<Record<Engine, Readonly<Record<string, string>>>> = {
  postgres: { moment: 'timestamp(6)', money: 'numeric(20, 4)', name: 'varchar(40)', code: 'varchar(8) collate "C"' },
  mysql: {
    moment: 'datetime(6)',
    money: 'decimal(20, 4)',
    name: 'varchar(40) collate utf8mb4_bin',
    code: 'varchar(8) collate utf8mb4_bin',
  },
  sqlite: { moment: 'text', money: 'integer', name: 'text', code: 'text' },
}

/** Makes the tables of a shop, and fills them with the same rows on both sides. */
export async function startShardedShop(engine: Engine): Promise<ShardedShop> {
  const single = await freshDatabase(engine)
  const shards = await Promise.all(names.map(async () => await freshDatabase(engine)))
  const whole = await connect(single.dsn)
  const sharded = await connect({
    databases: {
      default: {
        shards: Object.fromEntries(names.map((name, index) => [name, shards[index]!.dsn])),
        shardMap: hashShards({ key: 'integer' }),
        pool: { maxConnections: 3 },
      },
    },
    tables: {
      customer: { database: 'default', shardKey: 'id' },
      purchase: { database: 'default', shardKey: 'customer_id' },
      country: { database: 'default', kind: 'reference' },
    },
    // Functions that a test makes are known at once.
    limits: { catalogueRefreshMs: 0 },
  })
  const { moment, money, name, code } = types[engine]
  for (const client of [whole, sharded]) {
    await client.query(`create table country (code ${code} primary key, name ${name})`)
    await client.query(
      `create table customer (id integer primary key, name ${name}, city ${name}, country ${code}, since ${moment}, credit ${money})`,
    )
    await client.query(
      `create table purchase (customer_id integer, id integer, total ${money}, units integer, weight double precision, bought ${moment}, note ${name}, primary key (customer_id, id))`,
    )
    await fill(client, engine)
  }
  return {
    engine,
    whole,
    sharded,
    shards,
    async [Symbol.asyncDispose]() {
      await whole.close()
      await sharded.close()
      for (const database of [single, ...shards]) await database.drop()
    },
  }
}

const cities = ['Berlin', 'Paris', 'Oslo', 'berlin', 'Århus', 'Zürich', null]
const countries = ['de', 'fr', 'no', 'dk', 'ch']

async function fill(client: Client<'default'>, engine: Engine): Promise<void> {
  const marks = (count: number): string =>
    Array.from({ length: count }, (_, index) => (engine === 'postgres' ? `$${index + 1}` : '?')).join(', ')
  for (const code of countries)
    await client.query(`insert into country (code, name) values (${marks(2)})`, [code, `land ${code}`])
  const insertCustomer = `insert into customer (id, name, city, country, since, credit) values (${marks(6)})`
  const insertPurchase = `insert into purchase (customer_id, id, total, units, weight, bought, note) values (${marks(7)})`
  for (let id = 1; id <= 60; id++) {
    const since = `2024-0${1 + (id % 9)}-11 10:20:30.${String(id * 7919)
      .padStart(6, '0')
      .slice(-6)}`
    const credit = id % 5 === 0 ? null : engine === 'sqlite' ? id * 37 : `${id * 37}.${id % 10}25`
    await client.query(insertCustomer, [id, `customer ${id % 20}`, cities[id % 7], countries[id % 5], since, credit])
    for (let number = 1; number <= id % 6; number++) {
      const total = engine === 'sqlite' ? id * number : `${id * number}.${number}5`
      const bought = `2025-0${number}-0${1 + (id % 9)} 00:00:00.00000${number}`
      const note = number % 3 === 0 ? null : `note ${(id * number) % 7}`
      await client.query(insertPurchase, [id, number, total, number % 4, id / (number + 2), bought, note])
    }
  }
}
