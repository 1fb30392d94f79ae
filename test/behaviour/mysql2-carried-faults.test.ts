import { execFile } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import bare from 'mysql2'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { connect, type Client, type Config, type Dsn, type PoolStats } from '../../src/index.ts'
import { startFaultProxy, type FaultProxy } from '../../src/testing/index.ts'
import { told, turn } from '../support/notes.ts'
import { freshDatabase, privateServer, testedEngines, type TestDatabase } from '../support/servers.ts'
import { onCarriedCall } from '../support/carried-calls.ts'

type Rows = bare.RowDataPacket[]
type Statement = readonly [sql: string, values?: readonly unknown[]]

const read: Statement = ['select name from item where id = ?', [1]]
const write: Statement = ['insert into log (text) values (?)', ['x']]

/** As the parameters of `query`. */
const asText = ([sql, values]: Statement): [string, bare.QueryValues] => [sql, values as bare.QueryValues]

/** What a callback gets, the first time. */
async function asked(by: bare.Pool | bare.Connection, statement: Statement): Promise<unknown> {
  return await new Promise((resolve) => by.query(...asText(statement), (error, rows) => resolve(error ?? rows)))
}

/** From then on what is said runs as it is. */
async function warm(pool: bare.Pool, ...statements: readonly Statement[]): Promise<void> {
  for (const statement of statements) for (let n = 0; n < 3; n++) await asked(pool, statement)
}

describe.runIf(testedEngines.includes('mysql'))('queries of mysql2 that run as they are', () => {
  let database: TestDatabase
  let client: Client<'default'>
  /** How many did. */
  let taken = 0

  const opened = async (dsn: string, pool: Config['pool'] = {}): Promise<Client<'default'>> => {
    const made = await connect({ databases: { default: dsn as Dsn }, pool: { maxConnections: 8, ...pool } })
    onTestFinished(async () => await made.close())
    return made
  }
  const statsOf = (of: Client<'default'>): PoolStats => Object.values(of.stats())[0]!
  const ownPool = (of: Client<'default'>, options: bare.PoolOptions = {}): bare.Pool => {
    const pool = mysql2For(of).createPool({ connectionLimit: 4, ...options })
    onTestFinished(async () => await pool.promise().end())
    return pool
  }
  const barePool = (dsn = database.dsn): ReturnType<bare.Pool['promise']> => {
    const pool = bare.createPool(dsn).promise()
    onTestFinished(async () => await pool.end())
    return pool
  }
  const proxied = async (): Promise<{ readonly proxy: FaultProxy; readonly pool: bare.Pool }> => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(database.dsn).port) })
    const behind = await opened(proxy.through(database.dsn))
    onTestFinished(async () => await proxy.close())
    return { proxy, pool: ownPool(behind) }
  }
  /** Connections to the database, as the server counts them, but for one's own. */
  const connectionsOf = async (by: ReturnType<bare.Pool['promise']>): Promise<readonly number[]> => {
    const text = 'select id from information_schema.processlist where db = database() and id <> connection_id()'
    return (await by.query<Rows>(text))[0].map((row) => Number(row['id'])).sort((a, b) => a - b)
  }

  beforeEach(async () => {
    database = await freshDatabase('mysql')
    onTestFinished(async () => {
      vi.restoreAllMocks()
      await database.drop()
    })
    client = await opened(database.dsn)
    await client.query('create table item (id integer primary key, name varchar(40))')
    await client.query("insert into item values (1, 'one'), (2, 'two')")
    await client.query('create table log (id integer primary key auto_increment, text text)')
    taken = 0
    onCarriedCall(() => void (taken += 1))
  })

  const wide = [
    ['with a value', (): Statement => ['select seq as n, repeat(?, 50) as t from seq_1_to_300', ['x']]],
    [
      'with its value in the text',
      (n: number): Statement => [`select seq as n, repeat('${n}', 50) as t from seq_1_to_300`],
    ],
  ] as const

  it.each(wide)('one %s is read again where its connection breaks, and is answered once', async (_, text) => {
    const { proxy, pool } = await proxied()
    for (let n = 0; n < 6; n++) await asked(pool, text(n))
    for (const bytes of [0, 3, 40, 200, 2_000, 15_000]) {
      for (const connection of proxy.connections) connection.apply({ kind: 'cut-after', direction: 'to-client', bytes })
      const before = taken
      const answers: unknown[] = []
      pool.query(...asText(text(100 + bytes)), (error, rows) =>
        answers.push(error ?? (rows as Rows).map((row) => row['n'] as number)),
      )
      await expect.poll(() => answers.length, { interval: 5 }).toBe(1)
      expect(taken).toBe(before + 1)
      await turn()
      expect(answers).toEqual([Array.from({ length: 300 }, (_, n) => n + 1)])
    }
  })

  it.each(wide)('one %s says once what columns it has, though it is read again', async (_, text) => {
    const { proxy, pool } = await proxied()
    for (let n = 0; n < 6; n++) await asked(pool, text(n))
    for (const connection of proxy.connections)
      connection.apply({ kind: 'cut-after', direction: 'to-client', bytes: 2_000 })
    const events: string[] = []
    await new Promise<void>((resolve) => {
      const query = pool.query(...asText(text(100)), () => resolve())
      for (const event of ['fields', 'result', 'end']) query.on(event, () => events.push(event))
    })
    expect(events).toEqual(['fields', 'end'])
  })

  it('one that writes fails once where its connection breaks, with the error of mysql2, and is not sent again', async () => {
    const { proxy, pool } = await proxied()
    await warm(pool, write)
    const theirs = bare.createPool({ uri: proxy.through(database.dsn), connectionLimit: 1 })
    onTestFinished(async () => await theirs.promise().end())
    await warm(theirs, write)
    const outcomes: unknown[][] = []
    for (const [by, side] of [
      [pool, 'ours'],
      [theirs, 'theirs'],
    ] as const) {
      const answers: unknown[] = []
      for (const connection of proxy.connections)
        connection.apply({ kind: 'cut-after', direction: 'to-client', bytes: 0 })
      by.query(write[0], [side], (error, rows) => answers.push(error === null ? rows : [told(error), error.fatal]))
      await expect.poll(() => answers.length, { interval: 5 }).toBe(1)
      await turn()
      const { affectedRows } = (await asked(by, write)) as bare.ResultSetHeader
      outcomes.push([answers, affectedRows])
    }
    expect(outcomes[0]).toEqual(outcomes[1])
    expect(outcomes[0]![0]).toHaveLength(1)
    const [written] = await barePool().query<Rows>("select text from log where text <> 'x'")
    // A server that had to prepare it first has not got it at all.
    expect(written.filter(({ text }) => text === 'ours').length).toBeLessThanOrEqual(1)
    expect(taken).toBeGreaterThanOrEqual(4)
  })

  it('end with their server, once each, and go on when it is there again', async () => {
    const server = await privateServer('mysql')
    onTestFinished(async () => await server.stop())
    const { dsn } = await server.createDatabase()
    const behind = await opened(dsn)
    for (const sql of [
      'create table item (id integer primary key, name text)',
      'create table log (id integer primary key auto_increment, text text)',
    ])
      await behind.query(sql)
    await behind.query("insert into item values (1, 'one')")
    const pool = ownPool(behind, { connectionLimit: 6 })
    const leased = await pool.promise().getConnection()
    const { connection } = leased as unknown as { readonly connection: bare.Connection }
    await warm(pool, read, write)
    const locker = bare.createConnection(dsn)
    locker.on('error', () => undefined)
    await locker.promise().query('lock tables item write, log write')
    const before = taken
    const answers: string[] = []
    for (const statement of [read, write, read, write])
      pool.query(...asText(statement), (error) => answers.push(`${statement[0].slice(0, 6)} ${error?.code}`))
    connection.query(...asText(read), (error) => answers.push(`leased ${error?.code}`))
    await expect.poll(() => taken, { interval: 5 }).toBe(before + 5)
    server.kill('SIGKILL')
    await expect.poll(() => answers.length, { interval: 10 }).toBe(5)
    await server.exited()
    const refused = (of: string): unknown => expect.stringMatching(new RegExp(`^${of} ECONN(?:REFUSED|RESET)$`))
    // A server that dies before it has read what was sent resets the connection.
    const lost: unknown = expect.stringMatching(/^insert (?:PROTOCOL_CONNECTION_LOST|ECONNRESET)$/)
    expect(answers.sort((a, b) => (a < b ? -1 : 1))).toEqual([
      lost,
      lost,
      refused('leased'),
      refused('select'),
      refused('select'),
    ])
    await server.restart()
    expect(await asked(pool, write)).toMatchObject({ affectedRows: 1 })
    expect(await asked(connection, read)).toEqual([{ name: 'one' }])
    // It is restarted while nobody asks anything: none of the connections at hand is there any more.
    await Promise.all([read, write, read].map(async (statement) => await asked(pool, statement)))
    expect(statsOf(behind).idle).toBeGreaterThan(1)
    await server.restart()
    await expect.poll(() => statsOf(behind).total, { interval: 5 }).toBe(0)
    expect(await asked(pool, write)).toMatchObject({ affectedRows: 1 })
    expect(await asked(connection, read)).toEqual([{ name: 'one' }])
    leased.release()
    await turn()
    expect(answers).toHaveLength(5)
  })

  it('have connections at hand that count as idle, and are closed when nobody wanted them for their time', async () => {
    const brief = await opened(database.dsn, { idleTimeoutMs: 200 })
    const [pool, watching] = [ownPool(brief, { connectionLimit: 12 }), barePool()]
    await warm(pool, read)
    const others = await connectionsOf(watching)
    for (let n = 0; n < 20; n++) await asked(pool, read)
    expect(statsOf(brief)).toMatchObject({ total: 1, idle: 1, waiting: 0 })
    expect(await connectionsOf(watching)).toEqual(others)
    await Promise.all(Array.from({ length: 40 }, async () => await asked(pool, ['do sleep(?)', [0.01]])))
    expect(statsOf(brief)).toMatchObject({ total: 8, idle: 8, waiting: 0 })
    const used = async (): Promise<number> => {
      await asked(pool, read)
      return statsOf(brief).total
    }
    const begun = performance.now()
    await expect.poll(used, { interval: 20, timeout: 5_000 }).toBe(1)
    expect(performance.now() - begun).toBeGreaterThan(150)
    // The one that is used goes on; a busy server takes its time to end the others.
    await expect.poll(async () => await connectionsOf(watching), { interval: 20 }).toHaveLength(others.length)
    const kept = await connectionsOf(watching)
    for (let n = 0; n < 12; n++) {
      await turn()
      expect(await used()).toBe(1)
    }
    expect(await connectionsOf(watching)).toEqual(kept)
    await expect.poll(() => statsOf(brief), { interval: 20, timeout: 5_000 }).toMatchObject({ total: 0, idle: 0 })
    expect(await asked(pool, read)).toEqual([{ name: 'one' }])
    expect(taken).toBeGreaterThan(30)
  })

  it('are not given a connection that the server has ended, so that no write fails', async () => {
    const own = await opened(database.dsn)
    const [pool, watching] = [ownPool(own), barePool()]
    const before = new Set(await connectionsOf(watching))
    await warm(pool, write)
    const mine = async (): Promise<readonly number[]> => (await connectionsOf(watching)).filter((id) => !before.has(id))
    for (let round = 0; round < 5; round++) {
      await Promise.all([asked(pool, write), asked(pool, write), asked(pool, write)])
      const ids = await mine()
      const ended = ids.slice(0, 1 + (round % 3))
      const { total } = statsOf(own)
      expect(total).toBe(ids.length)
      for (const id of ended) await watching.query('kill ?', [id])
      await expect.poll(() => statsOf(own).total, { interval: 5 }).toBe(total - ended.length)
      expect(statsOf(own).idle).toBe(statsOf(own).total)
      expect(await Promise.all([asked(pool, write), asked(pool, write)])).toMatchObject([
        { affectedRows: 1 },
        { affectedRows: 1 },
      ])
      expect((await mine()).filter((id) => ended.includes(id))).toEqual([])
    }
    expect(taken).toBeGreaterThan(20)
  })

  it('keep the process alive while they run, and their connections do not', async () => {
    const program = `
      import { createPool } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/adapters/mysql2.ts')).href)}
      const pool = createPool({ uri: ${JSON.stringify(database.dsn)}, connectionLimit: 4 })
      const ask = async (...said) => await new Promise((resolve) => pool.query(...said, resolve))
      const texts = [['select name from item where id = ?', [1]], ['do sleep(?)', [0]]]
      for (let n = 0; n < 40; n++) await Promise.all(texts.map(async (text) => await ask(...text)))
      pool.query('do sleep(?)', [0.4], (error) => {
        const idle = performance.now()
        process.on('exit', () => console.log(error?.code ?? 'answered', Math.round(performance.now() - idle)))
      })`
    const args = ['--input-type=module', '-e', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
    const [answer, idleMs] = stdout.split(' ')
    expect(answer).toBe('answered')
    expect(Number(idleMs)).toBeLessThan(2_000)
  })

  it('fail alone where a function for values throws, and leave no rows to others on their connection', async () => {
    const pool = ownPool(client)
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const typeCast = (): never => {
      throw new RangeError('no such value')
    }
    // Each row fills more than one part of what comes at a time.
    const rows = "select '' as a, 'a' as b, repeat('x', 100000) as c from seq_1_to_50"
    await warm(pool, write, read, [rows])
    const leased = await pool.promise().getConnection()
    const { connection } = leased as unknown as { readonly connection: bare.Connection }
    for (const sql of [rows, 'select 1 as one union select 2', 'select seq from seq_1_to_20000'])
      for (let round = 0; round < 6; round++) {
        const by = round % 2 === 0 ? pool : connection
        const failed = await new Promise((resolve) => by.query({ sql, typeCast }, resolve))
        expect(failed).toMatchObject({ message: 'no such value' })
        expect(await asked(by, write)).toMatchObject({ affectedRows: 1 })
        expect(await asked(by, read)).toEqual([{ name: 'one' }])
      }
    leased.release()
    expect(logged).not.toHaveBeenCalled()
    expect(taken).toBeGreaterThan(20)
  })

  it('leave their connection whole where a listener pauses it at their end, or throws', async () => {
    const pool = ownPool(client, { connectionLimit: 1 })
    await warm(pool, write, read)
    for (const event of ['result', 'end']) {
      const leased = await pool.promise().getConnection()
      const { connection } = leased as unknown as { readonly connection: bare.Connection }
      await new Promise((resolve) => connection.query(...asText(write), resolve).once(event, () => connection.pause()))
      connection.resume()
      leased.release()
      expect(await Promise.all([client.query('select 1 as n'), asked(pool, read)])).toHaveLength(2)
    }
    for (let round = 0; round < 3; round++) {
      const failed = new Promise((resolve) =>
        pool.query(...asText(read), resolve).once('fields', () => {
          throw new RangeError('not heard')
        }),
      )
      expect(await failed).toMatchObject({ message: 'not heard' })
    }
    expect(await asked(pool, write)).toMatchObject({ affectedRows: 1 })
  })

  it('get no connection that was lost while somebody had it', async () => {
    const own = await opened(database.dsn)
    const [pool, watching] = [ownPool(own), barePool()]
    const before = new Set(await connectionsOf(watching))
    await warm(pool, write)
    for await (const _ of own.stream('select 1 as n union select 2')) {
      const ids = (await connectionsOf(watching)).filter((id) => !before.has(id))
      for (const id of ids) await watching.query('kill ?', [id])
      await expect.poll(() => statsOf(own).total, { interval: 5 }).toBe(0)
    }
    expect(statsOf(own).idle).toBe(0)
    expect(await asked(pool, write)).toMatchObject({ affectedRows: 1 })
  })

  it('are told to who listens, for as long as somebody does', async () => {
    const pool = ownPool(client)
    await warm(pool, read)
    const before = taken
    const heard: string[] = []
    const listen = (event: unknown): void => void heard.push((event as { readonly sql: string }).sql)
    const events = channel('tracing:signalbox:query:start')
    events.subscribe(listen)
    onTestFinished(() => {
      events.unsubscribe(listen)
    })
    await asked(pool, read)
    events.unsubscribe(listen)
    expect(heard).toEqual([read[0]])
    expect(taken).toBe(before)
    await asked(pool, read)
    expect([heard.length, taken]).toEqual([1, before + 1])
  })
})
