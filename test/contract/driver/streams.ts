import { describe, expect } from 'vitest'

import type { DriverPool } from '../../../src/drivers/driver.ts'
import { AbortedError } from '../../../src/errors.ts'
import { startFaultProxy } from '../../../src/testing/fault-proxy.ts'
import { column, failureOf, insertItem, read, valueOf, type ContractContext } from './context.ts'

export function describeStreams(context: ContractContext): void {
  describe('streams', () => {
    describeReading(context)
    describeLeaving(context)
    describeBackPressure(context)
  })
}

function describeReading(context: ContractContext): void {
  const { check, open, sql } = context
  check('streams all rows in order', async () => {
    const pool = await open()
    const numbers: number[] = []
    for await (const row of pool.stream(read(sql.series(2_500, 1), [], { fetchSize: 100 }))) {
      numbers.push(Number(column(row, 'n')))
    }
    expect(numbers).toEqual(Array.from({ length: 2_500 }, (_, i) => i + 1))
    await expectAllIdle(pool)
  })

  check('streams no rows, and rows as arrays, and with parameters', async () => {
    const pool = await open()
    const empty: unknown[] = []
    for await (const row of pool.stream(read('select n from item'))) empty.push(row)
    expect(empty).toEqual([])
    await pool.query(insertItem(context, 'apple', 7))
    const text = `select name, n from item where n = ${sql.placeholder(1)}`
    const rows: unknown[] = []
    for await (const row of pool.stream(read(text, [7], { rowMode: 'array' }))) rows.push(row)
    expect(rows).toEqual([['apple', 7]])
    await expectAllIdle(pool)
  })

  check('refuses a wrong number of parameters of a stream', async () => {
    const pool = await open()
    const text = `select n from item where n = ${sql.placeholder(1)}`
    for (const params of [[], [1, 2]]) {
      const error = await failureOf(() => pool.stream(read(text, params)).next())
      expect(error).toMatchObject({ code: 'SIGNALBOX_PARAMETERS' })
    }
    await expectAllIdle(pool)
  })

  check('streams inside a transaction what that transaction wrote', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(insertItem(context, 'apple', 1))
    await lease.query(insertItem(context, 'pear', 2))
    const names: unknown[] = []
    for await (const row of lease.stream(read('select name from item order by n'))) names.push(column(row, 'name'))
    expect(names).toEqual(['apple', 'pear'])
    await lease.rollback()
    await lease.release('clean')
    await expectAllIdle(pool)
  })
}

function describeLeaving(context: ContractContext): void {
  const { check, open, sql } = context
  check('gives the connection back when a stream is left early', async () => {
    const pool = await open({ maxConnections: 3 })
    for (let round = 0; round < 5; round += 1) {
      let count = 0
      for await (const row of pool.stream(read(sql.series(50_000, 100)))) {
        expect(column(row, 'n')).toBe(count + 1)
        count += 1
        if (count === 10) break
      }
    }
    await expectAllIdle(pool)
    expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
  })

  check('keeps a lease usable when its stream is left early', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(insertItem(context, 'apple', 1))
    for (let round = 0; round < 3; round += 1) {
      for await (const row of lease.stream(read(sql.series(50_000, 100)))) if (column(row, 'n') === 5) break
      expect(valueOf(await lease.query(read('select count(*) as value from item')))).toBe('1')
    }
    await lease.commit()
    await lease.release('clean')
    await expectAllIdle(pool)
    expect(valueOf(await pool.query(read('select count(*) as value from item')))).toBe('1')
  })

  check('throws into the loop what goes wrong half-way', async () => {
    const pool = await open()
    const seen: unknown[] = []
    const error = await failureOf(async () => {
      for await (const row of pool.stream(read(sql.failsHalfWay, [], { fetchSize: 50 }))) seen.push(row)
    })
    expect(error).toMatchObject({ name: 'QueryError', errorClass: 'other' })
    expect(seen.length).toBeLessThanOrEqual(500)
    await expectAllIdle(pool)
    expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
  })

  check('throws into the loop when a stream cannot start', async () => {
    const pool = await open()
    const error = await failureOf(() => pool.stream(read('select * from no_such_table')).next())
    expect(error).toMatchObject({ errorClass: 'syntax' })
    await expectAllIdle(pool)
  })

  check('ends a stream whose signal fires', async () => {
    const pool = await open()
    const controller = new AbortController()
    let count = 0
    const error = await failureOf(async () => {
      const rows = pool.stream(read(sql.series(200_000, 100), [], { signal: controller.signal, fetchSize: 10 }))
      for await (const row of rows) {
        count += 1
        if (column(row, 'n') === 100) controller.abort(new Error('enough'))
      }
    })
    expect(error).toBeInstanceOf(AbortedError)
    expect(error).toMatchObject({ cause: { message: 'enough' } })
    expect(count).toBe(100)
    await expectAllIdle(pool)
    expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
  })

  check('starts no stream whose signal has fired', async () => {
    const pool = await open()
    const rows = pool.stream(read(sql.series(10, 1), [], { signal: AbortSignal.abort() }))
    expect(await failureOf(() => rows.next())).toBeInstanceOf(AbortedError)
    await expectAllIdle(pool)
  })
}

function describeBackPressure(context: ContractContext): void {
  const { check, open, sql } = context
  check('reads a bounded part of a large result ahead of its consumer', async () => {
    const { hostname, port } = new URL(context.dsn())
    await using proxy = await startFaultProxy({ host: hostname, port: Number(port) })
    const pool = await open({}, proxy.through(context.dsn()))
    const received = (): number =>
      proxy.connections.reduce((sum, connection) => sum + connection.delivered('to-client'), 0)
    const total = 20_000 * 10_000
    const rows = pool.stream(read(sql.series(20_000, 10_000), [], { fetchSize: 10 }))
    expect(column((await rows.next()).value, 'n')).toBe(1)
    // Quiet means that nothing came for ten polls in a row: what the system's buffers hold has arrived.
    let last = -1
    let quiet = 0
    await expect
      .poll(
        () => {
          quiet = received() === last ? quiet + 1 : 0
          last = received()
          return quiet
        },
        { interval: 20, timeout: 10_000 },
      )
      .toBeGreaterThanOrEqual(10)
    expect(received()).toBeLessThan(total / 5)
    expect(column((await rows.next()).value, 'n')).toBe(2)
    await rows.return()
    await expectAllIdle(pool)
  })
}

/** Passes once no connection of the pool is in use. */
export async function expectAllIdle(pool: DriverPool): Promise<void> {
  const inUse = (): number => pool.stats().total - pool.stats().idle
  await expect.poll(inUse, { timeout: 5_000, interval: 10 }).toBe(0)
}
