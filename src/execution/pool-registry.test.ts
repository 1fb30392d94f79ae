import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import { parseConfig } from '../parse-config.ts'
import { connectionLost, simulateDrivers } from '../testing/simulated-driver.ts'
import { PoolRegistry } from './pool-registry.ts'

const shop = 'postgres://bob@db.example/shop'

describe('close()', () => {
  it('lets a statement finish whose pool was still being opened', async () => {
    const simulated = simulateDrivers()
    const client = await connect(shop, { drivers: simulated.drivers })
    const running = client.query('select 1')
    const streaming = Array.fromAsync(client.stream('select 2'))
    await client.close()
    expect((await running).rowCount).toBe(0)
    await streaming
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
  })

  it('lets a statement finish that waits for the catalogue of functions', async () => {
    const simulated = simulateDrivers()
    const client = await connect(shop, { drivers: simulated.drivers })
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    simulated.server(shop).answerWith(async (step) => {
      if (!step.detail.includes('pg_proc')) return [{ one: 1 }]
      reached.resolve()
      await gate.promise
      return []
    })
    const running = client.query('select own_function()')
    await reached.promise
    const closing = client.close()
    gate.resolve()
    await closing
    expect((await running).rowCount).toBe(1)
  })

  it('lets an open transaction go on to its end, and no other begin', async () => {
    const simulated = simulateDrivers()
    const client = await connect(shop, { drivers: simulated.drivers })
    const tx = client.begin()
    const late = client.begin()
    await tx.query('insert into product (id) values (1)')
    const closing = client.close()
    await tx.query('insert into product (id) values (2)')
    await tx.commit()
    await expect(late.query('insert into product (id) values (3)')).rejects.toMatchObject({
      code: 'SIGNALBOX_CLIENT_CLOSED',
    })
    await closing
    expect(simulated.server(shop).steps.filter(({ action }) => action === 'query')).toHaveLength(2)
  })

  it('called twice waits for the same end', async () => {
    const simulated = simulateDrivers()
    const drained = Promise.withResolvers<void>()
    const slow = {
      ...simulated.drivers,
      postgres: async () => {
        const driver = await simulated.drivers.postgres()
        return {
          ...driver,
          open: async (...parts: Parameters<typeof driver.open>) => {
            const pool = await driver.open(...parts)
            return Object.assign(pool, { close: async () => await drained.promise })
          },
        }
      },
    }
    const client = await connect(shop, { drivers: slow })
    await client.query('select 1')
    const order: string[] = []
    const both = [client.close().then(() => order.push('first')), client.close().then(() => order.push('second'))]
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual([])
    drained.resolve()
    await Promise.all(both)
    expect(order).toHaveLength(2)
  })

  it('waits for what still runs on a server that is gone', async () => {
    const simulated = simulateDrivers()
    const pools = new PoolRegistry(simulated.drivers)
    const [database] = parseConfig(shop).topology.databases.values()
    const server = database!.shards[0]!.primary
    const drained = Promise.withResolvers<void>()
    Object.assign(await pools.open(server, database!), { close: async () => await drained.promise })
    const order: string[] = []
    const both = [
      pools.drop(server, 60_000).then(() => order.push('gone')),
      pools.close(60_000).then(() => order.push('closed')),
    ]
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual([])
    drained.resolve()
    await Promise.all(both)
    expect(order).toEqual(['gone', 'closed'])
  })

  it('waits no longer than it may for what never gets to a pool', async () => {
    const simulated = simulateDrivers()
    const client = await connect(
      { databases: { default: shop }, limits: { closeTimeoutMs: 5 } },
      { drivers: { ...simulated.drivers, postgres: async () => await new Promise<never>(() => {}) } },
    )
    void client.query('select 1').catch(() => undefined)
    await expect(client.close()).resolves.toBeUndefined()
  })
})

describe('a time limit', () => {
  it('and a signal hold while the catalogue of functions is read, too', async () => {
    const simulated = simulateDrivers()
    simulated.server(shop).answerWith(async (step) => {
      if (step.detail.includes('pg_proc')) await new Promise<never>(() => {})
    })
    const client = await connect(
      { databases: { default: shop }, limits: { closeTimeoutMs: 5 } },
      { drivers: simulated.drivers },
    )
    const sql = 'select own_function()'
    const timeout = { code: 'SIGNALBOX_TIMEOUT', safeToRetry: true, database: 'default' }
    await expect(client.query(sql, [], { timeoutMs: 5 })).rejects.toMatchObject(timeout)
    await expect(Array.fromAsync(client.stream(sql, [], { timeoutMs: 5 }))).rejects.toMatchObject(timeout)
    const signal = AbortSignal.abort('enough')
    await expect(client.query(sql, [], { signal })).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    await expect(client.transaction(async (tx) => await tx.query(sql), { timeoutMs: 5 })).rejects.toMatchObject({
      code: 'SIGNALBOX_TIMEOUT',
    })
    await client.close()
  })

  it('is one for all attempts together', async () => {
    const simulated = simulateDrivers()
    const limits: (number | undefined)[] = []
    simulated.server(shop).answerWith((_, request) => {
      limits.push(request?.timeoutMs)
      const begun = performance.now()
      while (performance.now() - begun < 3);
      throw connectionLost(true)
    })
    const client = await connect(shop, { drivers: simulated.drivers })
    for (let round = 0; round < 2; round++)
      await client.query('select 1', [], { timeoutMs: 1_000 }).catch(() => undefined)
    expect(limits).toHaveLength(4)
    for (const second of [limits[1], limits[3]]) expect(second).toBeLessThan(999)
  })
})
