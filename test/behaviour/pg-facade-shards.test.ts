import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, listShards, onQuery, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

/** pg-cursor has no types of its own. */
interface CursorOfRows extends pg.Submittable {
  read(rows: number): Promise<readonly unknown[]>
  close(): Promise<void>
}
const packageName = 'pg-cursor'
const { default: Cursor } = (await import(packageName)) as {
  readonly default: new (text: string, values?: unknown[], config?: object) => CursorOfRows
}

const isTested = testedEngines.includes('postgres')
const table = `create table item (
  id integer primary key, name text, price numeric(10, 2), big bigint, made timestamptz, isNew boolean, raw bytea, tags text[])`
const rows = `insert into item (id, name, price, big, made, isNew, raw, tags) values
  (1, 'chair', 10.50, 9007199254740993, '2026-01-01 10:00:00+00', true, '\\x01', '{a,b}'),
  (2, 'desk', 99.00, 2, '2026-01-02 10:00:00.123456+00', false, '\\x0203', null),
  (3, null, 5.25, 3, '2025-12-31 10:00:00+00', true, null, '{}'),
  (4, 'lamp', 20.00, 4, null, false, '\\xff', '{c}')`

/** What the driver gives, without what is about the connection. */
function seen(result: unknown): object {
  const { command, rowCount, fields, rows: all, oid, rowAsArray } = result as pg.QueryResult & { rowAsArray: boolean }
  const described = fields.map(({ name, dataTypeID, dataTypeSize, dataTypeModifier, format }) => ({
    name,
    dataTypeID,
    dataTypeSize,
    dataTypeModifier,
    format,
  }))
  return { command, rowCount, fields: described, rows: all, oid, rowAsArray }
}

describe.runIf(isTested)('shards through the façade of pg', () => {
  const made: TestDatabase[] = []
  let client: Client
  let pool: pg.Pool
  let bare: pg.Pool

  beforeAll(async () => {
    for (let index = 0; index < 4; index += 1) made.push(await freshDatabase('postgres'))
    const [a = '', b = '', c = '', single = ''] = made.map(({ dsn }) => dsn)
    const shardMap = listShards({ key: 'integer', lists: { a: [1, 2], b: [3], c: [4, 5, 6] } })
    client = await connect({
      databases: { default: { shards: { a, b, c }, shardMap } },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
    bare = new pg.Pool({ connectionString: single })
    pool = new (pgFor(client).Pool)({ max: 2 })
    for (const each of [pool, bare]) await each.query(table)
  })
  beforeEach(async () => {
    await client.query('delete from item', [], { allShards: true })
    await bare.query('delete from item')
    for (const each of [pool, bare]) await each.query(rows)
  })
  afterAll(async () => {
    void pool.end()
    await bare.end()
    await client.close()
    for (const database of made) await database.drop()
  })

  const leased = async (from: pg.Pool): Promise<pg.PoolClient> => {
    const one = await from.connect()
    onTestFinished(() => one.release())
    return one
  }

  const asNumbers = {
    getTypeParser: (oid: number) => (text: string) => (oid === 1700 || oid === 20 ? Number(text) : `<${text}>`),
  }

  it.each<[string, pg.QueryConfig & { rowMode?: 'array' }]>([
    ['rows', { text: 'select * from item order by id' }],
    [
      'rows sorted by text, a moment, a truth, and the first of them',
      { text: 'select id, name, made from item order by isNew desc, made nulls last, name limit 3' },
    ],
    ['rows as arrays', { text: 'select id, price, name from item order by price desc offset 1', rowMode: 'array' }],
    [
      'parameters and a name',
      { name: 'cheap', text: 'select id, name from item where price < $1 order by id', values: [50] },
    ],
    ['types of its own', { text: 'select price, big, name from item order by id', types: asNumbers }],
    ['no rows', { text: 'select id, name from item where price > 1000 order by id' }],
    ['an aggregate', { text: 'select count(*) as items, sum(price) as total, max(made) as last from item' }],
    ['groups', { text: 'select isNew, count(*)::integer as items from item group by isNew order by isNew' }],
    ['one shard', { text: 'select * from item where id = $1', values: [3] }],
    ['a change of all', { text: 'update item set price = price + 1 /* signalbox: allShards=true */' }],
    [
      'a change that gives rows',
      { text: '/* signalbox: allShards=true */ delete from item where price < 11 returning id, name' },
    ],
    ['new rows', { text: "insert into item (id, name) values (5, 'e'), (6, 'f')" }],
  ])('give the driver’s own results: %s', async (_, config) => {
    const [own, expected] = [await pool.query({ ...config }), await bare.query({ ...config })]
    expect(own).toBeInstanceOf(Object.getPrototypeOf(expected).constructor)
    expect(seen(own)).toEqual(seen(expected))
  })

  const texts: [string, unknown[]][] = [
    ['select * from item order by id', []],
    ['select name, price, big, made, raw, isNew from item where id > $1 order by made, id', [0]],
    ['select id from item where isNew order by isNew, id desc', []],
    ['select isNew, sum(price) as total from item group by isNew order by 1', []],
    ['select id from item where id > 100 order by id', []],
  ]

  it.each(texts)('give cursors their rows in portions, as one server would: %s', async (text, values) => {
    const read = async (from: pg.Pool, config?: object): Promise<unknown> => {
      const cursor = (await leased(from)).query(new Cursor(text, values, config))
      const portions: (readonly unknown[])[] = []
      do portions.push(await cursor.read(3))
      while (portions.at(-1)!.length > 0)
      return {
        portions,
        fields: (cursor as unknown as { _result: pg.QueryResult })._result.fields.map(({ name, dataTypeID }) => [
          name,
          dataTypeID,
        ]),
      }
    }
    expect(await read(pool)).toEqual(await read(bare))
    expect(await read(pool, { rowMode: 'array', types: asNumbers })).toEqual(
      await read(bare, { rowMode: 'array', types: asNumbers }),
    )
  })

  it('give queries with events their rows', async () => {
    const read = async (from: pg.Pool, config: pg.QueryConfig): Promise<unknown> => {
      const query = new pg.Query<Record<string, unknown>>(config as never)
      const found: unknown[] = []
      query.on('row', (row) => found.push(row))
      const ended = new Promise<pg.QueryResult>((resolve, reject) => {
        query.on('end', (result) => resolve(result as unknown as pg.QueryResult))
        query.on('error', reject)
      })
      const one = await from.connect()
      one.query(query)
      const { command, rowCount } = await ended.finally(() => one.release())
      return { found, command, rowCount }
    }
    for (const config of [
      { text: 'select * from item order by id' },
      { text: 'select id from item where id > $1 order by id', values: [1], rows: 2 },
      { text: 'update item set price = 1 where price > 6 /* signalbox: allShards=true */' },
    ])
      expect(await read(pool, config)).toEqual(await read(bare, config))
  })

  it('read no further than a cursor does, and give back what it held when it is closed', async () => {
    await client.query('insert into item (id, name) values (5, $1)', ['x'.repeat(10)])
    const told: number[] = []
    const stop = onQuery(({ sql, rowCount = 0 }) => {
      if (sql.includes('cross join')) told.push(rowCount)
    })
    onTestFinished(stop)
    const one = await leased(pool)
    const cursor = one.query(
      new Cursor('select item.id, g from item cross join generate_series(1, 20000) as g order by item.id, g'),
    )
    expect(await cursor.read(10)).toHaveLength(10)
    await cursor.close()
    expect(Math.max(...told)).toBeLessThan(1_000)
    // The client goes on, and no connection is kept.
    expect((await one.query('select count(*)::integer as items from item')).rows).toEqual([{ items: 5 }])
    await expect
      .poll(() => Object.values(client.stats()).reduce((sum, { total, idle }) => sum + total - idle, 0))
      .toBe(0)
  })

  it('tell of errors as the server does, wherever they come', async () => {
    const one = await leased(pool)
    const failing = one.query(new Cursor('select 1 / (id - 3) as x, id from item order by id'))
    await expect(failing.read(10)).rejects.toMatchObject({ code: '22012' })
    const unknown = one.query(new Cursor('select nothing from item order by id'))
    await expect(unknown.read(1)).rejects.toMatchObject({ code: '42703' })
    const obstacle = one.query(new Cursor('select id, row_number() over (order by id) from item'))
    await expect(obstacle.read(1)).rejects.toMatchObject({ code: 'SIGNALBOX_CANNOT_SCATTER' })
    expect((await one.query('select id from item where id = 1')).rows).toEqual([{ id: 1 }])
  })

  it('end a cursor whose client ends, or is asked to stop', async () => {
    const one = new (pgFor(client).Client)()
    await one.connect()
    const cursor = one.query(
      new Cursor('select item.id, g from item cross join generate_series(1, 20000) as g order by item.id, g'),
    )
    expect(await cursor.read(1)).toHaveLength(1)
    await one.end()
    await expect
      .poll(() => Object.values(client.stats()).reduce((sum, { total, idle }) => sum + total - idle, 0))
      .toBe(0)
  })

  it('refuse copies over several shards by name', async () => {
    const one = await leased(pool)
    const query = new pg.Query<Record<string, unknown>>('copy item to stdout')
    const refused = new Promise((resolve) => query.on('error', resolve))
    one.query(query)
    expect(await refused).toMatchObject({ code: 'SIGNALBOX_CROSS_SHARD' })
  })
})

describe.runIf(isTested)('a shadow through the façade of pg', () => {
  it('gives the results, and the cursors, that a copy of its base would give', async () => {
    await using stack = new AsyncDisposableStack()
    const [base, local, copy] = [
      stack.use(await freshDatabase('postgres')),
      stack.use(await freshDatabase('postgres')),
      stack.use(await freshDatabase('postgres')),
    ]
    const bare = new pg.Pool({ connectionString: copy.dsn })
    stack.defer(async () => await bare.end())
    for (const { dsn } of [base, copy]) {
      await using client = await connect(dsn)
      await client.query(table)
      await client.query(rows)
    }
    const client = await connect({
      databases: { shop: base.dsn, dev: { shadow: { base: 'shop', local: local.dsn }, tables: { item: 'augment' } } },
    })
    stack.defer(async () => await client.close())
    const pool = new (pgFor(client.using('dev')).Pool)()
    const cursorOf = async (from: pg.PoolClient, text: string): Promise<unknown> => {
      const cursor = from.query(new Cursor(text))
      const found = [await cursor.read(2), await cursor.read(100)]
      await cursor.close()
      return found
    }
    const changes = [
      "update item set name = 'stool', price = price * 2 where id < 3 returning id, name, price",
      'delete from item where id = 4',
      "insert into item (id, name, isNew) values (9, 'new', true) returning *",
      'update item set isNew = false where id > 100',
      'select * from item order by id',
      'select count(*)::integer as items, sum(price) as total from item',
    ]
    for (const text of changes) expect(seen(await pool.query(text))).toEqual(seen(await bare.query(text)))
    const [one, other] = [await pool.connect(), await bare.connect()]
    stack.defer(() => {
      one.release()
      other.release()
    })
    const read = 'select id, name, price from item order by id'
    const change = 'update item set price = 7 where id in (1, 9) returning id, price'
    expect(await cursorOf(one, read)).toEqual(await cursorOf(other, read))
    expect(await cursorOf(one, change)).toEqual(await cursorOf(other, change))
    for (const each of [one, other]) await each.query('begin')
    expect(await cursorOf(one, 'delete from item where id = 9 returning name')).toEqual(
      await cursorOf(other, 'delete from item where id = 9 returning name'),
    )
    expect(await cursorOf(one, read)).toEqual(await cursorOf(other, read))
    for (const each of [one, other]) await each.query('rollback')
    expect(await cursorOf(one, read)).toEqual(await cursorOf(other, read))
    // The base is as it was.
    expect((await client.using('shop').query('select id from item order by id')).rowCount).toBe(4)
  })
})
