import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, customShards, ids, listShards, onQuery, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

const table = 'signalbox_ticket'

describe.each(testedEngines)('tickets on %s', (engine) => {
  let database: TestDatabase
  let clients: Client<'default' | 'tickets'>[]

  beforeEach(async () => {
    database = await freshDatabase(engine)
    const open = () => connect({ databases: { default: 'sqlite::memory:', tickets: database.dsn as 'sqlite:' } })
    // A client of its own for each of four "processes".
    clients = await Promise.all([open(), open(), open(), open()])
  })

  afterEach(async () => {
    for (const client of clients) await client.close()
    await database.drop()
  })

  const storedLast = async (): Promise<readonly unknown[]> => {
    await using plain = await connect(database.dsn)
    const { rows } = await plain.query<{ last_number: unknown }>(`select last_number from ${table} order by name`)
    return rows.map(({ last_number: last }) => Number(last))
  }

  it('are set up by all processes at once, any number of times, and begin at 1', async () => {
    const makers = clients.map((client) => ids.ticket(client, { database: 'tickets', batch: 10 }))
    await Promise.all(makers.map((maker) => maker.setUp()))
    expect(await storedLast()).toEqual([0])
    expect(await makers[0]!.next()).toBe(1n)
    await Promise.all(makers.map((maker) => maker.setUp()))
    expect(await storedLast()).toEqual([10])
    await ids.ticket(clients[0]!, { database: 'tickets', sequence: "it's another" }).setUp()
    expect(await storedLast()).toEqual([10, 0])
  })

  it('are never given twice by several processes, and rise in each', async () => {
    const makers = clients.map((client, index) => ids.ticket(client, { database: 'tickets', batch: 7 + index }))
    await makers[0]!.setUp()
    const each = await Promise.all(
      makers.map(async (maker) => {
        const given: bigint[] = []
        for (let round = 0; round < 20; round++)
          given.push(...(await Promise.all(Array.from({ length: 1 + ((round * 7) % 30) }, () => maker.next()))))
        return given
      }),
    )
    for (const given of each)
      expect(given.every((number, index) => index === 0 || number > given[index - 1]!)).toBe(true)
    const all = each.flat()
    expect(new Set(all).size).toBe(all.length)
    // What the row says was taken, and at most a batch of each process is not used.
    const [last = 0] = (await storedLast()) as readonly number[]
    expect(last).toBeGreaterThanOrEqual(all.length)
    expect(last - all.length).toBeLessThanOrEqual(7 + 8 + 9 + 10)
  })

  it('cost one statement for a batch, on one server, outside of the session of whoever is first', async () => {
    const caller = new AsyncLocalStorage<string>()
    const maker = ids.ticket(clients[0]!, { database: 'tickets', batch: 50 })
    await maker.setUp()
    const events: (readonly [string, string | undefined])[] = []
    const stop = onQuery(({ sql }) => events.push([sql.slice(0, 6), caller.getStore()]))
    try {
      await caller.run('the first request', async () => {
        await clients[0]!.query('select 1', [], { using: 'tickets' })
        const all = await Promise.all(Array.from({ length: 40 }, () => maker.next()))
        expect(all.at(-1)).toBe(40n)
      })
    } finally {
      stop()
    }
    expect(events).toEqual([
      ['select', 'the first request'],
      ['update', undefined],
    ])
  })

  it('go on above what the process had when the row was set back', async () => {
    const maker = ids.ticket(clients[0]!, { database: 'tickets', batch: 5 })
    await maker.setUp()
    for (let number = 1n; number <= 4n; number++) expect(await maker.next()).toBe(number)
    await using plain = await connect(database.dsn)
    await plain.query(`update ${table} set last_number = 0`)
    const rest = [await maker.next(), await maker.next(), await maker.next(), await maker.next(), await maker.next()]
    expect(rest).toEqual([5n, 6n, 7n, 8n, 9n])
    expect((await storedLast())[0]).toBeGreaterThanOrEqual(9)
  })

  it('begin where a migration says, and stay exact beyond 2^53', async () => {
    const maker = ids.ticket(clients[0]!, { database: 'tickets', table: 'own_ticket', batch: 3 })
    await using plain = await connect(database.dsn)
    await plain.query('create table own_ticket (name varchar(64) primary key, last_number bigint not null)')
    await plain.query("insert into own_ticket (name, last_number) values ('default', 9007199254740985)")
    await maker.setUp()
    const given: bigint[] = []
    for (let count = 0; count < 30; count++) given.push(await maker.next())
    expect(given).toEqual(Array.from({ length: 30 }, (_, index) => 9007199254740986n + BigInt(index)))
  })

  it('are taken a hundred at a time where nothing else is said', async () => {
    const maker = ids.ticket(clients[0]!, { database: 'tickets' })
    await maker.setUp()
    await maker.next()
    expect(await storedLast()).toEqual([100])
  })

  it.runIf(engine === 'postgres')('are set up while another process does so, which makes PostgreSQL fail', async () => {
    await using plain = await connect(database.dsn)
    await using first = plain.begin()
    await first.query(`create table ${table} (name varchar(64) primary key, last_number bigint not null)`)
    const maker = ids.ticket(clients[0]!, { database: 'tickets' })
    const settingUp = maker.setUp()
    const waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    await expect.poll(async () => (await plain.query(waiting)).rows.length).toBe(1)
    await first.commit()
    await settingUp
    expect(await maker.next()).toBe(1n)
  })

  it('say why they cannot be set up', async () => {
    const maker = ids.ticket(clients[0]!, { database: 'tickets', table: 'none.such' })
    const error = await maker.setUp().catch((caught: unknown) => caught)
    expect(error).toMatchObject({
      database: 'tickets',
      message: expect.stringMatching(/schema "none"|unknown database '?none/i) as unknown,
    })
  })

  it('say what is missing, to all who wait, and go on when it is there', async () => {
    const maker = ids.ticket(clients[0]!, { database: 'tickets' })
    const settled = await Promise.allSettled([maker.next(), maker.next()])
    for (const result of settled)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'SIGNALBOX_SYNTAX', database: 'tickets' } })
    await ids.ticket(clients[0]!, { database: 'tickets', sequence: 'other' }).setUp()
    await expect(maker.next()).rejects.toThrow(/no row "default".*setUp\(\)/)
    await maker.setUp()
    expect(await maker.next()).toBe(1n)
  })

  it.skipIf(engine === 'sqlite')('survive a connection that is killed: no number twice', async () => {
    // Not on SQLite: it has no connection that anybody else could end.
    const maker = ids.ticket(clients[0]!, { database: 'tickets', batch: 10 })
    const other = ids.ticket(clients[1]!, { database: 'tickets', batch: 10 })
    await maker.setUp()
    const given = [await maker.next(), await other.next()]
    for (let count = 0; count < 9; count++) given.push(await maker.next())
    await using plain = await connect(database.dsn)
    await using lock = plain.begin()
    await lock.query(`update ${table} set last_number = last_number where name = 'default'`)
    // What the stock has is given; then everybody waits for one statement, and that for the row.
    const waiting = Array.from({ length: 30 }, async () => await maker.next())
    const results = Promise.allSettled(waiting)
    await expect.poll(() => killTheWaiting(plain), { timeout: 10_000 }).toBe(true)
    const settled = await results
    const failed = settled.filter((result) => result.status === 'rejected')
    expect(failed.length).toBeGreaterThan(0)
    for (const { reason } of failed) expect(reason).toMatchObject({ database: 'tickets', safeToRetry: false })
    for (const result of settled) if (result.status === 'fulfilled') given.push(result.value)
    await lock.rollback()
    given.push(...(await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 ? maker : other).next()))))
    expect(new Set(given).size).toBe(given.length)
  })

  /** Ends the connection of a statement that waits for the row's lock, if there is one yet. */
  async function killTheWaiting(plain: Client): Promise<boolean> {
    if (engine === 'postgres') {
      const { rows } = await plain.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      )
      return rows.length > 0
    }
    const { rows } = await plain.query<{ id: number }>(
      "select id from information_schema.processlist where db = database() and info like 'update signalbox_ticket%last_insert_id%'",
    )
    for (const { id } of rows) await plain.query(`kill ${id}`)
    return rows.length > 0
  }
})

describe('tickets', () => {
  it('refuse options that cannot be right, and what is no client', async () => {
    await using client = await connect({ databases: { default: 'sqlite::memory:', other: 'sqlite::memory:' } })
    const wrong = [
      {},
      { database: 7 },
      { database: 'other', table: 'a b' },
      { database: 'other', table: 'a.b.c' },
      { database: 'other', table: 'x"; drop table y' },
      { database: 'other', sequence: '' },
      { database: 'other', sequence: 'x'.repeat(65) },
      { database: 'other', batch: 0 },
      { database: 'other', batch: 1.5 },
      { database: 'other', maxWaiting: 0 },
      { database: 'other', size: 1 },
    ]
    for (const options of wrong)
      expect(() => ids.ticket(client, options as never), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: 'SIGNALBOX_CONFIG_INVALID' }),
      )
    // @ts-expect-error misspelt
    expect(() => ids.ticket(client, { database: 'othr' })).toThrow(/othr/)
    await client.transaction(async (tx) => {
      // @ts-expect-error its numbers would come back with a rollback
      expect(() => ids.ticket(tx, { database: 'other' })).toThrow(/no using/)
      await tx.query('select 1')
    })
  })
})

describe.each(testedEngines)('ids that carry their shard, on %s', (engine) => {
  const names = ['a', 'b', 'c']
  const orderIds = ids.snowflake({ node: 3, shardBits: 6 })
  const mark = (number: number): string => (engine === 'postgres' ? `$${number}` : '?')
  let databases: TestDatabase[]

  beforeEach(async () => {
    databases = await Promise.all(names.map(async () => await freshDatabase(engine)))
  })

  afterEach(async () => {
    for (const database of databases) await database.drop()
  })

  it('lead to one shard by the id alone', async () => {
    const shards = Object.fromEntries(names.map((name, index) => [name, databases[index]!.dsn]))
    const shardMap = customShards({
      key: 'integer',
      version: 'the 6 lowest bits',
      shardOf: ([id = '']) => names[orderIds.shardOf(id)] ?? `none of number ${orderIds.shardOf(id)}`,
    })
    await using client = await connect({
      databases: { orders: { shards, shardMap } },
      tables: {
        purchase: { database: 'orders', shardKey: 'id' },
        purchase_line: { database: 'orders', shardKey: 'purchase_id' },
      },
    })
    await client.query('create table purchase (id bigint primary key, note varchar(20))')
    await client.query('create table purchase_line (purchase_id bigint, line integer, primary key (purchase_id, line))')
    const made = names.flatMap((name, shard) => Array.from({ length: 20 }, () => ({ name, id: orderIds.next(shard) })))
    for (const { name, id } of made) {
      const insert = `insert into purchase (id, note) values (${mark(1)}, ${mark(2)})`
      expect((await client.query(insert, [id, name])).route.shards).toEqual([name])
      await client.query(`insert into purchase_line (purchase_id, line) values (${mark(1)}, 1)`, [id])
    }
    for (const { name, id } of made) {
      // As a bigint, and as text, which is how an id comes out of JSON.
      for (const form of [id, String(id)]) {
        const { rows, route } = await client.query(`select note from purchase where id = ${mark(1)}`, [form])
        expect([rows, route.shards]).toEqual([[{ note: name }], [name]])
      }
      const lines = `select l.line from purchase p join purchase_line l on l.purchase_id = p.id where p.id = ${id}`
      expect(await client.query(lines)).toMatchObject({ rows: [{ line: 1 }], route: { shards: [name] } })
    }
    for (const [index, name] of names.entries()) {
      await using plain = await connect(databases[index]!.dsn)
      const { rows } = await plain.query<{ id: string; shard: unknown }>(
        `select cast(id as char(20)) as id, id & 63 as shard from purchase order by id`,
      )
      expect(rows.map(({ id }) => BigInt(id.trim()))).toEqual(
        made.filter((row) => row.name === name).map(({ id }) => id),
      )
      expect(new Set(rows.map(({ shard }) => Number(shard)))).toEqual(new Set([index]))
    }
    await expect(
      client.query(`select note from purchase where id = ${mark(1)}`, [orderIds.next(3)]),
    ).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY' })
  })

  it('are spread by a number of their own as well, which a list of shards may hold', async () => {
    const shards = Object.fromEntries(names.map((name, index) => [name, databases[index]!.dsn]))
    await using client = await connect({
      databases: {
        orders: { shards, shardMap: listShards({ key: 'integer', lists: { a: [0], b: [1], c: [2] } }) },
      },
      tables: { purchase: { database: 'orders', shardKey: 'shard' } },
    })
    await client.query('create table purchase (shard integer, id bigint, primary key (shard, id))')
    for (const number of [0, 1, 2]) {
      const id = orderIds.next(number)
      await client.query(`insert into purchase (shard, id) values (${mark(1)}, ${mark(2)})`, [number, id])
      const { rows, route } = await client.query(
        `select shard from purchase where shard = ${mark(1)} and id = ${mark(2)}`,
        [orderIds.shardOf(id), id],
      )
      expect([rows, route.shards]).toEqual([[{ shard: number }], [names[number]]])
    }
  })
})
