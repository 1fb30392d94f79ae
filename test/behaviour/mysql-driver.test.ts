import { connect } from 'node:net'

import { createConnection, createPool, type PoolConnection } from 'mysql2'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { freshDatabase, sharedServer, testedEngines, type TestDatabase } from '../support/servers.ts'
import type { DriverPool, DriverRequest, DriverResult, PoolOptions } from '../../src/drivers/driver.ts'
import { createMysqlDriver } from '../../src/drivers/mysql.ts'
import { QueryKiller } from '../../src/drivers/mysql/killer.ts'
import { lengthOf } from '../../src/drivers/mysql/native-pool.ts'
import { freePort } from '../../src/testing/free-port.ts'

const options: PoolOptions = {
  maxConnections: 2,
  connectTimeoutMs: 2_000,
  acquireTimeoutMs: 2_000,
  idleTimeoutMs: 30_000,
  statementCacheSize: 20,
  multiplexConnections: 0,
  multiplexSlowMs: 100,
  busyTimeoutMs: 1_000,
  fetchSize: 10,
}
const write = (sql: string, params: DriverRequest['params'] = []): DriverRequest => ({ sql, params, access: 'write' })
const read = (sql: string, params: DriverRequest['params'] = []): DriverRequest => ({ sql, params, access: 'read' })

describe.runIf(testedEngines.includes('mysql'))('the MySQL driver', () => {
  const pools: DriverPool[] = []
  let database: TestDatabase
  const open = async (dsn = database.dsn, changes: Partial<PoolOptions> = {}): Promise<DriverPool> => {
    const pool = await createMysqlDriver().open({ from: 'dsn', dsn }, { ...options, ...changes })
    pools.push(pool)
    return pool
  }

  beforeAll(async () => {
    database = await freshDatabase('mysql')
    const pool = await open()
    await pool.query(write('create table t (id int auto_increment primary key, a int)'))
    await pool.query(write('create procedure p (n int) begin select n as a; select n + 1 as b; end'))
  })
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close({ timeoutMs: 500 })))
  })
  afterAll(() => database.drop())

  test('takes mariadb:// and options of mysql2 in the name', async () => {
    const dsn = `${database.dsn.replace('mysql:', 'mariadb:')}?dateStrings=true`
    const pool = await open(dsn)
    const result = await pool.query(read("select cast('2024-02-03' as date) as d"))
    expect(result.rows).toEqual([{ d: '2024-02-03' }])
  })

  test('binds named parameters, and says which are wrong', async () => {
    const pool = await open()
    expect((await pool.query(read('select :a as x, :b as y, :a as z', { a: 1, b: 'two' }))).rows).toEqual([
      { x: 1, y: 'two', z: 1 },
    ])
    await expect(pool.query(read('select :a as x', { a: undefined }))).rejects.toThrow('"a" is undefined')
    await expect(pool.query(read('select :a as x', { b: 1 }))).rejects.toMatchObject({ code: 'SIGNALBOX_PARAMETERS' })
    await expect(pool.query(read('select ? as x', [undefined]))).rejects.toThrow('number 1 is undefined')
  })

  test('returns the first rows of a procedure, and all of them as native', async () => {
    const pool = await open()
    const result = await pool.query(write('call p(?)', [3]))
    expect(result.rows).toEqual([{ a: 3 }])
    expect(result.fields.map((field) => field.name)).toEqual(['a'])
    expect(result.native).toMatchObject([[[{ a: 3 }], [{ b: 4 }], { affectedRows: 0 }], {}])
    const streamed: unknown[] = []
    for await (const row of pool.stream(read('call p(?)', [3]))) streamed.push(row)
    expect(streamed).toEqual([{ a: 3 }, { b: 4 }])
  })

  test('reports the id and the number of an insert with several rows, and RETURNING as rows', async () => {
    const pool = await open()
    const first = await pool.query(write('insert into t (a) values (1), (2), (3)'))
    expect(first).toMatchObject({ rowCount: 3, insertId: 1 })
    const returned = await pool.query(write('insert into t (a) values (9) returning id, a'))
    expect(returned).toMatchObject({ rows: [{ id: 4, a: 9 }], rowCount: 1 })
  })

  test('sends what cannot be prepared as text, the second time without asking', async () => {
    const pool = await open(undefined, { maxConnections: 1 })
    // MariaDB prepares nearly everything, but not this.
    const text = "prepare s from 'select 1'"
    const prepares = async (): Promise<number> => {
      const status = "show session status where variable_name = 'Com_stmt_prepare'"
      const [row] = (await pool.query({ ...read(status), prepare: false })).rows
      return Number(Reflect.get(Object(row), 'Value'))
    }
    const before = await prepares()
    await pool.query(write(text))
    const after = await prepares()
    await pool.query(write(text))
    // The server counts its own statement PREPARE as well: once each time.
    expect(after - before).toBe(2)
    expect((await prepares()) - after).toBe(1)
  })

  test('sends a statement of many rows in one piece, longer and with more values than can be prepared', async () => {
    const pool = await open()
    await pool.query(write('create or replace table m (a int, b int)'))
    const values = Array.from({ length: 70_000 }, (_, n) => n)
    const rows = Array.from({ length: 35_000 }, () => '(?,?)').join(',')
    expect(await pool.query(write(`insert into m values ${rows}`, values))).toMatchObject({ rowCount: 35_000 })
    expect((await pool.query(read('select max(b) as b from m'))).rows).toEqual([{ b: 69_999 }])
  })

  test('refuses other calls on a lease while it streams, instead of waiting for ever', async () => {
    const pool = await open()
    const lease = await pool.lease()
    for await (const row of lease.stream(read('select seq from seq_1_to_1000'))) {
      expect(row).toEqual({ seq: 1 })
      await expect(lease.query(read('select 1'))).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
      break
    }
    expect((await lease.query(read('select 1 as a'))).rows).toEqual([{ a: 1 }])
    await lease.release('clean')
  })

  test('rolls back a transaction that was begun by a text on a lease', async () => {
    const pool = await open(undefined, { maxConnections: 1 })
    await pool.query(write('delete from t'))
    const lease = await pool.lease()
    await lease.query({ ...write('start transaction'), prepare: false })
    await lease.query(write('insert into t (a) values (1)'))
    await lease.release('clean')
    expect((await pool.query(read('select count(*) as n from t'))).rows).toEqual([{ n: 0 }])
    const other = await open()
    await pool.query(write('insert into t (a) values (1)'))
    expect((await other.query(read('select count(*) as n from t'))).rows).toEqual([{ n: 1 }])
  })

  test('classifies a deadlock, and the loser may go on with its lease', async () => {
    const pool = await open()
    await pool.query(write('create or replace table d (id int primary key, a int)'))
    await pool.query(write('insert into d values (1, 0), (2, 0)'))
    const leases = [await pool.lease(), await pool.lease()] as const
    for (const lease of leases) await lease.begin({})
    await leases[0].query(write('update d set a = 1 where id = 1'))
    await leases[1].query(write('update d set a = 2 where id = 2'))
    const outcomes = await Promise.allSettled([
      leases[0].query(write('update d set a = 1 where id = 2')),
      leases[1].query(write('update d set a = 2 where id = 1')),
    ])
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    expect(lost).toHaveLength(1)
    expect(lost[0]).toMatchObject({ errorClass: 'serialization', safeToRetry: true, engineCode: 'ER_LOCK_DEADLOCK' })
    for (const lease of leases) {
      await lease.rollback()
      await lease.release('clean')
    }
  })

  test("keeps settings of an application's own pool", async () => {
    const handle = createPool({
      uri: database.dsn,
      connectionLimit: 1,
      supportBigNumbers: true,
      bigNumberStrings: true,
    })
    handle.on('connection', (connection) => {
      connection.query('set @mark = 7', () => undefined)
    })
    const pool = await createMysqlDriver().open({ from: 'handle', handle }, options)
    const mark = async (): Promise<DriverResult> => pool.query(read('select @mark as mark'))
    expect((await mark()).rows).toEqual([{ mark: '7' }])
    await pool.query({ ...write('set @mark = 8'), access: 'session' })
    expect((await mark()).rows).toEqual([{ mark: '7' }])
    await pool.close()
    await new Promise<void>((resolve) => handle.end(() => resolve()))
  })

  test('does not end the process over a connection that breaks while idle', async () => {
    const pool = await open(undefined, { maxConnections: 1 })
    const [row] = (await pool.query(read('select connection_id() as id'))).rows
    const admin = await open()
    await admin.query(write(`kill ${Number(Reflect.get(Object(row), 'id'))}`))
    await expect.poll(() => pool.stats().total).toBe(0)
    expect((await pool.query(read('select 1 as a'))).rows).toEqual([{ a: 1 }])
  })

  test('a KILL that comes too late hits nobody', async () => {
    const handle = createPool({ uri: database.dsn, connectionLimit: 1 })
    const killer = new QueryKiller((settings) => createConnection(settings), 2_000)
    const victim = await new Promise<PoolConnection>((resolve, reject) => {
      handle.getConnection((error, connection) => (error ? reject(error) : resolve(connection)))
    })
    for (let round = 0; round < 10; round += 1) {
      // The statement has ended, but that is not known yet when the KILL is sent.
      const statement = { connection: victim, ended: Promise.resolve(), hasEnded: false, drain: () => undefined }
      expect(await killer.interrupt(statement)).toBe(true)
      const [rows] = await victim.promise().query('select ? as round', [round])
      expect(rows).toEqual([{ round }])
    }
    victim.release()
    await new Promise<void>((resolve) => handle.end(() => resolve()))
  })

  test('an interruption that cannot be carried out gives the connection up', async () => {
    const handle = createPool({ uri: database.dsn, connectionLimit: 1 })
    const refused = await freePort()
    const killer = new QueryKiller(
      (settings) => createConnection({ ...settings, stream: () => connect(refused, '127.0.0.1') }),
      500,
    )
    const victim = await new Promise<PoolConnection>((resolve, reject) => {
      handle.getConnection((error, connection) => (error ? reject(error) : resolve(connection)))
    })
    const statement = { connection: victim, ended: Promise.resolve(), hasEnded: false, drain: () => undefined }
    expect(await killer.interrupt(statement)).toBe(false)
    victim.destroy()
    await new Promise<void>((resolve) => handle.end(() => resolve()))
  })

  test('callers who gave up are taken out of the queue of mysql2', async () => {
    const handle = createPool({ uri: database.dsn, connectionLimit: 1 })
    const pool = await createMysqlDriver().open({ from: 'handle', handle }, options)
    const lease = await pool.lease()
    const controller = new AbortController()
    const calls = [pool.lease({ timeoutMs: 20 }), pool.lease({ signal: controller.signal })]
    expect(lengthOf(handle, '_connectionQueue')).toBe(2)
    controller.abort()
    expect((await Promise.allSettled(calls)).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
    expect(lengthOf(handle, '_connectionQueue')).toBe(0)
    await lease.release('clean')
    await pool.close()
    await new Promise<void>((resolve) => handle.end(() => resolve()))
  })

  test('a stream on a connection that is gone throws into the loop, and ends no process', async () => {
    const pool = await open(undefined, { maxConnections: 1 })
    const admin = await open()
    const lease = await pool.lease()
    const [row] = (await lease.query(read('select connection_id() as id'))).rows
    // A text that is known already goes another way than one that has to be prepared first.
    await lease.query(read('select seq from seq_1_to_10'))
    await admin.query(write(`kill ${Number(Reflect.get(Object(row), 'id'))}`))
    await expect.poll(() => pool.stats().total).toBe(0)
    for (let round = 0; round < 3; round += 1) {
      await expect(lease.stream(read('select seq from seq_1_to_10')).next()).rejects.toMatchObject({
        errorClass: 'connection-lost',
      })
    }
    await lease.release('clean')
    expect((await pool.query(read('select 1 as a'))).rows).toEqual([{ a: 1 }])
  })

  test('a connection that reports its end twice ends no process', async () => {
    const handle = createPool({ uri: database.dsn, connectionLimit: 1 })
    const pool = await createMysqlDriver().open({ from: 'handle', handle }, options)
    const seen: PoolConnection[] = []
    handle.on('connection', (connection) => seen.push(connection))
    await pool.query(read('select 1 as a'))
    const [connection] = seen
    expect(() => {
      connection?.emit('error', new Error('once'))
      connection?.emit('error', new Error('twice'))
    }).not.toThrow()
    expect((await pool.query(read('select 1 as a'))).rows).toEqual([{ a: 1 }])
    await pool.close()
    connection?.destroy()
    await new Promise<void>((resolve) => handle.end(() => resolve()))
  })

  test('says that nothing happened when the account is wrong', async () => {
    const { host, port } = sharedServer('mysql')
    const pool = await open(`mysql://nobody:wrong@${host}:${port}/nowhere`)
    await expect(pool.query(write('insert into t values (1)'))).rejects.toMatchObject({
      errorClass: 'other',
      safeToRetry: true,
      engineCode: 'ER_ACCESS_DENIED_ERROR',
    })
  })
})
