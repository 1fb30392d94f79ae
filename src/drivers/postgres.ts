import { ConfigError } from '../errors.ts'
import { handleEngine } from '../topology/handle.ts'
import { addressOfDsn } from '../topology/dsn.ts'
import type { Driver, DriverPool, PoolOptions, ServerTarget } from './driver.ts'
import type { Pool } from 'pg'
import { openOwnPool, splitDsn } from './postgres/connect.ts'
import { PostgresPool } from './postgres/pool.ts'

/**
 * The driver for PostgreSQL, over the application's own version of `pg`. A `pg.Pool` that the application made is used
 * as it is: never ended, never multiplexed, and its own `max` counts.
 */
export function createPostgresDriver(): Driver {
  return { engine: 'postgres', open }
}

async function open(target: ServerTarget, options: PoolOptions): Promise<DriverPool> {
  if (target.from === 'dsn') {
    const parts = splitDsn(target.dsn)
    const opened = await openOwnPool(parts, options)
    return new PostgresPool({ ...opened, options, address: addressOfDsn(target.dsn), borrowed: false })
  }
  if (handleEngine(target.handle) !== 'postgres') {
    throw new ConfigError('databases', 'The handle is no pool of the package "pg".', 'a pg.Pool, or a data source name')
  }
  const pool = target.handle as Pool
  return new PostgresPool({ pool, options, address: 'the server of the given pg.Pool', borrowed: true })
}
