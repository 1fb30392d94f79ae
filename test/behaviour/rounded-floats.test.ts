import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, hashShards, type Client } from '../../src/index.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('floating-point numbers that a server rounds', () => {
  const databases: TestDatabase[] = []
  let client: Client<'default'>

  beforeAll(async () => {
    for (let shard = 0; shard < 3; shard++) {
      const database = await freshDatabase('postgres')
      databases.push(database)
      await using own = await connect(database.dsn)
      // The default of PostgreSQL 11 and earlier.
      await own.query(`alter database "${new URL(database.dsn).pathname.slice(1)}" set extra_float_digits to 0`)
    }
    const [a, b, c] = databases.map(({ dsn }) => dsn)
    client = await connect({
      databases: { default: { shards: { a: a!, b: b!, c: c! }, shardMap: hashShards({ key: 'integer' }) } },
      tables: { measure: { database: 'default', shardKey: 'id' } },
    })
    await client.query('create table measure (id integer primary key, value double precision)')
    for (let id = 0; id < 30; id++)
      await client.query('insert into measure (id, value) values ($1, $2)', [id, 0.1 + (id % 7) * 1e-16])
  })
  afterAll(async () => {
    await client?.close()
    for (const database of databases) await database.drop()
  })

  const rounded = {
    code: 'SIGNALBOX_CANNOT_SCATTER',
    message: expect.stringContaining('extra_float_digits') as unknown,
  }

  it.each([
    'select id from measure order by value, id',
    'select id from measure order by value desc limit 3',
    'select value, count(*) from measure group by value',
    'select count(distinct value) from measure',
    'select sum(value) from measure',
  ])('are not put together: %s', async (text) => {
    await expect(client.query(text)).rejects.toMatchObject(rounded)
  })

  it('are exact as numeric, and do no harm where they are only read', async () => {
    const text = 'select id from measure order by round(value::numeric, 3), id limit 3'
    expect((await client.query(text)).rows).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }])
    expect((await client.query('select id, value from measure order by id')).rows).toHaveLength(30)
    const { rows } = await client.query<{ total: string }>('select sum(value::numeric) as total from measure')
    expect(rows[0]!.total).toMatch(/^3\.0/)
  })
})

describe.runIf(testedEngines.includes('mysql'))('FLOAT, of which answers in the text protocol have six digits', () => {
  const databases: TestDatabase[] = []
  const clients: Client<'default'>[] = []
  let whole: Client<'default'>
  let sharded: Client<'default'>
  let unprepared: { readonly whole: Client<'default'>; readonly sharded: Client<'default'> }

  beforeAll(async () => {
    for (let shard = 0; shard < 4; shard++) databases.push(await freshDatabase('mysql'))
    const [one, a, b, c] = databases.map(({ dsn }) => dsn)
    const shards = { a: a!, b: b!, c: c! }
    const shardMap = hashShards({ key: 'integer' })
    const home = { database: 'default', shardKey: 'id' } as const
    const tables = { measure: home, many: home }
    const opened = async (pool: { readonly statementCacheSize?: number }) => {
      const both = {
        whole: await connect({ databases: { default: one! }, pool }),
        sharded: await connect({ databases: { default: { shards, shardMap } }, tables, pool }),
      }
      clients.push(both.whole, both.sharded)
      return both
    }
    ;({ whole, sharded } = await opened({}))
    unprepared = await opened({ statementCacheSize: 0 })
    for (const client of [whole, sharded]) {
      await client.query('create table measure (id integer primary key, f float, g float(10, 2), d double)')
      // Next to each other, and all of them 16777200 with six digits.
      for (let id = 0; id < 30; id++)
        await client.query('insert into measure (id, f, g, d) values (?, ?, ?, ?)', [
          id,
          id === 7 ? null : 16_777_216 - ((id * 7) % 30),
          12_345.61 + (id % 3) / 100,
          0.1 + (id % 5) * 1e-16,
        ])
    }
  })
  afterAll(async () => {
    for (const client of clients) await client.close()
    for (const database of databases) await database.drop()
  })

  const long = `'${'x'.repeat(33_000)}' <> ''`
  const ways = {
    'in the prepared protocol': (sql: string) => [whole.query(sql), sharded.query(sql)],
    'with prepare: false': (sql: string) => [whole, sharded].map((client) => client.query(sql, [], { prepare: false })),
    'without a cache of statements': (sql: string) => [unprepared.whole.query(sql), unprepared.sharded.query(sql)],
    'in a text of more than 32,768 characters': (sql: string) =>
      [whole, sharded].map((client) => client.query(sql.replace('1 = 1', long))),
  }
  const statements = [
    'select count(distinct f) as n, count(*) as m from measure where 1 = 1',
    'select f + 0e0 as v, count(*) as n from measure where 1 = 1 group by f order by f',
    'select id, f from measure where 1 = 1 order by f desc, id',
    'select id from measure where 1 = 1 order by f, id limit 5 offset 3',
    'select f as v, id from measure where 1 = 1 union all select g, id from measure order by v, id',
    "select sum(f) as s, max(f) + 0e0 as x, group_concat(id order by f desc, id separator ',') as l from measure where 1 = 1",
    'select id % 2 as k, min(f) + 0e0 as x, avg(f) as a from measure where 1 = 1 group by id % 2 order by max(f), k',
    'select count(distinct d) as n from measure where 1 = 1 having max(f) = 16777216',
  ]

  describe.each(Object.entries(ways))('%s', (_, ask) => {
    it.each(statements)('comes together as on one database: %s', async (sql) => {
      const [right, given] = await Promise.all(ask(sql))
      expect(right!.rows).not.toHaveLength(0)
      expect(given!.rows).toEqual(right!.rows)
    })
  })

  // What finishes a text of more than 32,768 characters is short itself: prepared, and so with all digits.
  it.each(Object.entries(ways).slice(0, 3))(
    'has as many digits in the answer as on one database: %s',
    async (_, ask) => {
      for (const sql of [
        'select distinct f from measure order by f',
        'select g, count(*) as n, min(f) as f, min(d) as d from measure group by g order by g',
      ]) {
        const [right, given] = await Promise.all(ask(sql))
        expect(given!.rows).toEqual(right!.rows)
      }
    },
  )

  it('is exact in a temporary table, too', async () => {
    for (const [shard, { dsn }] of databases.slice(1).entries()) {
      await using own = await connect(dsn)
      await own.query('create table many (id integer primary key, f float)')
      const numbers = 'select seq * 3 + ? as id from seq_1_to_11000'
      await own.query(`insert into many select n.id, 1000000 + n.id from (${numbers}) n`, [shard])
    }
    using queries = subscribedQueries()
    const sql = 'select f + 0e0 as v, count(*) as n from many group by f order by f'
    const rows = await Array.fromAsync(sharded.stream<{ v: number; n: number }>(sql, [], { prepare: false }))
    expect(queries.all.some(({ sql: text }) => text.startsWith('create temporary table'))).toBe(true)
    expect(rows).toHaveLength(33_000)
    expect(rows.findIndex(({ v, n }, i) => v !== 1_000_003 + i || n !== 1)).toBe(-1)
  })

  it('is learnt from the first answer, and asked for at once by the calls that follow', async () => {
    using queries = subscribedQueries()
    const asked = async (sql: string): Promise<readonly string[]> => {
      const before = queries.all.length
      await sharded.query(sql)
      return queries.all.slice(before).map((each) => each.sql)
    }
    const doubles = async (sql: string): Promise<number> =>
      (await asked(sql)).filter((text) => text.includes('_double')).length
    const floats = 'select f, max(id) as m from measure group by f'
    expect(await doubles(floats)).toBe(3)
    expect(await doubles(floats)).toBe(3)
    expect(await asked(floats)).toHaveLength(4)
    expect(await doubles('select d, max(id) as m from measure group by d')).toBe(0)
  })

  it('stays exact where a column has become one, or is one no longer', async () => {
    const sql = 'select count(distinct e) as n, count(distinct f) as m from measure'
    await sharded.query('alter table measure add column e double', [], { allShards: true })
    await sharded.query('update measure set e = 16777216 + id / 100', [], { allShards: true })
    const unprepared = async () => (await sharded.query(sql, [], { prepare: false })).rows
    expect(await unprepared()).toEqual([{ n: 30, m: 29 }])
    await sharded.query('alter table measure modify column e float', [], { allShards: true })
    await sharded.query('update measure set e = 16777216 - id', [], { allShards: true })
    expect(await unprepared()).toEqual([{ n: 30, m: 29 }])
    await sharded.query('alter table measure modify column e bigint', [], { allShards: true })
    await sharded.query('update measure set e = 9007199254740992 + id', [], { allShards: true })
    expect(await unprepared()).toEqual([{ n: 30, m: 29 }])
  })

  it('is no key of pages', async () => {
    await expect(
      sharded.page('select id from measure order by f, id', [], { size: 3, prepare: false }),
    ).rejects.toMatchObject({
      code: 'SIGNALBOX_UNSUPPORTED',
      message: expect.stringContaining('FLOAT') as unknown,
    })
  })
})
