import { createPool } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { DriverPool, DriverRequest, PoolOptions, ServerTarget } from '../../src/drivers/driver.ts'
import { createMysqlDriver } from '../../src/drivers/mysql.ts'
import { connect, type Client } from '../../src/index.ts'
import { readOptions } from '../../src/option.ts'
import { startMariadbCluster, type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

const options = readOptions(poolOptions, {}, 'pool')
const write = (sql: string): DriverRequest => ({ sql, params: [], access: 'write' })

describe.runIf(testedEngines.includes('mysql'))('the position of a write on MariaDB', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  const open: (() => Promise<void>)[] = []

  beforeAll(async () => {
    cluster = await startMariadbCluster({ template: sharedServer('mysql').template, replicas: 1 })
    database = await cluster.createDatabase()
    const pool = await openPool()
    await pool.query(write('create table item (id integer auto_increment primary key, n integer not null)'))
    await pool.query(write('insert into item values (1, 0)'))
    await cluster.caughtUp()
  }, 60_000)
  afterEach(async () => {
    for (const server of cluster.servers) server.thaw()
    for (const close of open.splice(0).toReversed()) await close()
  })
  afterAll(async () => {
    await cluster.stop()
  })

  async function openPool(
    more: Partial<PoolOptions> = { trackPositions: true },
    handle?: unknown,
  ): Promise<DriverPool> {
    const dsn = database.dsnOf(cluster.primary)
    const target: ServerTarget = handle === undefined ? { from: 'dsn', dsn } : { from: 'handle', handle }
    const pool = await createMysqlDriver().open(target, { ...options, maxConnections: 1, ...more })
    open.push(async () => await pool.close())
    return pool
  }

  async function openClient(): Promise<Client> {
    const { primary, replicas } = database
    const client = await connect({ databases: { shop: { primary, replicas, replication: { probeTimeoutMs: 5_000 } } } })
    open.push(async () => await client.close())
    return client
  }

  it('comes with the answer, and is the one that the server then has', async () => {
    const pool = await openPool()
    for (const sql of [
      'insert into item (n) values (1)',
      'update item set n = n + 1 where id = 1',
      'create table more (n int)',
      'drop table more',
    ]) {
      const { position } = await pool.query(write(sql))
      expect(position, sql).toBeDefined()
      expect(position).toEqual((await pool.status()).position)
    }
  })

  it('is unknown where nothing was written, where rows came back, and where the next statement writes nothing', async () => {
    const pool = await openPool()
    for (const sql of [
      'update item set n = n + 1 where id = -1',
      'insert into item (n) values (1) returning id',
      'update item set n = n + 1 where id = -1',
      'select n from item',
    ]) {
      expect((await pool.query(write(sql))).position, sql).toBeUndefined()
    }
  })

  it('comes with COMMIT, and not before', async () => {
    const lease = await (await openPool()).lease()
    await lease.begin({})
    expect((await lease.query(write('insert into item (n) values (1)'))).position).toBeUndefined()
    expect(lease.committed).toBeUndefined()
    await lease.commit()
    const { committed } = lease
    expect(committed).toMatchObject({ kind: 'gtid' })
    await lease.begin({})
    await lease.commit()
    expect(lease.committed).toBeUndefined()
    await lease.release('clean')
  })

  it('comes after the connection’s session was reset, too', async () => {
    const pool = await openPool()
    await pool.query({ ...write('set @changed = 1'), access: 'session' })
    expect((await pool.query(write('insert into item (n) values (1)'))).position).toBeDefined()
  })

  it('is not asked for on a pool of the application, nor where there are no replicas', async () => {
    const handle = createPool(database.dsnOf(cluster.primary))
    open.push(async () => await handle.end())
    const pools = [await openPool({ trackPositions: true }, handle), await openPool({})]
    for (const pool of pools) {
      expect((await pool.query(write('insert into item (n) values (1)'))).position).toBeUndefined()
    }
  })

  it('lets a session read a replica that has it, also when the primary has stopped answering since', async () => {
    const client = await openClient()
    const read = async () => (await client.query<{ n: number }>('select n from item where id = 1')).rows[0]!.n
    await client.session(async () => await read())
    // Which domains its log has must be known.
    await expect.poll(() => client.status()[0]?.servers.every(({ position }) => position !== undefined)).toBe(true)
    const writes = {
      autocommit: async () => await client.query('update item set n = n + 1 where id = 1'),
      transaction: async () =>
        await client.transaction(async (tx) => {
          await tx.query('select n from item where id = 1 for update')
          await tx.query('update item set n = n + 1 where id = 1')
        }),
    }
    for (const [kind, change] of Object.entries(writes)) {
      await client.session(async () => {
        await change()
        await change()
        await cluster.caughtUp()
        cluster.primary.freeze()
        const start = performance.now()
        const { rows, route } = await client.query<{ n: number }>('select n from item where id = 1')
        expect(route.role, kind).toBe('replica')
        // The primary is out after its probe’s five seconds.
        expect(performance.now() - start).toBeLessThan(4_000)
        cluster.primary.thaw()
        expect(rows[0]!.n).toBe(await client.primary(read))
      })
    }
  })
})
