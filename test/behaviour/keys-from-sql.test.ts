import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, rangeShards, type Client } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

const names = ['a', 'b', 'c']
/** Customers 1 to 3 live on the first shard, 4 to 6 on the second, all later ones on the third. */
const ranges = [{ to: 4, shard: 'a' }, { to: 7, shard: 'b' }, { shard: 'c' }]
const all = names.join()

type Read = readonly [sql: string, params: readonly unknown[], shards: string]

const alternatives: readonly Read[] = [
  ['select id, name from customer where id = 1 or id = 2', [], 'a'],
  ['select id, name from customer where id = ? or id = ?', [1, 9], 'a,c'],
  ["select id from customer where (id = 1 and name <> 'x') or (id in (2, 3) and country is not null)", [], 'a'],
  ["select id from customer where id = 1 or name = 'customer 9'", [], all],
  ['select id from customer where id = 1 or not id = 2', [], all],
  ['select id from customer where not (id = 1 or id = 2)', [], all],
  [
    'select c.id, p.total from customer c join purchase p on p.customer_id = c.id where p.customer_id = 4 or p.customer_id = 5',
    [],
    'b',
  ],
]

const queries: readonly Read[] = [
  [
    'select n from (select customer_id, count(*) as n from purchase group by customer_id) t where t.customer_id = ?',
    [5],
    'b',
  ],
  [
    'with w as (select customer_id as who, total from purchase) select total from w where who = 5 order by total',
    [],
    'b',
  ],
  [
    'select c.name, s.n from customer c join (select customer_id, count(*) as n from purchase group by customer_id) s on s.customer_id = c.id where c.id = 8',
    [],
    'c',
  ],
  [
    'select total from (select customer_id, total from purchase union all select id, 0 from customer) t where t.customer_id = 2 order by total',
    [],
    'a',
  ],
  [
    'select customer_id, total from purchase where customer_id in (select id from customer where id = 4) order by total',
    [],
    'b',
  ],
  [
    "select customer_id, count(*) as n from purchase where customer_id in (select id from customer where name <> 'customer 2') group by customer_id order by customer_id",
    [],
    all,
  ],
  [
    'select id from customer c where exists (select 1 from purchase p where p.customer_id = c.id and p.customer_id = 9)',
    [],
    'c',
  ],
  [
    'select name from customer where id = (select max(customer_id) from purchase where customer_id = 6 group by customer_id) and id = 6',
    [],
    'b',
  ],
  [
    'select id from customer where id in (select customer_id from purchase where total > 12 and customer_id < 4) and id < 4 order by id',
    [],
    'a',
  ],
  ['select id from customer where id not in (select customer_id from purchase) order by id', [], all],
  [
    'select id from customer where id not in (select customer_id from purchase where customer_id = 5) order by id',
    [],
    all,
  ],
  [
    'select count(*) as n from customer c left join country k on k.code = c.country where c.id not in (select p.customer_id from purchase p group by p.customer_id having count(*) > 2) and k.area is null',
    [],
    all,
  ],
  ['select id from customer where id not in (select customer_id from purchase where id > ?) and id = ?', [1, 8], 'c'],
  [
    'select total from purchase where id = 2 and customer_id not in (select id from customer where name > ?) order by total',
    ['customer 4'],
    all,
  ],
  [
    'select id from customer where exists (select 1 from purchase where customer_id = customer.id) order by id',
    [],
    all,
  ],
  ['select c.id, total from customer c join purchase on customer_id = c.id order by c.id, total', [], all],
  ['select name, total from purchase p, customer c where customer_id = c.id and c.id = ? order by total', [7], 'c'],
  [
    'select c.id from customer c where exists (select 1 from purchase join country on area < total where customer_id = c.id and code = c.country) order by c.id',
    [],
    all,
  ],
  [
    'select id, (select sum(total) from purchase where customer_id = customer.id) as s from customer order by id',
    [],
    all,
  ],
]

const between: readonly Read[] = [
  ['select id from customer where id between ? and ? order by id', [2, 3], 'a'],
  ['select id from customer where id between 2 and 5 order by id', [], 'a,b'],
  // Whether there is a key between 6 and 7, the map does not ask.
  ['select id from customer where id > 6 order by id', [], 'b,c'],
  ['select id from customer where id >= 7 order by id', [], 'c'],
  ['select id from customer where id >= ? and id < ? order by id', [4, 7], 'b'],
  ['select id from customer where 3 >= id order by id', [], 'a'],
  ['select id from customer where id not between 2 and 5 order by id', [], all],
  ['select count(*) as n from customer where id > 5 and id < 3', [], 'a'],
  ['select id from customer where id > 6.5 order by id', [], all],
  [
    'select c.id, p.id as purchase from customer c left join purchase p on p.customer_id = c.id where c.id < 3 order by 1, 2',
    [],
    'a',
  ],
  [
    'select c.id, p.id as purchase from customer c left join purchase p on p.customer_id = c.id and p.customer_id < 3 order by 1, 2',
    [],
    all,
  ],
  ['select id, row_number() over (order by id desc) as n from customer where id >= 7 order by id', [], 'c'],
]

describe.each(testedEngines)('keys that are found in SQL, on %s', (engine) => {
  let databases: TestDatabase[]
  let client: Client<'default'>
  let whole: Client<'default'>
  const sql = (text: string): string => sqlFor(engine, text)

  beforeAll(async () => {
    databases = await Promise.all([...names, 'whole'].map(async () => await freshDatabase(engine)))
    client = await connect({
      databases: {
        default: {
          shards: Object.fromEntries(names.map((name, index) => [name, databases[index]!.dsn])),
          shardMap: rangeShards({ key: 'integer', ranges }),
        },
      },
      tables: {
        customer: { database: 'default', shardKey: 'id' },
        purchase: { database: 'default', shardKey: 'customer_id' },
        summary: { database: 'default', shardKey: 'customer_id' },
        country: { database: 'default', kind: 'reference' },
      },
    })
    whole = await connect(databases[3]!.dsn)
    for (const each of [client, whole]) {
      await each.query('create table customer (id integer primary key, name varchar(40), country varchar(2))')
      await each.query(
        'create table purchase (id integer, customer_id integer, total integer, primary key (customer_id, id))',
      )
      await each.query('create table summary (customer_id integer primary key, n integer)')
      await each.query('create table country (code varchar(2) primary key, area integer)')
      await each.query("insert into country (code, area) values ('de', 7)")
      for (let id = 1; id <= 9; id++) {
        const customer = [id, `customer ${id}`, id % 2 === 0 ? 'de' : null]
        await each.query(sql('insert into customer (id, name, country) values (?, ?, ?)'), customer)
        for (let n = 1; n <= id % 4; n++)
          await each.query(sql('insert into purchase (id, customer_id, total) values (?, ?, ?)'), [n, id, id + n * 5])
      }
    }
  }, 60_000)

  afterAll(async () => {
    await client.close()
    await whole.close()
    for (const database of databases) await database.drop()
  })

  async function check([text, params, shards]: Read): Promise<void> {
    const { rows, route } = await client.query(sql(text), [...params])
    expect(rows).toEqual((await whole.query(sql(text), [...params])).rows)
    expect(route.shards.join()).toBe(shards)
  }

  it.each(alternatives)('OR: %s', async (...read) => await check(read))
  it.each(queries)('through queries: %s', async (...read) => await check(read))
  it.each(between)('ranges: %s', async (...read) => await check(read))

  it('a range that leads to one shard is enough for a change; one of several is not', async () => {
    const change = sql('update customer set country = country where id between ? and ?')
    expect((await client.query(change, [4, 6])).route.shards).toEqual(['b'])
    await expect(client.query(change, [3, 4])).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY_MISSING' })
    expect((await client.query(change, [3, 4], { allShards: true })).route.shards).toEqual(['a', 'b'])
  })

  it('a locked scope takes no range for a key', async () => {
    const read = sql('select id from customer where id between 4 and 4')
    const locked = client.shard(4, async () => await client.query(read), { lock: true })
    await expect(locked).rejects.toMatchObject({ code: 'SIGNALBOX_WRONG_SHARD' })
    const through = sql('select count(*) from (select customer_id from purchase) t where t.customer_id = 4')
    expect((await client.shard(4, async () => await client.query(through), { lock: true })).route.shards).toEqual(['b'])
    const other = client.shard(4, async () => await client.query(through.replace('= 4', '= 5')), { lock: true })
    await expect(other).rejects.toMatchObject({ code: 'SIGNALBOX_WRONG_SHARD' })
  })

  describe('INSERT … SELECT', () => {
    const query = 'select customer_id, count(*) from purchase group by customer_id'
    const conflict =
      engine === 'mysql'
        ? ' on duplicate key update n = n + 10'
        : ' on conflict (customer_id) do update set n = summary.n + 10'
    const into = `insert into summary (customer_id, n) ${query}`

    async function summaries(from: Client<'default'>): Promise<readonly unknown[]> {
      return (await from.query('select customer_id, n from summary order by customer_id')).rows
    }

    /** Each row lives where its key does, and all are those of one database. */
    async function expectSame(): Promise<void> {
      expect(await summaries(client)).toEqual(await summaries(whole))
      for (const [index, shard] of names.entries()) {
        await using plain = await connect(databases[index]!.dsn)
        const { rows } = await plain.query('select customer_id from summary')
        for (const row of rows) expect(client.shardOf(row['customer_id'])).toBe(shard)
      }
    }

    it('runs on the shard of a key, or makes the rows of each shard there', async () => {
      const one = into.replace(' group', ' where customer_id = 5 group')
      const { route, rowCount } = await client.query(one)
      expect([route.shards, rowCount]).toEqual([['b'], 1])
      await whole.query(one)
      await expectSame()
      await expect(client.query(`${into}${conflict}`)).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY_MISSING' })
      const done = await client.query(`${into}${conflict}`, [], { allShards: true })
      const right = await whole.query(`${into}${conflict}`)
      expect(done.route.shards).toEqual(names)
      expect(done.rowCount).toBe(right.rowCount)
      await expectSame()
    })

    it('takes a key that is written, and the rows of reference tables', async () => {
      const literal = sql('insert into summary (customer_id, n) select ?, area from country')
      expect((await client.query(literal, [8])).route.shards).toEqual(['c'])
      await whole.query(literal, [8])
      await expectSame()
      await expect(client.query(literal, [null])).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY' })
    })

    it('makes the rows of a UNION, each of whose members takes the key of its own', async () => {
      const [even, odd] = [0, 1].map((rest) => `from purchase where customer_id % 2 = ${rest}`)
      const query = `select customer_id, count(*) ${even!} group by customer_id union all select c.id, 0 from customer c where c.id % 2 = 1 and c.id not in (select customer_id ${odd!})`
      for (const text of [
        `insert into summary (customer_id, n) ${query}`,
        'insert into summary (n, customer_id) select 5, id from customer where id = 6 union select 5, customer_id from purchase where customer_id in (6, 7)',
        'insert into summary (n, customer_id) select 5, id from customer except select 5, customer_id from purchase',
      ]) {
        for (const each of [client, whole]) await each.query('delete from summary', [], { allShards: true })
        const made = await whole.query(text)
        const { rowCount, route } = await client.query(text, [], { allShards: true })
        expect([rowCount, route.shards]).toEqual([made.rowCount, names])
        expect(rowCount).toBeGreaterThan(1)
        await expectSame()
      }
      for (const each of [client, whole]) await each.query('delete from summary', [], { allShards: true })
    })

    it('refuses rows whose key need not be that of the rows that they are made of', async () => {
      const before = await summaries(client)
      for (const text of [
        'select id + 1, 1 from customer',
        'select id, 1 from customer order by id limit 2',
        'select max(id), count(*) from customer group by name',
        'select id, 1 from customer union all select 11, 1',
        'select id, 1 from customer union all select area, 1 from country',
        'select id, 1 from customer union all select id, 1 from purchase',
        'select id, 1 from customer union all select customer_id, 1 from purchase limit 3',
        'select id, 1 from customer union all select p.customer_id, 1 from customer c left join purchase p on p.customer_id = c.id',
        'select c.id, 1 from country k left join customer c on c.country = k.code',
      ]) {
        const inserted = client.query(`insert into summary (customer_id, n) ${text}`, [], { allShards: true })
        await expect(inserted, text).rejects.toMatchObject({
          code: 'SIGNALBOX_SHARD_KEY_MISSING',
          message: expect.stringContaining('need not have the shard key') as string,
        })
      }
      expect(await summaries(client)).toEqual(before)
    })
  })
})
