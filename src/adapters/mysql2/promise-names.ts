// oxlint-disable-next-line import/no-unassigned-import -- it is loaded first, see plain-module.ts
import 'mysql2'
import type * as bare from 'mysql2/promise'
import { signalboxErrorOf } from '../driver-error.ts'
import type { ClassOf, ConnectionOptions, PoolOptions } from './module-options.ts'
import { mysql2PromiseFor, plainMysql2, useClient } from './plain-module.ts'
import { promiseModule, type Mysql2Promise } from './promise-module.ts'

/** Makes a connection, and waits until it is there. */
export interface ConnectionFactory {
  (connectionUri: string): Promise<bare.Connection>
  (config: ConnectionOptions): Promise<bare.Connection>
}

/** Makes a pool. */
export interface PoolFactory {
  (connectionUri: string): bare.Pool
  (config: PoolOptions): bare.Pool
}

/** The module as one object. */
export interface Mysql2PromiseModule extends Omit<Mysql2Promise, 'createConnection' | 'createPool'> {
  readonly createConnection: ConnectionFactory
  readonly createPool: PoolFactory
  readonly PromisePool: ClassOf<bare.Pool>
  readonly PromiseConnection: ClassOf<bare.Connection>
  readonly PromisePoolConnection: ClassOf<bare.PoolConnection>
  readonly TypedParameter: bare.TypedParameter
  readonly mysql2PromiseFor: typeof mysql2PromiseFor
  readonly useClient: typeof useClient
  readonly signalboxErrorOf: typeof signalboxErrorOf
}

/** The module as one object, as `require('mysql2/promise')` gives it; `require('signalbox/mysql2/promise')` gives this. */
export const promise: Mysql2PromiseModule = Object.assign(
  promiseModule(plainMysql2) as unknown as Mysql2PromiseModule,
  {
    mysql2PromiseFor,
    useClient,
    signalboxErrorOf,
  },
)

/**
 * Makes a connection, as in `mysql2/promise`. It holds none to a server while it does nothing. What belongs to a connection (`SET @x`, `GET_LOCK()`, temporary tables, …)
 * gets one that stays its own until it ends.
 */
export const createConnection: ConnectionFactory = promise.createConnection

/**
 * Makes a pool, as in `mysql2/promise`. Its connections hold none to a server while they do nothing.
 *
 * @example
 * ```ts
 * import { createPool } from 'signalbox/mysql2/promise'
 *
 * const pool = createPool({ uri: 'mysql://app@10.0.0.1/shop', connectionLimit: 20 })
 * const [rows] = await pool.query('select name from product where id = ?', [7])
 * console.log(rows)
 * await pool.end()
 * ```
 */
export const createPool: PoolFactory = promise.createPool

/** Makes a cluster, as in `mysql2/promise`, whose nodes are pools of this module. */
export const createPoolCluster: Mysql2Promise['createPoolCluster'] = promise.createPoolCluster

/** The class of connections. */
export const Connection: Mysql2Promise['Connection'] = promise.Connection
/** A connection of `mysql2/promise`. */
export type Connection = bare.Connection

/** The class of a pool's connections. */
export const PoolConnection: Mysql2Promise['PoolConnection'] = promise.PoolConnection
/** A connection of a pool of `mysql2/promise`. */
export type PoolConnection = bare.PoolConnection

/** The class of pools. */
export const PromisePool: ClassOf<bare.Pool> = promise.PromisePool

/** The class of connections, by its other name. */
export const PromiseConnection: ClassOf<bare.Connection> = promise.PromiseConnection

/** The class of a pool's connections, by its other name. */
export const PromisePoolConnection: ClassOf<bare.PoolConnection> = promise.PromisePoolConnection

/** The names of types, for those who write `promise.Pool` and `promise.RowDataPacket`. */
export declare namespace promise {
  export type Connection = bare.Connection
  export type PoolConnection = bare.PoolConnection
  export type Pool = bare.Pool
  export type PoolCluster = bare.PoolCluster
  export type PreparedStatementInfo = bare.PreparedStatementInfo
  export type PoolNamespace = bare.PoolNamespace
  export type PoolClusterOptions = bare.PoolClusterOptions
  export type SslOptions = bare.SslOptions
  export type QueryOptions = bare.QueryOptions
  export type QueryError = bare.QueryError
  export type ExecuteValues = bare.ExecuteValues
  export type QueryValues = bare.QueryValues
  export type RowDataPacket = bare.RowDataPacket
  export type OkPacket = bare.OkPacket
  export type ResultSetHeader = bare.ResultSetHeader
  export type FieldPacket = bare.FieldPacket
  export type TypedParameter = bare.TypedParameter
  export type TypedParameterValue = bare.TypedParameterValue
  export type ConnectionOptions = OptionsOfConnection
  export type PoolOptions = OptionsOfPool
}
type OptionsOfConnection = ConnectionOptions
type OptionsOfPool = PoolOptions
