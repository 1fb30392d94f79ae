import type bare from 'mysql2'
import { describe, expect, it, vi } from 'vitest'
import { LateBegin } from '../../src/drivers/mysql/late-begin.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { told } from '../support/notes.ts'
import { testedEngines } from '../support/servers.ts'
import { SharedReadsBench, type Statement } from '../support/shared-reads.ts'
import { writesTo } from '../support/socket-writes.ts'

const definitions = [
  'create table item (id integer primary key, stock integer not null default 0, name varchar(20) unique)',
  "insert into item (id, name) values (1, 'one'), (2, 'two'), (3, 'three')",
  'create function add_to(n integer) returns integer modifies sql data begin update item set stock = stock + n where id = 1; return n; end',
]
const find = (id: number): Statement => ['select id, stock, name from item where id = ?', [id]]
const set = (id: number, stock: unknown): Statement => ['update item set stock = ? where id = ?', [stock, id]]
const all: Statement = ['select id, stock from item order by id']

describe.runIf(testedEngines.includes('mysql'))('transactions of mysql2', () => {
  const at = new SharedReadsBench(definitions)

  async function places(dsn = at.dsn) {
    const client = await at.client({ maxConnections: 2 }, dsn)
    return { client, pool: at.poolOf(client, { connectionLimit: 4 }), theirs: at.barePool({ connectionLimit: 4 }) }
  }

  async function sessionOf(pool: bare.Pool): Promise<bare.PoolConnection> {
    const { connection } = (await pool.promise().getConnection()) as unknown as { connection: bare.PoolConnection }
    return connection
  }

  /** What `say` comes to, one after the other, as a program can tell it. */
  async function answersTo(by: bare.Connection, ...said: readonly (Statement | string)[]): Promise<unknown[]> {
    const answers: unknown[] = []
    for (const each of said) {
      const [error, rows] = await at.told(by, typeof each === 'string' ? [each] : each)
      answers.push(error === null ? plain(rows) : told(error))
    }
    return answers
  }

  /** Once in vain, so that each text is known, and a connection was used a moment ago. */
  async function warmed(pool: bare.Pool): Promise<void> {
    const session = await sessionOf(pool)
    await answersTo(session, 'begin', find(1), set(1, 0), find(1), 'rollback', find(1), set(1, 0))
    session.release()
  }

  const conversations: Readonly<Record<string, readonly (Statement | string)[]>> = {
    'a read, a change and a read': ['begin', find(1), set(1, 5), find(1), 'commit', find(1)],
    undone: ['begin', find(1), set(1, 6), set(2, 6), find(2), 'rollback', all],
    'a change first': ['start transaction', set(1, 7), find(1), set(2, 7), 'commit', all],
    'read only': ['start transaction read only', find(1), find(2), find(1), 'commit', all],
    'a savepoint': [
      'begin',
      find(1),
      set(1, 9),
      'savepoint a',
      set(2, 9),
      find(2),
      'rollback to a',
      find(2),
      set(3, 9),
      'commit',
      all,
    ],
    'errors between': [
      'begin',
      find(1),
      set(1, 10),
      ['insert into item (id, name) values (?, ?)', [9, 'one']],
      set(2, null),
      'select nonsense',
      find(1),
      'commit',
      all,
    ],
    'a lock': [
      'begin',
      ['select id from item where id = ? for update', [1]],
      set(1, 11),
      ['select id from item where id = ? for update', [2]],
      'commit',
      all,
    ],
    'a variable': [
      'begin',
      find(1),
      'set @a = 3',
      ['select @a as a, id from item where id = ?', [1]],
      set(1, 3),
      'rollback',
      all,
    ],
    'a level': ['set transaction isolation level serializable', 'begin', find(1), set(1, 12), 'commit', all],
    'a time zone': [
      "set time_zone = '+01:00'",
      'begin',
      find(1),
      ['select from_unixtime(?) as t, id from item where id = 1', [0]],
      set(1, 13),
      'commit',
      all,
    ],
    'one that begins another': ['begin', find(1), set(1, 14), 'begin', find(1), set(1, 15), 'rollback', all],
    'autocommit off': [
      'set autocommit = 0',
      find(1),
      set(1, 16),
      find(1),
      'rollback',
      find(1),
      set(2, 16),
      'commit',
      'set autocommit = 1',
      all,
    ],
    'a table made within': [
      'begin',
      find(1),
      set(1, 17),
      'create table made (id integer)',
      set(2, 17),
      'rollback',
      all,
      'drop table made',
    ],
  }

  it.each(Object.entries(conversations))('answer as with mysql2: %s', async (_name, said) => {
    const { pool, theirs } = await places()
    await warmed(pool)
    const [there, here] = [await sessionOf(theirs), await sessionOf(pool)]
    for (let n = 0; n < 7; n++) {
      const expected = await answersTo(there, ...said)
      await answersTo(there, 'update item set stock = 0')
      expect([n, await answersTo(here, ...said)]).toEqual([n, expected])
      await answersTo(there, 'update item set stock = 0')
    }
    here.release()
    there.release()
    await at.expectOnce()
  })

  it('execute prepared statements as with mysql2, and refuse what it refuses', async () => {
    const { pool, theirs } = await places()
    const said: readonly (readonly [string, ...unknown[]])[] = [
      ['update item set stock = ? where id = ?', [5, 1]],
      ['select id, stock from item where id = ?', [1]],
      ['insert into item (id, name) values (?, ?)', [9, 'one']],
      ['select nonsense'],
      ['select ? as a', [undefined]],
      ['select ? as a', [() => 1]],
      ['select ? as a', { a: 1 }],
      ['select ? as a', 5],
      ['select ? as a', []],
      ['select 1 as a'],
    ]
    const answers = async (by: bare.Pool): Promise<unknown[]> => {
      const session = await by.promise().getConnection()
      const all: unknown[] = []
      for (let n = 0; n < 4; n++) {
        await session.query('begin')
        for (const [sql, ...values] of said) {
          for (const options of [{}, { rowsAsArray: true }]) {
            // mysql2 throws what it refuses by itself.
            const asked = (async () => await session.execute({ ...options, sql }, ...(values as [])))()
            all.push(await asked.then(([rows]) => plain(rows), told))
          }
        }
        await session.query('rollback')
      }
      session.release()
      return all
    }
    const expected = await answers(theirs)
    expect(await answers(pool)).toEqual(expected)
    await at.expectOnce()
  })

  it('run behind their first statement as the commands that they are, on the connection of the transaction', async () => {
    const { pool } = await places()
    await warmed(pool)
    const session = await sessionOf(pool)
    const before = at.alone
    await answersTo(session, 'begin', find(1), set(1, 5), find(1), set(1, 6), 'commit')
    expect(at.alone - before).toBe(3)
    expect(await answersTo(session, find(1))).toEqual([[{ id: 1, stock: 6, name: 'one' }]])
    session.release()
  })

  it('begin in one go with a read that comes first, and before a change', async () => {
    const { pool } = await places()
    await warmed(pool)
    const writes = writesTo(Number(new URL(at.dsn).port))
    const session = await sessionOf(pool)
    await answersTo(session, 'begin', find(1), set(1, 5), 'commit')
    expect(writes.map((each) => each.replace(/\W+/g, ' '))).toEqual([
      expect.stringMatching(/START TRANSACTION.*select id/),
      expect.stringMatching(/update item/),
      expect.stringMatching(/COMMIT/),
    ])
    writes.length = 0
    await answersTo(session, 'begin', set(1, 6), find(1), 'rollback')
    expect(writes.map((each) => each.replace(/\W+/g, ' '))).toEqual([
      expect.stringMatching(/START TRANSACTION ?$/),
      expect.stringMatching(/update item/),
      expect.stringMatching(/select id/),
      expect.stringMatching(/ROLLBACK/),
    ])
    // Whatever a function of their own does, it would do without a transaction.
    const writing: Statement = ['select add_to(?) as n from item where id = 1', [1]]
    for (let n = 0; n < 3; n++) {
      await answersTo(session, 'rollback')
      writes.length = 0
      await answersTo(session, 'begin', writing, 'rollback')
      expect(writes[0]!.replace(/\W+/g, ' ')).toMatch(/START TRANSACTION ?$/)
    }
    session.release()
  })

  it('change nothing where their server begins none, whatever comes first', async () => {
    const { pool } = await places()
    await warmed(pool)
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const { wait } = LateBegin.prototype
    let isRefused = true
    const waited = vi.spyOn(LateBegin.prototype, 'wait').mockImplementation(function (this: LateBegin, text) {
      return wait.call(this, isRefused ? `${text} OF NO KIND` : text)
    })
    for (const before of [[], ["set time_zone = '+01:00'"]]) {
      isRefused = false
      await warmed(pool)
      isRefused = true
      waited.mockClear()
      const session = await sessionOf(pool)
      const said = [...before, 'begin', find(1), set(1, 5), set(2, 5), find(1), 'commit']
      const [read, ...later] = (await answersTo(session, ...said)).slice(before.length + 1)
      expect(waited.mock.results).toMatchObject([{ value: true }])
      expect(read).toEqual(expect.arrayContaining(['ER_PARSE_ERROR']))
      for (const each of later)
        expect(each).toEqual(expect.arrayContaining([expect.stringMatching(/began no transaction|lost/)]))
      await answersTo(session, 'rollback', 'set time_zone = default')
      session.release()
    }
    isRefused = false
    const session = await sessionOf(pool)
    expect(await answersTo(session, all)).toEqual([[1, 2, 3].map((id) => ({ id, stock: 0 }))])
    expect(
      await answersTo(session, 'begin', find(1), set(1, 5), 'commit', ['select stock from item where id = 1']),
    ).toContainEqual([{ stock: 5 }])
    session.release()
  })

  const unreadable = {
    toJSON: () => {
      throw new Error('unreadable')
    },
  }

  it('begin though their first read cannot be sent, and are lost without a word to anybody else', async () => {
    const server = new URL(at.dsn)
    await using proxy = await startFaultProxy({ host: server.hostname, port: Number(server.port) })
    const { pool } = await places(proxy.through(at.dsn))
    await warmed(pool)
    const session = await pool.promise().getConnection()
    const bad = async (): Promise<unknown> =>
      await session.execute(...([find(1)[0], [unreadable]] as unknown as [string, []])).catch(told)
    await session.execute(...(find(1) as [string, number[]]))
    await session.query('begin')
    expect(await bad()).toEqual(expect.arrayContaining(['unreadable']))
    expect((await session.execute(...(find(1) as [string, number[]])))[0]).toHaveLength(1)
    await session.query('rollback')
    await warmed(pool)
    await session.execute(...(find(1) as [string, number[]]))
    await session.query('begin')
    const lost = vi.fn()
    session.connection.on('error', lost)
    proxy.apply({ kind: 'black-hole' })
    expect(await bad()).toEqual(expect.arrayContaining(['unreadable']))
    proxy.reset()
    proxy.apply({ kind: 'pass' })
    await session.query('rollback').catch(() => undefined)
    expect(lost).not.toHaveBeenCalled()
    session.release()
    await at.expectOnce()
  })

  it('are stopped by KILL QUERY while they begin', async () => {
    const server = new URL(at.dsn)
    await using proxy = await startFaultProxy({ host: server.hostname, port: Number(server.port) })
    const { pool } = await places(proxy.through(at.dsn))
    const [session, killer] = [await sessionOf(pool), await sessionOf(pool)]
    const writing: Statement = ['select add_to(?) as n from item where id = 1', [5]]
    await warmed(pool)
    await answersTo(session, 'begin', writing, 'rollback', 'begin')
    proxy.apply({ kind: 'delay', ms: 60 })
    const answer = at.asked(session, writing)
    await at.asked(killer, ['kill query ?', [session.threadId]])
    expect(told(await answer)).toEqual(expect.arrayContaining(['ER_QUERY_INTERRUPTED']))
    proxy.apply({ kind: 'pass' })
    await answersTo(session, 'commit')
    expect(await answersTo(killer, 'select stock from item where id = 1')).toEqual([[{ stock: 0 }]])
    session.release()
    killer.release()
  })

  it('hand nothing of an answer that could not be read to what comes next', async () => {
    const { pool } = await places()
    await warmed(pool)
    const session = await sessionOf(pool)
    const rows = 'select id, name from item where id > ?'
    await answersTo(session, 'begin', [rows, [0]])
    const next = Promise.withResolvers<unknown>()
    const typeCast = (): never => {
      throw new Error('unreadable')
    }
    const failed = await new Promise((resolve) => {
      session.query({ sql: rows, values: [0], typeCast }, (error) => {
        session.query(...(set(1, 5) as [string, number[]]), (failure) => next.resolve(failure))
        resolve(error)
      })
    })
    expect(told(failed)).toEqual(expect.arrayContaining(['unreadable']))
    expect(told(await next.promise)).toEqual(expect.arrayContaining([expect.stringMatching(/ECONNABORTED|LOST/)]))
    await answersTo(session, 'rollback')
    session.release()
    expect(await at.asked(pool, all)).toEqual([1, 2, 3].map((id) => ({ id, stock: 0 })))
  })

  it('are over when two wait for each other, and told so', async () => {
    const { pool, theirs } = await places()
    await warmed(pool)
    for (const by of [theirs, pool]) {
      const [one, other] = [await sessionOf(by), await sessionOf(by)]
      await answersTo(one, 'begin', find(1), set(1, 1))
      await answersTo(other, 'begin', find(2), set(2, 1), set(3, 1))
      const both = await Promise.all([answersTo(other, set(1, 2)), answersTo(one, set(2, 2))])
      expect(JSON.stringify(both)).toContain('ER_LOCK_DEADLOCK')
      await answersTo(one, 'rollback')
      await answersTo(other, 'rollback')
      expect(await answersTo(one, all)).toEqual([[1, 2, 3].map((id) => ({ id, stock: 0 }))])
      one.release()
      other.release()
    }
  })

  it('are undone where they are left, stopped or cut off', async () => {
    const server = new URL(at.dsn)
    await using proxy = await startFaultProxy({ host: server.hostname, port: Number(server.port) })
    const { pool, theirs } = await places(proxy.through(at.dsn))
    await warmed(pool)
    const there = await sessionOf(theirs)
    const unchanged = async (): Promise<void> =>
      await expect
        .poll(async () => await answersTo(there, 'select stock from item where stock <> 0 for update'))
        .toEqual([[]])

    const left = await sessionOf(pool)
    await answersTo(left, 'begin', find(1), set(1, 5))
    left.release()
    await unchanged()

    const destroyed = await sessionOf(pool)
    await answersTo(destroyed, 'begin', find(1), set(1, 5))
    const answered = at.asked(destroyed, ['select sleep(?) as s, id from item where id = 1', [0.2]])
    destroyed.destroy()
    await unchanged()
    // As with mysql2.
    expect(await answered).toEqual([{ s: 0, id: 1 }])

    const stopped = await sessionOf(pool)
    await answersTo(stopped, 'begin', find(1), set(1, 5))
    await answersTo(there, 'begin', set(3, 0))
    let before = at.alone
    const answer = at.asked(stopped, set(3, 5))
    expect(at.alone).toBe(before + 1)
    const killer = await sessionOf(pool)
    await at.asked(killer, ['kill query ?', [stopped.threadId]])
    killer.release()
    expect(told(await answer)).toEqual(expect.arrayContaining(['ER_QUERY_INTERRUPTED']))
    expect(await answersTo(stopped, find(1), 'rollback')).toEqual([
      [{ id: 1, stock: 5, name: 'one' }],
      expect.anything(),
    ])
    stopped.release()

    const killed = await sessionOf(pool)
    const deaf = vi.fn()
    killed.on('error', deaf)
    await answersTo(killed, 'begin', find(1), set(1, 5))
    before = at.alone
    const cutOff = at.asked(killed, set(3, 5))
    expect(at.alone).toBe(before + 1)
    const other = await sessionOf(pool)
    await at.asked(other, ['kill ?', [killed.threadId]])
    other.release()
    expect(told(await cutOff)).toEqual(expect.arrayContaining(['PROTOCOL_CONNECTION_LOST']))

    const isLost = expect.arrayContaining([expect.stringMatching(/ECONNRESET|PROTOCOL_CONNECTION_LOST/)])
    const cut = await sessionOf(pool)
    await answersTo(cut, 'begin', find(1), set(1, 5))
    before = at.alone
    const lost = at.asked(cut, set(3, 5))
    expect(at.alone).toBe(before + 1)
    proxy.reset()
    expect(told(await lost)).toEqual(isLost)
    expect(await answersTo(cut, set(1, 6))).toEqual([isLost])
    await answersTo(there, 'rollback')
    await answersTo(cut, 'rollback')
    cut.release()
    await unchanged()
    there.release()
  })
})

/** A header has the state of its own connection in it. */
function plain(rows: unknown): unknown {
  if (Array.isArray(rows)) return rows
  const { affectedRows, insertId, changedRows, warningStatus } = rows as bare.ResultSetHeader
  return { affectedRows, insertId, changedRows, warningStatus }
}
