import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, hashShards, type Client, type ScatterEvent, type ShardStats } from '../../src/index.ts'
import { freshDatabase, type TestDatabase } from '../support/servers.ts'

const names = ['a', 'b', 'c']

describe('the figures of shards', () => {
  let files: TestDatabase[]
  let client: Client<'default' | 'other'>
  /** A key of each shard. */
  let keys: Record<string, number>

  async function connected(more: { readonly scatter?: 'refuse'; readonly countedKeys?: number } = {}) {
    const { countedKeys = 0, ...database } = more
    return await connect({
      databases: {
        default: {
          shards: Object.fromEntries(names.map((name, index) => [name, files[index]!.dsn])),
          shardMap: hashShards({ key: 'integer' }),
          ...database,
        },
        other: files[3]!.dsn,
      },
      tables: {
        customer: { database: 'default', shardKey: 'id' },
        purchase: { database: 'default', shardKey: 'customer_id' },
        country: { database: 'default', kind: 'reference' },
        note: 'other',
      },
      limits: { countedKeys },
    })
  }

  beforeEach(async () => {
    files = await Promise.all(Array.from({ length: 4 }, async () => await freshDatabase('sqlite')))
    client = await connected()
    await client.query('create table customer (id integer primary key, name text)')
    await client.query('create table purchase (customer_id integer, id integer, total integer)')
    await client.query('create table country (code text)')
    await client.query('create table note (text text)')
    for (let id = 1; id <= 30; id++) await client.query('insert into customer (id, name) values (?, ?)', [id, `n${id}`])
    keys = Object.fromEntries(names.map((name) => [name, keysOf(name)[0]!]))
    client.shardStats({ reset: true })
  })

  afterEach(async () => {
    await client.close()
    for (const file of files) await file.drop()
  })

  const keysOf = (shard: string): number[] =>
    Array.from({ length: 30 }, (_, index) => index + 1).filter((id) => client.shardOf(id) === shard)
  const stats = (): ShardStats => client.shardStats()['default']!
  const counts = (use: keyof ShardStats['shards'][string]): unknown[] =>
    names.map((name) => {
      const figures = stats().shards[name]![use]
      return 'failed' in figures ? [figures.statements, figures.failed, figures.rows] : undefined
    })

  it('say how statements came to their shards, and what they brought', async () => {
    for (let n = 0; n < 5; n++) await client.query('select * from customer where id = ?', [keys['a']])
    await client.query("update customer set name = 'x' where id = ?", [keys['b']])
    await client.query("insert into customer (id, name) values (?, 'twice')", [keys['b']]).catch(() => undefined)
    expect(counts('byKey')).toEqual([
      [5, 0, 5],
      [2, 1, 1],
      [0, 0, 0],
    ])
    await client.shard(keys['c'], async () => await client.query('select * from customer'))
    await client.query('select * from customer', [], { shardKey: keys['c'] })
    expect(counts('bound')).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [2, 0, 2 * keysOf('c').length],
    ])
    await client.query('select name from customer')
    expect(counts('scattered')).toEqual(names.map((name) => [1, 0, keysOf(name).length]))
    await client.query("insert into country (code) values ('de')")
    await client.query("update customer set name = 'y'", [], { allShards: true })
    expect(counts('everyShard')).toEqual(names.map((name) => [2, 0, 1 + keysOf(name).length]))
    const two = [keys['a']! + 1_000_000, keys['b']! + 1_000_000].map((from) => {
      let id = from
      while (client.shardOf(id) !== client.shardOf(from)) id++
      return id
    })
    await client.query('insert into purchase (customer_id, id, total) values (?, 1, 1), (?, 2, 2)', two)
    await client.query('select * from country')
    await client.query('select 1 as one')
    expect(counts('other')).toEqual([
      [2, 0, 2],
      [0, 0, 0],
      [0, 0, 0],
    ])
    expect(stats().scattered.statements).toBe(1)
    // A database of one shard has no such figures.
    await client.query('select * from note')
    expect(Object.keys(client.shardStats())).toEqual(['default'])
  })

  it('count what runs in transactions, on reserved connections and in streams', async () => {
    await client.transaction(async (tx) => {
      await tx.query('select * from customer where id = ?', [keys['a']])
      await Array.fromAsync(tx.stream('select * from customer where id = ?', [keys['a']]))
      await tx.query('select 1 as one')
      await tx.query("insert into customer (id, name) values (?, 'twice')", [keys['a']]).catch(() => undefined)
    })
    expect(counts('byKey')[0]).toEqual([3, 1, 2])
    expect(counts('other')[0]).toEqual([1, 0, 1])
    await using reserved = client.reserve()
    await reserved.query('select * from customer where id = ?', [keys['b']])
    await Array.fromAsync(reserved.stream('select * from customer where id = ?', [keys['b']]))
    expect(counts('byKey')[1]).toEqual([2, 0, 2])
    await Array.fromAsync(client.stream('select * from customer where id = ?', [keys['c']]))
    expect(counts('byKey')[2]).toEqual([1, 0, 1])
    for await (const row of client.stream<{ id: number }>('select id from customer order by id'))
      if (row.id === 3) break
    expect(stats().scattered).toMatchObject({ statements: 1, toShards: { 3: 1 } })
  })

  it('say which texts are scattered, how often and why', async () => {
    const slow = 'select name, sum(total) as sum from customer c join purchase p on p.customer_id = c.id group by name'
    for (let n = 0; n < 3; n++) await client.query(slow)
    await client.query('select * from purchase order by total limit 5')
    const in2 = 'select * from customer where id in (?, ?)'
    for (let n = 0; n < 2; n++) await client.query(in2, [keys['a'], keys['c']])
    await client.query('select * from purchase where customer_id = ?', [keys['a']])
    const { statements, toShards, texts } = stats().scattered
    expect([statements, toShards]).toEqual([6, { 2: 2, 3: 4 }])
    expect(texts).toMatchObject([
      {
        sql: slow,
        statements: 3,
        error: 0,
        shards: 3,
        why: 'nothing pins the shard key of customer, purchase, so its rows may be on every shard',
      },
      { sql: in2, statements: 2, shards: 2, why: 'the shard key of customer leads to the shards "a", "c"' },
      { sql: 'select * from purchase order by total limit 5', statements: 1 },
    ])
    for (const { meanMs } of texts) expect(meanMs).toBeGreaterThan(0)
    // What is refused was asked of nobody.
    await expect(client.query('select *, rank() over (order by total) from purchase')).rejects.toThrow(
      'Nothing was sent',
    )
    expect(stats().scattered.statements).toBe(6)
  })

  it('keep the texts that come most often of any number', async () => {
    for (let n = 0; n < 300; n++) {
      await client.query(`select * from purchase where total = ${n}`)
      if (n % 3 === 0) await client.query('select * from purchase')
    }
    const { texts, statements } = stats().scattered
    expect([texts.length, statements]).toEqual([20, 400])
    expect(texts[0]).toMatchObject({ sql: 'select * from purchase', statements: 100, error: 0 })
    for (const { error } of texts) expect(error).toBeLessThanOrEqual(400 / 200)
  })

  it('name the shard that has more than its share', async () => {
    for (let n = 0; n < 80; n++) await client.query('select * from customer where id = ?', [keys['b']])
    for (const name of ['a', 'c'])
      for (let n = 0; n < 5; n++) await client.query('select * from customer where id = ?', [keys[name]])
    const { shards } = stats()
    expect(names.map((name) => shards[name]!.skew.statements)).toEqual([0.167, 2.667, 0.167])
    expect(names.map((name) => shards[name]!.skew.rows)).toEqual([0.167, 2.667, 0.167])
    expect(shards['b']!.byKey.ms).toBeGreaterThan(0)
    client.shardStats({ reset: true })
    const slow =
      'with recursive n (i) as (select 1 union all select i + 1 from n where i < 300000) select max(i) from n'
    for (const name of names) await client.query(name === 'c' ? slow : 'select 1', [], { shardKey: keys[name] })
    expect(stats().shards['c']!.skew).toMatchObject({ statements: 1, ms: expect.closeTo(3, 0) })
  })

  it('begin anew, are frozen, and are plain data', async () => {
    await client.query('select * from customer')
    const before = client.shardStats({ reset: true })
    expect(before['default']!.shards['a']!.total.statements).toBe(1)
    expect(JSON.parse(JSON.stringify(before))).toEqual(before)
    expect(Object.isFrozen(before['default']!.shards['a']!.byKey)).toBe(true)
    expect(Object.isFrozen(before['default']!.scattered.texts[0])).toBe(true)
    const after = stats()
    expect(after.shards['a']!.total).toEqual({ statements: 0, failed: 0, rows: 0, ms: 0 })
    expect(after.shards['a']!.skew).toEqual({ statements: 1, rows: 1, ms: 1 })
    expect(after.scattered).toEqual({ statements: 0, toShards: {}, texts: [] })
    expect(Date.parse(after.since)).toBeGreaterThanOrEqual(Date.parse(before['default']!.since))
    expect(after.keys).toBeUndefined()
  })

  it('name the hottest keys where they are asked for', async () => {
    await using counting = await connected({ countedKeys: 10 })
    const [hot = 0, warm = 0] = [keys['b'], keys['a']]
    for (let n = 0; n < 20; n++) {
      await counting.query('select * from customer where id = ?', [hot])
      // However it is written, and in how many tables: once for each statement.
      await counting.query('select * from customer c join purchase p on p.customer_id = c.id where c.id = ?', [
        `${hot}`,
      ])
      if (n % 2 === 0) await counting.query('select * from customer where id in (?, ?)', [hot, warm])
      await counting.transaction(async (tx) => await tx.query('select * from customer where id = ?', [warm]))
      await Array.fromAsync(counting.stream('select * from customer where id = ?', [n + 100]))
    }
    await counting.query('insert into purchase (customer_id, id, total) values (?, 1, 1), (?, 2, 1), (?, 3, 1)', [
      hot,
      warm,
      hot,
    ])
    const { named, hottest } = counting.shardStats()['default']!.keys!
    expect(named).toBe(20 + 20 + 20 + 20 + 20 + 2)
    expect(hottest.slice(0, 2)).toEqual([
      { key: String(hot), shard: 'b', statements: 51, error: 0 },
      { key: String(warm), shard: 'a', statements: 31, error: 0 },
    ])
    expect(hottest).toHaveLength(10)
    for (const { error } of hottest) expect(error).toBeLessThanOrEqual(named / 10)
  })

  it('tell subscribers of every scattered statement, once', async () => {
    const events: ScatterEvent[] = []
    const receive = (event: unknown): void => void events.push(event as ScatterEvent)
    subscribe('signalbox:scatter', receive)
    try {
      await client.query('select * from customer where id = ?', [1])
      await client.query('select * from customer order by id limit 4')
      await client.query('select count(*) as n from customer')
      for await (const _ of client.stream('select * from customer')) break
      await client.query('select no_such_column from customer').catch(() => undefined)
    } finally {
      unsubscribe('signalbox:scatter', receive)
    }
    expect(events.map(({ sql, rowCount, error }) => [sql, rowCount, error === undefined])).toEqual([
      ['select * from customer order by id limit 4', 4, true],
      ['select count(*) as n from customer', 1, true],
      ['select * from customer', 1, true],
      ['select no_such_column from customer', 0, false],
    ])
    const [{ route, durationMs } = { route: undefined, durationMs: 0 }] = events
    expect(route).toMatchObject({ database: 'default', shards: names, consistency: 'perShard' })
    expect(durationMs).toBeGreaterThan(0)
  })

  it('are not needed where scatters are refused', async () => {
    await using strict = await connected({ scatter: 'refuse' })
    for (const text of [
      'select * from customer',
      'select count(*) from customer',
      'select * from customer order by id',
    ]) {
      const error = await strict.query(text).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: 'SIGNALBOX_SHARD_KEY_MISSING',
        message:
          'The statement would be asked of the shards "a", "b", "c" of "default": nothing pins the shard key of customer, so its rows may be on every shard. ' +
          "The database says scatter: 'refuse'. Nothing was sent. Give the shard key of one shard, or say { allShards: true } if all of them are meant.",
      })
      expect(() => strict.explain(text)).toThrow("scatter: 'refuse'")
      expect(() => strict.preview(text)).toThrow("scatter: 'refuse'")
    }
    await expect(Array.fromAsync(strict.stream('select * from customer'))).rejects.toThrow("scatter: 'refuse'")
    expect((await strict.query('select * from customer', [], { allShards: true })).rows).toHaveLength(30)
    expect(await Array.fromAsync(strict.stream('select * from customer', [], { allShards: true }))).toHaveLength(30)
    // Who names keys means their shards.
    expect((await strict.query('select * from customer where id in (1, 2, 3, 4, 5, 6, 7)')).rows).toHaveLength(7)
    const own = await strict.shard(keys['a'], async () => await strict.query('select * from customer'))
    expect(own.rows).toHaveLength(keysOf('a').length)
    await strict.query('select * from country')
    await expect(connected({ scatter: 'warn' as 'refuse' })).rejects.toThrow(
      `databases.default.scatter: "warn" is not accepted. Allowed: 'allow' or 'refuse'; default 'allow'.`,
    )
  })
})
