import { describe, expect } from 'vitest'

import type { DriverPool } from '../../../src/drivers/driver.ts'
import { AbortedError, TimeoutError } from '../../../src/errors.ts'
import { countItems, failureOf, insertItem, read, valueOf, type ContractContext } from './context.ts'
import { expectAllIdle } from './streams.ts'

export function describeInterruptions(context: ContractContext): void {
  describe('aborts and time-outs', () => {
    describeBeforeStart(context)
    describeWhileRunning(context)
  })
}

function describeBeforeStart(context: ContractContext): void {
  const { check, open } = context
  check('sends nothing when the signal has fired before', async () => {
    const pool = await open()
    const signal = AbortSignal.abort(new Error('too late'))
    const request = { ...insertItem(context, 'apple', 1), signal }
    const error = await failureOf(() => pool.query(request))
    expect(error).toBeInstanceOf(AbortedError)
    expect(error).toMatchObject({ name: 'AbortError', safeToRetry: true, cause: { message: 'too late' } })
    expect(await failureOf(() => pool.lease({ signal }))).toBeInstanceOf(AbortedError)
    const lease = await pool.lease()
    expect(await failureOf(() => lease.query(request))).toBeInstanceOf(AbortedError)
    await lease.release('clean')
    expect(await countItems(pool)).toBe(0)
  })

  check('answers as ever under a signal that does not fire and a limit that is kept', async () => {
    const pool = await open()
    const limits = { signal: new AbortController().signal, timeoutMs: 5_000 }
    await pool.query({ ...insertItem(context, 'apple', 1), ...limits })
    expect(valueOf(await pool.query(read('select count(*) as value from item', [], limits)))).toBe('1')
    const lease = await pool.lease(limits)
    expect(valueOf(await lease.query(read('select count(*) as value from item', [], limits)))).toBe('1')
    await lease.release('clean')
    await expectAllIdle(pool)
  })

  check('counts waiting for a connection into the time limit', async () => {
    const pool = await open({ maxConnections: 1, multiplexConnections: 0 })
    const lease = await pool.lease()
    const error = await failureOf(() => pool.query({ ...insertItem(context, 'apple', 1), timeoutMs: 50 }))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ timeoutMs: 50, safeToRetry: true })
    await lease.release('clean')
    expect(await countItems(pool)).toBe(0)
  })
}

function describeWhileRunning(context: ContractContext): void {
  const { check, open, sql } = context
  const sleep = (seconds: number, mark: string): string => sql.server?.sleep(seconds, mark) ?? ''
  const running = async (pool: DriverPool, mark: string): Promise<string> =>
    valueOf(await pool.query(read(sql.server?.countRunning(mark) ?? '', [], { prepare: false })))

  check('cancels a statement on the server when its time is over', async () => {
    const [pool, observer] = [await open({ maxConnections: 1 }), await open()]
    const start = performance.now()
    const error = await failureOf(() => pool.query(read(sleep(20, 'limit'), [], { timeoutMs: 100 })))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ timeoutMs: 100, safeToRetry: true })
    expect(performance.now() - start).toBeLessThan(3_000)
    await expect.poll(() => running(observer, 'limit'), { timeout: 5_000 }).toBe('0')
    expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
    await expectAllIdle(pool)
  })

  check('cancels a statement on the server when its signal fires', async () => {
    const [pool, observer] = [await open({ maxConnections: 1 }), await open()]
    const controller = new AbortController()
    const call = failureOf(() => pool.query(read(sleep(20, 'signal'), [], { signal: controller.signal })))
    await expect.poll(() => running(observer, 'signal'), { timeout: 5_000 }).toBe('1')
    controller.abort(new Error('enough'))
    expect(await call).toBeInstanceOf(AbortedError)
    expect(await call).toMatchObject({ name: 'AbortError', cause: { message: 'enough' } })
    await expect.poll(() => running(observer, 'signal'), { timeout: 5_000 }).toBe('0')
    expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
    await expectAllIdle(pool)
  })

  check('says of an interrupted write that it may have happened', async () => {
    const pool = await open()
    // The limit counts from the call: without a connection at hand it might end before anything was sent.
    await pool.query({ ...read('select 1 as value'), access: 'write' })
    const error = await failureOf(() => pool.query({ ...read(sleep(20, 'write')), access: 'write', timeoutMs: 200 }))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ safeToRetry: false })
    await expectAllIdle(pool)
  })

  check('keeps a lease usable after a statement of it was cancelled', async () => {
    const pool = await open()
    const lease = await pool.lease()
    for (let round = 0; round < 3; round += 1) {
      const error = await failureOf(() => lease.query(read(sleep(20, 'lease'), [], { timeoutMs: 50 })))
      expect(error).toBeInstanceOf(TimeoutError)
      expect(valueOf(await lease.query(read('select 1 as value')))).toBe('1')
    }
    await lease.release('clean')
    await expectAllIdle(pool)
  })

  check('never lets a cancellation hit the next statement of the connection', async () => {
    const pool = await open({ maxConnections: 1 })
    let late = 0
    for (let round = 0; round < 40; round += 1) {
      // The statement ends at about the moment of its limit, sometimes before and sometimes after.
      const call = pool.query(read(sleep(0.012, 'race'), [], { timeoutMs: 8 + (round % 9) }))
      const next = (await Promise.allSettled([call])).map((outcome) => outcome.status)
      late += next[0] === 'rejected' ? 1 : 0
      const answers = await Promise.all([1, 2, 3].map(async (n) => pool.query(read(`select ${n} as value`))))
      expect(answers.map(valueOf)).toEqual(['1', '2', '3'])
    }
    expect(late).toBeGreaterThan(0)
    await expectAllIdle(pool)
  })

  check('ends a stream whose first row is late', async () => {
    const pool = await open()
    const error = await failureOf(() => pool.stream(read(sleep(20, 'stream'), [], { timeoutMs: 50 })).next())
    expect(error).toBeInstanceOf(TimeoutError)
    await expectAllIdle(pool)
  })
}
