import { inspect } from 'node:util'
import pg from 'pg'
import { describe, expect, it, vi } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { DriverPool, DriverRequest, PoolOptions } from '../../src/drivers/driver.ts'
import { AbortedError, CommitUnknownError, PoolExhaustedError, QueryError, TimeoutError } from '../../src/errors.ts'
import { readOptions } from '../../src/option.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { poolsOfEachTest } from '../support/postgres-pools.ts'
import { privateServer, sharedServer, testedEngines } from '../support/servers.ts'

/** Multiplexing has a test of its own; without it every statement takes a connection of its own. */
const limits: PoolOptions = { ...readOptions(poolOptions, {}, 'pool'), maxConnections: 4, multiplexConnections: 0 }

describe.runIf(testedEngines.includes('postgres'))('connections of one’s own on PostgreSQL', () => {
  const { database, openPool, afterwards } = poolsOfEachTest(limits)

  function request(sql: string, params: unknown[] = [], more: Partial<DriverRequest> = {}): DriverRequest {
    return { sql, params, access: 'write', ...more }
  }

  function run(pool: DriverPool, sql: string, params: unknown[] = [], more: Partial<DriverRequest> = {}) {
    return Promise.resolve(pool.query(request(sql, params, more)))
  }

  async function value(pool: DriverPool, sql: string, params: unknown[] = []): Promise<unknown> {
    const { rows } = await run(pool, sql, params, { rowMode: 'array' })
    return (rows[0] as unknown[])[0]
  }

  async function failure(promise: Promise<unknown>): Promise<unknown> {
    return await promise.then(
      (result) => expect.fail(`should have failed, but gave ${inspect(result)}`),
      (error: unknown) => error,
    )
  }

  describe('time-outs and aborts', () => {
    it('never let a cancel request hit the next user of the connection', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      const pid = await value(pool, 'select pg_backend_pid()')
      for (let n = 0; n < 60; n++) {
        // Some end just before, some just after their time.
        const slow = run(pool, 'select pg_sleep($1)', [n / 10_000], { timeoutMs: 3 }).catch((error: unknown) => error)
        const next = value(pool, 'select $1::int, pg_sleep(0.001)', [n])
        expect(await next).toBe(n)
        const ended = await slow
        if (ended instanceof Error) expect(ended).toBeInstanceOf(TimeoutError)
      }
      expect(await value(pool, 'select pg_backend_pid()')).toBe(pid)
    })

    it('end the statement on the server and say whether it may be repeated', async () => {
      const dsn = await database()
      const pool = await openPool(dsn)
      await Promise.all([run(pool, 'select pg_sleep(0.05)'), run(pool, 'select pg_sleep(0.05)')])
      const controller = new AbortController()
      const aborted = run(pool, 'select pg_sleep(30)', [], { signal: controller.signal, access: 'read' })
      const late = run(pool, 'select pg_sleep(30)', [], { timeoutMs: 200 })
      controller.abort(new Error('the user left'))
      const abort = await failure(aborted)
      expect(abort).toBeInstanceOf(AbortedError)
      expect(abort).toMatchObject({ safeToRetry: true, cause: { message: 'the user left' } })
      const timeout = await failure(late)
      expect(timeout).toBeInstanceOf(TimeoutError)
      expect(timeout).toMatchObject({ safeToRetry: false, timeoutMs: 200 })
      await vi.waitFor(async () => {
        const sql = `select count(*)::int from pg_stat_activity where query like '%pg_sleep(30)' and state = 'active'`
        expect(await value(pool, sql)).toBe(0)
      })
    })

    it('send nothing when they come before a connection is free', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      await run(pool, 'create table waited (n int)')
      const lease = await pool.lease()
      const error = await failure(run(pool, 'insert into waited values (1)', [], { timeoutMs: 20 }))
      expect(error).toMatchObject({ code: 'SIGNALBOX_TIMEOUT', safeToRetry: true })
      expect(pool.stats().waiting).toBe(0)
      const aborted = await failure(run(pool, 'insert into waited values (2)', [], { signal: AbortSignal.abort() }))
      expect(aborted).toMatchObject({ code: 'SIGNALBOX_ABORTED', safeToRetry: true })
      await lease.release('clean')
      expect(await value(pool, 'select count(*)::int from waited')).toBe(0)
    })

    it('leave a lease usable', async () => {
      const pool = await openPool(await database())
      const lease = await pool.lease()
      for (let n = 0; n < 10; n++) {
        const slow = lease.query(request('select pg_sleep(20)', [], { timeoutMs: 2 }))
        const next = lease.query(request('select $1::int as n', [n]))
        expect(await failure(slow)).toBeInstanceOf(TimeoutError)
        expect((await next).rows).toEqual([{ n }])
      }
      await lease.release('clean')
    })

    it('cancel again what did not end by the first request, for instance because it came before the statement began', async () => {
      const pool = await openPool(await database())
      const lease = await pool.lease()
      const deaf = `do $$ begin begin perform pg_sleep(20); exception when query_canceled then perform pg_sleep(20); end; end $$`
      const slow = lease.query({ ...request(deaf, [], { timeoutMs: 50 }), access: 'write' })
      const next = lease.query(request('select 7 as n'))
      expect(await failure(slow)).toBeInstanceOf(TimeoutError)
      expect((await next).rows).toEqual([{ n: 7 }])
      await lease.release('clean')
    })

    it('cancel a stream, whose connection is used again', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      const pid = await value(pool, 'select pg_backend_pid()')
      const sql = 'select n, pg_sleep(case when n > 2 then 20 else 0 end) from generate_series(1, 4) n'
      const seen: unknown[] = []
      const reading = (async () => {
        for await (const row of pool.stream(request(sql, [], { fetchSize: 1, timeoutMs: 100 }))) seen.push(row)
      })()
      expect(await failure(reading)).toBeInstanceOf(TimeoutError)
      expect(seen).toHaveLength(2)
      expect(await value(pool, 'select pg_backend_pid()')).toBe(pid)
    })
  })

  describe('prepared statements', () => {
    const countText = `select count(*)::int from pg_prepared_statements where name like 'sb%'`

    it('are made for texts that come again, and bounded on each connection', async () => {
      const pool = await openPool(await database(), { maxConnections: 1, statementCacheSize: 5 })
      for (let n = 0; n < 30; n++) await run(pool, `select ${n}`)
      expect(await value(pool, countText)).toBe(0)
      for (let n = 0; n < 30; n++)
        for (let i = 0; i < 3; i++) expect(await value(pool, `select ${n}, $1::int`, [1])).toBe(n)
      expect(await value(pool, countText)).toBe(5)
    })

    it('are not made when they are turned off', async () => {
      const dsn = await database()
      const off = await openPool(dsn, { maxConnections: 1, statementCacheSize: 0 })
      const on = await openPool(dsn, { maxConnections: 1 })
      for (let i = 0; i < 4; i++) {
        await run(off, 'select 1')
        await run(on, 'select 1', [], { prepare: false })
      }
      expect([await value(off, countText), await value(on, countText)]).toEqual([0, 0])
    })

    it('may be lost on the server without anybody noticing', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      for (let n = 0; n < 4; n++) {
        for (let i = 0; i < 3; i++) expect(await value(pool, 'select $1::int', [n])).toBe(n)
        await run(pool, 'deallocate all')
      }
    })

    it('that went stale fail inside a transaction, and never again after it', async () => {
      const pool = await openPool(await database())
      await run(pool, 'create table changing (n int)')
      await run(pool, 'insert into changing values (1)')
      const lease = await pool.lease()
      const read = () => lease.query(request('select * from changing', [], { access: 'read' }))
      for (let i = 0; i < 3; i++) await read()
      await run(pool, 'alter table changing add m int')
      await lease.begin({})
      expect(await failure(read())).toMatchObject({ code: 'SIGNALBOX_QUERY_FAILED', engineCode: '0A000' })
      await lease.rollback()
      await lease.begin({ readOnly: true })
      expect((await read()).rows).toEqual([{ n: 1, m: null }])
      await lease.commit()
      await run(pool, 'alter table changing drop m')
      expect((await read()).rows).toEqual([{ n: 1 }])
      await lease.release('clean')
    })

    it('leave texts of several statements alone', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      for (let i = 0; i < 4; i++) expect((await run(pool, 'select 1 as a; select 2 as b')).rows).toEqual([{ b: 2 }])
    })
  })

  describe('leases', () => {
    it('never give a connection back within a transaction', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      await run(pool, 'create table left_open (n int)')
      const pid = await value(pool, 'select pg_backend_pid()')
      for (const sql of ['insert into left_open values (1)', 'select 1 / 0']) {
        const lease = await pool.lease()
        await lease.begin({})
        await lease.query(request(sql)).catch(() => {})
        await lease.release('clean')
        expect(await value(pool, 'select count(*)::int from left_open')).toBe(0)
      }
      expect(await value(pool, 'select pg_backend_pid()')).toBe(pid)
      // A text that nobody looked at may leave one open too; such a connection is closed.
      await run(pool, 'begin; insert into left_open values (2)')
      expect(await value(pool, 'select count(*)::int from left_open')).toBe(0)
      expect(await value(pool, 'select pg_backend_pid()')).not.toBe(pid)
    })

    it('leave nothing of their session behind when they are reset', async () => {
      const pool = await openPool(await database(), { maxConnections: 1 })
      const lease = await pool.lease()
      await lease.query(request(`set application_name = 'left behind'`))
      await lease.query(request('create temp table left_behind (n int)'))
      await lease.begin({})
      await lease.release('reset')
      expect(await value(pool, 'show application_name')).toBe('signalbox')
      expect(await value(pool, `select to_regclass('left_behind')`)).toBeNull()
      await run(pool, `set application_name = 'once'`, [], { access: 'session' })
      expect(await value(pool, 'show application_name')).toBe('signalbox')
    })

    it('say that a COMMIT of a failed transaction was none', async () => {
      const pool = await openPool(await database())
      const lease = await pool.lease()
      await lease.begin({ isolation: 'repeatable read' })
      await failure(lease.query(request('select 1 / 0')))
      const error = await failure(lease.commit())
      expect(error).toBeInstanceOf(QueryError)
      expect(error).toMatchObject({ engineCode: '25P02', safeToRetry: false })
      await lease.release('clean')
    })

    it('report a failed COMMIT as it is, and a lost one as unknown', async () => {
      const dsn = await database()
      await using proxy = await startFaultProxy(sharedServer('postgres'))
      const pool = await openPool(proxy.through(dsn))
      await run(pool, 'create table parent (id int primary key)')
      await run(pool, 'create table child (id int references parent deferrable initially deferred)')
      const refused = await pool.lease()
      await refused.begin({})
      await refused.query(request('insert into child values (1)'))
      expect(await failure(refused.commit())).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', safeToRetry: false })
      await refused.release('clean')

      for (const [moment, took] of [
        ['before', 0],
        ['answered', 1],
      ] as const) {
        const lease = await pool.lease()
        await lease.begin({})
        await lease.query(request('insert into parent values (1)'))
        proxy.apply({ kind: 'cut-on', pattern: 'COMMIT', moment })
        const error = await failure(lease.commit())
        proxy.apply({ kind: 'pass' })
        expect(error).toBeInstanceOf(CommitUnknownError)
        expect(error).toMatchObject({ safeToRetry: false })
        await lease.release('destroy')
        const direct = await openPool(dsn)
        expect(await value(direct, 'select count(*)::int from parent')).toBe(took)
      }
    })

    it('refuse statements while a stream is open on them, instead of waiting for ever', async () => {
      const pool = await openPool(await database())
      const lease = await pool.lease()
      for await (const row of lease.stream(request('select n from generate_series(1, 10) n', [], { fetchSize: 2 }))) {
        expect(row).toHaveProperty('n')
        expect(await failure(lease.query(request('select 1')))).toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
        break
      }
      expect((await lease.query(request('select 1 as n'))).rows).toEqual([{ n: 1 }])
      await lease.release('clean')
    })

    it('quote the names of savepoints', async () => {
      const pool = await openPool(await database())
      const lease = await pool.lease()
      await lease.begin({})
      const name = 'a"; rollback; --'
      await lease.savepoint(name)
      await failure(lease.query(request('select 1 / 0')))
      await lease.rollbackTo(name)
      await lease.releaseSavepoint(name)
      await lease.commit()
      expect(await failure(lease.savepoint('x'.repeat(64)))).toMatchObject({ code: 'SIGNALBOX_PARAMETERS' })
      await lease.release('clean')
    })
  })

  describe('errors', () => {
    it('tell the numbers when no connection becomes free', async () => {
      const pool = await openPool(await database(), { maxConnections: 2, acquireTimeoutMs: 30 })
      const leases = [await pool.lease(), await pool.lease()]
      const [first, second] = await Promise.all([failure(run(pool, 'select 1')), failure(pool.lease())])
      expect(first).toBeInstanceOf(PoolExhaustedError)
      expect(second).toMatchObject({
        safeToRetry: true,
        message: expect.stringMatching(/within 30 ms: 2 open, 0 idle, \d waiting/),
      })
      await Promise.all(leases.map((lease) => lease.release('clean')))
      expect(await value(pool, 'select 1')).toBe(1)
    })

    it('hold no password', async () => {
      const { host, port, user } = sharedServer('postgres')
      const secret = 'very-secret-word'
      const dsns = [
        `postgres://${user}:${secret}@${host}:${port}/postgres`,
        `postgres://${user}:${secret}@${host}:1/postgres`,
        `postgres://${user}:${secret}@no-such-host.invalid/postgres`,
      ]
      for (const dsn of dsns) {
        const pool = await openPool(dsn)
        const error = await failure(run(pool, 'select 1'))
        expect(error).toBeInstanceOf(QueryError)
        expect(error).toMatchObject({ safeToRetry: true })
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret)
        expect(inspect(pool, { depth: 10 })).not.toContain(secret)
      }
    })

    it('come soon when a server does not answer', async () => {
      const dsn = await database()
      await using proxy = await startFaultProxy(sharedServer('postgres'))
      proxy.apply({ kind: 'black-hole' })
      const pool = await openPool(proxy.through(dsn), { connectTimeoutMs: 100, maxConnections: 1 })
      const error = await failure(run(pool, 'insert into nowhere values (1)'))
      expect(error).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
      expect(proxy.connections).toHaveLength(1)
    })

    it('of a lost connection tell a write from a read', async () => {
      const pool = await openPool(await database())
      const failures = (['write', 'read'] as const).map(async (access) =>
        failure(run(pool, `select pg_sleep(20) as ${access}`, [], { access })),
      )
      const sleepers = `pg_stat_activity where query like 'select pg_sleep(20) as %' and state = 'active'`
      await vi.waitFor(async () => expect(await value(pool, `select count(*)::int from ${sleepers}`)).toBe(2))
      await run(pool, `select pg_terminate_backend(pid) from ${sleepers}`)
      const [write, read] = await Promise.all(failures)
      expect(write).toMatchObject({ errorClass: 'shutting-down', engineCode: '57P01', safeToRetry: false })
      expect(read).toMatchObject({ errorClass: 'shutting-down', engineCode: '57P01', safeToRetry: true })
    })
  })

  it('survive a restart of the server', async () => {
    await using server = await privateServer('postgres')
    const pool = await openPool(server.dsn())
    await Promise.all([1, 2, 3].map((n) => value(pool, 'select $1::int, pg_sleep(0.02)', [n])))
    expect(pool.stats().idle).toBe(3)
    await server.restart()
    await vi.waitFor(() => expect(pool.stats().total).toBe(0))
    expect(await value(pool, 'select 1')).toBe(1)
  })

  it('of a pool that the application made go back to it, and stay open', async () => {
    const handle = new pg.Pool({ connectionString: await database(), max: 2 })
    afterwards(() => handle.end())
    const pool = await openPool({ from: 'handle', handle }, { multiplexConnections: 2 })
    const pids = await Promise.all(
      Array.from({ length: 8 }, () => value(pool, 'select pg_backend_pid(), pg_sleep(0.01)')),
    )
    expect(new Set(pids).size).toBe(2)
    for (let i = 0; i < 5; i++) await run(pool, 'select 1', [], { access: 'read' })
    expect(pool.stats()).toMatchObject({ total: 2, idle: 2, shared: 0 })
    const lease = await pool.lease()
    const abort = failure(lease.query(request('select pg_sleep(20)', [], { timeoutMs: 10 })))
    expect(await abort).toBeInstanceOf(TimeoutError)
    await lease.release('clean')
    await pool.close()
    expect((await handle.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  it('fail when the pool is closed over them', async () => {
    const pool = await openPool(await database(), { maxConnections: 1 })
    const lease = await pool.lease()
    const running = failure(lease.query(request('select pg_sleep(20)')))
    const waiting = failure(run(pool, 'select 1'))
    await pool.close({ timeoutMs: 30 })
    expect(await running).toMatchObject({ errorClass: 'connection-lost' })
    expect(await waiting).toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
    await lease.release('clean')
    await pool.close()
  })
})
