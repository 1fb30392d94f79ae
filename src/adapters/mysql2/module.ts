// oxlint-disable-next-line import/no-unassigned-import -- it is loaded first, see plain-module.ts
import 'mysql2'
import type * as bare from 'mysql2'
import { signalboxErrorOf } from '../driver-error.ts'
import type { ClassOf, ConnectionOptions, PoolOptions } from './module-options.ts'
import type { Mysql2 } from './native-mysql2.ts'
import { mysql2For, mysql2PromiseFor, plainMysql2, useClient } from './plain-module.ts'
import type {
  ConnectionFactory as PromiseConnectionFactory,
  PoolFactory as PromisePoolFactory,
} from './promise-names.ts'
import type { Mysql2Promise } from './promise-module.ts'

/** Makes a connection. */
export interface ConnectionFactory {
  (connectionUri: string): bare.Connection
  (config: ConnectionOptions): bare.Connection
}

/** Makes a pool. */
export interface PoolFactory {
  (connectionUri: string): bare.Pool
  (config: PoolOptions): bare.Pool
}

/** The module as one object. */
export interface Mysql2Module extends Omit<Mysql2, 'createConnection' | 'createPool'> {
  readonly createConnection: ConnectionFactory
  readonly connect: ConnectionFactory
  readonly createPool: PoolFactory
  readonly createConnectionPromise: PromiseConnectionFactory
  readonly createPoolPromise: PromisePoolFactory
  readonly createPoolClusterPromise: Mysql2Promise['createPoolCluster']
  /** Makes a command of texts and values; a connection runs it. */
  readonly createQuery: (
    sql: string | bare.QueryOptions,
    values?: unknown,
    callback?: unknown,
    config?: object,
  ) => bare.Query
  readonly ConnectionConfig: new (options: string | ConnectionOptions) => bare.ConnectionConfig
  readonly Pool: ClassOf<bare.Pool>
  readonly PoolCluster: ClassOf<bare.PoolCluster>
  readonly TypedParameter: bare.TypedParameter
  readonly mysql2For: typeof mysql2For
  readonly mysql2PromiseFor: typeof mysql2PromiseFor
  readonly useClient: typeof useClient
  readonly signalboxErrorOf: typeof signalboxErrorOf
}

/** The module as one object, as `require('mysql2')` gives it; `require('signalbox/mysql2')` gives this. */
export const mysql2: Mysql2Module = Object.assign(plainMysql2 as unknown as Mysql2Module, {
  mysql2For,
  mysql2PromiseFor,
  useClient,
  signalboxErrorOf,
})

/**
 * Makes a connection, as in `mysql2`. It holds none to a server while it does nothing. What belongs to a connection (`SET @x`, `GET_LOCK()`, temporary tables, …)
 * gets one that stays its own until it ends.
 */
export const createConnection: ConnectionFactory = mysql2.createConnection

/** {@link createConnection} by its other name. */
export const connect: ConnectionFactory = mysql2.connect

/**
 * Makes a pool, as in `mysql2`. Its connections hold none to a server while they do nothing.
 *
 * @example
 * ```ts
 * import { createPool } from 'signalbox/mysql2'
 *
 * const pool = createPool({ uri: 'mysql://app@10.0.0.1/shop', connectionLimit: 20 })
 * pool.query('select name from product where id = ?', [7], (error, rows) => {
 *   console.log(error ?? rows)
 *   pool.end()
 * })
 * ```
 */
export const createPool: PoolFactory = mysql2.createPool

/** Makes a cluster, as in `mysql2`, whose nodes are pools of this module: each of them goes where its settings lead, or to the client that stands behind it. */
export const createPoolCluster: Mysql2Module['createPoolCluster'] = mysql2.createPoolCluster

/** `createConnection` of `signalbox/mysql2/promise`. */
export const createConnectionPromise: Mysql2Module['createConnectionPromise'] = mysql2.createConnectionPromise

/** `createPool` of `signalbox/mysql2/promise`. */
export const createPoolPromise: Mysql2Module['createPoolPromise'] = mysql2.createPoolPromise

/** `createPoolCluster` of `signalbox/mysql2/promise`. */
export const createPoolClusterPromise: Mysql2Module['createPoolClusterPromise'] = mysql2.createPoolClusterPromise

/** The class of connections: `instanceof` holds for `mysql2`'s own, too. */
export const Connection: Mysql2['Connection'] = mysql2.Connection
/** A connection of `mysql2`. */
export type Connection = bare.Connection

/** The class of a pool's connections. */
export const PoolConnection: Mysql2['PoolConnection'] = mysql2.PoolConnection
/** A connection of a pool of `mysql2`. */
export type PoolConnection = bare.PoolConnection

/** The class of pools. */
export const Pool: ClassOf<bare.Pool> = mysql2.Pool
/** A pool of `mysql2`. */
export type Pool = bare.Pool

/** The class of clusters. */
export const PoolCluster: ClassOf<bare.PoolCluster> = mysql2.PoolCluster
/** A cluster of `mysql2`. */
export type PoolCluster = bare.PoolCluster

/** `mysql2`'s own class of settings. */
export const ConnectionConfig: Mysql2Module['ConnectionConfig'] = mysql2.ConnectionConfig
/** Settings as `mysql2` has understood them. */
export type ConnectionConfig = bare.ConnectionConfig

/** `mysql2`'s own: makes a command of a text and values. */
export const createQuery: Mysql2Module['createQuery'] = mysql2.createQuery

/** `mysql2`'s own: a server that speaks the protocol. */
export const createServer: Mysql2['createServer'] = mysql2.createServer

/** `mysql2`'s own ways to log in. */
export const authPlugins: Mysql2['authPlugins'] = mysql2.authPlugins

/** The names of types, for those who write `mysql2.Pool` and `mysql2.RowDataPacket`. */
export declare namespace mysql2 {
  export type Connection = bare.Connection
  export type PoolConnection = bare.PoolConnection
  export type Pool = bare.Pool
  export type PoolCluster = bare.PoolCluster
  export type ConnectionConfig = bare.ConnectionConfig
  export type TypedParameter = bare.TypedParameter
  export type Query = bare.Query
  export type Prepare = bare.Prepare
  export type PoolNamespace = bare.PoolNamespace
  export type PoolClusterOptions = bare.PoolClusterOptions
  export type SslOptions = bare.SslOptions
  export type QueryOptions = bare.QueryOptions
  export type QueryError = bare.QueryError
  export type ExecuteValues = bare.ExecuteValues
  export type QueryValues = bare.QueryValues
  export type PrepareStatementInfo = bare.PrepareStatementInfo
  export type RowDataPacket = bare.RowDataPacket
  export type OkPacket = bare.OkPacket
  export type ResultSetHeader = bare.ResultSetHeader
  export type FieldPacket = bare.FieldPacket
  export type ConnectionState = bare.ConnectionState
  export type AuthPlugin = bare.AuthPlugin
  export type TypeCast = bare.TypeCast
  export type TypedParameterValue = bare.TypedParameterValue
  export type ConnectionOptions = OptionsOfConnection
  export type PoolOptions = OptionsOfPool
}
type OptionsOfConnection = ConnectionOptions
type OptionsOfPool = PoolOptions
