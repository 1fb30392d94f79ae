import { afterAll, afterEach, beforeEach, describe, test } from 'vitest'

import type { DriverPool, PoolOptions } from '../../src/drivers/driver.ts'
import { statement, type ContractContext, type ContractDatabase, type DriverContract } from './driver/context.ts'
import { describeErrors } from './driver/errors.ts'
import { describeInterruptions } from './driver/interruptions.ts'
import { describeLeases } from './driver/leases.ts'
import { describeLosses } from './driver/losses.ts'
import { describePool } from './driver/pool.ts'
import { describeQueries } from './driver/queries.ts'
import { describeStatus } from './driver/status.ts'
import { describeStreams } from './driver/streams.ts'

export type { ContractDatabase, ContractSql, DriverContract, OwnHandle, RoundTrip } from './driver/context.ts'

const options: PoolOptions = {
  maxConnections: 4,
  connectTimeoutMs: 3_000,
  acquireTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  statementCacheSize: 100,
  multiplexConnections: 2,
  multiplexSlowMs: 100,
  busyTimeoutMs: 3_000,
  fetchSize: 100,
}

/** Every driver passes this suite, on a real database. */
export function describeDriver(name: string, contract: DriverContract): void {
  describe(`driver contract: ${name}`, () => {
    const pools: DriverPool[] = []
    const seen = new Set<string>()
    let database: ContractDatabase | undefined
    const dsn = (): string => database?.dsn ?? ''
    const keep = (pool: DriverPool): DriverPool => {
      pools.push(pool)
      return pool
    }
    const driver = contract.createDriver()
    const context: ContractContext = {
      ...contract,
      dsn,
      open: async (changes, where = dsn()) =>
        keep(await driver.open({ from: 'dsn', dsn: where }, { ...options, ...changes })),
      openOnHandle: async (handle, changes) =>
        keep(await driver.open({ from: 'handle', handle }, { ...options, ...changes })),
      check: (title, body) => {
        seen.add(title)
        const skip = contract.skips.find((each) => each.name === title)
        if (skip) test.skip(`${title} [${name}: ${skip.reason}]`, body)
        else test(title, body)
      },
    }
    beforeEach(async () => {
      database = await contract.freshDatabase()
      const pool = await driver.open({ from: 'dsn', dsn: dsn() }, options)
      await pool.query(statement(contract.sql.createTable))
      await pool.close()
    })
    afterEach(async () => {
      await Promise.all(pools.splice(0).map((pool) => pool.close({ timeoutMs: 500 })))
      await database?.drop()
    })
    describeQueries(context)
    describeErrors(context)
    describeLeases(context)
    describePool(context)
    describeStreams(context)
    describeInterruptions(context)
    describeLosses(context)
    describeStatus(context)
    reportSkips(name, contract, seen)
  })
}

function reportSkips(name: string, contract: DriverContract, seen: ReadonlySet<string>): void {
  afterAll(() => {
    for (const skip of contract.skips) console.log(`${name} does not: ${skip.name}. ${skip.reason}`)
    const unknown = contract.skips.filter((skip) => !seen.has(skip.name)).map((skip) => skip.name)
    if (unknown.length > 0) throw new Error(`Skips of tests that do not exist: ${unknown.join('; ')}`)
  })
}
