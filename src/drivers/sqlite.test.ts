import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { QueryError } from '../errors.ts'
import type { DriverPool, DriverRequest, DriverResult, PoolOptions } from './driver.ts'
import { createSqliteDriver } from './sqlite.ts'

const options: PoolOptions = {
  maxConnections: 4,
  connectTimeoutMs: 1_000,
  acquireTimeoutMs: 2_000,
  idleTimeoutMs: 30_000,
  statementCacheSize: 20,
  multiplexConnections: 0,
  multiplexSlowMs: 100,
  busyTimeoutMs: 2_000,
  fetchSize: 10,
}
const write = (sql: string, params: DriverRequest['params'] = []): DriverRequest => ({ sql, params, access: 'write' })
const read = (sql: string, params: DriverRequest['params'] = []): DriverRequest => ({ sql, params, access: 'read' })

let folder: string
let file: string
const pools: DriverPool[] = []
const others: DatabaseSync[] = []

async function open(query = '', changes: Partial<PoolOptions> = {}): Promise<DriverPool> {
  const pool = await createSqliteDriver().open(
    { from: 'dsn', dsn: `sqlite:${file}${query}` },
    { ...options, ...changes },
  )
  pools.push(pool)
  return pool
}

/** A connection as another process would have it. */
function other(): DatabaseSync {
  const database = new DatabaseSync(file)
  others.push(database)
  return database
}

/** The result, which must be there without waiting. */
function atOnce(result: DriverResult | Promise<DriverResult>): DriverResult {
  if (result instanceof Promise) throw new Error('The driver should have answered at once.')
  return result
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-sqlite-'))
  file = join(folder, 'test.db')
})

afterEach(async () => {
  for (const database of others.splice(0)) database.close()
  await Promise.all(pools.splice(0).map((pool) => pool.close({ timeoutMs: 100 })))
  await rm(folder, { recursive: true })
})

describe('a database file', () => {
  test('is created by the first statement, even a read, and not before', async () => {
    const pool = await open()
    expect(existsSync(file)).toBe(false)
    expect(atOnce(pool.query(read('select 1 as a'))).rows).toEqual([{ a: 1 }])
    expect(existsSync(file)).toBe(true)
  })

  test('answers reads and writes at once', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    atOnce(pool.query(write('insert into t values (?)', [1])))
    expect(atOnce(pool.query(read('select a from t'))).rows).toEqual([{ a: 1 }])
    expect(pool.stats()).toMatchObject({ total: 2, idle: 2 })
  })

  test('gets a write-ahead log, unless told to keep its journal', async () => {
    const kept = await open('?journal=keep')
    atOnce(kept.query(write('create table t (a)')))
    expect(atOnce(kept.query(read('pragma journal_mode'))).rows).toEqual([{ journal_mode: 'delete' }])
    const pool = await open()
    expect(atOnce(pool.query(read('pragma journal_mode'))).rows).toEqual([{ journal_mode: 'wal' }])
  })

  test('enforces foreign keys', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table a (id integer primary key)')))
    atOnce(pool.query(write('create table b (a references a(id))')))
    expect(() => pool.query(write('insert into b values (7)'))).toThrow(
      expect.objectContaining({ engineCode: 'SQLITE_CONSTRAINT_FOREIGNKEY', errorClass: 'constraint' }),
    )
  })

  test('is never written by a statement that was sent as a read', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    expect(() => pool.query(read('insert into t values (1)'))).toThrow(
      expect.objectContaining({ errorClass: 'read-only' }),
    )
    expect(atOnce(pool.query(read('select count(*) as n from t'))).rows).toEqual([{ n: 0 }])
  })

  test('with mode=ro takes no writes, and with mode=rw must exist', async () => {
    const missing = await open('?mode=rw')
    expect(() => missing.query(read('select 1'))).toThrow(expect.objectContaining({ errorClass: 'connection-lost' }))
    expect(existsSync(file)).toBe(false)
    const missingToo = await open('?mode=ro')
    expect(() => missingToo.query(read('select 1'))).toThrow(expect.objectContaining({ errorClass: 'connection-lost' }))
    other().exec('create table t (a)')
    const readOnly = await open('?mode=ro')
    expect(atOnce(readOnly.query(read('select a from t'))).rows).toEqual([])
    expect(() => readOnly.query(write('insert into t values (1)'))).toThrow(
      expect.objectContaining({ errorClass: 'read-only', safeToRetry: true }),
    )
    atOnce(missing.query(write('insert into t values (1)')))
  })

  test('is read while a lease writes to it', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(write('insert into t values (1)'))
    expect(atOnce(pool.query(read('select a from t'))).rows).toEqual([])
    const waiting = pool.query(write('insert into t values (2)'))
    expect(waiting).toBeInstanceOf(Promise)
    expect(pool.stats()).toMatchObject({ waiting: 1 })
    await lease.commit()
    await lease.release('clean')
    await waiting
    expect(atOnce(pool.query(read('select a from t order by a'))).rows).toEqual([{ a: 1 }, { a: 2 }])
  })
})

describe('a transaction that SQLite ended itself', () => {
  test('takes no more statements, and nothing of it stays', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (id integer primary key)')))
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(write('insert into t values (1)'))
    await expect(lease.query(write('insert or rollback into t values (1)'))).rejects.toThrow('UNIQUE')
    const closed = { code: 'SIGNALBOX_TRANSACTION_CLOSED' }
    await expect(lease.query(write('insert into t values (2)'))).rejects.toMatchObject(closed)
    await expect(lease.stream(read('select id from t')).next()).rejects.toMatchObject(closed)
    await expect(lease.savepoint('inner')).rejects.toMatchObject(closed)
    await expect(lease.query(write('insert into t values (4)'))).rejects.toMatchObject(closed)
    await expect(lease.commit()).rejects.toMatchObject(closed)
    await lease.rollback()
    expect((await lease.query(read('select id from t'))).rows).toEqual([])
    await lease.begin({})
    await lease.query(write('insert into t values (3)'))
    await lease.commit()
    await lease.release('clean')
    expect(atOnce(pool.query(read('select id from t'))).rows).toEqual([{ id: 3 }])
  })
})

describe('the lock of another process', () => {
  test('is waited for by a write, without blocking the event loop', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    const foreign = other()
    foreign.exec('begin immediate')
    const call = pool.query(write('insert into t values (1)'))
    let turns = 0
    const turning = setInterval(() => {
      turns += 1
      if (turns === 5) foreign.exec('commit')
    }, 1)
    await call
    clearInterval(turning)
    expect(turns).toBeGreaterThanOrEqual(5)
    expect(atOnce(pool.query(read('select a from t'))).rowCount).toBe(1)
  })

  test('is waited for by a transaction', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    const foreign = other()
    foreign.exec('begin immediate')
    const lease = await pool.lease()
    const begun = lease.begin({})
    setImmediate(() => foreign.exec('commit'))
    await begun
    await lease.query(write('insert into t values (1)'))
    await lease.commit()
    await lease.release('clean')
  })

  test('is given up after busyTimeoutMs, and the writer is free again', async () => {
    const pool = await open('', { busyTimeoutMs: 40 })
    atOnce(pool.query(write('create table t (a)')))
    const foreign = other()
    foreign.exec('begin immediate')
    const error: unknown = await Promise.resolve(pool.query(write('insert into t values (1)'))).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(QueryError)
    expect(error).toMatchObject({ errorClass: 'serialization', safeToRetry: true, engineCode: 'SQLITE_BUSY' })
    expect(error).toMatchObject({ message: expect.stringContaining('40 ms') })
    foreign.exec('commit')
    atOnce(pool.query(write('insert into t values (1)')))
  })

  test('is waited for by a commit that readers of a rollback journal hold up', async () => {
    const pool = await open('?journal=keep')
    atOnce(pool.query(write('create table t (a)')))
    const foreign = other()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(write('insert into t values (1)'))
    foreign.exec('begin')
    foreign.prepare('select * from t').all()
    const committed = lease.commit()
    setImmediate(() => foreign.exec('commit'))
    await committed
    await lease.release('clean')
    expect(foreign.prepare('select count(*) as n from t').all()).toEqual([{ n: 1 }])
  })

  test('stops at the signal and at the time limit of the caller', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    other().exec('begin immediate')
    const controller = new AbortController()
    const request = write('insert into t values (1)')
    const aborted = expect(pool.query({ ...request, signal: controller.signal })).rejects.toThrow('aborted')
    controller.abort()
    await aborted
    await expect(pool.query({ ...request, timeoutMs: 20 })).rejects.toThrow('20 ms')
  })
})

describe('a database in memory', () => {
  test('has one connection, on which reads pass a stream and everything else waits for a lease', async () => {
    const pool = await createSqliteDriver().open({ from: 'dsn', dsn: 'sqlite::memory:' }, options)
    pools.push(pool)
    atOnce(pool.query(write('create table t (a)')))
    atOnce(pool.query(write('insert into t values (1), (2)')))
    const seen: unknown[] = []
    for await (const row of pool.stream(read('select a from t'))) {
      seen.push(row, ...atOnce(pool.query(read('select max(a) as m from t'))).rows)
    }
    expect(seen).toEqual([{ a: 1 }, { m: 2 }, { a: 2 }, { m: 2 }])
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(write('delete from t'))
    const waiting = pool.query(read('select count(*) as n from t'))
    expect(waiting).toBeInstanceOf(Promise)
    await lease.rollback()
    await lease.release('clean')
    expect((await waiting).rows).toEqual([{ n: 2 }])
    expect(pool.stats()).toEqual({ total: 1, idle: 1, waiting: 0, shared: 0, sharedInFlight: 0 })
  })
})

describe('streams', () => {
  test('let timers run in between, and hold no lock when left', async () => {
    const pool = await open()
    const numbers = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select i from n'
    let fired = false
    setImmediate(() => {
      fired = true
    })
    let firedAt = 0
    for await (const row of pool.stream(read(numbers))) {
      if (fired) break
      firedAt = Number(Reflect.get(Object(row), 'i'))
    }
    expect(firedAt).toBeGreaterThan(0)
    expect(firedAt).toBeLessThan(100)
    expect(pool.stats()).toMatchObject({ waiting: 0 })
    expect(pool.stats().idle).toBe(pool.stats().total)
  })

  test('are closed with their lease, and hold no table afterwards', async () => {
    const pool = await open()
    atOnce(pool.query(write('create table t (a)')))
    atOnce(pool.query(write('insert into t values (1), (2), (3)')))
    const lease = await pool.lease()
    const rows = lease.stream(write('select a from t'))
    expect((await rows.next()).value).toEqual({ a: 1 })
    await lease.release('clean')
    atOnce(pool.query(write('drop table t')))
    await expect(rows.next()).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
  })
})
