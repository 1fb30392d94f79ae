import bare from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import * as facade from '../../src/adapters/pg.ts'
import { connect } from '../../src/index.ts'
import type { ClusterDatabase, TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

/** What loses a connection: pg itself, or the façade. */
interface Module {
  readonly Pool: facade.PoolClass
  readonly Client: facade.ClientClass
}

type Note = (...line: unknown[]) => void

const told = (error: unknown): unknown => {
  const { name, message, code } = error as { name: string; message: string; code?: string }
  return [(error as object).constructor.name, name, message, code]
}

const noted = async (note: Note, what: string, promise: Promise<unknown>): Promise<void> =>
  await promise.then(
    () => note(what, 'done'),
    (error: unknown) => note(what, told(error)),
  )

/** The connection that a client has to itself, as its server calls it. */
const backendOf = async (client: bare.ClientBase): Promise<number> => {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}

/** Notes how a client ends, and waits for it. */
const hearing = (client: bare.ClientBase, note: Note): { readonly over: Promise<void> } => {
  client.on('error', (error) => note('error', told(error)))
  const over = new Promise<void>((resolve) =>
    client.once('end', () => {
      note('end')
      resolve()
    }),
  )
  return { over }
}

describe.runIf(testedEngines.includes('postgres'))('a connection that a session is kept on, and that breaks', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 0 })
  })
  afterAll(async () => await cluster.stop())
  beforeEach(async () => {
    database = await cluster.createDatabase()
  })

  /** From elsewhere: nothing of the façade knows of it. */
  const terminate = async (pid: number): Promise<void> => {
    const other = new bare.Client(database.primary)
    await other.connect()
    await other.query('select pg_terminate_backend($1)', [pid])
    await other.end()
  }

  /** Waits until a statement that sleeps runs there. */
  const asleep = async (pid: number): Promise<void> => {
    const other = new bare.Client(database.primary)
    await other.connect()
    const text =
      "select count(*)::int as n from pg_stat_activity where pid = $1 and state = 'active' and query ~ 'pg_sleep'"
    await expect.poll(async () => (await other.query(text, [pid])).rows).toEqual([{ n: 1 }])
    await other.end()
  }

  const losses: Readonly<Record<string, (module: Module, note: Note) => Promise<void>>> = {
    'while it listens': async ({ Client }, note) => {
      const client = new Client(database.primary)
      const { over } = hearing(client, note)
      await client.connect()
      await client.query('listen news')
      await terminate(await backendOf(client))
      await over
      await noted(note, 'query', client.query('select 1'))
      await noted(note, 'end', client.end())
    },
    'under a statement': async ({ Client }, note) => {
      const client = new Client(database.primary)
      const { over } = hearing(client, note)
      await client.connect()
      await client.query('create temporary table own (id integer)')
      const pid = await backendOf(client)
      const running = noted(note, 'running', client.query('select pg_sleep(20)'))
      const waiting = noted(note, 'waiting', client.query('select 1'))
      await asleep(pid)
      await terminate(pid)
      await Promise.all([running, waiting, over])
    },
    'in a transaction that was begun there': async ({ Client }, note) => {
      const client = new Client(database.primary)
      const { over } = hearing(client, note)
      await client.connect()
      await client.query('select pg_advisory_lock(1)')
      await client.query('begin')
      await terminate(await backendOf(client))
      await over
      await noted(note, 'commit', client.query('commit'))
    },
    'with its server': async ({ Client }, note) => {
      const client = new Client(database.primary)
      const { over } = hearing(client, note)
      await client.connect()
      await client.query('listen news')
      cluster.primary.kill('SIGKILL')
      await over
      await cluster.primary.restart()
    },
    'when it was lent by a pool, and is given back with the error': async ({ Pool }, note) => {
      const pool = new Pool({ connectionString: database.primary, max: 1 })
      pool.on('error', (error) => note('pool', told(error)))
      pool.on('remove', () => note('removed'))
      const client = await pool.connect()
      const broken = new Promise<Error>((resolve) => client.once('error', resolve))
      const { over } = hearing(client, note)
      await client.query('listen news')
      await terminate(await backendOf(client))
      // Given back between the two, the second error may or may not be told: by pg itself as well.
      await over
      client.release(await broken)
      const { rows } = await pool.query('select 1 as one')
      note(rows, pool.totalCount)
      const removed = new Promise((resolve) => pool.once('remove', resolve))
      await Promise.all([pool.end(), removed])
    },
    'when it was lent by a pool, and is given back as if nothing had been': async ({ Pool }, note) => {
      const pool = new Pool({ connectionString: database.primary, max: 1 })
      pool.on('error', (error) => note('pool', told(error)))
      const client = await pool.connect()
      const { over } = hearing(client, note)
      await client.query('listen news')
      cluster.primary.kill('SIGKILL')
      await over
      await cluster.primary.restart()
      client.release()
      const { rows } = await pool.query('select 1 as one')
      note(rows, pool.totalCount)
      await pool.end()
    },
    'and is ended by whoever hears of it': async ({ Client }, note) => {
      const client = new Client(database.primary)
      const ended = new Promise<void>((resolve) =>
        client.once('error', () => {
          client.end(() => {
            note('ended')
            resolve()
          })
        }),
      )
      const { over } = hearing(client, note)
      await client.connect()
      await client.query('listen news')
      await terminate(await backendOf(client))
      await Promise.all([ended, over])
    },
  }

  it.each(Object.keys(losses))('%s ends its client as with pg itself', async (name) => {
    const [expected, found]: [unknown[], unknown[]] = [[], []]
    await losses[name]!(bare, (...line) => void expected.push(line))
    await losses[name]!(facade, (...line) => void found.push(line))
    expect(expected.length).toBeGreaterThan(0)
    expect(found).toEqual(expected)
  })

  it.each(['while nothing runs', 'while its last statement runs'])(
    'is nobody’s any more once the client was given back, %s',
    async (when) => {
      const pool = new facade.Pool({ connectionString: database.primary, max: 1 })
      const heard: unknown[] = []
      pool.on('error', (error) => heard.push(error))
      const client = await pool.connect()
      client.on('error', (error) => heard.push(error))
      await client.query('listen news')
      const pid = await backendOf(client)
      const running = when === 'while nothing runs' ? undefined : client.query('select pg_sleep(20)')
      const failed = running?.then(undefined, (error: unknown) => error)
      if (running !== undefined) await asleep(pid)
      client.release()
      await terminate(pid)
      if (failed !== undefined) expect(await failed).toMatchObject({ code: '57P01' })
      const again = await pool.connect()
      expect(again).toBe(client)
      expect((await again.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      again.release()
      expect(heard).toEqual([])
      await pool.end()
    },
  )

  describe('and a statement that Signalbox refuses', () => {
    let client: bare.Client & { getTransactionStatus(): unknown }
    beforeEach(async () => {
      const other = await cluster.createDatabase()
      const signalbox = await connect({
        databases: { default: database.primary, reviews: other.primary },
        tables: { review: 'reviews' },
      })
      client = new (facade.pgFor(signalbox).Client)()
      await client.connect()
      onTestFinished(async () => {
        await client.end()
        await signalbox.close()
      })
    })
    const refuse = async (): Promise<void> =>
      await expect(client.query('select * from review')).rejects.toMatchObject({
        code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
      })

    it('goes on outside of a transaction', async () => {
      const heard = new Promise((resolve) => client.on('notification', ({ payload }) => resolve(payload)))
      await client.query('listen news')
      await refuse()
      await client.query("notify news, 'hello'")
      expect(await heard).toBe('hello')
    })

    it('goes on behind a transaction, which fails as after an error of the server', async () => {
      await client.query('create temporary table own as select 1 as n')
      await client.query('select pg_advisory_lock(7)')
      const pid = await backendOf(client)
      await client.query('begin')
      await client.query('insert into own values (2)')
      await refuse()
      expect(client.getTransactionStatus()).toBe('E')
      await expect(client.query('insert into own values (3)')).rejects.toMatchObject({ code: '25P02' })
      expect((await client.query('commit')).command).toBe('ROLLBACK')
      const kept =
        "select pg_backend_pid() as pid, (select array_agg(n) from own) as own, (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks"
      expect((await client.query(kept)).rows).toEqual([{ pid, own: [1], locks: 1 }])
      await expect.poll(() => client.getTransactionStatus()).toBe('I')
    })

    it('goes back to a savepoint', async () => {
      await client.query('create temporary table own as select 1 as n')
      await client.query('begin')
      await client.query('insert into own values (2)')
      await client.query('savepoint before')
      await client.query('insert into own values (3)')
      await refuse()
      // Nothing is worse than it was.
      await refuse()
      expect(client.getTransactionStatus()).toBe('E')
      await client.query('rollback to savepoint before')
      expect((await client.query('commit')).command).toBe('COMMIT')
      expect((await client.query('select n from own order by n')).rows).toEqual([{ n: 1 }, { n: 2 }])
    })
  })
})
