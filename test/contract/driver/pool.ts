import { describe, expect } from 'vitest'

import type { Lease } from '../../../src/drivers/driver.ts'
import { AbortedError, ClientClosedError, PoolExhaustedError, TimeoutError } from '../../../src/errors.ts'
import { countItems, failureOf, insertItem, read, valueOf, type ContractContext } from './context.ts'

export function describePool(context: ContractContext): void {
  describe('pool', () => {
    describeWaiting(context)
    describeClosing(context)
  })
}

function describeWaiting(context: ContractContext): void {
  const { check, open, sql } = context
  const leaseAll = async (pool: { lease(): Promise<Lease> }, maxConnections: number): Promise<readonly Lease[]> => {
    const leases: Lease[] = []
    for (let i = 0; i < context.leasesOf(maxConnections); i += 1) leases.push(await pool.lease())
    return leases
  }

  check('opens nothing until it is first used', async () => {
    const pool = await open({}, await context.unreachable())
    expect(pool.stats()).toEqual({ total: 0, idle: 0, waiting: 0, shared: 0, sharedInFlight: 0 })
  })

  check('says with numbers that no connection became free', async () => {
    const pool = await open({ maxConnections: 2, acquireTimeoutMs: 60 })
    const leases = await leaseAll(pool, 2)
    const error = await failureOf(() => pool.lease())
    expect(error).toBeInstanceOf(PoolExhaustedError)
    expect(error).toMatchObject({ message: expect.stringMatching(/60 ms.*\d.*\d/s), safeToRetry: true })
    expect(pool.stats().waiting).toBe(0)
    await Promise.all(leases.map((lease) => lease.release('clean')))
    await pool.query(insertItem(context, 'apple', 1))
  })

  check('gives a caller who waits the next free connection', async () => {
    const pool = await open({ maxConnections: 2 })
    const [first, ...others] = await leaseAll(pool, 2)
    const waiting = pool.lease()
    await expect.poll(() => pool.stats().waiting).toBe(1)
    await first?.release('clean')
    const lease = await waiting
    await lease.query(insertItem(context, 'apple', 1))
    expect(pool.stats().waiting).toBe(0)
    await Promise.all([lease, ...others].map((each) => each.release('clean')))
  })

  check('loses no connection when a waiting caller gives up', async () => {
    const pool = await open({ maxConnections: 2 })
    const leases = await leaseAll(pool, 2)
    const controller = new AbortController()
    const waiting = failureOf(() => pool.lease({ signal: controller.signal }))
    const late = failureOf(() => pool.lease({ timeoutMs: 30 }))
    await expect.poll(() => pool.stats().waiting).toBe(2)
    controller.abort(new Error('enough'))
    expect(await waiting).toBeInstanceOf(AbortedError)
    expect(await waiting).toMatchObject({ name: 'AbortError', safeToRetry: true, cause: { message: 'enough' } })
    expect(await late).toBeInstanceOf(TimeoutError)
    expect(pool.stats().waiting).toBe(0)
    await Promise.all(leases.map((lease) => lease.release('clean')))
    const again = await leaseAll(pool, 2)
    await Promise.all(again.map((lease) => lease.release('clean')))
    await expect.poll(() => pool.stats().idle).toBe(pool.stats().total)
  })

  check('keeps a bounded number of statements prepared', async () => {
    const pool = await open({ maxConnections: 1, multiplexConnections: 0, statementCacheSize: 10 })
    const lease = await pool.lease()
    for (let i = 0; i < 40; i += 1) await lease.query(read(`select ${i} as value`))
    const kept = Number(valueOf(await lease.query(read(sql.server?.countPrepared ?? ''))))
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThanOrEqual(12)
    await lease.release('clean')
  })

  check('closes connections that nobody uses any more', async () => {
    const pool = await open({ idleTimeoutMs: 60, maxConnections: 4 })
    const leases = [await pool.lease({ access: 'read' }), await pool.lease({ access: 'read' })]
    for (const lease of leases) await lease.query(read('select 1 as value'))
    const most = pool.stats().total
    for (const lease of leases) await lease.release('clean')
    await expect.poll(() => pool.stats().total, { timeout: 3_000 }).toBeLessThan(most)
    expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
  })
}

function describeClosing(context: ContractContext): void {
  const { check, open, openOnHandle } = context
  check('finishes what was called before close, and can be closed twice', async () => {
    const pool = await open({ maxConnections: 2 })
    const calls = Array.from({ length: 20 }, async (_, n) => pool.query(insertItem(context, `name ${n}`, n)))
    const closed = Promise.all([pool.close(), pool.close()])
    await Promise.all(calls)
    await closed
    await pool.close()
    expect(pool.stats().total).toBe(0)
    expect(await countItems(await open())).toBe(20)
  })

  check('refuses every call after close', async () => {
    const pool = await open()
    await pool.query(read('select 1 as value'))
    await pool.close()
    expect(await failureOf(() => pool.query(read('select 1 as value')))).toBeInstanceOf(ClientClosedError)
    expect(await failureOf(() => pool.lease())).toBeInstanceOf(ClientClosedError)
    expect(await failureOf(() => pool.stream(read('select 1 as value')).next())).toBeInstanceOf(ClientClosedError)
  })

  check('waits for a lease until its time is over', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(insertItem(context, 'lost', 1))
    await pool.close({ timeoutMs: 50 })
    expect(await failureOf(() => lease.query(insertItem(context, 'lost too', 2)))).toBeInstanceOf(Error)
    await failureOf(() => lease.release('clean')).catch(() => undefined)
    expect(await countItems(await open())).toBe(0)
  })

  check("uses an application's own handle and never closes it", async () => {
    const own = await context.openHandle(context.dsn())
    try {
      const pool = await openOnHandle(own.handle)
      await pool.query(insertItem(context, 'apple', 1))
      expect(await countItems(pool)).toBe(1)
      const lease = await pool.lease()
      await lease.begin({})
      await lease.query(insertItem(context, 'pear', 2))
      await lease.commit()
      await lease.release('clean')
      const names: unknown[] = []
      for await (const row of pool.stream(read('select name from item order by n'))) names.push(row)
      expect(names).toEqual([{ name: 'apple' }, { name: 'pear' }])
      await pool.close()
      await own.use()
    } finally {
      await own.close()
    }
  })

  check('refuses something that is no handle of this driver', async () => {
    for (const handle of [undefined, {}, 'handle', () => undefined]) {
      expect(await failureOf(() => openOnHandle(handle))).toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
    }
  })
}
