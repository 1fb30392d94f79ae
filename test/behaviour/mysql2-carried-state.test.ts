import { AsyncLocalStorage } from 'node:async_hooks'
import bare from 'mysql2'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import { freshDatabase, privateCluster, testedEngines, type TestDatabase } from '../support/servers.ts'
import { onCarriedCall } from '../support/carried-calls.ts'

type Rows = bare.RowDataPacket[]
type Statement = readonly [sql: string, values?: readonly unknown[]]

const definitions = [
  'create table item (id integer primary key auto_increment, name varchar(40))',
  "insert into item values (1, 'item 1'), (2, 'item 2'), (3, null), (4, 'item é')",
  'create table other (id integer primary key auto_increment, name varchar(20) unique, n integer default 0)',
  "insert into other (name) values ('one'), ('two')",
  'create table log (id integer primary key auto_increment, text text)',
  'create table empty (id integer)',
]

/** What is said one after the other on one connection, for which it has its state. */
const conversations: Readonly<Record<string, readonly Statement[]>> = {
  'what numbers tell of the last statement': [
    ['insert into log (text) values (?)', ['a']],
    ['select last_insert_id()'],
    ['insert into log (text) values (?), (?)', ['b', 'c']],
    ['select row_count() as n'],
    ['select last_insert_id() as id'],
    ['select id from log where id < ?', [4]],
    ['select found_rows()'],
    ['select row_count()'],
    ['update log set text = concat(text, ?) where id < ?', ['x', 3]],
    ['select row_count()'],
    ['insert into other (name) values (?)', ['one']],
    ['select row_count() as n'],
    ['select last_insert_id() as id'],
    ['insert ignore into other (name) values (?)', ['one']],
    ['select last_insert_id() as id'],
    ['insert into log (text) select name from item'],
    ['select last_insert_id() as id'],
    ['delete from log where id > ?', [100]],
    ['select sql_calc_found_rows id from item limit 2'],
    ['select found_rows() as n'],
    ['select id from item limit 3'],
    ['select found_rows() as n'],
  ],
  settings: [
    ["set time_zone = '+05:00'"],
    ['select @@time_zone as zone, from_unixtime(?) as at', [0]],
    ['select from_unixtime(?) as at from item where id = 1', [0]],
    ["set session sql_mode = 'ANSI_QUOTES'"],
    ['select "id", "name" from item where id = ?', [1]],
    ['set names latin1'],
    ["select 'é' as e, hex('é') as h, charset('x') as x, id from item where id = ?", [1]],
    ["set time_zone = 'nowhere'"],
    ['set names utf8mb4'],
    ["select 'é' as e, hex('é') as h, charset('x') as x, id from item where id = ?", [1]],
    ['set group_concat_max_len = 10'],
    ['select group_concat(name) as names from item where id < ?', [9]],
    ['set group_concat_max_len = default, sql_mode = default, time_zone = default'],
    ['select group_concat(name) as names from item where id < ?', [9]],
  ],
  'variables, temporary tables and locks': [
    ['select id, name from item where id = ?', [4]],
    ['set @a = 5'],
    ['select @a as a, id from item where id = ?', [1]],
    ['select @a := @a + 1 as a'],
    ['insert into log (text) values (@a)'],
    ['delete from log where text = ?', [6]],
    ['create temporary table own (id integer primary key auto_increment, t text)'],
    ['insert into own (t) values (?)', ['x']],
    ['select * from own where id = ?', [1]],
    ['drop temporary table own'],
    ['select * from own where id = ?', [1]],
    ['lock tables item write'],
    ['select id from item where id = ?', [1]],
    ['select id from empty'],
    ['unlock tables'],
    ['select id from empty'],
    ["select get_lock(concat(database(), '.one'), 0) as got"],
    ["select release_lock(concat(database(), '.one')) as got"],
    ["prepare p from 'select ? + 1 as n'"],
    ['execute p using @a'],
    ['deallocate prepare p'],
  ],
  'transactions, and changes of tables': [
    ['begin'],
    ['insert into other (id, name) values (?, ?)', [3, 'three']],
    ['select name from other where name = ?', ['three']],
    ['rollback'],
    ['select name from other where name = ?', ['three']],
    ['set autocommit = 0'],
    ['insert into other (id, name) values (?, ?)', [3, 'three']],
    ['select name from other where name = ?', ['three']],
    ['rollback'],
    ['set autocommit = 1'],
    ['select name from other where name = ?', ['three']],
    ['select * from empty where id = ?', [1]],
    ['alter table empty add column extra integer default 7'],
    ['select * from empty where id = ?', [1]],
    ['alter table empty drop column extra'],
    ['select * from empty where id = ?', [1]],
  ],
}

/** Apart from what only says that nothing was sent, see docs/mysql2.md, and from the widths of numbers that the façade knows by itself. */
function answerOf(error: unknown, rows: unknown, database: string): unknown {
  if (error !== null && error !== undefined) {
    const { message, code, errno, sqlState, sql } = error as Error & Record<string, unknown>
    return { message: message.replaceAll(database, 'own'), code, errno, sqlState, sql }
  }
  if (Array.isArray(rows)) return rows
  const { affectedRows, changedRows, insertId, warningStatus, info } = rows as bare.ResultSetHeader
  return { affectedRows, changedRows, insertId, warningStatus, info }
}

describe.runIf(testedEngines.includes('mysql'))('queries of mysql2 that run as they are', () => {
  let ours: TestDatabase
  let theirs: TestDatabase
  let client: Client<'default'>
  /** How many did. */
  let taken = 0

  beforeEach(async () => {
    ours = await freshDatabase('mysql')
    theirs = await freshDatabase('mysql')
    client = await connect({ databases: { default: ours.dsn as Dsn }, pool: { maxConnections: 3 } })
    onTestFinished(async () => {
      vi.restoreAllMocks()
      await client.close()
      await ours.drop()
      await theirs.drop()
    })
    for (const { dsn } of [ours, theirs]) {
      const own = bare.createConnection(dsn).promise()
      for (const sql of definitions) await own.query(sql)
      await own.end()
    }
    taken = 0
    onCarriedCall(() => void (taken += 1))
  })

  type Ask = (statement: Statement) => Promise<unknown>

  /** A connection on each side: the façade's, and that of mysql2. */
  function opened(settings: bare.ConnectionOptions = {}): readonly [Ask, Ask] {
    const askOf = (connection: bare.Connection, { dsn }: TestDatabase): Ask => {
      onTestFinished(() => connection.destroy())
      const database = new URL(dsn).pathname.slice(1)
      return async ([sql, values]) =>
        await new Promise((resolve) =>
          connection.query(sql, values as bare.QueryValues, (error, rows) => resolve(answerOf(error, rows, database))),
        )
    }
    const own = mysql2For(client).createConnection(settings)
    return [askOf(own, ours), askOf(bare.createConnection({ uri: theirs.dsn, ...settings }), theirs)]
  }

  async function compare([ask, expected]: readonly [Ask, Ask], said: readonly Statement[]): Promise<void> {
    for (const [place, statement] of said.entries())
      expect(await ask(statement), `${statement[0]}, at ${place}`).toEqual(await expected(statement))
  }

  const ownPool = (options: bare.PoolOptions = {}): bare.Pool => {
    const pool = mysql2For(client).createPool(options)
    onTestFinished(async () => await pool.promise().end())
    return pool
  }

  it.each(Object.keys(conversations))('are part of what was said before on their connection: %s', async (name) => {
    for (const rowsAsArray of [false, true, false]) {
      const sides = opened({ rowsAsArray })
      for (let round = 0; round < 3; round++) await compare(sides, conversations[name]!)
    }
    // On a connection that is kept none is.
    expect(taken).toBeGreaterThanOrEqual(2)
  })

  it('tell each connection its own number', async () => {
    const pool = ownPool({ connectionLimit: 4 }).promise()
    const connections = await Promise.all([1, 2, 3].map(async () => await pool.getConnection()))
    for (let round = 0; round < 6; round++)
      for (const connection of connections) {
        const [[name], [number]] = await Promise.all([
          connection.query<Rows>('select name from item where id = ?', [4]),
          connection.query<Rows>('select connection_id() as id'),
        ])
        expect([name, number]).toEqual([[{ name: 'item é' }], [{ id: connection.threadId }]])
      }
    for (const connection of connections) connection.release()
    expect(taken).toBeGreaterThan(15)
  })

  it('take the number of the last row for LAST_INSERT_ID(), also where that came with the row: the server does not tell them apart', async () => {
    const [ask, expected] = opened()
    const given: Statement = ['insert into other (id, name) values (?, ?)', [1_000, 'given']]
    for (const said of [['insert into log (text) values (?)', ['a']] as Statement, given])
      expect(await ask(said)).toEqual(await expected(said))
    const asked: Statement = ['select last_insert_id() as id']
    expect(await expected(asked)).toEqual([{ id: 1 }])
    expect(await ask(asked)).toEqual([{ id: 1_000 }])
  })

  it('leave ROW_COUNT() to a connection that is kept, also where a text may hold several', async () => {
    await compare(opened({ multipleStatements: true }), [
      ['set @a = 1'],
      ['insert into log (text) values (?)', ['a']],
      ['select row_count() as n, @a as a'],
    ])
  })

  it('see columns that were added meanwhile', async () => {
    const sides = opened()
    const asked: readonly Statement[] = [['select * from item where id = ?', [1]], ['select * from item where id = 2']]
    for (let round = 0; round < 6; round++) await compare(sides, asked)
    await compare(sides, [["alter table item add column colour varchar(9) default 'red', drop column name"], ...asked])
    await compare(sides, [['alter table item modify column colour varbinary(9)'], ...asked, ...asked])
    expect(taken).toBeGreaterThan(12)
  })

  it('give values as their connection is set to by then', async () => {
    const told: unknown[] = []
    for (const connection of [mysql2For(client).createConnection({}), bare.createConnection(theirs.dsn)]) {
      onTestFinished(() => connection.destroy())
      const ask = async (): Promise<unknown> =>
        (await connection.promise().query<Rows>('select cast(? as date) as day', ['2026-01-01']))[0]
      for (let n = 0; n < 4; n++) await ask()
      connection.config.dateStrings = true
      told.push([await ask(), await ask()])
    }
    expect(told[0]).toEqual(told[1])
  })

  it('run under the settings of their own connections, and nobody else has them', async () => {
    const module = mysql2For(client)
    const shown = "date_format(from_unixtime(0), '%H') as hour, '1' || '0' as joined, hex('é') as e"
    const texts = (n: number): Statement =>
      n % 2 === 0
        ? [`select ${shown}, id from item where id = ?`, [1]]
        : [`select ${shown}, ${n} as id from item where id = 1`]
    const usual = { hour: '00', joined: 1, e: 'C3A9' }
    const wishes = [
      { set: [], has: usual },
      { set: ["set time_zone = '+01:00'"], has: { ...usual, hour: '01' } },
      { set: ["set session sql_mode = 'ANSI'"], has: { ...usual, joined: '10' } },
      { set: ['set names latin1'], has: { ...usual, e: 'E9' } },
      { set: ["set time_zone = '+02:00', sql_mode = 'PIPES_AS_CONCAT'"], has: { ...usual, hour: '02', joined: '10' } },
    ]
    const connections = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const { set, has } = wishes[n % wishes.length]!
        const own = module.createConnection({}).promise()
        onTestFinished(async () => await own.end())
        for (const sql of set) await own.query(sql)
        return { own, has }
      }),
    )
    const pool = ownPool({ connectionLimit: 2 }).promise()
    const users = [...connections, { own: pool, has: usual }]
    for (let round = 0; round < 30; round++)
      await Promise.all(
        users.map(async ({ own, has }, n) => {
          const [sql, values] = texts(n + round)
          expect((await own.query<Rows>(sql, values as bare.QueryValues))[0][0]).toMatchObject(has)
        }),
      )
    expect(taken).toBeGreaterThan(200)
  })

  it('come to the callers that asked, each with its own values and in its own surroundings', async () => {
    const pool = ownPool({ connectionLimit: 5 })
    const place = new AsyncLocalStorage<number>()
    const askOn = (by: bare.Pool | bare.Connection, n: number): Promise<unknown> =>
      place.run(
        n,
        () =>
          new Promise((resolve) => {
            const answered = (error: bare.QueryError | null, rows: unknown): void =>
              resolve([error?.code ?? rows, place.getStore()])
            if (n % 3 === 0) by.query(`select ${n} as n from item where id = 1`, answered)
            else if (n % 3 === 1) by.query('select ? as n from item where id = ?', [n, 1], answered)
            else by.query('insert into other (id, name) values (?, ?)', [n, 'one'], answered)
          }),
      )
    const asked = Array.from({ length: 300 }, (_, n) => n)
    const expected = asked.map((n) => [n % 3 === 2 ? 'ER_DUP_ENTRY' : [{ n }], n])
    expect(await Promise.all(asked.map((n) => askOn(pool, n)))).toEqual(expected)
    // One connection runs them one after the other, and each is part of the call that made it.
    const leased = await pool.promise().getConnection()
    const { connection } = leased as unknown as { readonly connection: bare.Connection }
    expect(await Promise.all(asked.map((n) => askOn(connection, n)))).toEqual(expected)
    leased.release()
    expect(taken).toBeGreaterThan(500)
  })

  it('belong to the session in which they were called, and so do the queries of their callbacks', async () => {
    const cluster = await privateCluster('mysql', { replicas: 1 })
    onTestFinished(async () => await cluster.stop())
    const { primary, replicas } = await cluster.createDatabase()
    const databases = { default: ours.dsn as Dsn, shared: { primary, replicas } }
    const both = await connect({ databases, tables: { visit: 'shared' }, tokens: { keys: ['a key of sixteen bytes'] } })
    onTestFinished(async () => await both.close())
    await both.query('create table visit (id integer primary key)')
    const pool = mysql2For(both).createPool({ connectionLimit: 2 })
    onTestFinished(async () => await pool.promise().end())
    const plain: Statement = ['select name from item where id = ?', [1]]
    const failing: Statement = ['insert into item (id) values (?)', [1]]
    for (const [sql, values] of [plain, failing, plain, failing])
      await pool
        .promise()
        .query(sql, values as bare.QueryValues)
        .catch(() => undefined)
    /** A plain query, and what its callback asks for: whether its session has written by then. */
    const visit = async ([sql, values]: Statement, then: Statement): Promise<boolean> =>
      await both.session(async (session) => {
        await new Promise((resolve) =>
          pool.query(sql, values as bare.QueryValues, () =>
            pool.query(then[0], then[1] as bare.QueryValues, (error) => resolve(error)),
          ),
        )
        return session.wrote
      })
    const before = taken
    const visits = Array.from({ length: 12 }, async (_, n) =>
      n % 3 === 0
        ? await visit(plain, ['select id from visit where id = ?', [n]])
        : await visit(n % 3 === 1 ? plain : failing, ['insert into visit values (?)', [n]]),
    )
    expect(await Promise.all(visits)).toEqual(Array.from({ length: 12 }, (_, n) => n % 3 !== 0))
    expect(taken).toBe(before + 12)
  })
})
