import bare from 'mysql2'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { connect, type Client, type Config, type Dsn, type PoolStats } from '../../src/index.ts'
import { startFaultProxy, type FaultProxy } from '../../src/testing/index.ts'
import { Notes, told, turn } from '../support/notes.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'
import { onCarriedCall } from '../support/carried-calls.ts'

type Module = Pick<typeof bare, 'createPool' | 'createConnection'>
type Statement = readonly [sql: string, values?: readonly unknown[]]
type Happens = (module: Module, uri: string, notes: Notes) => Promise<void>

const read: Statement = ['select name from item where id = ?', [1]]
const write: Statement = ['update item set name = name where id = ?', [1]]
const reads = [
  ['with a value', read],
  ['with its value in the text', ['select name from item where id = 1']],
] as const

/** As the parameters of `query`. */
const asText = ([sql, values]: Statement): [string, bare.QueryValues] => [sql, values as bare.QueryValues]

/** What a callback gets. */
async function asked(by: bare.Pool | bare.Connection, statement: Statement): Promise<unknown> {
  return await new Promise((resolve) => by.query(...asText(statement), (error, rows) => resolve(error ?? rows)))
}

async function leasedOf(pool: bare.Pool): Promise<bare.PoolConnection> {
  return await new Promise((resolve, reject) =>
    pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection))),
  )
}

/** From then on what is said runs as it is. */
async function warm(pool: bare.Pool | bare.Connection, ...statements: readonly Statement[]): Promise<void> {
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
  const barePool = (): ReturnType<bare.Pool['promise']> => {
    const pool = bare.createPool(database.dsn).promise()
    onTestFinished(async () => await pool.end())
    return pool
  }
  const proxied = async (): Promise<{ readonly proxy: FaultProxy; readonly module: Module }> => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(database.dsn).port) })
    onTestFinished(async () => await proxy.close())
    return { proxy, module: mysql2For(await opened(proxy.through(database.dsn))) }
  }
  /** Nobody else reads or writes `item` meanwhile. */
  const locked = async (): Promise<{
    readonly wait: (n: number) => Promise<void>
    readonly unlock: () => Promise<void>
  }> => {
    const [locker, watching] = [bare.createConnection(database.dsn).promise(), barePool()]
    onTestFinished(async () => await locker.end())
    await locker.query('lock tables item write')
    const text = "select 1 from information_schema.processlist where db = database() and state like '%table%lock%'"
    return {
      wait: async (n) =>
        await expect.poll(async () => (await watching.query(text))[0], { interval: 10 }).toHaveLength(n),
      unlock: async () => void (await locker.query('unlock tables')),
    }
  }
  /** The same happens with the façade as with mysql2. */
  const compare = async (happens: Happens): Promise<void> => {
    const [expected, found] = [new Notes(), new Notes()]
    await happens(bare, database.dsn, expected)
    expect(taken).toBe(0)
    await happens(mysql2For(client), database.dsn, found)
    expect(expected.lines.length).toBeGreaterThan(3)
    expect(found.lines).toEqual(expected.lines)
  }

  beforeEach(async () => {
    database = await freshDatabase('mysql')
    onTestFinished(async () => {
      vi.restoreAllMocks()
      await database.drop()
    })
    client = await opened(database.dsn)
    await client.query('create table item (id integer primary key auto_increment, name varchar(40))')
    await client.query("insert into item values (1, 'one'), (2, 'two')")
    await client.query('create table other (id integer primary key auto_increment, name varchar(40))')
    taken = 0
    onCarriedCall(() => void (taken += 1))
  })

  it('call back, and tell of themselves and of their pool, in the order of mysql2', async () => {
    await compare(async ({ createPool }, uri, notes) => {
      const pool = createPool({ uri, connectionLimit: 1 })
      notes.events(pool, ['acquire', 'connection', 'enqueue', 'release'])
      const texts: Statement[] = [
        read,
        ['select nothing from item where id = ?', [1]],
        ['insert into item (id) values (?)', [1]],
        write,
        ['call no_such(?)', [1]],
      ]
      await warm(pool, ...texts)
      const leased = await leasedOf(pool)
      let pending = 0
      const answered = async (): Promise<void> => {
        await expect.poll(() => pending, { interval: 1 }).toBe(0)
        await turn()
      }
      const ask = (by: bare.Pool | bare.Connection, n: number, then: () => void = () => undefined): void => {
        pending += 1
        const command = by.query(...asText(texts[n % texts.length]!), (...given: readonly unknown[]) => {
          const [error, rows, fields] = given
          notes.add(
            'called back',
            n,
            given.length,
            (error as bare.QueryError | null)?.code,
            rows,
            Array.isArray(fields),
          )
          then()
          pending -= 1
        })
        for (const event of ['end', 'fields', 'result', 'error'])
          command.on(event, (given: unknown) => notes.add(event, n, event === 'fields' ? typeof given : given))
      }
      for (let n = 0; n < 10; n++)
        ask(leased, n, () => {
          if (n === 3) ask(leased, 100)
          if (n === 5) setImmediate(() => notes.add('immediately'))
        })
      await answered()
      // Released in a callback; released too early; and with more callers than connections.
      ask(leased, 10, () => {
        leased.release()
        notes.add('released')
        ask(pool, 20, () =>
          pool.getConnection((_, again) => {
            notes.add('the same', again === leased)
            ask(again, 25, () => again.release())
          }),
        )
      })
      await answered()
      const early = await leasedOf(pool)
      ask(early, 30)
      early.release()
      for (let n = 40; n < 50; n++) ask(pool, n)
      await answered()
      await pool.promise().end()
    })
    expect(taken).toBeGreaterThan(25)
  })

  it('are as many at a time as their pool has connections, and need no more below than their client has', async () => {
    await compare(async ({ createPool }, uri, notes) => {
      const pool = createPool({ uri, connectionLimit: 20 })
      await warm(pool, read, write)
      const events: string[] = []
      for (const event of ['acquire', 'connection', 'enqueue', 'release'] as const)
        pool.on(event as 'acquire', () => events.push(event))
      const answers = Array.from({ length: 200 }, async (_, n) => await asked(pool, n % 3 === 0 ? write : read))
      notes.add(await Promise.all(answers))
      for (const event of ['connection', 'enqueue', 'release'])
        notes.add(event, events.filter((each) => each === event).length)
      await pool.promise().end()
    })
    expect(taken).toBeGreaterThan(190)
    expect(statsOf(client)).toMatchObject({ total: 8, idle: 8, waiting: 0 })
  })

  it.each([...reads, ['that writes', write] as const])(
    'one %s is stopped by KILL QUERY with its number, alone, and when the server is done with it',
    async (_, text) => {
      await compare(async ({ createPool }, uri, notes) => {
        const pool = createPool({ uri, connectionLimit: 4 })
        await warm(pool, text)
        const { wait, unlock } = await locked()
        const [one, other, killer] = [await leasedOf(pool), await leasedOf(pool), await leasedOf(pool)]
        const before = taken
        const [stopped, next] = [asked(one, text), asked(one, ['select 1 as one'])]
        const untouched = asked(other, text)
        await wait(2)
        if (before > 0) expect(taken).toBe(before + 2)
        notes.add(await asked(killer, ['kill query ?', [one.threadId]]))
        await wait(1)
        const { code, errno, sqlState, message, sql } = (await stopped) as bare.QueryError & { sql: string }
        notes.add(code, errno, sqlState, message, sql, await next)
        await unlock()
        notes.add(await untouched, await asked(one, text), await asked(killer, ['kill query ?', [one.threadId]]))
        notes.add(await asked(one, text), await asked(pool, text))
        await pool.promise().end()
      })
      await expect.poll(() => statsOf(client).idle).toBe(statsOf(client).total)
    },
  )

  it('are stopped at any moment without a trace on those of others', async () => {
    const pool = mysql2For(client).createPool({ connectionLimit: 12 })
    onTestFinished(async () => await pool.promise().end())
    const nap = (seconds: number): Statement => ['do sleep(?)', [seconds]]
    await warm(pool, nap(0), read)
    const victim = await leasedOf(pool)
    const over = new AbortController()
    const others = Array.from({ length: 6 }, async () => {
      while (!over.signal.aborted) expect(await asked(pool, read)).toEqual([{ name: 'one' }])
    })
    const codes = new Set<unknown>()
    for (let round = 0; round < 60; round++) {
      // Some end by themselves just before.
      const napping = asked(victim, nap(round % 6 === 0 ? 0.3 : 0.002))
      if (round % 3 > 0) await new Promise((resolve) => setTimeout(resolve, round % 3))
      expect(await asked(pool, ['kill query ?', [victim.threadId]])).toMatchObject({ affectedRows: 0 })
      codes.add(((await napping) as { readonly code?: string }).code)
    }
    over.abort()
    await Promise.all(others)
    victim.release()
    codes.delete(undefined)
    expect([...codes]).toEqual(['ER_QUERY_INTERRUPTED'])
    await expect.poll(() => statsOf(client).idle).toBe(statsOf(client).total)
  })

  it.each(reads)('one %s is stopped while it is read again', async (_, text) => {
    const { proxy, module } = await proxied()
    const pool = module.createPool({ connectionLimit: 4 })
    await warm(pool, text)
    const [one, killer] = [await leasedOf(pool), await leasedOf(pool)]
    one.on('error', () => undefined)
    const { wait, unlock } = await locked()
    const before = taken
    const stopped = asked(one, text)
    await wait(1)
    proxy.reset()
    // The first one is still waiting there, for nobody.
    await wait(2)
    expect(taken).toBe(before + 1)
    await asked(killer, ['kill query ?', [one.threadId]])
    expect(await stopped).toMatchObject({ code: 'ER_QUERY_INTERRUPTED', errno: 1317, sqlState: '70100' })
    await unlock()
    expect(await asked(one, text)).toEqual([{ name: 'one' }])
    await pool.promise().end()
  })

  it('one is stopped while it waits for a connection', async () => {
    const narrow = await opened(database.dsn, { maxConnections: 1 })
    const pool = mysql2For(narrow).createPool({ connectionLimit: 3 })
    await warm(pool, read)
    const { wait, unlock } = await locked()
    const [one, waiting, killer] = [await leasedOf(pool), await leasedOf(pool), await leasedOf(pool)]
    const [first, second] = [asked(one, read), asked(waiting, read)]
    await wait(1)
    await asked(killer, ['kill query ?', [waiting.threadId]])
    expect(await second).toMatchObject({ code: 'ER_QUERY_INTERRUPTED', errno: 1317, sqlState: '70100' })
    await unlock()
    expect([await first, await asked(waiting, read)]).toEqual([[{ name: 'one' }], [{ name: 'one' }]])
    await pool.promise().end()
    expect(statsOf(narrow)).toMatchObject({ total: 1, idle: 1, waiting: 0 })
  })

  it('one ends with its connection when that is killed, and is stopped there', async () => {
    await compare(async ({ createPool }, uri, notes) => {
      const pool = createPool({ uri, connectionLimit: 4 })
      await warm(pool, read)
      const { wait, unlock } = await locked()
      const [one, killer] = [await leasedOf(pool), await leasedOf(pool)]
      notes.events(one, ['end', 'error'])
      const tell = (name: string, error: unknown, rows: unknown): void =>
        notes.add(name, told(error), (error as bare.QueryError).fatal, rows)
      for (const name of ['running', 'queued']) one.query(...asText(read), (error, rows) => tell(name, error, rows))
      await wait(1)
      await asked(killer, ['kill ?', [one.threadId]])
      await notes.reach(3)
      await turn()
      await wait(0)
      notes.add(told(await asked(one, read)))
      await unlock()
      notes.add(await asked(pool, read))
      killer.release()
      await pool.promise().end()
    })
    expect(taken).toBeGreaterThan(2)
    await expect.poll(() => statsOf(client).idle).toBe(statsOf(client).total)
  })

  it('one that runs is answered though its connection is destroyed, as with mysql2', async () => {
    await compare(async ({ createPool }, uri, notes) => {
      const pool = createPool({ uri, connectionLimit: 2 })
      await warm(pool, read)
      const { wait, unlock } = await locked()
      const one = await leasedOf(pool)
      one.query(...asText(read), (error, rows) => notes.add('running', error, rows)).on('end', () => notes.add('end'))
      await wait(1)
      one.destroy()
      notes.add(told(await asked(one, read)))
      const two = await leasedOf(pool)
      await unlock()
      await notes.reach(3)
      notes.add(await asked(two, read), await asked(pool, read))
      await turn()
      two.release()
      await pool.promise().end()
    })
    expect(taken).toBeGreaterThan(2)
    expect(statsOf(client).idle).toBe(statsOf(client).total)
  })

  it('are answered though their pool, or their connection, is ended meanwhile', async () => {
    await compare(async ({ createPool, createConnection }, uri, notes) => {
      const pool = createPool({ uri, connectionLimit: 2 })
      const connection = createConnection({ uri })
      await warm(pool, read, write)
      await warm(connection, read)
      await Promise.all([read, write, read].map(async (text) => await asked(pool, text)))
      for (const [by, atOnce] of [
        [pool, 2],
        [connection, 1],
      ] as const) {
        const { wait, unlock } = await locked()
        const running = [0, 1, 2, 3].map(async (n) => [n, await asked(by, n === 1 ? ['select 1 as one'] : read)])
        await wait(atOnce)
        const ended = by.promise().end()
        notes.add(told(await asked(by, read)))
        await unlock()
        for (const [n, answer] of await Promise.all(running))
          notes.add(n, answer instanceof Error ? told(answer) : answer)
        await ended
      }
    })
    expect(taken).toBeGreaterThan(8)
    expect(statsOf(client).idle).toBe(statsOf(client).total)
  })

  it('wait with their connection where it is paused, as with mysql2', async () => {
    await compare(async ({ createConnection }, uri, notes) => {
      const connection = createConnection({ uri })
      await warm(connection, read)
      connection.query(...asText(read), (_, rows) => notes.add('first', rows))
      connection.pause()
      connection.query(...asText(read), (_, rows) => {
        notes.add('second', rows)
        connection.pause()
      })
      await turn()
      notes.add('paused')
      connection.resume()
      await notes.reach(3)
      connection.resume()
      notes.add(await asked(connection, read))
      await connection.promise().end()
    })
    expect(taken).toBeGreaterThan(3)
  })
})
