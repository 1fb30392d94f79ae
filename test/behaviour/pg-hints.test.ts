import bare from 'pg'
import { DataTypes, Sequelize } from 'sequelize'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import * as facade from '../../src/adapters/pg.ts'
import { connect, type Client } from '../../src/index.ts'
import type { ClusterDatabase, TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

/** What a misuse is tried on: pg itself, or the façade. */
interface Module {
  readonly Pool: facade.PoolClass
  readonly Client: facade.ClientClass
}

interface Told extends Error {
  readonly code?: string
  readonly hint?: string
}

/** Runs into an error, and gives it. */
type Misuse = (module: Module, dsn: string) => Promise<unknown>

const failing = async (promise: Promise<unknown>): Promise<unknown> => await promise.then(undefined, (error) => error)

/** The error that a callback gets. */
const called = async (call: (callback: (error?: unknown) => void) => void): Promise<unknown> =>
  await new Promise((resolve) => call(resolve))

const thrown = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

/** A pool with all its clients lent, after a call that has waited in vain. */
const exhausted =
  (busy: number, fail: (pool: bare.Pool) => Promise<unknown>): Misuse =>
  async ({ Pool }, dsn) => {
    const pool = new Pool({ connectionString: dsn, max: 2, connectionTimeoutMillis: 500 })
    const lent = [await pool.connect(), await pool.connect()]
    const running = lent.slice(0, busy).map((client) => client.query('select pg_sleep(1.4)'))
    const other = fail(pool)
    const error = await fail(pool)
    await Promise.all([other, ...running])
    for (const client of lent) client.release()
    await pool.end()
    return error
  }

const ended = async ({ Client }: Module, dsn: string): Promise<bare.Client> => {
  const client = new Client(dsn)
  await client.connect()
  await client.end()
  return client
}

const misuses: readonly (readonly [string, Misuse, RegExp])[] = [
  [
    'a pool whose clients are not given back',
    exhausted(0, async (pool) => await failing(pool.connect())),
    /^All 2 clients of the pool are lent, the longest for (\d+ ms|\d+\.\d s)\..* No statement runs on any of them: was release\(\) forgotten\?.*max can be larger\.$/,
  ],
  [
    'a pool with one client too few, by callback',
    exhausted(1, async (pool) => await called((callback) => pool.connect(callback))),
    /No statement runs on 1 of them/,
  ],
  [
    'a pool whose clients are busy',
    exhausted(2, async (pool) => await failing(pool.query('select 1'))),
    /A statement runs on each of them\./,
  ],
  [
    'a client that is released twice',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn })
      const client = await pool.connect()
      client.release()
      const error = thrown(() => client.release())
      await pool.end()
      return error
    },
    /^It was given back \d+ ms ago\. Release each client once/,
  ],
  [
    'a client that is released twice while somebody else has it',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn, max: 1 })
      const release = await new Promise<() => void>((resolve) => pool.connect((_error, _client, done) => resolve(done)))
      release()
      const other = await pool.connect()
      const error = thrown(release)
      other.release()
      await pool.end()
      return error
    },
    /Somebody else has it now/,
  ],
  [
    'a query on a client that its pool has closed',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn })
      const client = await pool.connect()
      client.release(true)
      const error = await failing(client.query('select 1'))
      await pool.end()
      return error
    },
    /^It was given back to its pool, which has closed it\./,
  ],
  [
    'a query after the end, by callback',
    async (module, dsn) => {
      const client = await ended(module, dsn)
      return await called((callback) => client.query('select 1', [], callback))
    },
    /^end\(\) was called on it before this query\./,
  ],
  [
    'an object that sends itself, after the end',
    async (module, dsn) => {
      const client = await ended(module, dsn)
      return await new Promise((resolve) => client.query(new bare.Query('select 1')).on('error', resolve))
    },
    /^end\(\) was called on it before this query\./,
  ],
  [
    'a query while the client ends',
    async ({ Client }, dsn) => {
      const client = new Client(dsn)
      await client.connect()
      const running = failing(client.query('select pg_sleep(20)'))
      await client.end()
      return await running
    },
    /^end\(\) was called on the client while this query ran or waited\./,
  ],
  [
    'a query on a client whose connection broke',
    async ({ Client }, dsn) => {
      const client = new Client(dsn)
      client.on('error', () => undefined)
      await client.connect()
      const other = new Client(dsn)
      await other.connect()
      const gone = new Promise((resolve) => client.once('end', resolve))
      const { processID } = client as unknown as { processID: number }
      await other.query('select pg_terminate_backend($1)', [processID])
      await gone
      const error = await failing(client.query('select 1'))
      await other.end()
      return error
    },
    /^What broke it was told by its event `error`\. Make a new Client/,
  ],
  [
    'a client that connects again after its end',
    async (module, dsn) => await failing((await ended(module, dsn)).connect()),
    /^A client connects once, and this one has ended\./,
  ],
  [
    'a client that connects twice',
    async ({ Client }, dsn) => {
      const client = new Client(dsn)
      await client.connect()
      const error = await called((callback) => client.connect(callback))
      await client.end()
      return error
    },
    /^It is connected, or about to be\./,
  ],
  [
    'a client of a pool that connects',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn })
      const client = await pool.connect()
      const error = await failing((client as unknown as bare.Client).connect())
      client.release()
      await pool.end()
      return error
    },
    /^A pool connects its clients before it lends them/,
  ],
  [
    'a pool that is used after its end',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn })
      await pool.end()
      return await failing(pool.query('select 1'))
    },
    /^end\(\) was called \d+ ms ago\. End it once/,
  ],
  [
    'a pool that ends twice',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn })
      await pool.end()
      return await failing(pool.end())
    },
    /^end\(\) was called \d+ ms ago\. Whoever makes a pool ends it/,
  ],
  [
    'a pool that ends twice while a client is lent, by callback',
    async ({ Pool }, dsn) => {
      const pool = new Pool({ connectionString: dsn })
      const client = await pool.connect()
      const first = pool.end()
      const error = await called((callback) => pool.end(callback))
      client.release()
      await first
      return error
    },
    /It waits for 1 client to be given back/,
  ],
  [
    'an option of TypeORM that pg takes for one of its own',
    async ({ Client }, dsn) => {
      const replication = { master: { url: dsn }, slaves: [{ url: dsn }] }
      const client = new Client({ connectionString: dsn, replication } as facade.ClientConfig)
      client.on('error', () => undefined)
      return await failing(client.connect())
    },
    /To pg, replication is the protocol of replicas\./,
  ],
]

describe.runIf(testedEngines.includes('postgres'))('hints of the façade of pg', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 1 })
    database = await cluster.createDatabase()
    // What is loaded once must not count for those who wait.
    const pool = new facade.Pool({ connectionString: database.primary })
    await pool.query('select 1')
    await pool.end()
  })
  afterAll(async () => await cluster.stop())

  it.each(misuses)('%s: the error of pg, and a hint', async (_, misuse, hint) => {
    const expected = (await misuse(bare, database.primary)) as Told
    const found = (await misuse(facade, database.primary)) as Told
    expect(expected).toBeInstanceOf(Error)
    expect([found.constructor, found.message, found.code]).toEqual([
      expected.constructor,
      expected.message,
      expected.code,
    ])
    expect(expected.hint ?? '').not.toMatch(hint)
    expect(found.hint).toMatch(hint)
  })

  it('a server that does not answer is named as such', async () => {
    const server = cluster.primary
    const pool = new facade.Pool({ connectionString: database.primary, connectionTimeoutMillis: 300 })
    server.freeze()
    onTestFinished(() => server.thaw())
    const error = (await failing(pool.connect())) as Told
    expect(error.message).toBe('Connection terminated due to connection timeout')
    expect(error.hint).toBe('No server has answered within connectionTimeoutMillis (300 ms).')
    server.thaw()
    await pool.end()
  })

  /** What is warned of from now on. */
  const warnings = (): string[] => {
    const heard: string[] = []
    const hear = (warning: Error): void => void (warning.name === 'SignalboxWarning' && heard.push(warning.message))
    process.on('warning', hear)
    onTestFinished(() => void process.off('warning', hear))
    return heard
  }

  /** A warning is told in a turn of its own. */
  const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

  it('a query on a client that its pool has is warned of, once for the pool', async () => {
    const heard = warnings()
    const pool = new facade.Pool({ connectionString: database.primary, max: 1 })
    pool.on('connect', (client) => void client.query('set application_name to early'))
    pool.on('release', (_error, client) => void client.query('select 1'))
    const client = await pool.connect()
    await client.query('select 1')
    // Who waits gets it at once: nobody can tell who asks then.
    const waiting = pool.connect()
    client.release()
    await client.query('select 1')
    ;(await waiting).release()
    await turn()
    expect(heard).toEqual([])
    await client.query('select 1')
    await client.query('select 1')
    await turn()
    expect(heard).toEqual([expect.stringContaining('had been given back to its pool')])
    await pool.end()
  })

  describe('the replication of an ORM over that of Signalbox', () => {
    let client: Client<'default'>
    beforeAll(async () => {
      const { primary, replicas } = database
      client = await connect({ databases: { default: { primary, replicas } } })
      await client.query('create table item (id integer primary key, name text)')
      await cluster.caughtUp()
    })
    afterAll(async () => await client.close())

    /** Both servers, in either order. */
    const said = (): unknown => {
      const [one, other] = cluster.servers.map(({ port }) => port)
      return expect.stringMatching(
        new RegExp(`two servers of one database, .*:(${one} and .*:${other}|${other} and .*:${one}),`),
      )
    }
    const partsOf = (
      dsn: string,
    ): { host: string; port: number; username: string; password: string; database: string } => {
      const { hostname, port, username, password, pathname } = new URL(dsn)
      return { host: hostname, port: Number(port), username, password, database: pathname.slice(1) }
    }

    it('of Sequelize works, and is warned of once', async () => {
      const heard = warnings()
      const { primary, replicas } = database
      const sequelize = new Sequelize({
        dialect: 'postgres',
        dialectModule: facade.pgFor(client),
        logging: false,
        replication: { write: partsOf(primary), read: replicas.map(partsOf) },
      })
      onTestFinished(async () => await sequelize.close())
      const items = sequelize.define(
        'item',
        { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.STRING },
        { timestamps: false, freezeTableName: true },
      )
      await items.create({ id: 1, name: 'one' })
      expect(await items.count({ where: { id: 1 } })).toBe(1)
      await turn()
      expect(heard).toEqual([said()])
    })

    it('of TypeORM works, and is warned of once, also where a client is declared for the process', async () => {
      const heard = warnings()
      facade.useClient(client)
      onTestFinished(() => facade.useClient(undefined))
      const { primary, replicas } = database
      const source = new DataSource({
        type: 'postgres',
        driver: facade,
        replication: { master: { url: primary }, slaves: replicas.map((url) => ({ url })) },
      })
      await source.initialize()
      onTestFinished(async () => await source.destroy())
      await source.query('insert into item (id) values (2)')
      expect(await source.query('select id from item where id = 2')).toEqual([{ id: 2 }])
      await turn()
      expect(heard).toEqual([said()])
    })

    it('servers of other databases are nothing to warn of', async () => {
      const heard = warnings()
      const module = facade.pgFor(client)
      const other = { ...partsOf(database.replicas[0]!), database: 'elsewhere' }
      for (const connectionString of [database.primary, database.primary.replace('127.0.0.1', 'localhost')]) {
        const pool = new module.Pool({ connectionString })
        await pool.query('select 1')
        await pool.end()
      }
      const pool = new module.Pool(other)
      await pool.query('select 1')
      await pool.end()
      await turn()
      expect(heard).toEqual([])
    })
  })
})
