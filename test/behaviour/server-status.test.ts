import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { DriverPool, ServerStatus, ServerTarget } from '../../src/drivers/driver.ts'
import { createMysqlDriver } from '../../src/drivers/mysql.ts'
import { createPostgresDriver } from '../../src/drivers/postgres.ts'
import { readOptions } from '../../src/option.ts'
import {
  startFaultProxy,
  startMariadbCluster,
  startPostgresCluster,
  type TestCluster,
  type TestServer,
} from '../../src/testing/index.ts'
import { comparePosition } from '../../src/topology/position.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

const options = readOptions(poolOptions, {}, 'pool')
const pools: DriverPool[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close({ timeoutMs: 1_000 })))
})

async function open(server: TestServer, dsn: string | ServerTarget = server.adminDsn()): Promise<DriverPool> {
  const driver = server.engine === 'postgres' ? createPostgresDriver() : createMysqlDriver()
  const pool = await driver.open(typeof dsn === 'string' ? { from: 'dsn', dsn } : dsn, options)
  pools.push(pool)
  return pool
}

/** The data source name for another account, whose password is `secret`. */
function dsnFor({ engine, host, port }: TestServer, user: string): string {
  const database = engine === 'postgres' ? 'postgres' : 'information_schema'
  return `${engine}://${user}:secret@${host}:${port}/${database}`
}

async function run(pool: DriverPool, ...texts: readonly string[]): Promise<void> {
  for (const sql of texts) await pool.query({ sql, params: [], access: 'write', prepare: false })
}

function has(at: ServerStatus, wanted: ServerStatus): boolean {
  if (at.position === undefined || wanted.position === undefined) throw new Error('A position is missing.')
  return comparePosition(at.position, wanted.position) === 'reached'
}

/** Resolves when the server of the pool has replayed what the other one has now. */
async function reached(pool: DriverPool, primary: DriverPool): Promise<void> {
  const wanted = await primary.status()
  await expect.poll(async () => has(await pool.status(), wanted), { timeout: 5_000, interval: 5 }).toBe(true)
}

function cluster(start: () => Promise<TestCluster>): { servers: readonly TestServer[]; readonly kit: TestCluster } {
  let kit: TestCluster | undefined
  beforeAll(async () => {
    kit = await start()
  }, 60_000)
  afterAll(() => kit?.stop())
  return {
    get kit() {
      if (kit === undefined) throw new Error('The cluster did not start.')
      return kit
    },
    get servers() {
      return this.kit.servers
    },
  }
}

/** The position that a status has on PostgreSQL. */
function logPosition({ position }: ServerStatus): { readonly timeline: number; readonly lsn: bigint } {
  if (position?.kind !== 'lsn') throw new Error('There is no log position.')
  return position
}

describe.runIf(testedEngines.includes('postgres'))('the status of PostgreSQL servers', () => {
  const tested = cluster(() => startPostgresCluster({ template: sharedServer('postgres').template }))
  const three = () => tested.servers as readonly [TestServer, TestServer, TestServer]

  it('of a standby shows that it takes no writes, and a position that reaches its primary’s', async () => {
    const [primary, standby] = [await open(three()[0]), await open(three()[1])]
    await run(primary, 'create table item (n int)')
    const before = await primary.status()
    expect(before).toMatchObject({
      writable: true,
      receiving: undefined,
      lagMs: undefined,
      version: expect.stringMatching(/^\d+\.\d+$/),
    })
    await run(primary, 'insert into item values (1)')
    await reached(standby, primary)
    const after = await standby.status()
    expect(after).toMatchObject({ writable: false, receiving: true, lagMs: 0, cluster: before.cluster })
    expect(before.cluster).toMatch(/^\d{15,}$/)
    expect(has(after, before)).toBe(true)
    expect(has(before, after)).toBe(false)
  })

  it('counts a transaction that was committed asynchronously into the position of the primary', async () => {
    const primary = await open(three()[0])
    const lease = await primary.lease()
    await lease.query({ sql: 'set synchronous_commit = off', params: [], access: 'session' })
    const before = await primary.status()
    await lease.query({ sql: 'insert into item values (2)', params: [], access: 'write' })
    expect(has(before, await primary.status())).toBe(false)
    await lease.release('reset')
  })

  it('of a standby that waits with its replay shows where it stands, and since when', async () => {
    const [primary, standby] = [await open(three()[0]), await open(three()[1])]
    await tested.kit.pauseReplay(three()[1])
    await run(primary, 'insert into item values (3)')
    await expect.poll(async () => (await standby.status()).lagMs, { timeout: 5_000, interval: 5 }).toBeGreaterThan(0)
    expect(has(await standby.status(), await primary.status())).toBe(false)
    await tested.kit.resumeReplay(three()[1])
    await reached(standby, primary)
    expect((await standby.status()).lagMs).toBe(0)
  })

  it('can be had on a pool of the application that parses every type its own way', async () => {
    const text: number = pg.types.builtins.TEXT
    const asText = pg.types.getTypeParser(pg.types.builtins.TEXT)
    const types = {
      getTypeParser: (oid: number) => (oid === text ? asText : () => 'something else'),
    }
    const handle = new pg.Pool({ connectionString: three()[1].dsn(), types })
    const [own, borrowed] = [await open(three()[1]), await open(three()[1], { from: 'handle', handle })]
    expect(await borrowed.status()).toEqual(await own.status())
    await handle.end()
  })

  it('shows ordinary accounts the timeline of a standby only when it is certain', async () => {
    const [old, next, follower] = three()
    const [superuser, plain] = [await open(follower), await open(follower, dsnFor(follower, 'plain'))]
    const sees = await open(follower, dsnFor(follower, 'sees'))
    await run(
      await open(old),
      "create role plain login password 'secret'",
      "create role sees login password 'secret'",
      'grant pg_read_all_stats to sees',
    )
    await tested.kit.caughtUp()
    expect(await plain.status()).toMatchObject({ writable: false, receiving: undefined, lagMs: 0 })
    expect((await (await open(old, dsnFor(old, 'plain'))).status()).writable).toBe(true)

    await tested.kit.promote(next)
    const primary = await open(next)
    await run(primary, 'insert into item values (4)')
    await tested.kit.caughtUp()
    expect(logPosition(await primary.status()).timeline).toBe(2)
    for (const pool of [superuser, sees]) {
      await reached(pool, primary)
      expect(await pool.status()).toMatchObject({ writable: false, position: { timeline: 2 }, receiving: true })
    }
    // The control file names timeline 1 still; on it the position would be one that this server never had.
    expect(await plain.status()).not.toMatchObject({ position: { timeline: 1 } })
    const [{ cluster: mine }, { cluster: theirs }] = [await plain.status(), await primary.status()]
    expect(mine).toBe(theirs)

    // The old primary is alive: two take writes, on different timelines.
    const both = [await (await open(old)).status(), await primary.status()]
    expect(both.map((each) => [each.writable, logPosition(each).timeline])).toEqual([
      [true, 1],
      [true, 2],
    ])
  })

  it('never shows a position on a timeline that the standby has left, when its receiver is gone', async () => {
    const [, next, follower] = three()
    const [superuser, plain] = [await open(follower), await open(follower, dsnFor(follower, 'plain'))]
    const left = logPosition(await (await open(next)).status())
    await reached(superuser, await open(next))
    next.kill('SIGKILL')
    await expect.poll(async () => (await superuser.status()).receiving, { timeout: 5_000, interval: 5 }).toBe(false)
    for (const pool of [superuser, plain]) {
      const status = await pool.status()
      expect(status).toMatchObject({ writable: false, receiving: false })
      expect(status).not.toMatchObject({ position: { timeline: 1 } })
    }

    // A restartpoint brings the control file up to where the standby stands.
    await run(superuser, 'checkpoint')
    for (const pool of [superuser, plain]) {
      await expect.poll(async () => (await pool.status()).position, { timeout: 5_000 }).toMatchObject({ timeline: 2 })
      expect(logPosition(await pool.status()).lsn).toBeGreaterThanOrEqual(left.lsn)
    }
  })

  it('can be had where the control data was taken from ordinary accounts', async () => {
    const [old] = three()
    const superuser = await open(old)
    const functions = ['system', 'checkpoint', 'recovery'].map((name) => `pg_control_${name}()`)
    await run(superuser, `revoke execute on function ${functions.join(', ')} from public`)
    const plain = await open(old, dsnFor(old, 'plain'))
    for (let round = 0; round < 3; round += 1) {
      expect(await plain.status()).toMatchObject({ writable: true, position: { timeline: 1 }, cluster: undefined })
    }
    expect((await superuser.status()).cluster).toBeDefined()
  })
})

describe.runIf(testedEngines.includes('mysql'))('the status of MariaDB servers', () => {
  const tested = cluster(() => startMariadbCluster({ template: sharedServer('mysql').template }))
  const three = () => tested.servers as readonly [TestServer, TestServer, TestServer]

  it('of a replica shows that it takes no writes, and a position that reaches its primary’s', async () => {
    const [primary, replica] = [await open(three()[0]), await open(three()[1])]
    await run(primary, 'create database shop', 'create table shop.item (n int)')
    const before = await primary.status()
    expect(before).toMatchObject({
      writable: true,
      cluster: undefined,
      receiving: undefined,
      version: expect.stringMatching(/^\d.*-MariaDB$/),
    })
    await run(primary, 'insert into shop.item values (1)')
    expect(has(before, await primary.status())).toBe(false)
    await reached(replica, primary)
    expect(await replica.status()).toMatchObject({ writable: false, receiving: true, lagMs: undefined })
    expect(has(await replica.status(), before)).toBe(true)
  })

  it('can be had with an account that has no privilege at all', async () => {
    await run(await open(three()[0]), "create user plain@'%' identified by 'secret'")
    await tested.kit.caughtUp()
    for (const server of three()) {
      const plain = await open(server, dsnFor(server, 'plain'))
      expect(await plain.status()).toEqual(await (await open(server, server.adminDsn('information_schema'))).status())
    }
  })

  it('names the running server, the same by every address and at every time, and no two alike', async () => {
    await using proxy = await startFaultProxy({ host: '127.0.0.1', port: three()[0].port })
    const addresses = [three()[0].adminDsn(), three()[0].dsn(), proxy.through(three()[0].adminDsn())]
    const names = new Set<string | undefined>()
    for (const address of addresses) {
      const pool = await open(three()[0], address)
      names.add((await pool.status()).instance)
      // The seconds that the server has been running are counted in another way each time.
      await run(pool, 'do sleep(0.6)')
      names.add((await pool.status()).instance)
    }
    expect([...names]).toEqual([expect.stringMatching(/ \d{10}$/)])
    for (const server of three().slice(1)) names.add((await (await open(server)).status()).instance)
    expect(names.size).toBe(3)
  })

  it('of a replica that waits with its replay shows where it stands', async () => {
    const [primary, replica] = [await open(three()[0]), await open(three()[1])]
    await tested.kit.pauseReplay(three()[1])
    await run(primary, 'insert into shop.item values (2)')
    expect(has(await replica.status(), await primary.status())).toBe(false)
    await tested.kit.resumeReplay(three()[1])
    await reached(replica, primary)
  })

  it('moves on with the writes of a promoted replica, and the others follow', async () => {
    const [old, next, follower] = three()
    const [primary, replica] = [await open(next), await open(follower)]
    const before = await primary.status()
    await tested.kit.promote(next)
    await run(primary, 'insert into shop.item values (3)')
    const after = await primary.status()
    expect(after).toMatchObject({ writable: true, receiving: undefined })
    expect([has(after, before), has(before, after)]).toEqual([true, false])
    await reached(replica, primary)
    // It may have got there by what it had received before it was connected again.
    await expect
      .poll(async () => await replica.status(), { timeout: 5_000, interval: 10 })
      .toMatchObject({ writable: false, receiving: true })
    expect((await (await open(old)).status()).writable).toBe(true)
  })

  it('of a replica leaves out what somebody wrote there', async () => {
    const [, next, follower] = three()
    const [primary, replica] = [await open(next), await open(follower)]
    await reached(replica, primary)
    const before = await replica.status()
    await run(replica, 'insert into shop.item values (99)')
    expect(await replica.status()).toEqual(before)
  })

  it('says that a replica receives nothing when its primary is gone', async () => {
    const replica = await open(three()[2])
    three()[1].kill('SIGKILL')
    await expect.poll(async () => (await replica.status()).receiving, { timeout: 5_000, interval: 5 }).toBe(false)
    expect((await replica.status()).position).toBeDefined()
  })
})
