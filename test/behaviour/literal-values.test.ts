import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, listShards, type AnalysedStatement, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

// Tools that write values into their texts send each text once. What is known of one holds for those that say the same of other values,
// unless values decide.
describe.each(testedEngines)('values in the text, on %s', (engine) => {
  const made: TestDatabase[] = []
  let client: Client<'default' | 'archive' | 'orders'>

  beforeAll(async () => {
    for (let index = 0; index < 4; index += 1) made.push(await freshDatabase(engine))
    const [shop = '', archive = '', a = '', b = ''] = made.map(({ dsn }) => dsn)
    client = await connect({
      databases: {
        default: shop,
        archive,
        orders: { shards: { a, b }, shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2] } }) },
      },
      tables: { purchase: { database: 'orders', shardKey: 'customer_id' }, old_product: 'archive' },
    })
    await client.query('create table product (id integer primary key, name varchar(80))')
    await client.query('create table old_product (id integer primary key, name varchar(80))')
    await client.query('create table purchase (customer_id integer, id integer)')
  })
  afterAll(async () => {
    await client.close()
    for (const database of made) await database.drop()
  })

  it('share what was decided, and nothing else', async () => {
    const routes = new Set<object>()
    for (let id = 1; id <= 20; id += 1) {
      const name = `it's ${'x'.repeat(id)}`.replace("'", "''")
      await client.query(`insert into product (id, name) values (${id}, '${name}')`)
      const { rows, route } = await client.query<{ name: string }>(
        `select name from product where id = ${id} and name <> 'of ${id}' /* page='${id}' */`,
      )
      expect(rows).toEqual([{ name: name.replace("''", "'") }])
      // What is said of this text alone, and by nobody else's decision.
      expect(
        client.explain(`select name from product where id = ${id} and name <> 'of ${id}' /* page='${id}' */`),
      ).toEqual(route)
      expect(route.database).toBe('default')
      routes.add(route)
    }
    expect(routes.size).toBe(engine === 'sqlite' ? 20 : 1)
  })

  it('are read anew where they decide about the shard', async () => {
    for (const [customer, shard] of [
      [1, 'a'],
      [2, 'b'],
      [1, 'a'],
    ] as const) {
      const { route } = await client.query(`insert into purchase (customer_id, id) values (${customer}, 10)`)
      expect(route.shards).toEqual([shard])
      const read = await client.query(`select id from purchase where customer_id = ${customer}`)
      expect(read.route.shards).toEqual([shard])
    }
    expect(client.explain('select id from purchase where customer_id = 2').shards).toEqual(['b'])
  })

  it('do not hide the tables: each text of its own goes to the home of its tables', async () => {
    for (const table of ['product', 'old_product', 'product']) {
      const { route } = await client.query(`select name from ${table} where id = 77`)
      expect(route.database).toBe(table === 'product' ? 'default' : 'archive')
    }
  })

  it('are what analyze() tells of this text', async () => {
    for (const id of [5, 6]) {
      await client.query(`select name from product where id = ${id}`)
      const { values } = await client.analyze(`select name from product where id = ${id}`)
      expect(values.map((value) => value.values)).toEqual([[{ from: 'constant', value: id }]])
    }
  })

  it('are there for routers', async () => {
    const seen: unknown[] = []
    await using routed = await connect({
      databases: { default: made[0]!.dsn },
      routers: [
        {
          route: (statement: AnalysedStatement) => {
            seen.push(statement.valuesOf('id'))
            return undefined
          },
        },
      ],
    })
    for (const id of [5, 6, 7]) await routed.query(`select name from product where id = ${id}`)
    expect(seen).toEqual([[5], [6], [7]])
  })
})

describe.runIf(testedEngines.includes('postgres'))('texts with values in them, on PostgreSQL', () => {
  it('are prepared where they come again, and else leave nothing on the server', async () => {
    await using database = await freshDatabase('postgres')
    await using client = await connect({ databases: { default: database.dsn }, pool: { maxConnections: 1 } })
    const named = async (): Promise<readonly string[]> => {
      const { rows } = await client.query<{ statement: string }>(
        "select statement from pg_prepared_statements where statement like '%as n' order by 1",
      )
      return rows.map(({ statement }) => statement)
    }
    // Writes share no connections.
    await client.query('create table n (n integer)')
    for (let n = 0; n < 40; n += 1) {
      await client.query(`insert into n values (${n}) returning ${n} as n`)
      await client.query("insert into n values (-1) returning 'again' as n")
      await client.query("insert into n values (-2) returning 'and again' as n")
    }
    await client.transaction(async (tx) => {
      for (let n = 100; n < 110; n += 1) await tx.query(`insert into n values (${n}) returning ${n} as n`)
      const { rows } = await tx.query<{ statement: string }>(
        "select statement from pg_prepared_statements where statement like '%as n' order by 1",
      )
      expect(rows.map(({ statement }) => statement)).toEqual([
        "insert into n values (-1) returning 'again' as n",
        "insert into n values (-2) returning 'and again' as n",
      ])
    })
    expect(await named()).toHaveLength(2)
  })
})
