import type { Connection, ConnectionOptions, Pool, PoolOptions as NativeOptions } from 'mysql2'

import { ConfigError, DriverMissingError } from '../errors.ts'
import type { Driver, DriverPool, PoolOptions, ServerTarget } from './driver.ts'
import { mysqlUri } from './mysql/dsn.ts'
import { QueryKiller } from './mysql/killer.ts'
import { MysqlPool } from './mysql/pool.ts'
import { poolSockets } from './mysql/sockets.ts'
import { loadMysql2 } from './mysql/true-mysql2.ts'

/** The part of mysql2 that is used here. */
interface NativeModule {
  createPool(options: NativeOptions): Pool
  createConnection(options: ConnectionOptions): Connection
}

/**
 * The driver of MySQL and MariaDB, over `mysql2` 3.11 or later.
 *
 * - Statements are prepared (`execute`), except with `prepare: false`, without a statement cache, for statements that
 *   change their session, for texts longer than 32,768 characters, and for those that the server does not prepare;
 *   these are sent as text (`query`).
 * - Values come as mysql2 makes them: its defaults hold, or the options in the data source name, or the pool's own. One
 *   default differs: integers beyond 2^53 come as text (`supportBigNumbers`), since they would be rounded otherwise.
 * - A time-out or an abort sends KILL QUERY to the same address. Behind a load balancer that spreads connections of
 *   one address over several servers, that would reach another server: name the servers themselves there.
 * - Of a stream, the time limit holds until the first row; its signal holds to the end.
 * - A connection carries one statement at a time: while a lease streams, its other calls are refused.
 */
export function createMysqlDriver(): Driver {
  return { engine: 'mysql', open: openPool }
}

async function openPool(target: ServerTarget, options: PoolOptions): Promise<DriverPool> {
  const module = await loadModule()
  const killer = new QueryKiller((settings) => module.createConnection(settings), options.connectTimeoutMs)
  if (target.from === 'handle') return new MysqlPool(callbackPool(target.handle), false, options, killer)
  const settings = {
    // mysql2 would round integers beyond 2^53 without a word; the data source name may say otherwise.
    ...(/[?&]supportBigNumbers=/.test(target.dsn) ? {} : { supportBigNumbers: true }),
    uri: mysqlUri(target.dsn),
    stream: poolSockets(),
    connectTimeout: options.connectTimeoutMs,
    // For mysql2 0 means its default; the driver prepares nothing then.
    maxPreparedStatements: Math.max(1, options.statementCacheSize),
  }
  const { maxConnections } = options
  const pool = module.createPool({ ...settings, connectionLimit: maxConnections, maxIdle: maxConnections })
  // Compressed packets are counted over the bounds of statements; and mysql2's log wants to know which one writes.
  const canShare = !/[?&](?:compress|debug)=/.test(target.dsn)
  return new MysqlPool(pool, true, options, killer, canShare ? () => module.createConnection(settings) : undefined)
}

async function loadModule(): Promise<NativeModule> {
  try {
    return await loadMysql2()
  } catch (error) {
    throw new DriverMissingError('mysql2', 'A MySQL or MariaDB database', error)
  }
}

/** A pool of `mysql2`, or the one inside a pool of `mysql2/promise`. */
function callbackPool(handle: unknown): Pool {
  const inner: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'pool') : undefined
  for (const candidate of [inner, handle]) if (isPool(candidate)) return candidate
  throw new ConfigError('handle', 'is no pool of mysql2.', 'the result of createPool() of "mysql2" or "mysql2/promise"')
}

function isPool(candidate: unknown): candidate is Pool {
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    typeof Reflect.get(candidate, 'getConnection') === 'function' &&
    typeof Reflect.get(candidate, 'end') === 'function'
  )
}
