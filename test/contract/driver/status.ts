import { describe, expect } from 'vitest'

import { AbortedError, ClientClosedError, TimeoutError } from '../../../src/errors.ts'
import { startFaultProxy } from '../../../src/testing/fault-proxy.ts'
import { comparePosition } from '../../../src/topology/position.ts'
import { failureOf, insertItem, read, statement, valueOf, type ContractContext } from './context.ts'
import { expectAllIdle } from './streams.ts'

export function describeStatus(context: ContractContext): void {
  describe('status', () => {
    describeAnswer(context)
    describeLossCount(context)
  })
}

function describeAnswer(context: ContractContext): void {
  const { check, open } = context
  check('says of a server of its own that it is writable, and which version it is', async () => {
    const pool = await open()
    const status = await pool.status()
    expect(status).toMatchObject({ writable: true, receiving: undefined, lagMs: undefined })
    expect(status.version).toMatch(/^\d+\.\d+\S*$/)
    await expectAllIdle(pool)
  })

  check('shows a position that a write moves on, where the server has one', async () => {
    const pool = await open()
    const before = (await pool.status()).position
    await pool.query(insertItem(context, 'apple', 1))
    const after = (await pool.status()).position
    if (!context.reportsPosition) return expect([before, after]).toEqual([undefined, undefined])
    if (before === undefined || after === undefined) throw new Error('The server should have a position.')
    expect(comparePosition(after, before)).toBe('reached')
    expect(comparePosition(before, after)).toBe('behind')
  })

  check('says with a write, if at all, a position that the server has then reached', async () => {
    const pool = await open({ trackPositions: true })
    const { position } = await pool.query(insertItem(context, 'apple', 1))
    const at = (await pool.status()).position
    if (at === undefined || position === undefined) return expect(position).toBeUndefined()
    expect(comparePosition(at, position)).toBe('reached')
  })

  check('asks for the status again and again, many at a time, and without a statement cache', async () => {
    const [pool, plain] = [await open(), await open({ statementCacheSize: 0 })]
    const { cluster, version } = await plain.status()
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => pool.status()))
      expect(answers.map((each) => [each.writable, each.cluster, each.version])).toEqual(
        answers.map(() => [true, cluster, version]),
      )
    }
  })

  check('refuses to ask for the status after an abort or the close', async () => {
    const pool = await open()
    const signal = AbortSignal.abort(new Error('enough'))
    expect(await failureOf(() => pool.status({ signal }))).toBeInstanceOf(AbortedError)
    await pool.close()
    expect(await failureOf(() => pool.status())).toBeInstanceOf(ClientClosedError)
  })
}

function describeLossCount(context: ContractContext): void {
  const { check, open, sql } = context
  const proxied = () => {
    const { hostname, port } = new URL(context.dsn())
    return startFaultProxy({ host: hostname, port: Number(port) })
  }

  check('asks for the status no longer than the time limit', async () => {
    await using proxy = await proxied()
    const pool = await open({ connectTimeoutMs: 200 }, proxy.through(context.dsn()))
    await pool.status()
    proxy.apply({ kind: 'black-hole' })
    const start = performance.now()
    const error = await failureOf(() => pool.status({ timeoutMs: 100 }))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ timeoutMs: 100, safeToRetry: true })
    expect(performance.now() - start).toBeLessThan(1_500)
    proxy.apply({ kind: 'pass' })
    await expectAllIdle(pool)
    expect((await pool.status()).writable).toBe(true)
  })

  check('counts a connection that was ended by the server, and none that was closed in order', async () => {
    const [pool, admin] = [await open({ maxConnections: 2, multiplexConnections: 0 }), await open()]
    const kill = async (id: string) => admin.query(statement(sql.server?.kill(id) ?? '', [], { prepare: false }))
    const idle = await pool.lease()
    await kill(valueOf(await idle.query(read(sql.server?.connectionId ?? ''))))
    await expect.poll(() => pool.losses, { timeout: 3_000 }).toBe(1)
    await failureOf(() => idle.query(insertItem(context, 'apple', 1)))
    await idle.release('clean')

    const busy = await pool.lease()
    const id = valueOf(await busy.query(read(sql.server?.connectionId ?? '')))
    const broken = failureOf(() => busy.query(read(sql.server?.sleep(20, 'busy') ?? '')))
    const running = async () =>
      valueOf(await admin.query(read(sql.server?.countRunning('busy') ?? '', [], { prepare: false })))
    await expect.poll(running, { timeout: 5_000 }).toBe('1')
    await kill(id)
    await broken
    await expect.poll(() => pool.losses, { timeout: 3_000 }).toBe(2)
    await busy.release('clean')

    const refused = failureOf(async () => pool.query(statement('select no_such_column from item')))
    expect(await refused).toMatchObject({ errorClass: 'syntax' })
    const destroyed = await pool.lease()
    await destroyed.release('destroy')
    await pool.status()
    await pool.close()
    await expect.poll(() => pool.stats().total).toBe(0)
    expect(pool.losses).toBe(2)
  })

  check('counts idle connections that the network broke', async () => {
    await using proxy = await proxied()
    const pool = await open({ idleTimeoutMs: 60 }, proxy.through(context.dsn()))
    // Shared connections, where there are any, open while the text comes again.
    for (let i = 0; i < 200 && pool.stats().shared === 0; i += 1) await pool.query(read('select 1 as value'))
    const { total, shared } = pool.stats()
    proxy.reset()
    await expect.poll(() => pool.losses, { timeout: 3_000 }).toBe(total + shared)
    await pool.query(read('select 1 as value'))
    await expect.poll(() => pool.stats().total, { timeout: 3_000 }).toBe(0)
    expect(pool.losses).toBe(total + shared)
  })

  check('counts a connection that was given up because no answer came', async () => {
    await using proxy = await proxied()
    const pool = await open({ maxConnections: 1, connectTimeoutMs: 100 }, proxy.through(context.dsn()))
    await pool.query(read('select 1 as value'))
    proxy.apply({ kind: 'black-hole' })
    await failureOf(() => pool.query(read('select 1 as value', [], { timeoutMs: 50 })))
    await expect.poll(() => pool.losses, { timeout: 5_000 }).toBe(1)
    proxy.apply({ kind: 'pass' })
    const lease = await pool.lease()
    expect(valueOf(await lease.query(read('select 1 as value')))).toBe('1')
    expect(pool.losses).toBe(1)
    proxy.apply({ kind: 'black-hole' })
    void Promise.allSettled([lease.query(read('select 1 as value'))])
    await lease.release('destroy')
    await expect.poll(() => pool.losses, { timeout: 5_000 }).toBe(2)
    proxy.apply({ kind: 'pass' })
  })
}
