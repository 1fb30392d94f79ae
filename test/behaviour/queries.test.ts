import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, onQuery, SignalboxError, type Client, type QueryEvent } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.each(testedEngines)('queries on %s', (engine) => {
  let database: TestDatabase
  let client: Client<'default'>
  const sql = (text: string): string => sqlFor(engine, text)

  beforeEach(async () => {
    database = await freshDatabase(engine)
    client = await connect(database.dsn)
    await client.query('create table item (id integer primary key, name varchar(40))')
    await client.query(sql('insert into item (id, name) values (?, ?), (?, ?), (?, ?)'), [
      1,
      'one',
      2,
      'two',
      3,
      'three',
    ])
  })

  afterEach(async () => {
    await client.close()
    await database.drop()
  })

  it('give rows, their number, fields, and the route that explain gives', async () => {
    const text = sql('select id, name from item where id <= ? order by id')
    const result = await client.query<{ id: number; name: string }>(text, [2])
    expect(result.rows.map((row) => ({ ...row }))).toEqual([
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
    ])
    expect(result.rowCount).toBe(2)
    expect(result.fields.map(({ name }) => name)).toEqual(['id', 'name'])
    expect(result.native).toBeDefined()
    expect(result.route).toEqual(client.explain(text, [2]))
    expect(result.route).toMatchObject({ database: 'default', role: 'primary', effect: 'read' })
  })

  it('count changed rows', async () => {
    const result = await client.query(sql('update item set name = ? where id > ?'), ['more', 1])
    expect(result.rowCount).toBe(2)
    expect(result.route.effect).toBe('write')
    expect((await client.query('delete from item where id = 9')).rowCount).toBe(0)
  })

  it('give rows as arrays when asked', async () => {
    const { rows } = await client.query<unknown[]>('select id, name from item order by id', [], { rowMode: 'array' })
    expect(rows[0]).toEqual([1, 'one'])
  })

  it('stream rows in order, and give the connection back on an early exit', async () => {
    const ids: number[] = []
    for await (const { id } of client.stream<{ id: number }>('select id from item order by id')) {
      ids.push(id)
      if (id === 2) break
    }
    expect(ids).toEqual([1, 2])
    for (let round = 0; round < 15; round++) {
      for await (const _ of client.stream('select id from item')) break
    }
    const rest = await Array.fromAsync(
      client.stream<{ id: number }>(sql('select id from item where id > ? order by id'), [1]),
    )
    expect(rest.map(({ id }) => id)).toEqual([2, 3])
  })

  it('say where they failed, with the driver’s error as cause', async () => {
    const error = await client.query('select * from missing_table').catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(SignalboxError)
    expect(error).toMatchObject({
      code: 'SIGNALBOX_SYNTAX',
      errorClass: 'syntax',
      database: 'default',
      shard: 'main',
      role: 'primary',
    })
    expect((error as Error).cause).toBeInstanceOf(Error)
    const duplicate = client.query(sql('insert into item (id) values (?)'), [1])
    await expect(duplicate).rejects.toMatchObject({
      code: 'SIGNALBOX_CONSTRAINT',
      errorClass: 'constraint',
      safeToRetry: false,
    })
  })

  it('know which database a row came from', async () => {
    const { rows } = await client.query<{ id: number }>('select id from item')
    for (const row of rows) expect(client.databaseOf(row)).toBe('default')
    expect(client.databaseOf({ id: 1 })).toBeUndefined()
    for await (const row of client.stream<{ id: number }>('select id from item'))
      expect(client.databaseOf(row)).toBe('default')
  })

  it('refuse an aborted call before anything is sent', async () => {
    const aborted = AbortSignal.abort(new Error('the user left'))
    const error = await client.query('select 1', [], { signal: aborted }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'AbortError', code: 'SIGNALBOX_ABORTED' })
    expect((error as Error).cause).toMatchObject({ message: 'the user left' })
  })

  it('are told to whom it concerns: start, end with duration and rows, and errors', async () => {
    const events: (QueryEvent & { readonly channel: string })[] = []
    const listeners = ['start', 'asyncEnd', 'error'].map((name) => {
      const channel = `tracing:signalbox:query:${name}`
      const listener = (message: unknown): void => void events.push({ ...(message as QueryEvent), channel: name })
      subscribe(channel, listener)
      return { channel, listener }
    })
    await client.query(sql('select id from item where id = ?'), [1])
    await client.query('select * from missing_table').catch(() => undefined)
    await client.transaction(async (tx) => await tx.query('select id from item'))
    await Array.fromAsync(client.stream('select id from item'))
    for (const { channel, listener } of listeners) unsubscribe(channel, listener)
    await client.query('select 1')
    expect(events.map(({ channel }) => channel)).toEqual([
      'start',
      'asyncEnd',
      'start',
      'error',
      'asyncEnd',
      'start',
      'asyncEnd',
      'start',
      'asyncEnd',
    ])
    expect(events[1]).toMatchObject({
      sql: sql('select id from item where id = ?'),
      params: [1],
      rowCount: 1,
      inTransaction: false,
    })
    expect(events[1]?.durationMs).toBeGreaterThan(0)
    expect(events[1]?.route.database).toBe('default')
    expect(events[3]?.error).toMatchObject({ code: 'SIGNALBOX_SYNTAX' })
    expect(events[6]).toMatchObject({ inTransaction: true, rowCount: 3 })
    expect(events[8]).toMatchObject({ rowCount: 3 })
  })

  it('can be logged, with one function', async () => {
    const seen: string[] = []
    const stop = onQuery(
      ({ sql: text, route, error }) =>
        void seen.push(`${route.database} ${text} ${error === undefined ? 'done' : 'failed'}`),
    )
    await client.query('select 1')
    await client.query('select * from missing_table').catch(() => undefined)
    stop()
    await client.query('select 2')
    expect(seen).toEqual(['default select 1 done', 'default select * from missing_table failed'])
  })

  it('run many at a time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { rows } = await client.query<{ name: string }>(sql('select name from item where id = ?'), [
          (index % 3) + 1,
        ])
        return rows[0]?.name
      }),
    )
    expect(answers.every((name, index) => name === ['one', 'two', 'three'][index % 3])).toBe(true)
  })

  it('do not let session state leak to the next user of a connection', async () => {
    const temporary =
      engine === 'mysql' ? 'create temporary table note (id integer)' : 'create temp table note (id integer)'
    expect((await client.query(temporary)).route.effect).toBe('session')
    await expect(client.query('select * from note')).rejects.toMatchObject({ code: 'SIGNALBOX_SYNTAX' })
    await using connection = client.reserve()
    await connection.query(temporary)
    await connection.query('insert into note (id) values (1)')
    expect((await connection.query('select * from note')).rowCount).toBe(1)
  })

  it('finish before close() does, and are refused after it', async () => {
    const running = client.query('select id from item')
    await client.close()
    expect((await running).rowCount).toBe(3)
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
    await expect(Array.fromAsync(client.stream('select 1'))).rejects.toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
  })
})

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))('slow statements on %s', (engine) => {
  const slow = engine === 'postgres' ? 'select pg_sleep(30)' : 'select sleep(30)'
  const running =
    engine === 'postgres'
      ? `select count(*) as running from pg_stat_activity where query = '${slow}' and state = 'active' and datname = current_database()`
      : `select count(*) as running from information_schema.processlist where info = '${slow}' and db = database()`

  it('are cancelled on the server by a time limit or a signal, in and out of transactions', async () => {
    await using database = await freshDatabase(engine)
    await using client = await connect(database.dsn)
    const still = async (): Promise<number> =>
      Number((await client.query<{ running: number }>(running)).rows[0]?.running)
    await expect(client.query(slow, [], { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'SIGNALBOX_TIMEOUT',
      timeoutMs: 50,
      database: 'default',
    })
    const controller = new AbortController()
    const aborted = client.query(slow, [], { signal: controller.signal })
    await expect.poll(still).toBe(1)
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED', name: 'AbortError' })
    const transaction = client.transaction(async (tx) => await tx.query(slow), { timeoutMs: 50 })
    await expect(transaction).rejects.toMatchObject({ code: 'SIGNALBOX_TIMEOUT' })
    await expect.poll(still).toBe(0)
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })
})
