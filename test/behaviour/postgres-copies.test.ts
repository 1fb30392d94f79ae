import { describe, expect, it, vi } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { DriverPool, DriverRequest, Lease, PoolOptions } from '../../src/drivers/driver.ts'
import { AbortedError, QueryError, TimeoutError, UnsupportedError } from '../../src/errors.ts'
import { readOptions } from '../../src/option.ts'
import { poolsOfEachTest } from '../support/postgres-pools.ts'
import { testedEngines } from '../support/servers.ts'

const limits: PoolOptions = { ...readOptions(poolOptions, {}, 'pool'), maxConnections: 4, multiplexConnections: 0 }
const out: DriverRequest = { sql: 'copy (select generate_series(1, 100000)) to stdout', params: [], access: 'read' }
const endless: DriverRequest = { ...out, sql: 'copy (select generate_series(1, 2000000000)) to stdout' }
const into: DriverRequest = { sql: 'copy thing (id) from stdin', params: [], access: 'write' }
const one: DriverRequest = { sql: 'select 1 as one', params: [], access: 'read' }

async function* lines(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let id = from; id <= to; id += 1) yield await Promise.resolve(Buffer.from(`${id}\n`))
}

/** Rows without end. */
async function* never(): AsyncGenerator<Uint8Array, void, undefined> {
  for (let id = 1; ; id += 1) yield await Promise.resolve(Buffer.from(`${id}\n`))
}

describe.runIf(testedEngines.includes('postgres'))('bulk copies of a PostgreSQL connection', () => {
  const { database, openPool, afterwards } = poolsOfEachTest(limits)

  async function poolOfThings(): Promise<DriverPool> {
    const pool = await openPool(await database())
    await pool.query({ sql: 'create table thing (id integer primary key)', params: [], access: 'write' })
    return pool
  }

  async function leaseOf(pool: DriverPool): Promise<Lease> {
    const lease = await pool.lease()
    afterwards(() => lease.release('clean').catch(() => undefined))
    return lease
  }

  async function value(on: Pick<Lease, 'query'> | DriverPool, sql: string): Promise<unknown> {
    const { rows } = await on.query({ sql, params: [], access: 'write', rowMode: 'array' })
    return (rows[0] as unknown[])[0]
  }

  async function isUsable(lease: Lease): Promise<void> {
    expect((await lease.query(one)).rows).toEqual([{ one: 1 }])
  }

  it('give the bytes and the number of rows, and take them', async () => {
    const pool = await poolOfThings()
    const [source, target] = [await leaseOf(pool), await leaseOf(pool)]
    let rows = 0
    async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const block of source.copyOut!(out)) {
        rows += block.rows
        yield block.bytes
      }
    }
    await expect(target.copyIn!(into, bytes())).resolves.toBe(100_000)
    expect(rows).toBe(100_000)
    expect(await value(pool, 'select sum(id)::text from thing')).toBe('5000050000')
    await isUsable(source)
    await isUsable(target)
  })

  it('end with their errors, and the connection can be used again', async () => {
    const pool = await poolOfThings()
    const lease = await leaseOf(pool)
    const read = async (request: DriverRequest): Promise<void> => {
      for await (const block of lease.copyOut!(request)) void block
    }
    await expect(read({ ...out, sql: 'copy nothing to stdout' })).rejects.toThrow(QueryError)
    await isUsable(lease)
    await expect(
      read({ ...out, sql: 'copy (select 1 / (90000 - n) from generate_series(1, 100000) n) to stdout' }),
    ).rejects.toThrow('division by zero')
    await isUsable(lease)
    await expect(lease.copyIn!({ ...into, sql: 'copy nothing from stdin' }, lines(1, 3))).rejects.toThrow(QueryError)
    await isUsable(lease)
    async function* doubled(): AsyncGenerator<Uint8Array, void, undefined> {
      yield* lines(1, 20_000)
      yield* lines(1, 200_000)
    }
    await expect(lease.copyIn!(into, doubled())).rejects.toMatchObject({ errorClass: 'constraint' })
    await isUsable(lease)
    expect(await value(pool, 'select count(*)::int from thing')).toBe(0)
  })

  it('take nothing if what is to be taken fails', async () => {
    const pool = await poolOfThings()
    const lease = await leaseOf(pool)
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield* lines(1, 10)
      throw new Error('no more')
    }
    await expect(lease.copyIn!(into, failing())).rejects.toThrow('no more')
    expect(await value(lease, 'select count(*)::int from thing')).toBe(0)
  })

  it('are cancelled on the server when nobody reads on, when their time is up, and by a signal', async () => {
    const pool = await poolOfThings()
    const lease = await leaseOf(pool)
    for await (const block of lease.copyOut!(endless)) {
      expect(block.bytes.length).toBeGreaterThan(0)
      break
    }
    await isUsable(lease)
    const read = async (request: DriverRequest): Promise<void> => {
      for await (const block of lease.copyOut!(request)) void block
    }
    await expect(read({ ...endless, timeoutMs: 50 })).rejects.toThrow(TimeoutError)
    await isUsable(lease)
    const controller = new AbortController()
    setImmediate(() => controller.abort())
    await expect(read({ ...endless, signal: controller.signal })).rejects.toThrow(AbortedError)
    await isUsable(lease)
    await expect(lease.copyIn!({ ...into, timeoutMs: 100 }, never())).rejects.toThrow(TimeoutError)
    await isUsable(lease)
    expect(await value(pool, 'select count(*)::int from thing')).toBe(0)
  })

  it('have the connection for themselves', async () => {
    const pool = await poolOfThings()
    const lease = await leaseOf(pool)
    for await (const block of lease.copyOut!(endless)) {
      void block
      await expect(lease.query(one)).rejects.toThrow(UnsupportedError)
      break
    }
    await isUsable(lease)
  })

  it('fail with a connection that is lost', async () => {
    const pool = await poolOfThings()
    for (const way of ['out', 'in'] as const) {
      const lease = await leaseOf(pool)
      const pid = await value(lease, 'select pg_backend_pid()')
      const end = async (): Promise<unknown> => await value(pool, `select pg_terminate_backend(${String(pid)})`)
      const copy = async (): Promise<void> => {
        if (way === 'out') {
          for await (const block of lease.copyOut!(endless)) if (block.rows > 0) await end()
          return
        }
        async function* ending(): AsyncGenerator<Uint8Array, void, undefined> {
          yield* lines(1, 10)
          await end()
          yield* never()
        }
        await lease.copyIn!(into, ending())
      }
      await expect(copy(), way).rejects.toMatchObject({
        errorClass: expect.stringMatching(/shutting-down|connection-lost/),
      })
    }
  })

  it('wait for a slow reader, with the server, and hold little meanwhile', async () => {
    const pool = await poolOfThings()
    const lease = await leaseOf(pool)
    const pid = await value(lease, 'select pg_backend_pid()')
    const waits = `select wait_event from pg_stat_activity where pid = ${String(pid)}`
    const before = process.memoryUsage().arrayBuffers
    for await (const block of lease.copyOut!(endless)) {
      void block
      await vi.waitFor(async () => expect(await value(pool, waits)).toBe('ClientWrite'), { timeout: 10_000 })
      expect((process.memoryUsage().arrayBuffers - before) / 2 ** 20).toBeLessThan(32)
      break
    }
    await isUsable(lease)
  })

  it('wait for a slow server, and hold little meanwhile', async () => {
    const pool = await poolOfThings()
    const [lease, blocker] = [await leaseOf(pool), await leaseOf(pool)]
    await value(blocker, 'select pg_advisory_lock(7)')
    await pool.query({
      sql: 'create function wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(7); return new; end $$',
      params: [],
      access: 'write',
    })
    await pool.query({
      sql: 'create trigger wait before insert on thing for each row execute function wait()',
      params: [],
      access: 'write',
    })
    const pid = await value(lease, 'select pg_backend_pid()')
    let sent = 0
    async function* many(): AsyncGenerator<Uint8Array, void, undefined> {
      const block = Buffer.from('\n'.repeat(65_536))
      yield Buffer.from('1\n')
      // The lock is waited for before these are read, in which there is no row.
      for (; sent < 4_000; sent += 1) yield await Promise.resolve(block)
    }
    const copy = lease.copyIn!(into, many()).catch((error: unknown) => error)
    const waits = `select wait_event from pg_stat_activity where pid = ${String(pid)}`
    await vi.waitFor(async () => expect(await value(pool, waits)).toBe('advisory'), { timeout: 10_000 })
    // Many turns of the event loop later nothing more was asked for than sockets hold.
    for (let turn = 0; turn < 300; turn += 1) await value(pool, 'select 1')
    expect(sent).toBeLessThan(400)
    await value(blocker, 'select pg_advisory_unlock(7)')
    // An empty line is no number.
    await expect(copy).resolves.toBeInstanceOf(QueryError)
    await isUsable(lease)
  })
})
