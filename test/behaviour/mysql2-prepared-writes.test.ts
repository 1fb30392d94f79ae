import type bare from 'mysql2'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { PrepareCommand } from '../../src/drivers/mysql/prepare-command.ts'
import { PreparedWrites } from '../../src/drivers/mysql/prepared-writes.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { told } from '../support/notes.ts'
import { testedEngines } from '../support/servers.ts'
import { executedOn, SharedReadsBench, upTo, type Statement } from '../support/shared-reads.ts'

const definitions = [
  'create table item (id integer primary key, stock integer not null default 0, name varchar(20))',
  "insert into item (id, name) values (1, 'one'), (2, 'two'), (3, 'three')",
  'create table log (id integer primary key auto_increment, text varchar(20))',
]
const add = (id: number, more = 1): Statement => ['update item set stock = stock + ? where id = ?', [more, id]]
const stocks = 'select stock from item order by id'

describe.runIf(testedEngines.includes('mysql'))('writes of mysql2 that are sent prepared', () => {
  const at = new SharedReadsBench(definitions)

  /** A pool whose client has one connection, and one by which others do things. */
  async function pools(limits: Parameters<typeof at.client>[0] = {}, dsn = at.dsn) {
    const client = await at.client({ maxConnections: 1, ...limits }, dsn)
    return { client, pool: at.poolOf(client, { connectionLimit: 8 }), others: at.barePool().promise() }
  }

  async function times(count: number, work: () => Promise<unknown>): Promise<void> {
    for (let n = 0; n < count; n++) await work()
  }

  const done = { affectedRows: 1, warningStatus: 0 }

  it('are so from the fifth time on, each text on each connection once', async () => {
    const { pool } = await pools()
    const prepared = vi.spyOn(PrepareCommand.prototype, 'execute')
    const before = await executedOn(pool)
    for (const [n, executed] of [0, 0, 0, 0, 1, 2].entries()) {
      expect(await at.asked(pool, add(1, n))).toMatchObject(done)
      expect((await executedOn(pool)) - before).toBe(executed)
    }
    await times(6, async () => expect(await at.asked(pool, ['update item set name = ? where id = ?', [null, 2]])))
    expect(prepared.mock.calls.filter(([packet]) => packet === undefined)).toHaveLength(2)
    expect(await at.asked(pool, [stocks])).toEqual([{ stock: 15 }, { stock: 0 }, { stock: 0 }])
    await at.expectOnce()
  })

  it('are not where that is off, under settings of a session, in other character sets, or for values and texts that are not for it', async () => {
    const { searchParams, href } = new URL(at.dsn)
    searchParams.set('charset', 'LATIN1_SWEDISH_CI')
    const { pool } = await pools()
    const sets = at.poolOf(await at.client({ maxConnections: 1 }), { connectionLimit: 1 })
    sets.on('connection', (connection) => connection.query("set time_zone = '+01:00'"))
    const places = [
      (await pools({ statementCacheSize: 0 })).pool,
      (await pools({}, `${href}?charset=LATIN1_SWEDISH_CI`)).pool,
      (await pools({}, `${href}?compress=true`)).pool,
      sets,
    ]
    for (const by of places) {
      const before = await executedOn(by)
      await times(7, async () => expect(await at.asked(by, add(2))).toMatchObject(done))
      expect(await executedOn(by)).toBe(before)
    }
    const others: readonly Statement[] = [
      add(3, 1.5),
      ['update item set name = ? where id = ?', [new Date(0).toISOString().slice(0, 9), '3e0']],
      ['update item set name = ? where id = ?', [Buffer.from('x'), 3]],
      ['insert into log (text) values (?) returning id', ['x']],
      ['insert into log (text) select ?', ['x']],
      ['update item set name = concat(?, ?) where id = 3', ['x', 'y']],
      ['delete from log where id = ? limit ?', [1, 1]],
    ]
    const before = await executedOn(pool)
    for (const other of others) await times(7, async () => await at.asked(pool, other))
    expect((await executedOn(pool)) - before).toBe(3)
    await at.expectOnce()
  })

  it('are so in transactions, too, behind the first statement', async () => {
    const { pool } = await pools()
    const before = await executedOn(pool)
    const transaction = await pool.promise().getConnection()
    await transaction.beginTransaction()
    await times(8, async () => await transaction.query(...(add(3) as [string, number[]])))
    await transaction.rollback()
    transaction.release()
    expect((await executedOn(pool)) - before).toBe(4)
    expect(await at.asked(pool, [stocks])).toEqual([{ stock: 0 }, { stock: 0 }, { stock: 0 }])
    await at.expectOnce()
  })

  it('do what their text does after their tables have changed, with the same errors', async () => {
    const [{ pool }, there] = [await pools(), (await at.place(definitions)).dsn]
    const [theirs, here] = [at.barePool({ uri: there }), at.barePool()]
    const insert: Statement = ['insert into item (id, name) values (?, ?)', [1, 'again']]
    await times(5, async () => await at.asked(pool, insert))
    const before = await executedOn(pool)
    const answers = async (by: bare.Pool): Promise<unknown> => {
      const [error, rows] = await at.told(by, insert)
      return error === null ? rows : told(error).map((each) => String(each).replace(/signalbox_\w+/, 'shop'))
    }
    const changes = [
      'select 1',
      'alter table item add more integer not null default 5',
      'alter table item change name title varchar(20)',
      'alter table item change title name varchar(3)',
      'rename table item to other',
      'create table item (id integer primary key, name text)',
      'create or replace view item2 as select * from item',
      'drop table item',
      'create view item as select id, name from other',
    ]
    for (const change of changes) {
      for (const by of [here, theirs]) await at.asked(by, [change])
      for (let n = 0; n < 3; n++) expect([change, await answers(pool)]).toEqual([change, await answers(theirs)])
    }
    expect((await executedOn(pool)) - before).toBeGreaterThan(10)
    await at.expectOnce()
  })

  it('go as text where the server does not know them any more, and are prepared anew', async () => {
    vi.spyOn(PreparedWrites.prototype, 'forget').mockImplementation(() => undefined)
    const stale = vi.spyOn(PreparedWrites.prototype, 'drop')
    const { pool } = await pools()
    await times(5, async () => await at.asked(pool, add(1)))
    const session = await pool.promise().getConnection()
    await session.query('set @a = 1')
    session.release()
    await times(5, async () => expect(await at.asked(pool, add(1))).toMatchObject(done))
    expect(await at.asked(pool, [stocks])).toEqual([{ stock: 10 }, { stock: 0 }, { stock: 0 }])
    expect(stale).toHaveBeenCalledTimes(1)
    // By the session that was reset: one of five goes as text.
    expect(await executedOn(pool)).toBeGreaterThan(3)
    await at.expectOnce()
  })

  it('have the values that there were when they were called', async () => {
    const texts: unknown[] = []
    for (const by of [(await pools()).pool, at.barePool({ connectionLimit: 1 })]) {
      const session = await by.promise().getConnection()
      const { connection } = session as unknown as { readonly connection: bare.Connection }
      const row: unknown[] = []
      const answers = upTo(10).map(async (n) => {
        row[0] = `loop ${n}`
        return await at.asked(connection, ['insert into log (text) values (?)', row])
      })
      row.push('more')
      await Promise.all(answers)
      session.release()
      texts.push(await at.asked(by, ['select text from log order by id']))
      await at.asked(by, ['delete from log'])
    }
    expect(texts[0]).toEqual(upTo(10).map((n) => ({ text: `loop ${n}` })))
    expect(texts[0]).toEqual(texts[1])
    await at.expectOnce()
  })

  it.each(['kill query', 'kill'])(
    'are stopped by %s from outside while they are prepared, as what runs',
    async (how) => {
      const { pool, others } = await pools()
      await times(4, async () => await at.asked(pool, add(1)))
      const locker = await at.barePool().promise().getConnection()
      await locker.query('begin')
      await locker.query('select * from item')
      const change = at.asked(at.barePool(), ["alter table item comment 'changed'"])
      const waiting =
        "select id, info from information_schema.processlist where db = database() and state like '%metadata lock%' order by id"
      await expect.poll(async () => (await others.query(waiting))[0], { interval: 10 }).toHaveLength(1)
      const preparing = at.asked(pool, add(1))
      await expect.poll(async () => (await others.query(waiting))[0], { interval: 10 }).toHaveLength(2)
      const [rows] = await others.query<bare.RowDataPacket[]>(waiting)
      await others.query(`${how} ${rows.find(({ info }) => !String(info).startsWith('alter'))!['id']}`)
      expect(await preparing).toMatchObject({
        code: how === 'kill' ? expect.stringMatching(/LOST|KILLED|RESET/) : 'ER_QUERY_INTERRUPTED',
      })
      await locker.query('commit')
      locker.release()
      await change
      expect(await at.asked(pool, [stocks])).toEqual([{ stock: 4 }, { stock: 0 }, { stock: 0 }])
      await times(3, async () => expect(await at.asked(pool, add(1))).toMatchObject(done))
      await at.expectOnce()
    },
  )

  it('are forgotten with a session that is reset', async () => {
    const { pool } = await pools()
    await times(5, async () => await at.asked(pool, add(1)))
    const session = await pool.promise().getConnection()
    await session.query('set @a = 1')
    session.release()
    const stale = vi.spyOn(PreparedWrites.prototype, 'drop')
    await times(5, async () => expect(await at.asked(pool, add(1))).toMatchObject(done))
    expect(stale).not.toHaveBeenCalled()
    expect(await at.asked(pool, [stocks])).toEqual([{ stock: 10 }, { stock: 0 }, { stock: 0 }])
  })

  it('are kept up to statementCacheSize on each connection; the server closes the others', async () => {
    const { pool } = await pools({ statementCacheSize: 2 })
    const text = (n: number): Statement => [`update item set stock = stock + ? where id = 1 and ${n} = ${n}`, [1]]
    const counts = async (): Promise<number[]> => {
      const sql =
        "select variable_value as n from information_schema.session_status where variable_name in ('COM_STMT_PREPARE', 'COM_STMT_CLOSE') order by variable_name desc"
      return ((await at.asked(pool, [sql])) as readonly { readonly n: string }[]).map(({ n }) => Number(n))
    }
    const [prepared, closed] = await counts()
    await times(6, async () => {
      for (const n of upTo(5)) expect(await at.asked(pool, text(n))).toMatchObject(done)
    })
    expect(await counts()).toEqual([prepared! + 10, closed! + 8])
    expect(await at.asked(pool, [stocks])).toMatchObject([{ stock: 30 }, {}, {}])
    await at.expectOnce()
  })

  it('are stopped while they run, and while they are prepared', async () => {
    const { client, pool, others } = await pools({ maxConnections: 2 })
    await times(6, async () => await at.many(pool, add(1), 2))
    const before = (await at.asked(pool, [stocks])) as readonly { readonly stock: number }[]
    const waits = async (state: string, count = 1): Promise<void> => {
      const text = `select id from information_schema.processlist where db = database() and state like '${state}'`
      await expect.poll(async () => (await others.query(text))[0], { interval: 10 }).toHaveLength(count)
    }
    const [victim, killer, locker] = await Promise.all(
      [pool, pool, at.barePool()].map(async (each) => await each.promise().getConnection()),
    )
    const { connection } = victim as unknown as { readonly connection: bare.Connection }
    const kill = async (): Promise<unknown> => await killer!.query('kill query ?', [victim!.threadId])
    await locker!.query('begin')
    await locker!.query('update item set stock = stock where id = 1')
    const running = at.asked(connection, add(1))
    await waits('%updating%')
    await kill()
    expect(await running).toMatchObject({ code: 'ER_QUERY_INTERRUPTED', errno: 1317 })
    await locker!.query('rollback')
    const other: Statement = ['update item set stock = ? where id = ?', [7, 1]]
    await times(
      4,
      async () => await at.asked(connection, ['update item set stock = ? where id = ?', [before[0]!.stock, 1]]),
    )
    await locker!.query('begin')
    await locker!.query('select * from item')
    // Whoever prepares something waits behind it.
    const change = at.asked(at.barePool(), ["alter table item comment 'changed'"])
    await waits('%metadata lock%')
    const executed = vi.spyOn(PrepareCommand.prototype, 'execute')
    const preparing = at.asked(connection, other)
    await waits('%metadata lock%', 2)
    expect(executed).toHaveBeenCalledTimes(1)
    await kill()
    expect(await preparing).toMatchObject({ code: 'ER_QUERY_INTERRUPTED', errno: 1317 })
    await locker!.query('commit')
    await change
    expect(await at.asked(connection, [stocks])).toEqual(before)
    for (const each of [victim, killer, locker]) each!.release()
    await times(4, async () => expect(await at.asked(pool, add(1))).toMatchObject(done))
    await expect.poll(() => at.statsOf(client).idle).toBe(at.statsOf(client).total)
    await at.expectOnce()
  })

  it.each(['prepared', 'executed'])(
    'end with their connection while they are %s, once, as with mysql2, and are not sent again',
    async (when) => {
      const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(at.dsn).port) })
      onTestFinished(async () => await proxy.close())
      const { pool, others } = await pools({}, proxy.through(at.dsn))
      const theirs = at.barePool({ uri: proxy.through(at.dsn), connectionLimit: 1 })
      const log: Statement = ['insert into log (text) values (?)', ['x']]
      await times(when === 'prepared' ? 4 : 5, async () => await at.asked(pool, log))
      await at.asked(theirs, log)
      const outcomes: unknown[] = []
      for (const by of [pool, theirs]) {
        for (const connection of proxy.connections)
          connection.apply({ kind: 'cut-after', direction: 'to-client', bytes: 0 })
        const error = await at.asked(by, log)
        outcomes.push([told(error), (error as bare.QueryError).fatal])
      }
      expect(outcomes[0]).toEqual(outcomes[1])
      expect(await at.asked(pool, log)).toMatchObject(done)
      const [[count]] = await others.query<bare.RowDataPacket[]>('select count(*) as n from log')
      // What was prepared had not been sent; mysql2's own had.
      expect(count).toEqual({ n: when === 'prepared' ? 7 : 9 })
      await at.expectOnce()
    },
  )

  it('do what each of many callers says, errors included', async () => {
    const { pool } = await pools({ maxConnections: 6, statementCacheSize: 3 })
    const expected = [0, 0, 0]
    const work = async (part: number): Promise<void> => {
      for (const n of upTo(40)) {
        const id = ((part + n) % 3) + 1
        expected[id - 1]! += n
        expect(await at.asked(pool, add(id, n))).toMatchObject(n === 0 ? { affectedRows: 1, changedRows: 0 } : done)
        const twice = await at.asked(pool, ['insert into item (id, name) values (?, ?)', [id, `of ${part}`]])
        expect(twice).toMatchObject({ code: 'ER_DUP_ENTRY', sqlMessage: `Duplicate entry '${id}' for key 'PRIMARY'` })
        const { insertId } = (await at.asked(pool, [
          'insert into log set text = ?',
          [`${part} ${n}`],
        ])) as bare.ResultSetHeader
        expect(await at.asked(pool, ['select text from log where id = ?', [insertId]])).toEqual([
          { text: `${part} ${n}` },
        ])
        expect(await at.asked(pool, ['delete from log where id = ? or id = ?', [insertId, -1]])).toMatchObject(done)
      }
    }
    await Promise.all(upTo(20).map(work))
    expect(await at.asked(pool, [stocks])).toEqual(expected.map((stock) => ({ stock })))
    await at.expectOnce()
  })
})
