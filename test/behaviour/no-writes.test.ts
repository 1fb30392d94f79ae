import { DatabaseSync } from 'node:sqlite'
import { createPool } from 'mysql2'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { drivers } from '../../src/drivers/all.ts'
import type { Access, DriverPool, Engine } from '../../src/drivers/driver.ts'
import {
  connect,
  hashShards,
  NoWritesError,
  SignalboxError,
  type Client,
  type Config,
  type Dsn,
} from '../../src/index.ts'
import { parseConfig } from '../../src/parse-config.ts'

import { freshDatabase, testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 30_000 })

afterEach(() => {
  vi.unstubAllEnvs()
})

/** A function that writes, and that a configuration may call harmless all the same. */
const sneaky: Readonly<Record<Exclude<Engine, 'sqlite'>, string>> = {
  postgres: `create function sneaky() returns integer language sql as 'insert into item (id) values (99); select 1'`,
  mysql:
    'create function sneaky() returns integer deterministic begin insert into item (id) values (99); return 1; end',
}

interface Guarded {
  readonly dsn: string
  /** Writes freely. */
  readonly writer: Client
  /** The same database, as `production`. */
  readonly client: Client
}

async function open(
  engine: Engine,
  config: Partial<Config> = { noWritesTo: ['production'] },
): Promise<Guarded & AsyncDisposable> {
  const database = await freshDatabase(engine)
  const writer = await connect(database.dsn as Dsn)
  await writer.query('create table item (id integer primary key, name varchar(20))')
  await writer.query("insert into item (id, name) values (1, 'one'), (2, 'two')")
  if (engine === 'postgres') await writer.query('create sequence item_id')
  if (engine !== 'sqlite') await writer.query(sneaky[engine])
  const databases = { production: database.dsn }
  const client = await connect({ databases, harmlessFunctions: ['sneaky'], ...config } as Config)
  const close = async (): Promise<void> => {
    await client.close()
    await writer.close()
    await database.drop()
  }
  return { dsn: database.dsn, writer, client, [Symbol.asyncDispose]: close }
}

/** The same until the end of the test. */
async function guarded(...given: Parameters<typeof open>): Promise<Guarded> {
  const made = await open(...given)
  onTestFinished(async () => await made[Symbol.asyncDispose]())
  return made
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    return error instanceof SignalboxError ? error.code : String(error)
  }
  return 'nothing was refused'
}

const ids = async (client: Client): Promise<readonly number[]> =>
  (await client.query<{ id: number }>('select id from item order by id')).rows.map(({ id }) => id)

const forbidden: Readonly<Record<Engine | 'every', readonly string[]>> = {
  every: [
    "insert into item (id, name) values (3, 'three')",
    "update item set name = 'x'",
    'delete from item',
    'create table other (id integer)',
    'alter table item add column price integer',
    'drop table item',
    'select 1; delete from item',
    'create temporary table scratch (id integer)',
    'what is this',
  ],
  postgres: [
    'select * from item for update',
    'select * from item for share',
    'select * from item for key share skip locked',
    'truncate item',
    'call something()',
    'do $$ begin delete from item; end $$',
    'copy item from stdin',
    "copy item to program 'cat'",
    "select nextval('item_id')",
    "select setval('item_id', 7)",
    'with gone as (delete from item returning id) select * from gone',
    'select * into other from item',
    'explain analyze delete from item',
    'lock table item',
    'refresh materialized view something',
    'vacuum item',
    'set default_transaction_read_only = off',
    "select set_config('default_transaction_read_only', 'off', false)",
    'select pg_advisory_lock(1)',
    "notify something, 'x'",
    'listen something',
  ],
  mysql: [
    'select * from item for update',
    'select * from item lock in share mode',
    'truncate item',
    "replace into item (id, name) values (1, 'x')",
    'call something()',
    'do sleep(0)',
    "load data infile 'x' into table item",
    "select * from item into outfile 'x'",
    'select id into @a from item limit 1',
    'lock tables item write',
    'select @a := 1',
    "select get_lock('x', 0)",
    'flush tables',
  ],
  sqlite: [
    "replace into item (id, name) values (1, 'x')",
    'pragma user_version = 7',
    'pragma query_only = 0',
    "attach database ':memory:' as other",
    'vacuum',
  ],
}

describe.each(testedEngines)('a database on %s that takes no writes', (engine) => {
  let shared: Guarded & AsyncDisposable
  beforeAll(async () => {
    shared = await open(engine)
  })
  afterAll(async () => {
    await shared[Symbol.asyncDispose]()
  })

  it('is read as ever, and explain says why only reads run there', async () => {
    const { client } = await guarded(engine)
    const { rows, route } = await client.query('select id, name from item where id = 1')
    expect(rows).toEqual([{ id: 1, name: 'one' }])
    expect(route.reasons).toContainEqual({
      rule: 'no-writes',
      text: '"production" takes no writes, only reads: `noWritesTo` names it',
    })
    expect(client.explain('select id, name from item where id = 1')).toEqual(route)
    expect(await Array.fromAsync(client.stream('select id from item order by id'))).toEqual([{ id: 1 }, { id: 2 }])
    expect(client.topology.databases.get('production')?.noWrites).toBe('`noWritesTo` names it')
  })

  it.each([...forbidden.every, ...forbidden[engine]])('is not sent: %s', async (sql) => {
    await using client = await connect({ databases: { production: shared.dsn }, noWritesTo: ['production'] } as Config)
    const refused = await client.query(sql).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(NoWritesError)
    expect(refused).toMatchObject({ code: 'SIGNALBOX_NO_WRITES', database: 'production', safeToRetry: false })
    expect((refused as Error).message).toMatch(
      /^"production" takes no writes: `noWritesTo` names it\. Only what .* Nothing was sent\.$/,
    )
    // The catalogue of functions is read where one is called, and nothing else.
    if (!sql.includes('(') || engine !== 'postgres') expect(client.stats()).toEqual({})
    expect(await codeOf(() => client.explain(sql))).toBe('SIGNALBOX_NO_WRITES')
    expect(await codeOf(() => client.preview(sql))).toBe('SIGNALBOX_NO_WRITES')
    expect(await codeOf(async () => await Array.fromAsync(client.stream(sql)))).toBe('SIGNALBOX_NO_WRITES')
    expect(await codeOf(async () => await client.transaction(async (tx) => await tx.query(sql)))).toBe(
      'SIGNALBOX_NO_WRITES',
    )
    await using reserved = client.reserve()
    expect(await codeOf(async () => await reserved.query(sql))).toBe('SIGNALBOX_NO_WRITES')
    expect(await ids(shared.writer)).toEqual([1, 2])
  })

  it('takes transaction control as text no more than any other: the connection cannot be made to write', async () => {
    const { client } = await guarded(engine)
    await using reserved = client.reserve()
    for (const sql of [
      'begin',
      ...(engine === 'sqlite' ? [] : ['set transaction read write', 'start transaction read write']),
    ])
      expect(await codeOf(async () => await reserved.query(sql)), sql).toBe('SIGNALBOX_TRANSACTION_CONTROL')
  })

  it('opens every transaction read-only, also one that says it is not, and a refused write leaves it open', async () => {
    const { client, writer } = await guarded(engine)
    for (const options of [{}, { readOnly: false }, { readOnly: true }]) {
      await using tx = client.begin(options)
      expect((await tx.query('select count(*) as n from item')).rowCount).toBe(1)
      expect(await codeOf(async () => await tx.query('delete from item'))).toBe('SIGNALBOX_NO_WRITES')
      await using inner = tx.begin()
      expect((await inner.query('select id from item')).rowCount).toBe(2)
      await inner.commit()
      if (engine === 'postgres')
        expect((await tx.query("select current_setting('transaction_read_only') as mode")).rows).toEqual([
          { mode: 'on' },
        ])
      await tx.commit()
    }
    expect(await ids(writer)).toEqual([1, 2])
  })

  it('is named by the environment, for each client of the process', async () => {
    vi.stubEnv('SIGNALBOX_NO_WRITES_TO', ' somewhere , production,')
    const { client, dsn } = await guarded(engine, {})
    const refused = await client.query('delete from item').catch((error: unknown) => error)
    expect(String(refused)).toContain('the environment variable SIGNALBOX_NO_WRITES_TO names it')
    // Another client, which knows no such name, but the same place.
    await using other = await connect({ databases: { production: dsn, default: 'sqlite::memory:' } } as Config)
    await other.query('create table scratch (id integer)')
    expect(await codeOf(async () => await other.using('production').query('delete from item'))).toBe(
      'SIGNALBOX_NO_WRITES',
    )
  })

  it('is the same by another name: another alias, a data source name at a call', async () => {
    const database = await freshDatabase(engine)
    onTestFinished(async () => await database.drop())
    const byAddress = database.dsn.replace('127.0.0.1', 'localhost')
    await using client = await connect({
      databases: { default: 'sqlite::memory:', production: database.dsn, live: byAddress },
      noWritesTo: ['production'],
    } as Config)
    const create = 'create table item (id integer)'
    for (const target of ['production', 'live', database.dsn, byAddress]) {
      const refused = await client
        .using(target as never)
        .query(create)
        .catch((error: unknown) => error)
      expect(refused, target).toBeInstanceOf(NoWritesError)
      if (target !== 'production')
        expect(String(refused)).toContain('it is where "production" is, and `noWritesTo` names that')
    }
    await client.query(create)
  })

  it('is every one with *, also one that is named at a call', async () => {
    vi.stubEnv('SIGNALBOX_NO_WRITES_TO', '*')
    const database = await freshDatabase(engine)
    onTestFinished(async () => await database.drop())
    await using client = await connect('sqlite::memory:')
    expect(await codeOf(async () => await client.query('create table item (id integer)'))).toBe('SIGNALBOX_NO_WRITES')
    const target = client.using(database.dsn as never)
    expect(await codeOf(async () => await target.query('create table item (id integer)'))).toBe('SIGNALBOX_NO_WRITES')
  })

  it('takes none of the bookkeeping of Signalbox either', async () => {
    const { dsn } = await guarded(engine)
    await using client = await connect({
      databases: { production: { shards: { a: dsn }, shardMap: hashShards({ key: 'integer' }) } },
      noWritesTo: ['production'],
    } as Config)
    const refused = await client.verifyShardMaps().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'SIGNALBOX_NO_WRITES', database: 'production' })
    expect(String(refused)).toMatch(/needs a write there \(create table .*…\)\. It was not sent\.$/i)
  })
})

describe.each(testedEngines)('the connections to a server on %s that is opened read-only', (engine) => {
  let options: ReturnType<typeof poolOptions>
  beforeAll(() => {
    options = poolOptions()
  })

  async function openPool(): Promise<{ readonly pool: DriverPool; readonly writer: Client }> {
    const { dsn, writer } = await guarded(engine)
    const driver = await drivers[engine]()
    const pool = await driver.open({ from: 'dsn', dsn }, { ...options, readOnly: true })
    onTestFinished(async () => await pool.close())
    return { pool, writer }
  }

  const insert = (access: Access) => ({ sql: 'insert into item (id) values (7)', params: [], access, prepare: false })

  it.each(['read', 'write', 'session'] as const)('refuse writes, whatever is said of them: %s', async (access) => {
    const { pool, writer } = await openPool()
    // Several times, for connections that were used, and were reset.
    for (let round = 0; round < 3; round += 1) {
      const send = async (): Promise<unknown> => await pool.query(insert(access))
      await expect(send()).rejects.toMatchObject({ errorClass: 'read-only' })
      const lease = await pool.lease({ access })
      await expect(lease.query(insert(access))).rejects.toMatchObject({ errorClass: 'read-only' })
      await lease.release('reset')
    }
    expect(await ids(writer)).toEqual([1, 2])
  })

  it('change no tables', async () => {
    const { pool } = await openPool()
    const send = async (): Promise<unknown> =>
      await pool.query({ sql: 'create table other (id integer)', params: [], access: 'write', prepare: false })
    await expect(send()).rejects.toMatchObject({ errorClass: 'read-only' })
  })
})

const servers = testedEngines.filter((engine) => engine !== 'sqlite')

describe.each(servers)('a function that writes, and is called harmless, on %s', (engine) => {
  const call = 'select sneaky() as one'

  async function expectRefused(client: Client): Promise<void> {
    const refused = await client.query(call).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'SIGNALBOX_NO_WRITES', database: 'production' })
    expect((refused as Error).message).toMatch(/tried to write there, which the server refused\.$/)
    expect((refused as Error).cause).toBeInstanceOf(Error)
    expect(await codeOf(async () => await Array.fromAsync(client.stream(call)))).toBe('SIGNALBOX_NO_WRITES')
    expect(await codeOf(async () => await client.transaction(async (tx) => await tx.query(call)))).toBe(
      'SIGNALBOX_NO_WRITES',
    )
    await using reserved = client.reserve()
    const answers = [reserved.query('select 1 as one'), reserved.query(call), reserved.query('select 2 as one')]
    const settled = await Promise.allSettled(answers)
    expect(settled.map((each) => (each.status === 'fulfilled' ? each.value.rows : each.reason.code))).toEqual([
      [{ one: 1 }],
      'SIGNALBOX_NO_WRITES',
      [{ one: 2 }],
    ])
    expect(await codeOf(async () => await Array.fromAsync(reserved.stream(call)))).toBe('SIGNALBOX_NO_WRITES')
    // A transaction that begins while a statement is on its way keeps what it is.
    const [one, sneaked] = await Promise.all([
      reserved.query('select 1 as one'),
      reserved
        .transaction(async (tx) => {
          for (let round = 0; round < 3; round += 1) await tx.query('select id from item')
          await tx.query(call)
        })
        .catch((error: unknown) => error),
    ])
    expect(one.rows).toEqual([{ one: 1 }])
    expect(sneaked).toMatchObject({ code: 'SIGNALBOX_NO_WRITES' })
    await reserved
      .transaction(async (tx) => {
        expect((await tx.query('select id from item')).rowCount).toBe(2)
        expect(await codeOf(async () => await tx.query(call))).toBe('SIGNALBOX_NO_WRITES')
      })
      .catch(() => undefined)
    expect((await client.query('select id from item')).rowCount).toBe(2)
  }

  it('is refused by the server', async () => {
    const { client, writer } = await guarded(engine)
    await expectRefused(client)
    expect(await ids(writer)).toEqual([1, 2])
    // The check would notice: without the guard it writes.
    await using free = await connect({
      databases: { production: (await guarded(engine)).dsn },
      harmlessFunctions: ['sneaky'],
    } as Config)
    await free.query(call)
    expect(await ids(free)).toEqual([1, 2, 99])
  })

  it('is refused on the application’s own pool, which stays as it was', async () => {
    const { dsn, writer } = await guarded(engine)
    const own = engine === 'postgres' ? new pg.Pool({ connectionString: dsn, max: 2 }) : createPool({ uri: dsn })
    onTestFinished(async () => {
      await (own instanceof pg.Pool ? own.end() : own.promise().end())
    })
    await using client = await connect({
      databases: { production: own },
      noWritesTo: ['production'],
      harmlessFunctions: ['sneaky'],
    })
    await expectRefused(client)
    expect(await ids(writer)).toEqual([1, 2])
    const insert = 'insert into item (id) values (3)'
    await (own instanceof pg.Pool ? own.query(insert) : own.promise().query(insert))
    expect(await ids(writer)).toEqual([1, 2, 3])
  })
})

it.runIf(testedEngines.includes('mysql'))(
  'a statement over schemas of one server changes no table of the guarded one',
  async () => {
    const { dsn, writer } = await guarded('mysql')
    await using free = await freshDatabase('mysql')
    await using client = await connect({
      databases: { default: free.dsn, production: dsn },
      tables: { item: 'production' },
      databasesShareServer: [['default', 'production']],
      noWritesTo: ['production'],
    } as Config)
    await client.query('create table scratch (id integer)')
    expect((await client.query('insert into scratch (id) select id from item')).route.database).toBe('default')
    await using stranger = await connect({
      databases: { default: free.dsn, production: dsn },
      noWritesTo: ['production'],
    } as Config)
    const schema = new URL(dsn).pathname.slice(1)
    for (const target of ['default', free.dsn] as const)
      for (const sql of [
        `update ${schema}.item set name = 'x'`,
        `truncate ${schema}.item`,
        `insert into ${schema}.item (id) values (7)`,
      ]) {
        const refused = await stranger
          .using(target as 'default')
          .query(sql)
          .catch((error: unknown) => String(error))
        expect(refused).toContain(`"${schema}" takes no writes: it is where "production" is, and`)
      }
    expect((await stranger.query(`select id from ${schema}.item`)).rowCount).toBe(2)
    const change = "update scratch s join item i on i.id = s.id set i.name = 'x'"
    expect(await codeOf(async () => await client.query(change))).toBe('SIGNALBOX_NO_WRITES')
    expect((await writer.query("select 1 from item where name = 'x'")).rows).toEqual([])
  },
)

it.runIf(testedEngines.includes('sqlite'))('a DatabaseSync of the application’s own is only read', async () => {
  const own = new DatabaseSync(':memory:')
  own.exec('create table item (id integer)')
  await using client = await connect({ databases: { default: own }, noWritesTo: ['*'] })
  expect(await codeOf(async () => await client.query('insert into item (id) values (1)'))).toBe('SIGNALBOX_NO_WRITES')
  expect((await client.query('select * from item')).rows).toEqual([])
  own.exec('insert into item (id) values (1)')
  expect((await client.query('select * from item')).rows).toEqual([{ id: 1 }])
  own.close()
})

it.runIf(testedEngines.includes('sqlite'))('a SQLite file that is not there is not made', async () => {
  await using database = await freshDatabase('sqlite')
  await using client = await connect({ databases: { default: database.dsn }, noWritesTo: ['default'] } as Config)
  expect(await codeOf(async () => await client.query('select 1'))).toBe('SIGNALBOX_CONNECTION_LOST')
})

function poolOptions() {
  return parseConfig('sqlite::memory:').pool
}
