import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import bare from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import pgDefault, * as pg from '../../src/adapters/pg.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import type { TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

const root = join(import.meta.dirname, '../..')

describe.runIf(testedEngines.includes('postgres'))('the module signalbox/pg', () => {
  let cluster: TestCluster
  let primary: Dsn
  let replicas: readonly Dsn[]
  let name: string

  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 1 })
    const database = await cluster.createDatabase()
    ;({ name, primary, replicas } = database)
    const own = new bare.Client(primary)
    await own.connect()
    await own.query('create table item (id integer primary key)')
    await own.query('insert into item values (1)')
    await own.end()
    await cluster.caughtUp()
  })
  afterAll(async () => await cluster.stop())
  beforeEach(() => onTestFinished(() => pg.useClient(undefined)))
  afterEach(() => delete process.env['SIGNALBOX_CONFIG'])

  /** The ports where reads of the pool end up. */
  const portsOf = async (pool: pg.Pool): Promise<Set<unknown>> => {
    const ports = new Set<unknown>()
    for (let round = 0; round < 12; round++) {
      const { rows } = await pool.query<{ port: string }>("select current_setting('port') as port from item")
      ports.add(Number(rows[0]?.port))
    }
    return ports
  }
  const readsReplica = async (pool: pg.Pool): Promise<void> =>
    await expect
      .poll(async () => await portsOf(pool), { timeout: 20_000, interval: 100 })
      .toContain(cluster.replicas[0]!.port)
  const replicated = (): { primary: Dsn; replicas: Dsn[] } => ({ primary, replicas: [...replicas] })
  const opened = async (): Promise<Client> => {
    const client = await connect({ databases: { default: replicated() } })
    onTestFinished(async () => await client.close())
    return client
  }
  /** Connections to the database, as the server itself counts them. */
  const connections = async (): Promise<number> => {
    const watcher = new bare.Client(primary)
    await watcher.connect()
    const { rows } = await watcher.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'",
      [name],
    )
    await watcher.end()
    return rows[0]!.n
  }

  it('has the names of pg, as ESM and as one object', () => {
    expect(Object.keys(pgDefault)).toEqual(expect.arrayContaining(Object.keys(bare)))
    const named = ['Client', 'Connection', 'DatabaseError', 'Pool', 'Query', 'Result', 'TypeOverrides', 'defaults']
    expect(Object.keys(pg)).toEqual(
      expect.arrayContaining([...named, 'default', 'escapeIdentifier', 'escapeLiteral', 'native', 'types']),
    )
    expect([pg.types, pg.defaults, pg.Query, pg.Result]).toEqual([bare.types, bare.defaults, bare.Query, bare.Result])
    expect([pgDefault.Pool, pgDefault.Client, pgDefault.native]).toEqual([pg.Pool, pg.Client, null])
    expect(new pg.Pool()).toBeInstanceOf(bare.Pool)
    expect(new pg.Client()).toBeInstanceOf(bare.Client)
  })

  it('is what require() gives, too: the same classes in one plain object', async () => {
    const program = `
      const pg = require('signalbox/pg')
      import('signalbox/pg').then((module) => {
        pg.extra = 1
        const same = [module.default === pg, module.Pool === pg.Pool, require('pg').Query === pg.Query, pg.native]
        console.log(JSON.stringify([Object.keys(pg), same]))
      })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: root })
    expect(JSON.parse(stdout)).toEqual([
      [...Object.keys(pgDefault), 'extra'],
      [true, true, true, null],
    ])
  })

  it('goes to the server that the settings name, in each form of them, and leaves nothing open', async () => {
    const url = new URL(primary)
    const [user, password] = [url.username, url.password].map(decodeURIComponent)
    const settings = { host: url.hostname, port: Number(url.port), user: user!, password: password!, database: name }
    const forms: pg.PoolConfig[] = [
      { connectionString: primary },
      settings,
      { ...settings, password: () => Promise.resolve(password!) },
      { ...settings, application_name: 'mine', statement_timeout: 4_321, options: '-c work_mem=5MB' },
    ]
    const begin = await connections()
    for (const form of forms) {
      const pool = new pg.Pool(form)
      expect((await pool.query('select current_database() as name, 1 as one')).rows).toEqual([{ name, one: 1 }])
      const leased = await pool.connect()
      const { rows } = await leased.query(
        "select current_setting('statement_timeout') as t, current_setting('work_mem') as m",
      )
      expect(rows).toEqual([form.options === undefined ? { t: '0', m: '4MB' } : { t: '4321ms', m: '5MB' }])
      const { rows: names } = await leased.query('show application_name')
      expect(names).toEqual([{ application_name: form.application_name ?? '' }])
      leased.release()
      await pool.end()
      await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    }
    const client = new pg.Client(primary)
    await client.connect()
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
  })

  it('fails to connect where pg does, with its errors', async () => {
    const at = (change: (url: URL) => void): string => {
      const url = new URL(primary)
      change(url)
      return url.href
    }
    const wrong = [
      at((url) => (url.port = '1')),
      at((url) => (url.username = 'nobody')),
      at((url) => (url.pathname = '/nowhere')),
    ]
    for (const connectionString of wrong) {
      const outcome = async (module: { readonly Client: new (config: object) => pg.Client }): Promise<unknown> => {
        const client = new module.Client({ connectionString })
        return await client.connect().then(
          () => 'connected',
          ({ name, message, code }: pg.DatabaseError) => ({ name, message, code }),
        )
      }
      const told = await outcome(bare)
      expect(told).not.toBe('connected')
      expect(await outcome(pg)).toEqual(told)
      const pool = new pg.Pool({ connectionString })
      const connected: unknown[] = []
      pool.on('connect', (client) => connected.push(client))
      await expect(pool.query('select 1')).rejects.toMatchObject({ message: (told as Error).message })
      expect([connected, pool.totalCount]).toEqual([[], 0])
      await pool.end()
    }
  })

  it('shares connections between pools and clients of equal settings, until the last of them has ended', async () => {
    const begin = await connections()
    const pools = [1, 2, 3, 4].map(() => new pg.Pool({ connectionString: primary }))
    for (const pool of pools) await pool.query('select pg_sleep(0)')
    expect((await connections()) - begin).toBeLessThan(pools.length)
    for (const pool of pools.slice(1)) await pool.end()
    expect(await connections()).toBeGreaterThan(begin)
    expect((await pools[0]!.query('select 1 as one')).rowCount).toBe(1)
    await pools[0]!.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    // A pool has one connection for each of its clients that want one at a time.
    const wide = new pg.Pool({ connectionString: primary, max: 15 })
    const slept = performance.now()
    await Promise.all(Array.from({ length: 15 }, async () => await wide.query('select pg_sleep(0.3)')))
    expect(performance.now() - slept).toBeLessThan(3_000)
    await wide.end()
  })

  it('runs on the client, the scope or the configuration that a pool names', async () => {
    const client = await opened()
    const begun = new pg.Pool({ signalbox: client, connectionString: 'postgres://nobody@127.0.0.1:1/nowhere' })
    await readsReplica(begun)
    await begun.end()
    const scope = new pg.Pool({ signalbox: client.using(primary) })
    expect(await portsOf(scope)).toEqual(new Set([cluster.primary.port]))
    await scope.end()
    expect((await client.query('select 1 as one from item')).rows).toHaveLength(1)
    await client.close()
    const before = await connections()
    const own = new pg.Pool({ signalbox: { databases: { default: replicated() } } })
    await readsReplica(own)
    await own.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(before)
    const bad = new pg.Pool({ signalbox: { databases: {} } })
    await expect(bad.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
    await bad.end()
  })

  it('runs on the client that the process declares, but where settings name another server', async () => {
    const pool = new pg.Pool()
    pg.useClient(await opened())
    await readsReplica(pool)
    const same = new pg.Pool({ connectionString: primary })
    await readsReplica(same)
    const other = await cluster.createDatabase()
    const there = new pg.Pool({ connectionString: other.primary })
    expect((await there.query('select current_database() as name')).rows).toEqual([{ name: other.name }])
    await Promise.all([pool, same, there].map(async (each) => await each.end()))
  })

  it('lets a program end that does nothing more: at once where its pools say so, else when they have been idle', async () => {
    const program = `
      import { connect } from 'signalbox'
      import { Pool } from 'signalbox/pg'
      const databases = { default: ${JSON.stringify(replicated())} }
      const settings = JSON.parse(process.argv[1])
      const pool = settings.open
        ? new Pool({ ...settings, signalbox: await connect({ databases, pool: { idleTimeoutMs: 700 } }) })
        : new Pool({ ...settings, signalbox: { databases } })
      for (let n = 0; n < 40; n++) await pool.query('select count(*) from item where id = $1', [1])
      const idle = performance.now()
      process.on('exit', () => console.log(Math.round(performance.now() - idle)))`
    const idleMs = async (settings: object): Promise<number> => {
      const args = ['--input-type=module', '-e', program, JSON.stringify(settings)]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 })
      return Number(stdout)
    }
    expect(await idleMs({ allowExitOnIdle: true })).toBeLessThan(5_000)
    const idle = await idleMs({ idleTimeoutMillis: 2_000 })
    expect(idle).toBeGreaterThan(1_900)
    expect(idle).toBeLessThan(8_000)
    // A client that nobody closes, with its replicas watched: its own connections have to be idle for their time.
    expect(await idleMs({ open: true, allowExitOnIdle: true })).toBeLessThan(8_000)
  }, 90_000)

  it('runs on the configuration that the environment names', async () => {
    process.env['SIGNALBOX_CONFIG'] = join(root, 'test/support/facade-module.config.mjs')
    process.env['SIGNALBOX_TEST_DATABASE'] = JSON.stringify(replicated())
    const begin = await connections()
    const pool = new pg.Pool()
    await readsReplica(pool)
    const elsewhere = await cluster.createDatabase()
    const there = new pg.Pool({ connectionString: elsewhere.primary })
    expect((await there.query('select current_database() as name')).rows).toEqual([{ name: elsewhere.name }])
    await Promise.all([pool.end(), there.end()])
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    process.env['SIGNALBOX_CONFIG'] = join(root, 'missing.config.mjs')
    await expect(new pg.Pool().query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
  })
})
