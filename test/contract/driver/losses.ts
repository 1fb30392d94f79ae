import { describe, expect } from 'vitest'

import { CommitUnknownError } from '../../../src/errors.ts'
import { startFaultProxy } from '../../../src/testing/fault-proxy.ts'
import { column, countItems, failureOf, insertItem, read, statement, valueOf, type ContractContext } from './context.ts'
import { expectAllIdle } from './streams.ts'

export function describeLosses(context: ContractContext): void {
  const { check, open, sql } = context
  const proxied = () => {
    const { hostname, port } = new URL(context.dsn())
    return startFaultProxy({ host: hostname, port: Number(port) })
  }

  describe('lost connections', () => {
    check('reports a connection that the server ended, and recovers', async () => {
      const [pool, admin] = [await open({ maxConnections: 2 }), await open()]
      const lease = await pool.lease()
      const id = valueOf(await lease.query(read(sql.server?.connectionId ?? '')))
      await admin.query(statement(sql.server?.kill(id) ?? '', [], { prepare: false }))
      const error = await failureOf(() => lease.query(insertItem(context, 'apple', 1)))
      expect(error).toMatchObject({
        name: 'QueryError',
        errorClass: expect.stringMatching(/connection-lost|shutting-down/),
      })
      await lease.release('clean')
      for (let i = 0; i < 4; i += 1) expect(await countItems(pool)).toBe(0)
      await expectAllIdle(pool)
    })

    check('replaces idle connections that the network broke', async () => {
      await using proxy = await proxied()
      const pool = await open({}, proxy.through(context.dsn()))
      for (let i = 0; i < 4; i += 1) await pool.query(read('select 1 as value'))
      proxy.reset()
      await expect.poll(() => pool.stats().total, { timeout: 3_000 }).toBe(0)
      expect(await countItems(pool)).toBe(0)
    })

    check('fails only the statements on the connection that broke', async () => {
      await using proxy = await proxied()
      const [pool, observer] = [
        await open({ maxConnections: 2, multiplexConnections: 0 }, proxy.through(context.dsn())),
        await open(),
      ]
      const sleep = sql.server?.sleep(20, 'broken') ?? ''
      const broken = failureOf(() => pool.query(statement(sleep)))
      const countRunning = sql.server?.countRunning('broken') ?? ''
      const running = async (): Promise<string> =>
        valueOf(await observer.query(read(countRunning, [], { prepare: false })))
      await expect.poll(running, { timeout: 5_000 }).toBe('1')
      const other = await pool.lease()
      await other.begin({})
      await other.query(insertItem(context, 'apple', 1))
      proxy.connections[0]?.reset()
      expect(await broken).toMatchObject({ errorClass: 'connection-lost', safeToRetry: false })
      await other.commit()
      await other.release('clean')
      expect(await countItems(pool)).toBe(1)
      await expectAllIdle(pool)
    })

    check('says of a lost read that it may be repeated', async () => {
      await using proxy = await proxied()
      const pool = await open({}, proxy.through(context.dsn()))
      await pool.query(read('select 1 as value'))
      proxy.apply({ kind: 'cut-on', pattern: 'look_at_this', moment: 'delivered' })
      const error = await failureOf(() => pool.query(read('select 1 as look_at_this', [], { prepare: false })))
      expect(error).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
      proxy.apply({ kind: 'pass' })
      expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
    })

    check('does not know whether a commit took effect whose answer was lost', async () => {
      await using proxy = await proxied()
      const pool = await open({}, proxy.through(context.dsn()))
      const lease = await pool.lease()
      await lease.begin({})
      await lease.query(insertItem(context, 'apple', 1))
      proxy.apply({ kind: 'cut-on', pattern: 'COMMIT', moment: 'answered' })
      const error = await failureOf(() => lease.commit())
      expect(error).toBeInstanceOf(CommitUnknownError)
      expect(error).toMatchObject({ safeToRetry: false, cause: expect.any(Error) })
      proxy.apply({ kind: 'pass' })
      await lease.release('clean')
      expect(await countItems(pool)).toBe(1)
      await expectAllIdle(pool)
    })

    check('throws into the loop when the connection of a stream breaks', async () => {
      await using proxy = await proxied()
      const pool = await open({}, proxy.through(context.dsn()))
      const error = await failureOf(async () => {
        for await (const row of pool.stream(read(sql.series(100_000, 1_000), [], { fetchSize: 10 }))) {
          if (column(row, 'n') === 20) proxy.reset()
        }
      })
      expect(error).toMatchObject({ errorClass: 'connection-lost' })
      await expectAllIdle(pool)
      expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
    })

    check('gives up on a server that accepts connections and says nothing', async () => {
      await using proxy = await proxied()
      proxy.apply({ kind: 'black-hole' })
      const pool = await open({ connectTimeoutMs: 150 }, proxy.through(context.dsn()))
      const error = await failureOf(() => pool.query(insertItem(context, 'apple', 1)))
      expect(error).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
      proxy.apply({ kind: 'pass' })
      expect(await countItems(pool)).toBe(0)
    })

    check('breaks what is in use, and refuses who waits or comes later, once the server is severed', async () => {
      await using proxy = await proxied()
      const pool = await open(
        { maxConnections: 2, multiplexConnections: 0, connectTimeoutMs: 60_000 },
        proxy.through(context.dsn()),
      )
      await pool.query(read('select 1 as value'))
      const lease = await pool.lease()
      await lease.begin({})
      await lease.query(insertItem(context, 'apple', 1))
      proxy.apply({ kind: 'black-hole' })
      // One runs on the second connection, or waits for it to be made; the third waits for one of the two.
      const write = failureOf(() => pool.query(insertItem(context, 'pear', 2)))
      const commit = failureOf(() => lease.commit())
      const waiting = failureOf(() => pool.query(insertItem(context, 'plum', 3)))
      await expect.poll(() => pool.stats().waiting, { timeout: 3_000 }).toBe(1)
      const before = pool.losses
      pool.sever?.('another has taken its place')
      expect(await commit).toBeInstanceOf(CommitUnknownError)
      expect(await write).toMatchObject({ errorClass: 'connection-lost' })
      expect(await waiting).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
      expect(String(await waiting)).toContain('another has taken its place')
      expect(pool.losses).toBeGreaterThan(before)
      await lease.release('destroy')
      for (const later of [() => pool.query(insertItem(context, 'fig', 4)), () => pool.lease()])
        expect(await failureOf(later)).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
    })

    check('says of a write on a severed connection that it may have taken effect', async () => {
      await using proxy = await proxied()
      const pool = await open({ maxConnections: 1 }, proxy.through(context.dsn()))
      await pool.query(statement('select 1 as value'))
      proxy.apply({ kind: 'black-hole' })
      const write = failureOf(() => pool.query(insertItem(context, 'pear', 2)))
      await new Promise((resolve) => setTimeout(resolve, 50))
      pool.sever?.('another has taken its place')
      expect(await write).toMatchObject({ errorClass: 'connection-lost', safeToRetry: false })
      expect(String(await write)).toContain('another has taken its place')
    })

    check('does not wait for a hung server longer than the time limit, nor lose the connection for good', async () => {
      await using proxy = await proxied()
      const pool = await open({ maxConnections: 1, connectTimeoutMs: 200 }, proxy.through(context.dsn()))
      await pool.query(read('select 1 as value'))
      proxy.apply({ kind: 'black-hole' })
      const start = performance.now()
      const error = await failureOf(() => pool.query(read('select 1 as value', [], { timeoutMs: 100 })))
      expect(error).toMatchObject({ code: 'SIGNALBOX_TIMEOUT' })
      expect(performance.now() - start).toBeLessThan(1_500)
      proxy.apply({ kind: 'pass' })
      await expectAllIdle(pool)
      expect(valueOf(await pool.query(read('select 1 as value')))).toBe('1')
    })
  })
}
