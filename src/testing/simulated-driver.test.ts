import { expect, test } from 'vitest'

import { poolOptions } from '../config.ts'
import type { DriverPool } from '../drivers/driver.ts'
import { readOptions } from '../option.ts'
import type { Position } from '../topology/position.ts'
import { connectionLost, simulateDrivers, type SimulatedServer } from './simulated-driver.ts'

const dsn = 'postgres://db/shop'
const at = (lsn: bigint): Position => ({ kind: 'lsn', timeline: 1, lsn })

async function setUp(): Promise<{ server: SimulatedServer; pool: DriverPool }> {
  const simulated = simulateDrivers()
  const driver = await simulated.drivers.postgres()
  return {
    server: simulated.server(dsn),
    pool: await driver.open({ from: 'dsn', dsn }, readOptions(poolOptions, {}, 'pool')),
  }
}

test('a simulated server says of itself what it was told to say', async () => {
  const { server, pool } = await setUp()
  expect(await pool.status()).toMatchObject({ writable: true, position: undefined })
  server.setStatus({ writable: false, position: at(7n) })
  server.setStatus({ lagMs: 0 })
  expect(await pool.status()).toMatchObject({ writable: false, position: at(7n), lagMs: 0 })
  expect(server.steps.map(({ action }) => action)).toEqual(['status', 'status'])
})

test('the status of a simulated server can be held up, and is then that of the end of the wait', async () => {
  const { server, pool } = await setUp()
  const held = Promise.withResolvers<void>()
  server.answerWith(() => held.promise)
  const late = pool.status()
  server.setStatus({ position: at(8n) })
  held.resolve()
  expect((await late).position).toEqual(at(8n))
  server.answerWith(() => ({ position: at(3n) }))
  expect((await pool.status()).position).toEqual(at(3n))
  server.answerWith(() => [{ n: 1 }])
  expect(await pool.status()).toMatchObject({ position: at(8n), version: 'simulated' })
})

test('a simulated server counts the connections that it lost', async () => {
  const { server, pool } = await setUp()
  server.answerWith(() => {
    throw connectionLost(true)
  })
  await expect(pool.status()).rejects.toMatchObject({ errorClass: 'connection-lost' })
  expect(pool.losses).toBe(1)
  server.loseConnections(2)
  expect([pool.losses, server.losses]).toEqual([3, 3])
})
