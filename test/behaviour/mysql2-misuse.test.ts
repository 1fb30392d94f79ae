import bare from 'mysql2'
import barePromise from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import * as facade from '../../src/adapters/mysql2.ts'
import * as facadePromise from '../../src/adapters/mysql2/promise.ts'
import type { Dsn } from '../../src/index.ts'
import type { TestCluster } from '../../src/testing/index.ts'
import { Notes, told, turn } from '../support/notes.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

/** What a misuse is tried on: mysql2 itself, or the façade. */
interface Modules {
  readonly core: Pick<typeof facade, 'createPool' | 'createConnection' | 'createPoolCluster'>
  readonly promise: Pick<typeof facadePromise, 'createPool' | 'createConnection' | 'createPoolCluster'>
}

type Misuse = (modules: Modules, dsn: Dsn, notes: Notes) => Promise<void>

type Callback = (error: Error | null, ...answer: unknown[]) => void

/** Notes what a callback gets, and waits for that; or what was thrown in its place. */
async function called(notes: Notes, what: string, call: (done: Callback) => unknown): Promise<void> {
  await new Promise<void>((resolve) => {
    try {
      call((error) => {
        notes.add(what, error ? told(error) : 'done')
        resolve()
      })
    } catch (error) {
      notes.add(what, 'thrown', told(error))
      resolve()
    }
  })
}

const poolEvents = ['acquire', 'connection', 'enqueue', 'release']

/** Connections of a pool: all of them, and those that are free. */
function counts(pool: barePromise.Pool): readonly number[] {
  const queues = pool.pool as unknown as Record<'_allConnections' | '_freeConnections', { readonly length: number }>
  return [queues._allConnections.length, queues._freeConnections.length]
}

/** What a connection with promises is around. */
function coreOf(connection: barePromise.Connection): bare.Connection {
  return (connection as unknown as { readonly connection: bare.Connection }).connection
}

const misuses: Readonly<Record<string, Misuse>> = {
  'a connection that is released twice': async ({ promise }, dsn, notes) => {
    const pool = promise.createPool(dsn)
    notes.events(pool, poolEvents)
    const leased = await pool.getConnection()
    leased.release()
    notes.thrown('release', () => leased.release())
    notes.thrown('releaseConnection', () => pool.releaseConnection(leased))
    notes.add(counts(pool))
    await pool.end()
  },
  'a query on a connection that was released, destroyed or ended': async ({ promise }, dsn, notes) => {
    const pool = promise.createPool({ uri: dsn, connectionLimit: 2 })
    const leased = await pool.getConnection()
    leased.release()
    await notes.of('released', leased.query('select 1'))
    const destroyed = await pool.getConnection()
    destroyed.destroy()
    await turn()
    await notes.of('destroyed', destroyed.query('select 1'))
    await notes.of('executed', destroyed.execute('select 1'))
    notes.thrown('release', () => destroyed.release())
    notes.thrown('destroy', () => destroyed.destroy())
    notes.add(counts(pool))
    notes.add((await pool.query('select 1 as one'))[0])
    await pool.end()
  },
  'a query after the end of a connection': async ({ promise, core }, dsn, notes) => {
    const connection = await promise.createConnection(dsn)
    notes.events(coreOf(connection), ['end', 'error'])
    await connection.end()
    await notes.of('query', connection.query('select 1'))
    await notes.of('begin', connection.beginTransaction())
    await notes.of('ping', connection.ping())
    await notes.of('connect', connection.connect())
    await notes.of('end', connection.end())
    await turn()
    const other = core.createConnection(dsn)
    notes.events(other, ['end', 'error'])
    await called(notes, 'end', (done) => other.end(done))
    await called(notes, 'query', (done) => other.query('select 1', done))
    // Without a callback the connection itself tells.
    other.query('select 1')
    await turn()
  },
  'a query after the end of a pool': async ({ promise, core }, dsn, notes) => {
    const pool = promise.createPool(dsn)
    await pool.query('select 1')
    await pool.end()
    await notes.of('query', pool.query('select 1'))
    await notes.of('execute', pool.execute('select 1'))
    await notes.of('connection', pool.getConnection())
    await turn()
    await notes.of('end', pool.end())
    const fresh = core.createPool(dsn)
    let isOver = false
    fresh.end(() => void (isOver = true))
    notes.add('at once', isOver)
    await called(notes, 'query', (done) => fresh.query('select 1', done))
    await called(notes, 'end', (done) => fresh.end(done))
  },
  'a connection that ends while a query runs': async ({ promise }, dsn, notes) => {
    const connection = await promise.createConnection(dsn)
    notes.events(coreOf(connection), ['end', 'error'])
    const running = notes.of('running', connection.query('select sleep(0.2)'))
    const ended = notes.of('end', connection.end())
    await notes.of('late', connection.query('select 1'))
    await Promise.all([running, ended])
    await turn()
  },
  'a pool that ends while queries run, and others wait': async ({ promise }, dsn, notes) => {
    const pool = promise.createPool({ uri: dsn, connectionLimit: 1 })
    notes.events(pool, poolEvents)
    const leased = await pool.getConnection()
    const running = notes.of('running', leased.query('select sleep(0.2)'))
    const waiting = notes.of('waiting', pool.query('select 1'))
    const ended = pool.end()
    await notes.of('late', pool.query('select 1'))
    await Promise.all([running, waiting])
    // Noted last: that of the façade comes when what the pool has opened is closed.
    await notes.of('end', ended)
    notes.thrown('release', () => leased.release())
    await notes.of('query', leased.query('select 1'))
    await turn()
  },
  'a connection that is asked before it is there, and connects twice': async ({ core }, dsn, notes) => {
    const connection = core.createConnection(dsn)
    notes.events(connection, ['connect', 'error'])
    await called(notes, 'early', (done) => connection.query('select 1', done))
    await called(notes, 'connect', (done) => connection.connect(done))
    await called(notes, 'again', (done) => connection.connect(done))
    await called(notes, 'end', (done) => connection.end(done))
  },
  'queries that cannot be': async ({ core, promise }, dsn, notes) => {
    const asked: Readonly<Record<string, (connection: bare.Connection, done: Callback) => unknown>> = {
      null: (connection, done) => connection.query(null as never, done),
      nothing: (connection) => (connection.query as () => unknown).call(connection),
      empty: (connection, done) => connection.query({} as never, done),
      'empty text': (connection, done) => connection.query('', done),
      number: (connection, done) => connection.query(1 as never, done),
      'prepared number': (connection, done) => connection.execute(1 as never, done),
      undefined: (connection, done) => connection.execute('select ?', [undefined as never], done),
      function: (connection, done) => connection.execute('select ?', [(() => 1) as never], done),
      object: (connection, done) => connection.execute('select ?', { a: 1 } as never, done),
      'too few': (connection, done) => connection.execute('select ?, ?', [1], done),
      'too many': (connection, done) => connection.execute('select ?', [1, 2], done),
      syntax: (connection, done) => connection.query('selec 1', done),
      several: (connection, done) => connection.query('select 1; select 2', done),
      'prepared syntax': (connection, done) => connection.prepare('selec 1', done as never),
      isolation: (connection, done) => connection.query('set transaction isolation level nothing', done),
      'time limit': (connection, done) => connection.query({ sql: 'select sleep(0.3)', timeout: 50 }, done),
    }
    for (const [what, ask] of Object.entries(asked)) {
      const connection = core.createConnection(dsn)
      notes.events(connection, ['error'])
      await called(notes, what, (done) => ask(connection, done))
      await called(notes, `after ${what}`, (done) => connection.query('select 1', done))
      connection.destroy()
    }
    // Without a callback, the command tells.
    const connection = core.createConnection(dsn)
    const command = connection.query('selec 2')
    await new Promise<void>((resolve) => {
      command.on('error', (error: Error) => notes.add('command', told(error)))
      command.on('end', () => resolve())
    })
    connection.end()
    const pool = promise.createPool(dsn)
    notes.thrown('callback', () => void pool.query('select 1', (() => undefined) as never))
    notes.thrown('executed', () => void pool.execute('select 1', (() => undefined) as never))
    await notes.of('undefined', pool.execute('select ?', [undefined as never]))
    notes.add(counts(pool))
    await pool.end()
  },
  'transactions that are none': async ({ promise }, dsn, notes) => {
    const connection = await promise.createConnection(dsn)
    await notes.of('commit', connection.commit())
    await notes.of('rollback', connection.rollback())
    await connection.beginTransaction()
    await notes.of('begin again', connection.beginTransaction())
    await notes.of('savepoint', connection.query('rollback to savepoint nowhere'))
    await connection.rollback()
    await notes.of('release', connection.query('release savepoint nowhere'))
    await connection.query('start transaction read only')
    await notes.of('write', connection.query('create temporary table one (id integer)'))
    await connection.end()
  },
  'limits of pools that are reached': async ({ promise }, dsn, notes) => {
    for (const options of [{ waitForConnections: false }, { queueLimit: 1 }]) {
      const pool = promise.createPool({ uri: dsn, connectionLimit: 1, ...options })
      notes.events(pool, poolEvents)
      const leased = await pool.getConnection()
      const waiting = notes.of('waiting', pool.query('select 1'))
      await notes.of('too many', pool.query('select 2'))
      leased.release()
      await waiting
      await pool.end()
    }
  },
  'clusters without nodes, or with one twice': async ({ core, promise }, dsn, notes) => {
    const cluster = core.createPoolCluster()
    await called(notes, 'none', (done) => cluster.getConnection(done as never))
    cluster.add('one', dsn)
    cluster.add('one', { host: 'nowhere.invalid' })
    await called(notes, 'other', (done) => cluster.of('two').query('select 1', done))
    await called(notes, 'one', (done) => cluster.of('one').query('select 1', done))
    await called(notes, 'end', (done) => cluster.end(done))
    await called(notes, 'end again', (done) => cluster.end(done))
    const fleeting = promise.createPoolCluster({ canRetry: false, removeNodeErrorCount: 1 })
    notes.events(fleeting, ['remove', 'warn', 'offline', 'online'])
    const url = new URL(dsn)
    url.port = '1'
    fleeting.add('dead', url.href)
    await notes.of('dead', fleeting.getConnection('dead'))
    await notes.of('gone', fleeting.getConnection('dead'))
    await notes.of('end', fleeting.end())
  },
  'settings that an ORM understands, and mysql2 does not': async ({ promise }, dsn, notes) => {
    const warned = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const settings = {
      uri: dsn,
      replication: { master: { url: dsn }, slaves: [{ url: dsn }] },
      pool: undefined,
      dialect: 'mysql',
    }
    const pool = promise.createPool(settings as facade.PoolOptions)
    notes.add((await pool.query('select 1 as one'))[0])
    const connection = await promise.createConnection({ ...settings, acquireTimeout: 1 } as facade.ConnectionOptions)
    await connection.end()
    await pool.end()
    notes.add(new Set(warned.mock.calls.flat()))
  },
  'settings that cannot be': async ({ core, promise }, dsn, notes) => {
    const wrong = [
      undefined,
      null,
      'no URL',
      { uri: 'mysql://[' },
      { uri: dsn, charset: 'nothing' },
      { uri: dsn, ssl: 'Nobody' },
      { uri: dsn, ssl: true },
    ]
    for (const [number, options] of wrong.entries()) {
      notes.thrown(`pool ${number}`, () => core.createPool(options as never).end())
      notes.thrown(`connection ${number}`, () => core.createConnection(options as never))
      await notes.of(`promise ${number}`, (async () => await promise.createConnection(options as never))())
    }
    await notes.of('flags', promise.createConnection({ uri: dsn, connectTimeout: 'soon' as never, password: 'wrong' }))
  },
}

describe.runIf(testedEngines.includes('mysql'))('misuse comes to the same as with mysql2 itself', () => {
  let cluster: TestCluster
  let dsn: Dsn
  beforeAll(async () => {
    cluster = await privateCluster('mysql', { replicas: 0 })
    dsn = (await cluster.createDatabase()).primary
  })
  afterAll(async () => await cluster.stop())

  it.each(Object.keys(misuses))('%s', async (name) => {
    const [expected, found] = [new Notes(), new Notes()]
    await misuses[name]!({ core: bare, promise: barePromise }, dsn, expected)
    await misuses[name]!({ core: facade, promise: facadePromise }, dsn, found)
    expect(expected.lines.length).toBeGreaterThan(0)
    expect(found.lines).toEqual(expected.lines)
  })

  it('says in a hint what is known besides', async () => {
    const hintOf = async (promise: Promise<unknown>): Promise<unknown> =>
      await promise.then(
        () => 'done',
        (error: unknown) => (error as { readonly hint?: unknown }).hint,
      )
    const pool = facadePromise.createPool({ uri: dsn, connectionLimit: 1, queueLimit: 1 })
    const leased = await pool.getConnection()
    const waiting = pool.query('select 1')
    const forgotten = await hintOf(pool.query('select 2'))
    expect(forgotten).toBe(
      "1 of the pool's connections is lent, and 1 other call waits. No command runs on 1 of them: was release() forgotten? Call it in a finally. " +
        'They hold no connection to a server while they are idle, so connectionLimit can be larger.',
    )
    const running = leased.query('select sleep(0.2)')
    expect(await hintOf(pool.query('select 3'))).toContain('A command runs on each of them.')
    await running
    leased.release()
    await waiting
    const killed = await pool.getConnection()
    const other = await facadePromise.createConnection(dsn)
    await other.query('kill ?', [killed.threadId])
    expect(await hintOf(killed.query('select 1'))).toBe(
      'It was lost before: Connection lost: The server closed the connection. Take another by getConnection(), which gives none that is lost.',
    )
    await other.end()
    expect(await hintOf(other.query('select 1'))).toBe(
      'end() or destroy() was called on it before this command, or its pool was ended. Make a new one by createConnection(), or use a pool, which replaces those that are lost.',
    )
    await pool.end()
    expect(await hintOf(pool.query('select 1'))).toMatch(/^end\(\) was called on the pool\. /)
  })

  it('other than with mysql2, a function for values that throws fails its statement alone', async () => {
    const pool = facadePromise.createPool({ uri: dsn, connectionLimit: 1 })
    const typeCast = (): never => {
      throw new RangeError('no such value')
    }
    for (let round = 0; round < 3; round++) {
      await expect(pool.query({ sql: 'select 1 as one union select 2', typeCast })).rejects.toThrow('no such value')
      expect((await pool.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
    }
    await pool.end()
  })
})
