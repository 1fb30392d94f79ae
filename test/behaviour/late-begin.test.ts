import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { Access, BeginOptions, DriverPool, DriverResult, Lease, PoolOptions } from '../../src/drivers/driver.ts'
import { readOptions } from '../../src/option.ts'
import { poolsOfEachTest } from '../support/postgres-pools.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'
import { writesTo } from '../support/socket-writes.ts'

const limits: PoolOptions = {
  ...readOptions(poolOptions, {}, 'pool'),
  maxConnections: 2,
  multiplexConnections: 0,
  traceCommits: true,
}
const insert = 'insert into note (id) values ($1)'
const count = 'select count(*)::integer as n from note where id <> $1'

/** The first letters of messages where they are whole ones. */
function typesOf(messages: Buffer): string {
  let types = ''
  for (let at = 0; at < messages.length; at += 1 + messages.readInt32BE(at + 1))
    types += String.fromCharCode(messages[at]!)
  return types
}

describe.runIf(testedEngines.includes('postgres'))('BEGIN on PostgreSQL', () => {
  const { database, openPool } = poolsOfEachTest(limits)
  let dsn: string
  let pool: DriverPool

  beforeEach(async () => {
    dsn = await database()
    pool = await openPool(dsn)
    await pool.query({ sql: 'create table note (id integer primary key)', params: [], access: 'write' })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  const ask = async (lease: Lease, sql: string, params: readonly unknown[], access: Access): Promise<DriverResult> =>
    await lease.query({ sql, params, access })

  /** A lease of a connection that knows both texts, and has answered only now. */
  async function warmLease(): Promise<Lease> {
    const lease = await pool.lease({ access: 'write' })
    for (const id of [-1, -2]) {
      await ask(lease, insert, [id], 'write')
      await ask(lease, count, [0], 'read')
    }
    await ask(lease, 'delete from note', [], 'write')
    return lease
  }

  it('goes out with a statement that the connection knows, and what asks for its fate behind it', async () => {
    const lease = await warmLease()
    await lease.begin({})
    await ask(lease, insert, [0], 'write')
    await lease.rollback()
    const writes = writesTo(Number(new URL(dsn).port), typesOf)
    await lease.begin({})
    await ask(lease, insert, [1], 'write')
    await ask(lease, count, [0], 'read')
    await lease.commit()
    // Parse, Bind, Execute of BEGIN; Bind, Execute, Sync of the statement; a Query.
    expect(writes).toEqual(['PBEBESQ', 'BES', 'Q'])
    vi.restoreAllMocks()
    const { rows } = await ask(lease, count, [0], 'read')
    expect(rows).toEqual([{ n: 1 }])
    await lease.release('clean')
  })

  const all: readonly BeginOptions[] = [
    {},
    { isolation: 'serializable', readOnly: true },
    { isolation: 'repeatable read' },
  ]
  it.each(all)('is what was asked for: %j', async (options) => {
    const lease = await warmLease()
    await lease.begin(options)
    await ask(lease, count, [0], 'read')
    const { rows } = await ask(
      lease,
      "select current_setting('transaction_isolation') as isolation, current_setting('transaction_read_only') as ro",
      [],
      'read',
    )
    expect(rows).toEqual([
      { isolation: options.isolation ?? 'read committed', ro: options.readOnly === true ? 'on' : 'off' },
    ])
    await lease.rollback()
    await lease.release('clean')
  })

  it('is not sent at all where there is no statement', async () => {
    const lease = await warmLease()
    const writes = writesTo(Number(new URL(dsn).port), typesOf)
    await lease.begin({})
    await lease.commit()
    await lease.begin({ isolation: 'serializable' })
    await lease.rollback()
    await lease.begin({})
    await lease.release('clean')
    expect(writes).toEqual([])
  })

  it('goes ahead of everything else that is sent, in its order', async () => {
    const lease = await warmLease()
    const status = async (): Promise<unknown> => {
      const { rows } = await ask(lease, 'select now() <> statement_timestamp() as inside', [], 'read')
      return (rows[0] as { inside: boolean }).inside
    }
    // A text that is new, and one that is known right behind it.
    await lease.begin({})
    const both = await Promise.all([
      ask(lease, 'insert into note (id) select 5 where $1 = 1', [1], 'write'),
      ask(lease, count, [0], 'read'),
    ])
    expect(both[1].rows).toEqual([{ n: 1 }])
    await lease.rollback()
    await lease.begin({})
    await lease.savepoint('here')
    await ask(lease, insert, [6], 'write')
    await lease.rollbackTo('here')
    expect(await status()).toBe(true)
    await lease.rollback()
    await lease.begin({})
    for await (const row of lease.stream({
      sql: 'insert into note values (7) returning id',
      params: [],
      access: 'write',
    }))
      expect(row).toEqual({ id: 7 })
    await lease.rollback()
    expect((await ask(lease, count, [0], 'read')).rows).toEqual([{ n: 0 }])
    await lease.release('clean')
  })

  it('has begun where a parameter cannot be sent', async () => {
    const lease = await warmLease()
    const endless: unknown[] = []
    endless.push({
      toPostgres: () => {
        throw new TypeError('no text')
      },
    })
    await lease.begin({})
    await expect(ask(lease, insert, endless, 'write')).rejects.toThrow(/no text/)
    await ask(lease, insert, [8], 'write')
    await lease.rollback()
    expect((await ask(lease, count, [0], 'read')).rows).toEqual([{ n: 0 }])
    await lease.release('clean')
  })

  it('that the server refuses lets nothing behind it run', async () => {
    await using cluster = await privateCluster('postgres', { replicas: 1 })
    const { primary, replicas } = await cluster.createDatabase()
    const there = await openPool(primary)
    await there.query({ sql: 'create table note (id integer primary key)', params: [], access: 'write' })
    const standby = await openPool(replicas[0]!)
    await vi.waitFor(async () => await standby.query({ sql: count, params: [0], access: 'read' }), { timeout: 10_000 })
    const reader = await standby.lease({ access: 'read' })
    for (let i = 0; i < 3; i++) await ask(reader, count, [0], 'read')
    // A standby has no serializable transactions.
    await reader.begin({ isolation: 'serializable' })
    const first = ask(reader, count, [0], 'read')
    const second = ask(reader, count, [0], 'read')
    await expect(first).rejects.toMatchObject({ message: expect.stringContaining('hot standby') })
    await expect(second).rejects.toMatchObject({ message: expect.stringContaining('hot standby') })
    await expect(reader.commit()).rejects.toMatchObject({ engineCode: '25P02' })
    // Then all is well again.
    await reader.begin({ isolation: 'repeatable read' })
    expect((await ask(reader, count, [0], 'read')).rows).toEqual([{ n: 0 }])
    await reader.commit()
    await reader.release('clean')
  })

  it('and its first statement may be repeated if the connection is lost meanwhile: nothing of it has taken effect', async () => {
    const lease = await warmLease()
    const { rows } = await ask(lease, 'select pg_backend_pid() as pid', [], 'read')
    await lease.begin({})
    await pool.query({
      sql: 'select pg_terminate_backend($1, 5000)',
      params: [(rows[0] as { pid: number }).pid],
      access: 'write',
    })
    await expect(ask(lease, insert, [9], 'write')).rejects.toMatchObject({ safeToRetry: true })
    await lease.release('destroy')
    expect((await pool.query({ sql: count, params: [0], access: 'read' })).rows).toEqual([{ n: 0 }])
  })
})
