import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { pgFor, signalboxErrorOf } from '../../src/adapters/pg.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import type { ClusterDatabase, TestCluster } from '../../src/testing/index.ts'
import { ownedShop } from '../support/owned-shop.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

const isTested = testedEngines.includes('postgres')

/** pg-cursor has no types of its own. */
interface Cursor extends pg.Submittable {
  read(rows: number): Promise<readonly unknown[]>
  close(): Promise<void>
}

describe.runIf(isTested)('the façade of pg', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let client: Client<'default'>
  let pool: pg.Pool
  let module: typeof pg

  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 2 })
  })
  afterAll(async () => await cluster.stop())

  beforeEach(async () => {
    database = await cluster.createDatabase()
    const { primary, replicas } = database
    client = await connect({
      databases: { default: { primary, replicas } },
      tokens: { keys: ['a key of sixteen bytes'] },
      replication: { waitMs: 5_000 },
    })
    module = pgFor(client)
    pool = new module.Pool({ max: 4 })
    onTestFinished(async () => {
      if (!pool.ended) await pool.end()
      await client.close()
    })
    await pool.query('create table item (id integer primary key, name text, made timestamptz default now())')
    await pool.query("insert into item (id, name) select n, 'item ' || n from generate_series(1, 5) as n")
  })

  /** Where statements of a leased client run, as the server itself says it. */
  const isReplica = async (by: Pick<pg.ClientBase, 'query'>): Promise<boolean> => {
    const { rows } = await by.query<{ port: number }>(
      "select current_setting('port')::integer as port, count(*) from item",
    )
    return rows[0]!.port !== cluster.primary.port
  }

  it('is a pool of the application’s own pg, by class and by name', () => {
    expect(pool).toBeInstanceOf(pg.Pool)
    expect([pool.constructor.name, module.Client.name]).toEqual(['Pool', 'Client'])
    expect(module.types).toBe(pg.types)
    expect(Object.keys(module)).toEqual(expect.arrayContaining(Object.keys(pg)))
    expect(module.native).toBeNull()
  })

  it('gives results of pg itself, in each shape that a call may have', async () => {
    const text = 'select id, name from item where id < $1 order by id'
    const result = await pool.query(text, [3])
    expect(result).toBeInstanceOf(pg.Result)
    expect(result).toMatchObject({ command: 'SELECT', rowCount: 2, rows: [{ id: 1 }, { id: 2 }] })
    expect(result.fields.map(({ dataTypeID }) => dataTypeID)).toEqual([23, 25])
    const array = await pool.query({ text, values: [2], rowMode: 'array', name: 'by id' })
    expect(array.rows).toEqual([[1, 'item 1']])
    const called = await new Promise((resolve) => pool.query(text, [2], (_, answer) => resolve(answer.rows)))
    expect(called).toEqual([{ id: 1, name: 'item 1' }])
    const types = { getTypeParser: () => (value: string) => `<${value}>` }
    expect((await pool.query({ text, values: [2], types })).rows).toEqual([{ id: '<1>', name: '<item 1>' }])
    expect(await pool.query('select 1 as a; select 2 as b')).toMatchObject([{ rows: [{ a: 1 }] }, { rows: [{ b: 2 }] }])
    const rows: unknown[] = []
    const leased = await pool.connect()
    const query = leased.query(new module.Query(text, [4]))
    await new Promise<void>((resolve) => query.on('row', (row) => rows.push(row)).on('end', () => resolve()))
    leased.release()
    expect(rows).toHaveLength(3)
  })

  it('throws the errors of pg, and says what Signalbox knows of them', async () => {
    const error: unknown = await pool.query('insert into item (id) values (1)').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code: '23505', constraint: 'item_pkey' })
    expect(signalboxErrorOf(error)).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', role: 'primary' })
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  it('reads from replicas what the session wrote, and writes on the primary, whatever the text is', async () => {
    await client.session(async () => {
      await pool.query("update item set name = 'new' where id = 1")
      expect((await pool.query('select name from item where id = 1')).rows).toEqual([{ name: 'new' }])
      expect(await isReplica(pool)).toBe(true)
    })
    const { rows } = await pool.query(
      "with added as (insert into item (id, name) values (9, 'x') returning id) select id, pg_is_in_recovery() as r from added",
    )
    expect(rows).toEqual([{ id: 9, r: false }])
    expect((await pool.query('select pg_is_in_recovery() as r from item where id = 1 for update')).rows).toEqual([
      { r: false },
    ])
  })

  it('begins a transaction on the server of its first statement: a read-only one on a replica', async () => {
    const leased = await pool.connect()
    onTestFinished(() => leased.release())
    expect((await leased.query('begin')).command).toBe('BEGIN')
    expect(await isReplica(leased)).toBe(false)
    await leased.query('insert into item (id) values (6)')
    expect((await pool.query('select 1 from item where id = 6')).rowCount).toBe(0)
    expect((await leased.query('commit')).command).toBe('COMMIT')
    await leased.query('begin')
    await leased.query('set transaction read only')
    expect(await isReplica(leased)).toBe(true)
    await leased.query('rollback')
    await leased.query('start transaction isolation level repeatable read, read only')
    expect(await isReplica(leased)).toBe(true)
    await expect(leased.query('insert into item (id) values (7)')).rejects.toMatchObject({
      code: 'SIGNALBOX_READ_ONLY_TRANSACTION',
    })
    expect((await leased.query('commit')).command).toBe('ROLLBACK')
  })

  it('has savepoints, tells how the transaction is, and warns as the server does', async () => {
    const leased = await pool.connect()
    onTestFinished(() => leased.release())
    const status = (): unknown => (leased as unknown as { getTransactionStatus(): unknown }).getTransactionStatus()
    expect(status()).toBe('I')
    await leased.query('begin')
    await leased.query('insert into item (id) values (6)')
    await leased.query('savepoint one')
    await expect(leased.query('insert into item (id) values (6)')).rejects.toMatchObject({ code: '23505' })
    expect(status()).toBe('E')
    await expect(leased.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await leased.query('rollback to savepoint one')
    expect(status()).toBe('T')
    await leased.query('release savepoint one')
    const notices: unknown[] = []
    leased.on('notice', ({ code }) => notices.push(code))
    await leased.query('begin')
    await leased.query('commit')
    await leased.query('commit')
    expect([notices, status()]).toEqual([['25001', '25P01'], 'I'])
    expect((await pool.query('select 1 from item where id = 6')).rowCount).toBe(1)
  })

  it('streams over a cursor of the application’s own, also in a transaction', async () => {
    const name = 'pg-cursor'
    const { default: cursorClass } = (await import(name)) as {
      default: new (text: string, values: unknown[]) => Cursor
    }
    const leased = await pool.connect()
    onTestFinished(() => leased.release())
    const cursor = leased.query(new cursorClass('select id from item where id > $1 order by id', [1]))
    expect(await cursor.read(2)).toEqual([{ id: 2 }, { id: 3 }])
    expect(await cursor.read(9)).toHaveLength(2)
    await cursor.close()
    // Closed before it was sent.
    await leased.query(new cursorClass('select pg_sleep(20), id from item', [])).close()
    await leased.query('begin')
    await leased.query('insert into item (id) values (6)')
    const inside = leased.query(new cursorClass('select id from item order by id', []))
    expect(await inside.read(1)).toEqual([{ id: 1 }])
    await inside.close()
    await leased.query('rollback')
    expect((await leased.query('select count(*)::int as n from item')).rows).toEqual([{ n: 5 }])
  })

  it('keeps what belongs to a connection on one, and leaves nothing of it to the next user', async () => {
    const leased = await pool.connect()
    await leased.query("set application_name = 'mine'")
    await leased.query('create temporary table own (id integer)')
    await leased.query('insert into own values (1)')
    expect((await leased.query('select * from own')).rows).toEqual([{ id: 1 }])
    expect((await leased.query('show application_name')).rows).toEqual([{ application_name: 'mine' }])
    const heard: unknown[] = []
    leased.on('notification', ({ payload }) => heard.push(payload))
    await leased.query('listen news')
    await pool.query("notify news, 'hello'")
    await expect.poll(() => heard).toEqual(['hello'])
    leased.release()
    for (let round = 0; round < 6; round++) {
      await expect(pool.query('select * from own')).rejects.toMatchObject({ code: '42P01' })
      expect((await pool.query('show application_name')).rows).not.toEqual([{ application_name: 'mine' }])
    }
  })

  it('tells how the transaction of a kept connection is with the end of each statement, as pg does', async () => {
    const texts = ['begin', 'select 1', 'selec', 'select 1', 'rollback', 'begin; select 1', 'savepoint a', 'commit']
    const own = new pg.Pool({ connectionString: database.primary, max: 1 })
    onTestFinished(async () => await own.end())
    const told = async (from: pg.Pool): Promise<unknown> => {
      const client = (await from.connect()) as pg.PoolClient & { getTransactionStatus(): unknown }
      await client.query('create temporary table own (id integer)')
      const statuses: unknown[] = [client.getTransactionStatus()]
      for (const text of texts) {
        await client.query(text).catch(() => undefined)
        // An error is told before the server is ready again.
        if (text === 'selec') await client.query('select 1').catch(() => undefined)
        statuses.push(client.getTransactionStatus())
      }
      client.release()
      return statuses
    }
    const expected = await told(own)
    expect(expected).toEqual(['I', 'T', 'T', 'E', 'E', 'I', 'T', 'T', 'I'])
    expect(await told(pool)).toEqual(expected)
  })

  it('cancels the statement of the client that is meant, and nobody else’s', async () => {
    const [one, other] = [await pool.connect(), await pool.connect()]
    const { processID } = one as unknown as { readonly processID: number }
    const sleeping = one.query('select pg_sleep(20)').catch((error: unknown) => error)
    const untouched = other.query('select pg_sleep(0.3)')
    await pool.query('select pg_cancel_backend($1)', [processID])
    expect(await sleeping).toBeInstanceOf(Error)
    expect((await untouched).rowCount).toBe(1)
    expect((await one.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    const ended = new Promise((resolve) => one.on('error', resolve))
    const dying = one.query('select pg_sleep(20)').catch((error: unknown) => error)
    expect((await pool.query('select pg_terminate_backend($1)', [processID])).rows).toEqual([
      { pg_terminate_backend: true },
    ])
    expect(await Promise.all([dying, ended])).toMatchObject([
      { code: '57P01' },
      { message: 'Connection terminated unexpectedly' },
    ])
    expect((await pool.query('select pg_cancel_backend($1)', [processID])).rows).toEqual([{ pg_cancel_backend: false }])
    one.release()
    other.release()
  })

  it.each([
    ['alone', undefined],
    ['in a transaction', 'begin'],
    ['on a connection that is kept', 'create temporary table mine ()'],
  ])('a statement %s has ended at the server when it is said to be cancelled', async (_, before) => {
    const admin = new pg.Client({ connectionString: cluster.primary.adminDsn() })
    await admin.connect()
    onTestFinished(async () => await admin.end())
    const sql = 'select pg_sleep(20) as "until somebody comes"'
    const running = async (): Promise<number> => {
      const { rowCount } = await admin.query("select 1 from pg_stat_activity where state = 'active' and query = $1", [
        sql,
      ])
      return rowCount!
    }
    const leased = await pool.connect()
    onTestFinished(() => leased.release(true))
    const { processID } = leased as unknown as { readonly processID: number }
    for (let round = 0; round < 5; round++) {
      if (before !== undefined) await leased.query(before)
      const sleeping = leased.query(sql).catch((error: unknown) => error)
      while ((await running()) === 0);
      const { rows } = await pool.query('select pg_cancel_backend($1)', [processID])
      expect(await running()).toBe(0)
      expect(rows).toEqual([{ pg_cancel_backend: true }])
      const error = await sleeping
      expect(error).toBeInstanceOf(pg.DatabaseError)
      expect(error).toMatchObject({
        code: '57014',
        severity: 'ERROR',
        message: 'canceling statement due to user request',
      })
      if (before === 'begin') await leased.query('rollback')
      else if (before !== undefined) await leased.query('discard all')
    }
  })

  it('a statement that was stopped before a server had it fails as one that a server had', async () => {
    const narrow = await connect({ databases: { default: cluster.primary.dsn() }, pool: { maxConnections: 1 } })
    const clients = new (pgFor(narrow).Pool)({ max: 3 })
    onTestFinished(async () => {
      await clients.end()
      await narrow.close()
    })
    const [holder, waiter] = [await clients.connect(), await clients.connect()]
    await holder.query('begin')
    await holder.query("select set_config('my.own', '1', true)")
    const waiting = waiter.query('select pg_sleep(0)').catch((error: unknown) => error)
    const { processID } = waiter as unknown as { readonly processID: number }
    await holder.query('select pg_cancel_backend($1)', [processID])
    const error = await waiting
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code: '57014' })
    expect(signalboxErrorOf(error)).toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    await holder.query('rollback')
    holder.release()
    waiter.release()
  })

  it('belongs to the session in which it is called, also where a pool makes it wait', async () => {
    const narrow = new module.Pool({ max: 1 })
    onTestFinished(async () => await narrow.end())
    const both = await Promise.all(
      [1, 2].map(
        async (id) =>
          await client.session(async (session) => {
            await narrow.query('update item set name = $1 where id = $2', [`session ${id}`, id])
            return [await session.token(), (await narrow.query('select name from item where id = $1', [id])).rows]
          }),
      ),
    )
    expect(both.map(([, rows]) => rows)).toEqual([[{ name: 'session 1' }], [{ name: 'session 2' }]])
  })

  it('ends as pg does: once, with an error for what comes later', async () => {
    const leased = await pool.connect()
    const sleeping = leased.query('select pg_sleep(20)').catch((error: unknown) => error)
    leased.release(true)
    expect(await sleeping).toMatchObject({ message: 'Connection terminated' })
    expect(() => leased.release()).toThrow(/already been released/)
    await pool.end()
    await expect(pool.query('select 1')).rejects.toThrow(/after calling end on the pool/)
    const own = new module.Client()
    await own.connect()
    expect((await own.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await own.end()
    await expect(own.query('select 1')).rejects.toThrow(/closed and is not queryable/)
  })

  it('goes on when a replica dies, at the start and under way', async () => {
    const [first] = cluster.replicas
    first!.kill('SIGKILL')
    onTestFinished(async () => await first!.restart())
    const fresh = new module.Pool()
    onTestFinished(async () => await fresh.end())
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await fresh.query('select count(*)::int as n from item')).rows),
    )
    expect(answers).toEqual(Array.from({ length: 20 }, () => [{ n: 5 }]))
  })
})

it.runIf(isTested)('the façade of pg proves the owners of what it changes, or refuses the change', async () => {
  await using shop = await ownedShop('postgres')
  await shop.client.query('insert into purchase (customer_id, id, total) values (1, 1, 1)')
  const stale = await shop.another({ maxStalenessMs: 3_600_000 })
  const module = pgFor(stale.using('shop'))
  const pool = new module.Pool()
  onTestFinished(async () => await pool.end())
  const text = 'update purchase set total = total + 1 where customer_id = $1 returning total'
  expect((await pool.query<{ total: string }>(text, [1])).rowCount).toBe(1)
  await shop.move(1, (await shop.placesOf(1)).other)
  const leased = await pool.connect()
  onTestFinished(() => leased.release())
  const handedOver = async (): Promise<unknown> =>
    await new Promise((resolve) => {
      leased
        .query(new module.Query(text, [1]))
        .on('row', resolve)
        .on('error', resolve)
    })
  expect(await handedOver()).toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
  await leased.query('begin')
  expect(await handedOver()).toMatchObject({ code: 'SIGNALBOX_OWNER_MOVED' })
  await leased.query('rollback')
  expect((await pool.query(text, [1])).rowCount).toBe(1)
  const { rows } = await shop.client.query('select total::integer from purchase where customer_id = 1')
  expect(rows).toEqual([{ total: 3 }])
})

it.runIf(isTested)('the façade of pg refuses another engine, by name', async () => {
  await using client = await connect('sqlite::memory:' as Dsn)
  const { Client: ClientClass } = pgFor(client)
  await expect(new ClientClass().connect()).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
})
