import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import bare from 'mysql2'
import barePromise from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import mysql2Default, * as mysql2 from '../../src/adapters/mysql2.ts'
import promiseDefault, * as promise from '../../src/adapters/mysql2/promise.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import type { TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

const root = join(import.meta.dirname, '../..')

type Rows = bare.RowDataPacket[]

describe.runIf(testedEngines.includes('mysql'))('the module signalbox/mysql2', () => {
  let cluster: TestCluster
  let primary: Dsn
  let replicas: readonly Dsn[]
  let name: string

  beforeAll(async () => {
    cluster = await privateCluster('mysql', { replicas: 1 })
    const database = await cluster.createDatabase()
    ;({ name, primary, replicas } = database)
    const own = await barePromise.createConnection(primary)
    await own.query('create table item (id integer primary key)')
    await own.query('insert into item values (1)')
    await own.end()
    await cluster.caughtUp()
  })
  afterAll(async () => await cluster.stop())
  beforeEach(() => onTestFinished(() => mysql2.useClient(undefined)))
  afterEach(() => delete process.env['SIGNALBOX_CONFIG'])

  /** The ports where reads of the pool end up. */
  const portsOf = async (pool: promise.Pool): Promise<Set<unknown>> => {
    const ports = new Set<unknown>()
    for (let round = 0; round < 12; round++) {
      const [rows] = await pool.query<Rows>('select @@global.port as port from item')
      ports.add(Number(rows[0]?.['port']))
    }
    return ports
  }
  const readsReplica = async (pool: promise.Pool): Promise<void> =>
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
    const watcher = await barePromise.createConnection(primary)
    const [rows] = await watcher.query<Rows>(
      'select count(*) as n from information_schema.processlist where db = ? and id <> connection_id()',
      [name],
    )
    await watcher.end()
    return Number(rows[0]!['n'])
  }
  const settingsOf = (dsn: Dsn): { host: string; port: number; user: string; password: string; database: string } => {
    const url = new URL(dsn)
    const [user = '', password = ''] = [url.username, url.password].map(decodeURIComponent)
    return { host: url.hostname, port: Number(url.port), user, password, database: url.pathname.slice(1) }
  }

  it('has the names of mysql2, as ESM and as one object', async () => {
    for (const [module, native] of [
      [mysql2Default, bare],
      [promiseDefault, barePromise],
    ] as const)
      expect(Object.keys(module)).toEqual(expect.arrayContaining(Object.keys(native)))
    expect(Object.keys(mysql2)).toEqual(expect.arrayContaining(Object.keys(bare)))
    expect(Object.keys(promise)).toEqual(expect.arrayContaining(Object.keys(barePromise)))
    expect([mysql2.Types, mysql2.format, promise.escape]).toEqual([bare.Types, bare.format, barePromise.escape])
    expect([mysql2Default.createPool, promiseDefault.createPool]).toEqual([mysql2.createPool, promise.createPool])
    const { createConnectionPromise, createPoolPromise, createPoolClusterPromise } = mysql2
    const { createConnection, createPool, createPoolCluster } = promise
    const promised = [createConnection, createPool, createPoolCluster]
    expect([createConnectionPromise, createPoolPromise, createPoolClusterPromise]).toEqual(promised)
    const natives = bare as unknown as Record<string, new () => object>
    const pool = mysql2.createPool({})
    expect(pool).toBeInstanceOf(natives['Pool'])
    expect(pool).toBeInstanceOf(mysql2.Pool)
    await pool.promise().end()
    expect(promise.createPool({}).constructor).toBe(barePromise.createPool({}).constructor)
  })

  it('is what require() gives, too: the same in one plain object', async () => {
    const program = `
      const mysql2 = require('signalbox/mysql2')
      const promise = require('signalbox/mysql2/promise')
      Promise.all([import('signalbox/mysql2'), import('signalbox/mysql2/promise')]).then(([module, promised]) => {
        mysql2.extra = 1
        const same = [
          module.default === mysql2, module.createPool === mysql2.createPool, require('mysql2').format === mysql2.format,
          promised.default === promise, promised.createPool === promise.createPool, promised.useClient === mysql2.useClient,
        ]
        console.log(JSON.stringify([Object.keys(mysql2), Object.keys(promise), same]))
      })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: root })
    expect(JSON.parse(stdout)).toEqual([
      [...Object.keys(mysql2Default), 'extra'],
      Object.keys(promiseDefault),
      Array.from({ length: 6 }, () => true),
    ])
  })

  it('goes to the server that the settings name, in each form of them, and leaves nothing open', async () => {
    const settings = settingsOf(primary)
    const forms: (string | promise.PoolOptions)[] = [
      primary,
      { uri: primary, connectionLimit: 3 },
      settings,
      { ...settings, charset: 'latin1' },
      // What no data source name says.
      { ...settings, authPlugins: { never: () => () => Buffer.alloc(0) } },
    ]
    const begin = await connections()
    for (const form of forms) {
      const pool = promise.createPool(form as promise.PoolOptions)
      const asked = 'select database() as name, @@session.character_set_client as charset'
      const charset = typeof form === 'object' && form.charset === 'latin1' ? 'latin1' : 'utf8mb4'
      expect((await pool.query(asked))[0]).toEqual([{ name, charset }])
      const leased = await pool.getConnection()
      expect((await leased.execute(asked))[0]).toEqual([{ name, charset }])
      leased.release()
      await pool.end()
      await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    }
    const connection = await promise.createConnection(primary)
    expect((await connection.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
    await connection.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
  })

  it('fails to connect where mysql2 does, with its errors', async () => {
    const settings = settingsOf(primary)
    const wrong = [
      { ...settings, port: 1 },
      { ...settings, user: 'nobody' },
      { ...settings, database: 'nowhere' },
      { ...settings, ssl: {} },
    ]
    for (const config of wrong) {
      const outcome = async (module: Pick<typeof promise, 'createConnection'>): Promise<unknown> =>
        await module.createConnection({ ...config }).then(
          () => 'connected',
          ({ message, code, errno, sqlState, fatal }: bare.QueryError) => ({ message, code, errno, sqlState, fatal }),
        )
      const told = await outcome(barePromise)
      expect(told).not.toBe('connected')
      expect(await outcome(promise)).toEqual(told)
      const pool = promise.createPool(config)
      const connected: unknown[] = []
      pool.on('connection', (connection) => connected.push(connection))
      await expect(pool.query('select 1')).rejects.toMatchObject({ message: (told as Error).message })
      expect(connected).toEqual([])
      await pool.end()
    }
  })

  it('says in the stack of an error of connecting who called', async () => {
    const config = { ...settingsOf(primary), port: 1 }
    for (const module of [barePromise, promise]) {
      const error = await module.createConnection(config).catch((reason: unknown) => reason)
      expect((error as Error).stack).toContain(import.meta.filename)
    }
  })

  it('shares connections between pools and connections of equal settings, until the last of them has ended', async () => {
    const begin = await connections()
    const pools = [1, 2, 3, 4].map(() => promise.createPool(primary))
    for (const pool of pools) await pool.query('select sleep(0)')
    expect((await connections()) - begin).toBeLessThan(pools.length)
    for (const pool of pools.slice(1)) await pool.end()
    expect(await connections()).toBeGreaterThan(begin)
    expect((await pools[0]!.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
    await pools[0]!.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    // A pool has one connection for each of its own that want one at a time.
    const wide = promise.createPool({ uri: primary, connectionLimit: 15 })
    const slept = performance.now()
    await Promise.all(Array.from({ length: 15 }, async () => await wide.query('select sleep(0.3)')))
    expect(performance.now() - slept).toBeLessThan(3_000)
    await wide.end()
  })

  it('closes what its pool has opened when the pool ends, also where somebody still uses it', async () => {
    const begin = await connections()
    const pool = promise.createPool(primary)
    const leased = await pool.getConnection()
    await leased.query('set @kept = 1')
    await leased.beginTransaction()
    await leased.query('insert into item values (100)')
    const running = leased.query('select sleep(0.3)')
    await pool.end()
    await running
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    const killed = await promise.createConnection(primary)
    killed.on('error', () => undefined)
    const other = await promise.createConnection(primary)
    await other.query('kill ?', [killed.threadId])
    await other.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
  })

  it('runs on the client, the scope or the configuration that a pool names', async () => {
    const client = await opened()
    const begun = promise.createPool({ signalbox: client, host: '127.0.0.1', port: 1 })
    await readsReplica(begun)
    await begun.end()
    const scope = promise.createPool({ signalbox: client.using(primary) })
    expect(await portsOf(scope)).toEqual(new Set([cluster.primary.port]))
    await scope.end()
    expect((await client.query('select 1 as one from item')).rows).toHaveLength(1)
    await client.close()
    const before = await connections()
    const own = promise.createPool({ signalbox: { databases: { default: replicated() } } })
    await readsReplica(own)
    await own.end()
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(before)
    const bad = promise.createPool({ signalbox: { databases: {} } })
    await expect(bad.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
    await bad.end()
  })

  it('runs on the client that the process declares, but where settings name another server', async () => {
    const pool = promise.createPool({})
    const client = await opened()
    mysql2.useClient(client)
    await readsReplica(pool)
    const same = promise.createPool(primary)
    await readsReplica(same)
    const other = await cluster.createDatabase()
    const there = promise.createPool(other.primary)
    expect((await there.query('select database() as name'))[0]).toEqual([{ name: other.name }])
    mysql2.useClient(client, { elsewhere: 'ignore' })
    const ignored = promise.createPool(other.primary)
    expect((await ignored.query('select database() as name'))[0]).toEqual([{ name }])
    const open = mysql2.mysql2PromiseFor(client, { elsewhere: 'open' }).createPool(other.primary)
    expect((await open.query('select database() as name'))[0]).toEqual([{ name: other.name }])
    await Promise.all([pool, same, there, ignored, open].map(async (each) => await each.end()))
  })

  it('has clusters, whose nodes go where their settings lead', async () => {
    const begin = await connections()
    const other = await cluster.createDatabase()
    const nodes = promise.createPoolCluster()
    nodes.add('here', settingsOf(primary))
    nodes.add('there', settingsOf(other.primary))
    nodes.add('known', { signalbox: await opened() } as promise.PoolOptions)
    const names: unknown[] = []
    for (const node of ['here', 'there', 'known']) {
      const [rows] = await nodes.of(node).query<Rows>('select database() as name')
      names.push(rows[0]?.['name'])
    }
    expect(names).toEqual([name, other.name, name])
    await nodes.end()
    mysql2.useClient(undefined)
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin + 1)
  })

  it('lets a program end that does nothing more, whose pools nobody has ended', async () => {
    const program = `
      import { connect } from 'signalbox'
      import { createPool } from 'signalbox/mysql2/promise'
      const databases = { default: ${JSON.stringify(replicated())} }
      const kind = process.argv[1]
      const signalbox = kind === 'open' ? await connect({ databases, pool: { idleTimeoutMs: 700 } }) : { databases }
      const pool = createPool(kind === 'server' ? ${JSON.stringify(primary)} : { signalbox })
      for (let n = 0; n < 40; n++) await pool.query('select count(*) from item where id = ?', [1])
      const idle = performance.now()
      process.on('exit', () => console.log(Math.round(performance.now() - idle)))`
    const idleMs = async (kind: string): Promise<number> => {
      const args = ['--input-type=module', '-e', program, kind]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 })
      return Number(stdout)
    }
    expect(await idleMs('server')).toBeLessThan(5_000)
    expect(await idleMs('config')).toBeLessThan(5_000)
    // A client that nobody closes, with its replicas watched: its own connections have to be idle for their time.
    expect(await idleMs('open')).toBeLessThan(8_000)
  }, 90_000)

  it('takes little memory for a connection that does nothing, though mysql2 makes room for its statements', async () => {
    const program = `
      import { createConnection } from 'signalbox/mysql2/promise'
      const used = () => (globalThis.gc(), process.memoryUsage().heapUsed)
      const made = [await createConnection(${JSON.stringify(primary)})]
      const before = used()
      for (let n = 0; n < 500; n++) made.push(await createConnection(${JSON.stringify(primary)}))
      console.log(Math.round((used() - before) / 500))
      console.log(made.at(-1).config.maxPreparedStatements)`
    const args = ['--expose-gc', '--input-type=module', '-e', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 })
    const [each, statements] = stdout.split('\n').map(Number)
    expect(each).toBeLessThan(25_000)
    expect(statements).toBe(16_000)
  })

  it('runs on the configuration that the environment names', async () => {
    process.env['SIGNALBOX_CONFIG'] = join(root, 'test/support/facade-module.config.mjs')
    process.env['SIGNALBOX_TEST_DATABASE'] = JSON.stringify(replicated())
    const begin = await connections()
    const pool = promise.createPool({})
    await readsReplica(pool)
    const elsewhere = await cluster.createDatabase()
    const there = promise.createPool(elsewhere.primary)
    expect((await there.query('select database() as name'))[0]).toEqual([{ name: elsewhere.name }])
    await Promise.all([pool.end(), there.end()])
    await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(begin)
    process.env['SIGNALBOX_CONFIG'] = join(root, 'missing.config.mjs')
    await expect(promise.createPool({}).query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
  })
})
