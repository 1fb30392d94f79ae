import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, hashShards, listShards, type Client } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

const names = ['a', 'b', 'c']
/** Who lives where is written down, so that a test can be read. */
const owners = { a: [1, 4, 7], b: [2, 5, 8], c: [3, 6, 9] }

describe.each(testedEngines)('sharding on %s', (engine) => {
  let databases: TestDatabase[]
  let client: Client<'default'>
  const sql = (text: string): string => sqlFor(engine, text)

  function config() {
    return {
      databases: {
        default: {
          shards: Object.fromEntries(names.map((name, index) => [name, databases[index]!.dsn])),
          shardMap: listShards({ key: 'integer', lists: owners }),
        },
      },
      tables: {
        customer: { database: 'default', shardKey: 'id' },
        purchase: { database: 'default', shardKey: 'customer_id' },
        country: { database: 'default', kind: 'reference' },
        setting: { database: 'default', kind: 'unsharded' },
      },
    } as const
  }

  beforeEach(async () => {
    databases = await Promise.all(names.map(async () => await freshDatabase(engine)))
    client = await connect(config())
    await client.query('create table customer (id integer primary key, name varchar(40), country varchar(2))')
    await client.query(
      'create table purchase (id integer, customer_id integer, total integer, primary key (customer_id, id))',
    )
    await client.query('create table country (code varchar(2) primary key, name varchar(40))')
    await client.query('create table setting (name varchar(40) primary key, value varchar(40))')
    for (let id = 1; id <= 9; id++)
      await client.query(sql('insert into customer (id, name, country) values (?, ?, ?)'), [id, `customer ${id}`, 'de'])
  })

  afterEach(async () => {
    await client.close()
    for (const database of databases) await database.drop()
  })

  /** What a shard has, without Signalbox's help. */
  async function on(shard: string, text: string): Promise<unknown[]> {
    await using plain = await connect(databases[names.indexOf(shard)]!.dsn)
    const { rows } = await plain.query(text, [], { rowMode: 'array' })
    // PostgreSQL's count is a bigint, which its driver gives as text.
    return rows.flat().map((value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value))
  }

  it('defines sharded and reference tables on each shard, and unsharded ones on the first', async () => {
    for (const shard of names) expect(await on(shard, 'select count(*) from country')).toEqual([0])
    expect(await on('a', 'select count(*) from setting')).toEqual([0])
    await expect(on('b', 'select count(*) from setting')).rejects.toMatchObject({ code: 'SIGNALBOX_SYNTAX' })
  })

  it('puts each row where its key lives, and finds it there', async () => {
    for (const [shard, ids] of Object.entries(owners))
      expect(await on(shard, 'select id from customer order by id')).toEqual(ids)
    for (const id of [1, 2, 3]) {
      const { rows, route } = await client.query(sql('select name from customer where id = ?'), [id])
      expect(rows).toEqual([{ name: `customer ${id}` }])
      expect(route.shards).toEqual([names[id - 1]])
      expect(route.reasons.map(({ rule }) => rule)).toContain('shard-key')
    }
    expect((await client.query('select name from customer where id = 5')).route.shards).toEqual(['b'])
    expect(
      (await client.query(sql('select name from customer where 6 = id and name <> ?'), ['x'])).route.shards,
    ).toEqual(['c'])
    expect((await client.query(sql('select name from customer where id in (?, 4, 7)'), [1])).rows).toHaveLength(3)
    expect((await client.query(sql('select name from customer where id = ?'), [null])).rows).toEqual([])
  })

  it('follows joins, subqueries and aliases on the key', async () => {
    await client.query(sql('insert into purchase (customer_id, id, total) values (?, 1, 10), (?, 2, 20)'), [5, 5])
    const shardsOf = async (text: string, params: readonly unknown[]): Promise<unknown> => {
      const { route, rows } = await client.query(sql(text), params)
      expect(rows).not.toEqual([])
      return route.shards
    }
    const texts = [
      'select c.name, p.total from customer c join purchase p on p.customer_id = c.id where c.id = ?',
      'select c.name, p.total from customer c left join purchase p on p.customer_id = c.id where c.id = ?',
      'select c.name from customer c, purchase p where p.customer_id = c.id and p.customer_id = ?',
      'select name from customer c where id = ? and exists (select 1 from purchase p where p.customer_id = c.id)',
      'select name, (select sum(total) from purchase p where p.customer_id = customer.id) as s from customer where customer.id = ?',
    ]
    for (const text of texts) expect(await shardsOf(text, [5]), text).toEqual(['b'])
  })

  it('changes a row where its key lives, and refuses a change without a key, unless all shards are meant', async () => {
    expect((await client.query(sql("update customer set name = 'new' where id = ?"), [6])).route.shards).toEqual(['c'])
    expect(await on('c', "select id from customer where name = 'new'")).toEqual([6])
    const all = "update customer set country = 'fr'"
    await expect(client.query(all)).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY_MISSING', database: 'default' })
    await expect(client.query(`${all} where id in (1, 2)`)).rejects.toMatchObject({
      code: 'SIGNALBOX_SHARD_KEY_MISSING',
    })
    const some = await client.query(`${all} where id in (1, 2)`, [], { allShards: true })
    expect([some.rowCount, some.route.shards]).toEqual([2, ['a', 'b']])
    expect((await client.query(all, [], { allShards: true })).rowCount).toBe(9)
    expect((await client.query('delete from customer where id = 9')).rowCount).toBe(1)
    expect(await on('c', 'select id from customer order by id')).toEqual([3, 6])
  })

  it('refuses changes of all shards that one of them cannot make for itself', async () => {
    const all = { allShards: true }
    const insert = client.query("insert into customer values (1, 'x', 'de')", [], all)
    await expect(insert).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY_MISSING' })
    if (engine === 'mysql') {
      const some = client.query("update customer set country = 'xx' order by id limit 2", [], all)
      await expect(some).rejects.toMatchObject({ code: 'SIGNALBOX_CANNOT_SCATTER', construct: 'LIMIT' })
    }
    for (const shard of names)
      expect(await on(shard, "select count(*) from customer where country <> 'de'")).toEqual([0])
    for (const shard of names) expect(await on(shard, 'select count(*) from customer')).toEqual([3])
  })

  it('refuses to change a shard key, rows of several shards in one insert, and rows without a key', async () => {
    const refused: readonly (readonly [string, string])[] = [
      ['update customer set id = 20 where id = 1', 'SIGNALBOX_CROSS_SHARD'],
      ["insert into customer (name) values ('x')", 'SIGNALBOX_SHARD_KEY_MISSING'],
      ["insert into customer values (1, 'x', 'de')", 'SIGNALBOX_SHARD_KEY_MISSING'],
      ['insert into customer (id, name) select id + 1, name from customer where id = 1', 'SIGNALBOX_SHARD_KEY_MISSING'],
      ['insert into customer (id, name) select id, name from customer limit 1', 'SIGNALBOX_SHARD_KEY_MISSING'],
      ["insert into customer (id, name) values (99, 'x')", 'SIGNALBOX_SHARD_KEY'],
      ['select * from missing_table', 'SIGNALBOX_NO_ROUTE'],
      ['select * from customer, setting', 'SIGNALBOX_CROSS_SHARD'],
      ['select c.id from customer c, purchase p where c.id = 1 and p.customer_id = 2', 'SIGNALBOX_CROSS_SHARD'],
      ['select c.id from customer c join purchase p on p.id = c.id', 'SIGNALBOX_SHARD_KEY_MISSING'],
    ]
    for (const [text, code] of refused) await expect(client.query(text), text).rejects.toMatchObject({ code })
    for (const shard of names) expect(await on(shard, 'select count(*) from customer')).toEqual([3])
  })

  it('inserts the rows of several shards where each belongs', async () => {
    await client.query('delete from customer', [], { allShards: true })
    const insert = sql('insert into customer (name, id, country) values (?, ?, ?), (?, ?, ?), (?, ?, ?), (?, 7, ?)')
    const params = ['one', 1, 'de', 'two', 2, 'fr', 'five', 5, null, 'seven', 'no']
    const { rowCount, route } = await client.query(insert, params)
    expect([rowCount, route.shards]).toEqual([4, ['a', 'b']])
    expect(await on('a', 'select id, name, country from customer order by id')).toEqual([
      1,
      'one',
      'de',
      7,
      'seven',
      'no',
    ])
    expect(await on('b', 'select id, name, country from customer order by id')).toEqual([
      2,
      'two',
      'fr',
      5,
      'five',
      null,
    ])
    const again = client.query(sql('insert into customer (id, name) values (?, ?), (2, ?)'), [4, 'x', 'y'])
    await expect(again).rejects.toMatchObject({
      code: 'SIGNALBOX_PARTIAL_WRITE',
      done: ['a'],
      failed: 'b',
      notAsked: [],
    })
    const inside = client.transaction(
      async (tx) => await tx.query("insert into customer (id, name) values (3, 'x'), (8, 'y')"),
    )
    await expect(inside).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_SHARD' })
  })

  it('writes reference tables on each shard, reads them anywhere, and joins them everywhere', async () => {
    const written = await client.query(sql('insert into country (code, name) values (?, ?)'), ['de', 'Germany'])
    expect([written.rowCount, written.route.shards]).toEqual([1, names])
    for (const shard of names) expect(await on(shard, 'select code from country')).toEqual(['de'])
    expect((await client.query('select name from country')).rows).toEqual([{ name: 'Germany' }])
    const joined = 'select c.id, k.name from customer c join country k on k.code = c.country where c.id = 8'
    expect((await client.query(joined)).rows).toEqual([{ id: 8, name: 'Germany' }])
  })

  it('says which shards have a change that failed half-way', async () => {
    await using plain = await connect(databases[1]!.dsn)
    await plain.query("insert into country (code, name) values ('de', 'already here')")
    const failing = client.query("insert into country (code, name) values ('de', 'Germany')")
    await expect(failing).rejects.toMatchObject({
      code: 'SIGNALBOX_PARTIAL_WRITE',
      done: ['a'],
      failed: 'b',
      notAsked: ['c'],
      safeToRetry: false,
      cause: { code: 'SIGNALBOX_CONSTRAINT' },
    })
  })

  it('keeps a transaction on the shard of its first statement', async () => {
    await client.transaction(async (tx) => {
      await tx.query(sql("update customer set name = 'x' where id = ?"), [2])
      expect((await tx.query('select 1 as one')).route.shards).toEqual(['b'])
      await tx.query(sql('insert into purchase (customer_id, id, total) values (?, 1, 10)'), [5])
    })
    expect(await on('b', 'select count(*) from purchase')).toEqual([1])
    const crossing = client.transaction(async (tx) => {
      await tx.query(sql("update customer set name = 'y' where id = ?"), [2])
      await tx.query(sql("update customer set name = 'y' where id = ?"), [3])
    })
    await expect(crossing).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_SHARD', shard: 'b' })
    expect(await on('b', "select count(*) from customer where name = 'y'")).toEqual([0])
    const wide = client.transaction(async (tx) => await tx.query('select count(*) from customer'))
    await expect(wide).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_SHARD' })
  })

  it('binds a scope, or a call, to the shard of a key', async () => {
    const count = 'select count(*) as n from customer'
    await client.shard(2, async () => {
      const { rows, route } = await client.query<{ n: unknown }>(count)
      expect([Number(rows[0]!.n), route.shards]).toEqual([3, ['b']])
      await client.query("insert into customer values (8000, 'no column list', 'de')")
      await client.query("delete from customer where name = 'no column list'")
      await expect(client.query('select * from customer where id = 1')).rejects.toMatchObject({
        code: 'SIGNALBOX_WRONG_SHARD',
      })
      await client.shard(1, async () => expect((await client.query(count)).route.shards).toEqual(['a']))
      expect((await client.query(count)).route.shards).toEqual(['b'])
    })
    expect((await client.query(count, [], { shardKey: 3 })).route.shards).toEqual(['c'])
    expect(client.explain(count, [], { shardKey: 3 }).shards).toEqual(['c'])
  })

  it('locks a scope to one key: rows of others on the same shard are out of reach', async () => {
    await client.shard(
      2,
      async () => {
        expect((await client.query('select id from customer where id = 2')).rows).toEqual([{ id: 2 }])
        for (const text of [
          'select * from customer',
          'select * from customer where id = 5',
          'select * from customer where id in (2, 5)',
          'select c.id from customer c, customer d where c.id = 2',
          "update customer set name = 'mine'",
        ])
          await expect(client.query(text), text).rejects.toMatchObject({ code: 'SIGNALBOX_WRONG_SHARD' })
        // Of a table that nobody declared, a view for instance, nobody knows whose rows it shows.
        await expect(client.query('select * from undeclared')).rejects.toMatchObject({ code: 'SIGNALBOX_NO_ROUTE' })
        expect(() => client.shard(5, () => {})).toThrow(expect.objectContaining({ code: 'SIGNALBOX_WRONG_SHARD' }))
      },
      { lock: true },
    )
  })

  it('finds the shard of a composite key', async () => {
    const tenants = await connect({
      databases: {
        default: {
          shards: Object.fromEntries(names.map((name, index) => [name, databases[index]!.dsn])),
          shardMap: hashShards({ key: ['text', 'integer'] }),
        },
      },
      tables: { note: { database: 'default', shardKey: ['region', 'tenant'] } },
    })
    await tenants.query('create table note (region varchar(10), tenant integer, body varchar(40))')
    const insert = sql('insert into note (tenant, body, region) values (?, ?, ?)')
    for (let tenant = 0; tenant < 30; tenant++) await tenants.query(insert, [tenant, `note ${tenant}`, 'eu'])
    const read = sql('select body from note where region = ? and tenant = ?')
    for (let tenant = 0; tenant < 30; tenant++) {
      const { rows, route } = await tenants.query(read, ['eu', tenant])
      expect([rows, route.shards.length]).toEqual([[{ body: `note ${tenant}` }], 1])
    }
    const counts = await Promise.all(names.map(async (shard) => await on(shard, 'select count(*) from note')))
    expect(Math.min(...counts.flat().map(Number))).toBeGreaterThan(0)
    await tenants.close()
  })
})
