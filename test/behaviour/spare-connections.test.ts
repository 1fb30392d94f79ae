import pg from 'pg'
import { describe, expect, it, vi } from 'vitest'
import type { DriverPool } from '../../src/drivers/driver.ts'
import { poolOptions } from '../../src/config.ts'
import { readOptions } from '../../src/option.ts'
import { poolsOfEachTest } from '../support/postgres-pools.ts'
import { testedEngines } from '../support/servers.ts'

const text = 'update counted set n = n + 1 returning pg_backend_pid() as pid'

describe.runIf(testedEngines.includes('postgres'))('connections at hand', () => {
  const { database, openPool } = poolsOfEachTest({ ...readOptions(poolOptions, {}, 'pool'), maxConnections: 3 })

  async function write(pool: DriverPool): Promise<number> {
    const { rows } = await pool.query({ sql: text, params: [], access: 'write' })
    return (rows[0] as { readonly pid: number }).pid
  }

  async function opened(dsn?: string): Promise<DriverPool> {
    const pool = await openPool(dsn ?? (await database()))
    await pool.query({ sql: 'create table if not exists counted (n integer)', params: [], access: 'write' })
    await pool.query({ sql: 'delete from counted', params: [], access: 'write' })
    await pool.query({ sql: 'insert into counted values (0)', params: [], access: 'write' })
    return pool
  }

  it('are used again, and count as idle meanwhile', async () => {
    const pool = await opened()
    const pids = new Set<number>()
    for (let count = 0; count < 20; count += 1) pids.add(await write(pool))
    expect(pids.size).toBe(1)
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1, waiting: 0 })
    await Promise.all(Array.from({ length: 12 }, async () => await write(pool)))
    expect(pool.stats()).toMatchObject({ total: 3, idle: 3, waiting: 0 })
  })

  it('are not handed out once the server has ended them, not even to a write, which cannot be sent twice', async () => {
    const dsn = await database()
    const pool = await opened(dsn)
    const other = new pg.Client(dsn)
    await other.connect()
    try {
      for (let count = 0; count < 5; count += 1) {
        const pid = await write(pool)
        await other.query('select pg_terminate_backend($1)', [pid])
        await vi.waitFor(() => expect(pool.stats().total).toBe(0), { timeout: 10_000 })
        expect(await write(pool)).not.toBe(pid)
      }
    } finally {
      await other.end()
    }
  })

  it('go back to the pool in a moment, which closes them when it is told to', async () => {
    const pool = await openPool(await database(), { idleTimeoutMs: 1 })
    await pool.query({ sql: 'select 1', params: [], access: 'write' })
    await vi.waitFor(() => expect(pool.stats().total).toBe(0), { timeout: 10_000 })
  })

  it('are closed with their pool', async () => {
    const pool = await opened()
    await Promise.all(Array.from({ length: 3 }, async () => await write(pool)))
    await pool.close()
    expect(pool.stats()).toMatchObject({ total: 0, idle: 0 })
  })
})
