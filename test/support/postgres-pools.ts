import { afterEach } from 'vitest'
import type { DriverPool, PoolOptions, ServerTarget } from '../../src/drivers/driver.ts'
import { createPostgresDriver } from '../../src/drivers/postgres.ts'
import { freshDatabase } from './servers.ts'

export interface PostgresPools {
  /** The data source name of an empty database. */
  readonly database: () => Promise<string>
  /** Of a data source name or a handle; `options` are set beside the limits. */
  readonly openPool: (target: string | ServerTarget, options?: Partial<PoolOptions>) => Promise<DriverPool>
  /** Done after the test, before what was there first is closed. */
  readonly afterwards: (cleanUp: () => Promise<unknown>) => void
}

/** Databases and pools of PostgreSQL's driver, which are gone after the test that asked for them. */
export function poolsOfEachTest(limits: PoolOptions): PostgresPools {
  const cleanUps: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
  })
  return {
    database: async () => {
      const fresh = await freshDatabase('postgres')
      cleanUps.push(() => fresh.drop())
      return fresh.dsn
    },
    openPool: async (target, options = {}) => {
      const server: ServerTarget = typeof target === 'string' ? { from: 'dsn', dsn: target } : target
      const pool = await createPostgresDriver().open(server, { ...limits, ...options })
      cleanUps.push(() => pool.close({ timeoutMs: 2_000 }))
      return pool
    },
    afterwards: (cleanUp) => void cleanUps.push(cleanUp),
  }
}
