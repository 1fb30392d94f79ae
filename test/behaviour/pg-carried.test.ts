import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import bare from 'pg'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { pgFor } from '../../src/adapters/pg.ts'
import { CarriedQuery } from '../../src/drivers/postgres/carried-query.ts'
import { connect, type Client } from '../../src/index.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

/** Statements that can be run again and again, and what goes with them; those of one line differ in their values alone. */
const statements: readonly (readonly (readonly [sql: string, values?: unknown[]])[])[] = [
  [['select id, name, price, made, tags, "data" from item where id = $1', [1]]],
  [['select id, name from item where id < $1 order by id', [4]]],
  [['select id, name from item where id = $1', [99]]],
  [['select $1::text as a, $2::text as b, $3::int as c', [null, 'é𝒳', 7]]],
  [['select $1::int[] as list', [[1, 2, 3]]]],
  [['select $1::timestamptz as at', [new Date(0)]]],
  [['select $1::jsonb as j', [{ a: [1] }]]],
  [['select $1::bytea as b', [Buffer.from([1, 2])]]],
  [['select from item']],
  [['select id as a, name as a from item where id = 1']],
  [['select count(*) from item']],
  [['update item set name = name where id = $1', [2]]],
  [['update item set name = name where id = $1 returning *', [2]]],
  [['delete from item where id = $1', [-1]]],
  [['insert into item (id) values ($1) on conflict do nothing', [1]]],
  [['insert into item (id) values ($1)', [1]]],
  [['select 10 / (3 - n) as q from generate_series(1, $1::int) as n', [5]]],
  [['select $1::int as wrong', ['x']]],
  [['select nothing from item where id = $1', [1]]],
  [[1, 2, 3, 4, 5].map((n) => [`select id, name, price from item where id = ${n}`] as const)].flat(),
  [7, 8, 9, 10, 11].map((n) => [`select '${n}' as name, ${n} as n, ${n}.5 as d from item where id = 1`] as const),
  [7, 8, 9, 10, 11].map((n) => [`update item set price = ${n} where id = 3;`, []] as const),
  [7, 8, 9, 10, 11].map((n) => [`select 1 / (id - ${n - 7}) as q from item order by id /* ${n} */`] as const),
  [7, 8, 9, 10, 11].map((n) => [`selec ${n}`] as const),
  [1, 2, 3, 4, 5].map((n) => [`select * from item where id = $1 /* trace ${n} */`, [n]] as const),
]

/** What two answers have to have in common. */
function shape(answer: unknown): unknown {
  if (answer instanceof Error) {
    const { message, name } = answer
    const { code, severity, position, detail, constraint } = answer as bare.DatabaseError
    return { message, name, code, severity, position, detail, constraint }
  }
  const { command, rowCount, oid, rows, fields } = answer as bare.QueryResult
  return { own: Object.keys(answer as object).sort(), command, rowCount, oid, rows, fields }
}

const settled = async (promise: Promise<unknown>): Promise<unknown> =>
  shape(await promise.catch((error: unknown) => error))

describe.runIf(testedEngines.includes('postgres'))('statements whose queries take their answers themselves', () => {
  let database: TestDatabase
  let client: Client<'default'>
  let module: typeof bare
  /** How many did. */
  let taken = 0

  beforeEach(async () => {
    database = await freshDatabase('postgres')
    client = await connect(database.dsn)
    module = pgFor(client)
    onTestFinished(async () => {
      vi.restoreAllMocks()
      await client.close()
      await database.drop()
    })
    await client.query(
      `create table item (id integer primary key, name text, price numeric, made timestamptz default '2026-01-01', tags text[], "data" jsonb)`,
    )
    await client.query(
      `insert into item select n, 'item ' || n, n * 1.5, '2026-01-01', array['a', null], '{"b": 1}' from generate_series(1, 5) as n`,
    )
    taken = 0
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const own = CarriedQuery.prototype.take
    vi.spyOn(CarriedQuery.prototype, 'take').mockImplementation(function (this: CarriedQuery, columns) {
      const isTaken = own.call(this, columns)
      if (isTaken) taken += 1
      return isTaken
    })
  })
  const ownPool = (options: bare.PoolConfig = {}): bare.Pool => {
    const pool = new module.Pool(options)
    onTestFinished(async () => await pool.end())
    return pool
  }

  const barePool = (): bare.Pool => {
    const pool = new bare.Pool({ connectionString: database.dsn })
    // A server that is busy still has them when their database is dropped.
    pool.on('connect', (connected) => void connected.on('error', () => undefined))
    onTestFinished(async () => await pool.end())
    return pool
  }

  const callbackOf = async (pool: bare.Pool, sql: string, values: unknown[] = []): Promise<unknown> =>
    await new Promise((resolve, reject) =>
      pool.query(sql, values, (error, result) => (error ? reject(error) : resolve(result))),
    )
  const upper = { getTypeParser: () => (text: string) => text.toUpperCase() }
  const forms: Readonly<Record<string, (pool: bare.Pool, sql: string, values: unknown[]) => Promise<unknown>>> = {
    'by promise': async (pool, sql, values) => await pool.query(sql, values),
    'by callback': callbackOf,
    'as arrays': async (pool, text, values) =>
      await pool.query({ text, values, rowMode: 'array' } as bare.QueryArrayConfig),
    'with parsers of its own': async (pool, text, values) => await pool.query({ text, values, types: upper }),
    'by name': async (pool, text, values) => await pool.query({ text, values, name: text.slice(0, 60) }),
    'on a client': async (pool, sql, values) => {
      const leased = await pool.connect()
      try {
        return await leased.query(sql, values)
      } finally {
        leased.release()
      }
    },
  }

  it.each(Object.keys(forms))('give what pg gives, however often they run, %s', async (form) => {
    const [ours, theirs] = [ownPool(), barePool()]
    const run = forms[form]!
    for (const alike of statements) {
      for (let round = 0; round < 6; round++) {
        const [sql, values = []] = alike[round % alike.length]!
        expect(await settled(run(ours, sql, values)), `${sql}, run ${round}`).toEqual(
          await settled(run(theirs, sql, values)),
        )
      }
      // Many at a time share connections.
      const many = async (pool: bare.Pool): Promise<unknown> =>
        await Promise.all(
          Array.from({ length: 12 }, async (_, n) => {
            const [sql, values = []] = alike[n % alike.length]!
            return await settled(run(pool, sql, values))
          }),
        )
      expect(await many(ours), alike[0]![0]).toEqual(await many(theirs))
    }
    if (form === 'by name') expect(taken).toBe(0)
    else expect(taken).toBeGreaterThan(100)
  })

  it('come to the callers that asked, many at a time, each with its own values and in its own surroundings', async () => {
    const pool = ownPool({ max: 5 })
    const place = new AsyncLocalStorage<number>()
    const ask = async (n: number): Promise<unknown> =>
      await place.run(
        n,
        async () =>
          await new Promise((resolve) => {
            const answered = (_: Error, { rows }: bare.QueryResult): void => resolve([rows[0], place.getStore()])
            if (n % 2 === 0) pool.query(`select ${n} as n from item where id = 1`, answered)
            else pool.query('select $1::int as n from item where id = $2', [n, 1], answered)
          }),
      )
    const asked = Array.from({ length: 400 }, (_, n) => n)
    expect(await Promise.all(asked.map(ask))).toEqual(asked.map((n) => [{ n }, n]))
    expect(taken).toBeGreaterThan(200)
    // One client runs them one after the other, and each is part of the call that made it.
    const leased = await pool.connect()
    const places = asked
      .slice(0, 10)
      .map(
        async (n) =>
          await place.run(
            n,
            async () =>
              await new Promise((resolve) =>
                leased.query(`select ${n} as n from item`, () => resolve(place.getStore())),
              ),
          ),
      )
    expect(await Promise.all(places)).toEqual(asked.slice(0, 10))
    leased.release()
  })

  it('see columns that were added, and parsers that were set meanwhile', async () => {
    const pool = ownPool()
    const texts = ['select * from item where id = $1', 'select * from item where id = 2'] as const
    const ask = async (): Promise<unknown[]> => [
      (await pool.query(texts[0], [1])).rows[0],
      (await pool.query(texts[1])).rows[0],
    ]
    for (let n = 0; n < 5; n++) await ask()
    await pool.query("alter table item add column colour text default 'red'")
    expect(await ask()).toMatchObject([{ colour: 'red' }, { colour: 'red' }])
    const numeric = bare.types.builtins.NUMERIC
    const before = bare.types.getTypeParser(numeric)
    onTestFinished(() => bare.types.setTypeParser(numeric, before))
    bare.types.setTypeParser(numeric, Number)
    expect(await ask()).toMatchObject([{ price: 1.5 }, { price: 3 }])
    await pool.query('alter table item drop column colour, drop column made')
    for (const row of await ask()) expect(Object.keys(row as object)).toEqual(['id', 'name', 'price', 'tags', 'data'])
    expect(taken).toBeGreaterThan(5)
  })

  it('fail alone if their parser does', async () => {
    const pool = ownPool({ max: 1 })
    const types = {
      getTypeParser: () => (text: string) => {
        if (text === '3') throw new Error('three')
        return text
      },
    }
    const text = 'select id from item where id <= $1 order by id'
    for (let n = 0; n < 5; n++) {
      await expect(pool.query({ text, values: [5], types })).rejects.toThrow('three')
      expect((await pool.query({ text, values: [2], types })).rows).toEqual([{ id: '1' }, { id: '2' }])
    }
    expect(taken).toBeGreaterThan(4)
  })

  it('are read again where their connection breaks in the middle of an answer, and have each row once', async () => {
    await using proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(database.dsn).port) })
    await using behind = await connect(proxy.through(database.dsn))
    const pool = new (pgFor(behind).Pool)({ max: 3 })
    onTestFinished(async () => await pool.end())
    const texts = [
      (): [string, unknown[]] => ['select n, repeat($1, 50) as t from generate_series(1, 300) as n', ['x']],
      (n: number): [string, unknown[]] => [`select n, repeat('${n}', 50) as t from generate_series(1, 300) as n`, []],
    ]
    for (const text of texts) {
      for (let n = 0; n < 4; n++) await pool.query(...text(n))
      for (const bytes of [0, 40, 2_000, 15_000]) {
        for (const connection of proxy.connections)
          connection.apply({ kind: 'cut-after', direction: 'to-client', bytes })
        const { rows, rowCount } = await pool.query<{ n: number }>(...text(bytes))
        expect([rowCount, rows.map(({ n }) => n)]).toEqual([300, Array.from({ length: 300 }, (_, n) => n + 1)])
      }
    }
    expect(taken).toBeGreaterThan(10)
    // A change is not: nobody knows whether it took effect.
    for (let n = 0; n < 4; n++) await pool.query('update item set price = price + 1 where id = $1', [4])
    for (const connection of proxy.connections)
      connection.apply({ kind: 'cut-after', direction: 'to-client', bytes: 0 })
    await expect(pool.query('update item set price = price + 1 where id = $1', [4])).rejects.toThrow(/terminated/)
    expect((await pool.query('select price::int as price from item where id = 4')).rows[0]).toEqual({ price: 11 })
  })

  it('keep the first answer where a shared connection is held up, and take nothing of the other one', async () => {
    await client.query('create table other (id integer primary key)')
    await client.query('insert into other values (1), (2)')
    const pool = ownPool({ max: 10 })
    const held = async (): Promise<unknown> => await pool.query('select * from item where id = $1', [1])
    const free = async (n: number): Promise<bare.QueryResult> =>
      n % 2 === 0
        ? await pool.query(`select * from other where id > ${-n}`)
        : await pool.query('select * from other where id > $1', [-n])
    for (let n = 0; n < 30; n++) await Promise.all([held(), free(2 * n), free(2 * n + 1)])
    const locker = new bare.Client(database.dsn)
    await locker.connect()
    onTestFinished(async () => await locker.end())
    await locker.query('begin')
    await locker.query('lock table item in access exclusive mode')
    const waiting = held()
    const answers = await Promise.all([101, 102, 103, 104].map(free))
    await locker.query('commit')
    expect(await waiting).toMatchObject({ rowCount: 1 })
    // What the shared connection says now comes too late.
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (const { rows, rowCount } of answers) expect([rowCount, rows]).toEqual([2, [{ id: 1 }, { id: 2 }]])
    expect(taken).toBeGreaterThan(30)
  })

  it.each([
    [
      'with its value in the text',
      (id: number) => ({ sql: `update item set name = name where id = ${id}`, values: [] }),
    ],
    ['with a parameter', (id: number) => ({ sql: 'update item set name = name where id = $1', values: [id] })],
  ])('one %s is stopped by its number, alone, and when the server is done with it', async (_, changing) => {
    const [pool, watching] = [ownPool(), barePool()]
    const holder = await watching.connect()
    onTestFinished(() => holder.release(true))
    await holder.query('begin')
    await holder.query('select from item where id = 5 for update')
    const running = async (): Promise<number> => {
      const text =
        "select 1 from pg_stat_activity where datname = current_database() and state = 'active' and query ~ '^update item'"
      return (await watching.query(text)).rowCount!
    }
    const run = async (by: bare.ClientBase, id: number): Promise<unknown> => {
      const { sql, values } = changing(id)
      return await by.query(sql, values).catch((error: unknown) => error)
    }
    const [one, other] = [await pool.connect(), await pool.connect()]
    for (let n = 0; n < 4; n++) await run(one, n)
    const before = taken
    const { processID } = one as unknown as { readonly processID: number }
    const stopped = run(one, 5)
    await expect.poll(running).toBe(1)
    expect(taken).toBe(before + 1)
    expect((await other.query('select pg_cancel_backend($1)', [processID])).rows).toEqual([{ pg_cancel_backend: true }])
    expect(await running()).toBe(0)
    expect(await stopped).toMatchObject({ code: '57014', message: 'canceling statement due to user request' })
    expect((await one.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    // Its client ends, and so does what it has running.
    const dying = run(one, 5)
    await expect.poll(running).toBe(1)
    one.release(true)
    expect(await dying).toMatchObject({ message: 'Connection terminated' })
    await expect.poll(running).toBe(0)
    other.release()
  })

  it('run under the settings of their sessions, also over shared connections, which are as many as before', async () => {
    const zones = [undefined, 'UTC+1', 'UTC+2', 'UTC+3']
    const clients = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const own = new module.Client()
        await own.connect()
        onTestFinished(async () => await own.end())
        const zone = zones[n % zones.length]
        if (zone !== undefined) await own.query(`set time zone '${zone}'`)
        return { own, zone }
      }),
    )
    const { rows } = await clients[0]!.own.query("select current_setting('TimeZone') as zone")
    const usual = (rows[0] as { readonly zone: string }).zone
    for (let round = 0; round < 60; round++)
      await Promise.all(
        clients.map(async ({ own, zone }, n) => {
          const text =
            n % 3 === 0
              ? "select current_setting('TimeZone') as zone from item where id = 1"
              : `select current_setting('TimeZone') as zone, ${round * 100 + n} as n from item where id = 1`
          const answer = await own.query<{ zone: string }>(text)
          expect(answer.rows[0]?.zone.replace(/[<>]/g, '')).toBe((zone ?? usual).replace(/[<>]/g, ''))
        }),
      )
    const { shared } = Object.values(client.stats())[0]!
    expect(shared).toBeGreaterThan(0)
    expect(shared).toBeLessThanOrEqual(2)
    expect(taken).toBeGreaterThan(100)
  })

  it('are told to who listens, for as long as somebody does', async () => {
    const pool = ownPool()
    const ask = async (): Promise<unknown> => await pool.query('select name from item where id = $1', [1])
    for (let n = 0; n < 4; n++) await ask()
    const before = taken
    const heard: string[] = []
    const listen = (event: unknown): void => void heard.push((event as { readonly sql: string }).sql)
    const told = channel('tracing:signalbox:query:start')
    told.subscribe(listen)
    await ask()
    told.unsubscribe(listen)
    expect(heard).toEqual(['select name from item where id = $1'])
    expect(taken).toBe(before)
    await ask()
    expect([heard.length, taken]).toEqual([1, before + 1])
  })
})
