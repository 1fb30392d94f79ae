import { describe, expect, it, vi } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { DriverPool, DriverRequest, DriverResult, PoolOptions } from '../../src/drivers/driver.ts'
import { QueryError, TimeoutError } from '../../src/errors.ts'
import { readOptions } from '../../src/option.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { poolsOfEachTest } from '../support/postgres-pools.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

// What counts as slow is long enough for a busy machine.
const limits: PoolOptions = { ...readOptions(poolOptions, {}, 'pool'), maxConnections: 6, multiplexSlowMs: 40 }
/** Quick or slow, as its parameter says: taught as quick, it is let onto a shared connection and can then be slow there. */
const napText = 'select $1::int as n, pg_backend_pid() as pid, pg_sleep($2)'
const pidText = 'select $1::int as n, pg_backend_pid() as pid'

interface Row {
  readonly n: number
  readonly pid: number
}

describe.runIf(testedEngines.includes('postgres'))('multiplexing of short reads on PostgreSQL', () => {
  const { database, openPool } = poolsOfEachTest(limits)

  function run(pool: DriverPool, sql: string, params: unknown[] = [], more: Partial<DriverRequest> = {}) {
    return Promise.resolve(pool.query({ sql, params, access: 'read', ...more }))
  }

  async function row(answer: Promise<DriverResult>): Promise<Row> {
    return (await answer).rows[0] as Row
  }

  /** Runs a text until it is let onto a shared connection; returns the process id of that connection's server process. */
  async function teach(pool: DriverPool, sql: string, params: unknown[]): Promise<number> {
    return await vi.waitFor(
      async () => {
        const answer = run(pool, sql, params)
        const shared = pool.stats().sharedInFlight === 1
        const { rows } = await answer
        expect(shared).toBe(true)
        return (rows[0] as Row).pid
      },
      { timeout: 5_000, interval: 1 },
    )
  }

  it('answers many callers over at most the given number of connections', async () => {
    const pool = await openPool(await database(), { multiplexConnections: 2 })
    const pid = await teach(pool, pidText, [0])
    const rows = await Promise.all(Array.from({ length: 64 }, (_, n) => row(run(pool, pidText, [n]))))
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 64 }, (_, n) => n))
    expect(new Set(rows.map((each) => each.pid))).toEqual(new Set([pid]))
    expect(pool.stats().shared).toBeLessThanOrEqual(2)
  })

  it('shares no connection when it is off', async () => {
    const pool = await openPool(await database(), { multiplexConnections: 0 })
    for (let n = 0; n < 20; n++) await run(pool, pidText, [n])
    expect(pool.stats()).toMatchObject({ shared: 0, sharedInFlight: 0, total: 1 })
  })

  it('gives writes, session statements and streams connections of their own', async () => {
    const pool = await openPool(await database())
    const shared = await teach(pool, pidText, [0])
    const own = [
      await row(run(pool, pidText, [0], { access: 'write' })),
      await row(run(pool, pidText, [0], { access: 'session' })),
    ]
    for await (const each of pool.stream({ sql: pidText, params: [0], access: 'read' })) own.push(each as Row)
    expect(own).toHaveLength(3)
    expect(own.map(({ pid }) => pid)).not.toContain(shared)
  })

  it('keeps the error of one statement from the others in flight', async () => {
    const pool = await openPool(await database())
    const sql = 'select 12 / $1::int as n, pg_backend_pid() as pid'
    await teach(pool, sql, [1])
    const answers = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => row(run(pool, sql, [i % 3 === 0 ? 0 : 1]))),
    )
    for (const [i, answer] of answers.entries()) {
      if (i % 3 !== 0) expect(answer).toMatchObject({ status: 'fulfilled', value: { n: 12 } })
      else expect(answer).toMatchObject({ status: 'rejected', reason: { engineCode: '22012' } })
    }
  })

  it('tells each of many that fail while they are prepared what the server has against it, and goes on preparing others', async () => {
    const pool = await openPool(await database(), { multiplexConnections: 2 })
    await teach(pool, pidText, [0])
    const wrong = async (): Promise<unknown> =>
      await run(pool, 'select nothing as n, $1::int as m', [1]).catch((error: unknown) => error)
    for (let round = 0; round < 30; round++) {
      const errors = await Promise.all(Array.from({ length: 12 }, wrong))
      for (const error of errors) expect(error).toMatchObject({ engineCode: '42703' })
    }
    const names = 'select count(*)::int as n, pg_backend_pid() as pid from pg_prepared_statements where statement = $1'
    const fresh = 'select 17 as n, $1::int as m'
    for (let n = 0; n < 20; n++) await run(pool, fresh, [n])
    await teach(pool, names, [fresh])
    expect((await row(run(pool, names, [fresh]))).n).toBe(1)
  })

  it('shares connections among texts that come once and are alike, and prepares none of them', async () => {
    const pool = await openPool(await database(), { multiplexConnections: 1 })
    let made = 0
    const once = async (): Promise<DriverResult> => {
      made += 1
      return await run(pool, `select ${made} as n, pg_backend_pid() as pid`, [], { oneOffLike: 'select # as n' })
    }
    await vi.waitFor(async () => {
      const answer = once()
      const { sharedInFlight } = pool.stats()
      await answer
      expect(sharedInFlight).toBe(1)
    })
    const from = made
    const rows = await Promise.all(Array.from({ length: 40 }, async () => await row(once())))
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => from + n + 1))
    expect(new Set(rows.map(({ pid }) => pid)).size).toBe(1)
    const names = 'select count(*)::int as n from pg_prepared_statements where statement like $1'
    await teach(pool, names, ['%'])
    expect((await row(run(pool, names, ['select % as n, pg_backend_pid() as pid']))).n).toBe(0)
    // What is alike is slow, too: from now on each has a connection of its own.
    const slow = { oneOffLike: 'select # as n' }
    for (let n = 0; n < 4; n++) await run(pool, 'select 1 as n, pg_sleep(0.15)', [], slow)
    const answer = once()
    expect(pool.stats().sharedInFlight).toBe(0)
    await answer
  })

  it('reports a parameter that cannot be encoded to its caller only', async () => {
    const pool = await openPool(await database())
    await teach(pool, pidText, [0])
    const poison = {
      toPostgres() {
        throw new Error('no such value')
      },
    }
    const answers = await Promise.allSettled([1, poison, 2, 3].map((value) => row(run(pool, pidText, [value]))))
    expect(answers[1]).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringContaining('no such value') },
    })
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(await row(run(pool, pidText, [4]))).toMatchObject({ n: 4 })
  })

  it('never disturbs a stranger by a time-out', async () => {
    const pool = await openPool(await database())
    await teach(pool, napText, [0, 0])
    await teach(pool, pidText, [0])
    let strangers = 0
    let timeouts = 0
    for (let round = 0; round < 12; round++) {
      const answers: Promise<unknown>[] = []
      for (let i = 0; i < 40; i++) {
        const n = round * 100 + i
        if (i % 10 === 5) {
          const timeoutMs = 1 + Math.floor(Math.random() * 40)
          const late = run(pool, napText, [n, 0.25], { timeoutMs })
          answers.push(
            expect(late)
              .rejects.toBeInstanceOf(TimeoutError)
              .then(() => timeouts++),
          )
        } else {
          answers.push(
            expect(row(run(pool, pidText, [n])))
              .resolves.toMatchObject({ n })
              .then(() => strangers++),
          )
        }
      }
      await Promise.all(answers)
      await teach(pool, pidText, [0])
    }
    expect({ strangers, timeouts }).toEqual({ strangers: 12 * 36, timeouts: 12 * 4 })
  })

  it('cancels on the server what its caller has given up on a shared connection', async () => {
    const pool = await openPool(await database())
    const observer = await openPool(sharedServerDsn())
    const pid = await teach(pool, napText, [0, 0])
    await expect(run(pool, napText, [1, 30], { timeoutMs: 30 })).rejects.toBeInstanceOf(TimeoutError)
    await vi.waitFor(async () => {
      const left = await run(observer, 'select 1 from pg_stat_activity where pid = $1', [pid], { access: 'write' })
      expect(left.rows).toEqual([])
    })
  })

  it('does not let a slow statement hold up those behind it', async () => {
    const pool = await openPool(await database())
    await teach(pool, pidText, [0])
    await teach(pool, napText, [0, 0])
    const slow = run(pool, napText, [1, 1])
    let slowEnded = false
    void slow.then(() => (slowEnded = true))
    const rows = await Promise.all(Array.from({ length: 50 }, (_, n) => row(run(pool, pidText, [n]))))
    expect(slowEnded).toBe(false)
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(await row(slow)).toMatchObject({ n: 1 })
    // Those behind it were sent twice; the second answers are dropped.
    await vi.waitFor(() => expect(pool.stats().sharedInFlight).toBe(0))
  })

  it('does not let a table lock hold up reads of other tables', async () => {
    const pool = await openPool(await database())
    await run(pool, 'create table locked (pid int)', [], { access: 'write' })
    const lockedText = 'select (select count(*) from locked)::int as n, pg_backend_pid() as pid'
    await teach(pool, lockedText, [])
    await teach(pool, pidText, [0])
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query({ sql: 'lock table locked in access exclusive mode', params: [], access: 'write' })
    const waiting = run(pool, lockedText)
    for (let n = 0; n < 40; n++) expect(await row(run(pool, pidText, [n]))).toMatchObject({ n })
    await lease.commit()
    await lease.release('clean')
    expect(await row(waiting)).toMatchObject({ n: 0 })
  })

  it('fails only what was on a shared connection that is lost', async () => {
    const dsn = await database()
    const pool = await openPool(dsn)
    const killer = await openPool(dsn)
    const pid = await teach(pool, napText, [0, 0])
    const onLane = run(pool, napText, [1, 20]).then(
      () => undefined,
      (error: unknown) => error,
    )
    const alone = row(run(pool, 'select 7 as n, pg_sleep(0.2)'))
    await run(killer, 'select pg_terminate_backend($1)', [pid], { access: 'write' })
    const failure = await onLane
    expect(failure).toBeInstanceOf(QueryError)
    expect(failure).toMatchObject({
      safeToRetry: true,
      errorClass: expect.stringMatching(/connection-lost|shutting-down/),
    })
    expect(await alone).toMatchObject({ n: 7 })
    expect(await row(run(pool, pidText, [8]))).toMatchObject({ n: 8 })
  })

  it('goes on after all connections were reset, and does not end the process', async () => {
    const dsn = await database()
    await using proxy = await startFaultProxy(sharedServer('postgres'))
    const pool = await openPool(proxy.through(dsn))
    await teach(pool, napText, [0, 0])
    const inFlight = Array.from({ length: 5 }, (_, n) => run(pool, napText, [n, 10]))
    const settled = Promise.allSettled(inFlight)
    expect(proxy.reset()).toBeGreaterThan(1)
    for (const each of await settled) {
      expect(each).toMatchObject({ status: 'rejected', reason: { errorClass: 'connection-lost', safeToRetry: true } })
    }
    // An idle connection may find out only when it is used.
    const next = await row(run(pool, pidText, [1])).catch((error: unknown) => error)
    if (next instanceof Error) expect(next).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
    else expect(next).toMatchObject({ n: 1 })
    await teach(pool, pidText, [2])
  })

  it('hides that a table changed under a prepared statement', async () => {
    const pool = await openPool(await database())
    await run(pool, 'create table changing (n int)', [], { access: 'write' })
    await run(pool, 'insert into changing values (1)', [], { access: 'write' })
    const sql = 'select *, pg_backend_pid() as pid from changing'
    await teach(pool, sql, [])
    for (let change = 0; change < 3; change++) {
      await run(pool, `alter table changing add c${change} int default ${change}`, [], { access: 'write' })
      const rows = await Promise.all(Array.from({ length: 20 }, () => row(run(pool, sql))))
      for (const each of rows) expect(each).toHaveProperty(`c${change}`, change)
    }
  })

  it('bounds the prepared statements of a shared connection', async () => {
    const pool = await openPool(await database(), { statementCacheSize: 8 })
    const countText = `select pg_backend_pid() as pid, (select count(*)::int from pg_prepared_statements where name like 'sb%') as n`
    await teach(pool, countText, [])
    const texts = Array.from({ length: 40 }, (_, i) => `select $1::int as n, pg_backend_pid() as pid, ${i} as text`)
    for (let round = 0; round < 2; round++) for (const text of texts) await teach(pool, text, [round])
    await Promise.all(texts.map((text, n) => row(run(pool, text, [n]))))
    const { n } = await row(run(pool, countText))
    expect(n).toBeGreaterThan(1)
    expect(n).toBeLessThanOrEqual(8)
  })

  it('closes shared connections that nobody uses', async () => {
    const pool = await openPool(await database(), { idleTimeoutMs: 60 })
    await teach(pool, pidText, [0])
    expect(pool.stats().shared).toBe(1)
    await vi.waitFor(() => expect(pool.stats()).toMatchObject({ shared: 0, total: 0 }))
    expect(await row(run(pool, pidText, [1]))).toMatchObject({ n: 1 })
  })

  it('lets what is in flight end before it closes', async () => {
    const pool = await openPool(await database())
    await teach(pool, napText, [0, 0])
    const last = [row(run(pool, napText, [1, 0.2])), row(run(pool, napText, [2, 0.2]))]
    await pool.close()
    expect(await Promise.all(last)).toMatchObject([{ n: 1 }, { n: 2 }])
    await expect(run(pool, pidText, [3])).rejects.toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
  })

  function sharedServerDsn(): string {
    const { user, password, host, port } = sharedServer('postgres')
    return `postgres://${user}:${password}@${host}:${port}/postgres`
  }
})
