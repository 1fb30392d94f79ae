// oxlint-disable typescript/no-explicit-any -- the types of rows and values have the defaults of pg's own
import type * as bare from 'pg'
import ownPg from './own-pg.ts'
import type { Client as SignalboxClient, Config, Scope } from '../../index.ts'
import type { Bound } from '../behind.ts'
import { signalboxErrorOf } from '../driver-error.ts'
import { pgFinder, pgFind } from './find-behind.ts'
import { facadeOf } from './facade.ts'
import type { Pg } from './native-pg.ts'

/** What may stand behind a pool or a client: a client of Signalbox, a scope of it, or a configuration as `connect()` takes it. */
export type Signalbox = SignalboxClient | Scope | Config | string

/** What a client takes: the settings of `pg`, and which client of Signalbox stands behind it. */
export interface ClientConfig extends bare.ClientConfig {
  /**
   * A client of Signalbox or a scope of it, which stays open; or a configuration as `connect()` takes it, whose client is closed with the
   * last pool and client that were given the same object. Default: the client of {@link useClient}, or of the configuration file that the
   * environment variable `SIGNALBOX_CONFIG` names, or else the server that the other settings name.
   */
  readonly signalbox?: Signalbox | undefined
}

/** What a pool takes: the settings of pg-pool, and which client of Signalbox stands behind it. */
export interface PoolConfig extends bare.PoolConfig {
  /** As for a client: see {@link ClientConfig}. */
  readonly signalbox?: Signalbox | undefined
}

/** A class of pools. */
export interface PoolClass {
  new (config?: PoolConfig): bare.Pool
  readonly prototype: bare.Pool
}

/** A class of clients. */
export interface ClientClass {
  new (config?: string | ClientConfig): bare.Client
  readonly prototype: bare.Client
}

/** How the façade is made. */
export interface PgOptions {
  /** The application's own copy of `pg`, where it has several: pools extend its `Pool`, so that `instanceof` holds. Default: the one that Signalbox finds. */
  readonly pg?: Pg
  /**
   * What a client is whose settings name a server that the Signalbox client does not have: `ignore` (default) takes it for one of Signalbox all the same, since
   * query tools fill in settings by themselves; `pg` makes it a client of `pg` itself, which goes to that server; `open` has Signalbox go there.
   */
  readonly elsewhere?: 'ignore' | 'pg' | 'open'
}

/**
 * A module like `pg`, whose pools and clients run on a client of Signalbox: each statement goes where it belongs. For query tools that take
 * such a module, or a pool of it. What `pg` itself does above the wire (queues, callbacks, types, results, errors) is done by `pg`.
 *
 * Connection settings that are given to its pools and clients are not used, but for those of `pg` itself, such as `max`, `types` and `query_timeout`.
 * A pool or client with a `signalbox` of its own runs on that.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { pgFor } from 'signalbox/pg'
 *
 * const client = await connect('postgres://app@10.0.0.1/shop')
 * const { Pool } = pgFor(client)
 * const pool = new Pool({ max: 20 })
 * const { rows } = await pool.query('select name from product where id = $1', [7])
 * console.log(rows)
 * ```
 */
export function pgFor(bound: Bound, { pg = ownPg, elsewhere = 'ignore' }: PgOptions = {}): Pg {
  const declared = { bound, elsewhere: elsewhere === 'pg' ? ('driver' as const) : elsewhere }
  return facadeOf(pg, pgFind(pg, pgFinder(declared)))
}

const finder = pgFinder()
const module: Pg = facadeOf(ownPg, pgFind(ownPg, finder))

/** How a declared client is used. */
export interface UseOptions {
  /**
   * What pools and clients are whose settings name a server that the declared client does not have: `open` (default) has Signalbox go to that server, with
   * these settings; `ignore` takes the declared client all the same.
   */
  readonly elsewhere?: 'open' | 'ignore'
}

/**
 * Declares the client that stands behind every pool and client of this module which names none itself, from now on: those that connect later, also of
 * pools that were made before. `undefined` takes it back. The client stays open when they end.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { Pool, useClient } from 'signalbox/pg'
 *
 * useClient(await connect({ databases: { default: { primary: 'postgres://app@10.0.0.1/shop', replicas: ['postgres://app@10.0.0.2/shop'] } } }))
 * const pool = new Pool()
 * console.log((await pool.query('select name from product where id = $1', [7])).rows)
 * ```
 */
export function useClient(bound: Bound | undefined, { elsewhere = 'open' }: UseOptions = {}): void {
  finder.declared = bound === undefined ? undefined : { bound, elsewhere }
}

/**
 * The class of pools, as in `pg`: `instanceof` holds for `pg`'s own, too. Its clients hold no connection while they do nothing.
 *
 * @example
 * ```ts
 * import { Pool } from 'signalbox/pg'
 *
 * const pool = new Pool({ connectionString: 'postgres://app@10.0.0.1/shop', max: 20 })
 * const { rows } = await pool.query('select name from product where id = $1', [7])
 * console.log(rows)
 * await pool.end()
 * ```
 */
export const Pool: PoolClass = module.Pool
/** A pool of `pg`. */
export type Pool = bare.Pool

/** The class of clients, as in `pg`. What belongs to a connection (`SET`, `LISTEN`, temporary tables, …) gets one that stays the client's own until it ends. */
export const Client: ClientClass = module.Client
/** A client of `pg`. */
export type Client = bare.Client

/** `pg`'s own class of queries. */
export const Query: Pg['Query'] = module.Query
/** A query of `pg`. */
export type Query<R extends bare.QueryResultRow = any, I extends any[] = any> = bare.Query<R, I>

/** `pg`'s own class of connections. */
export const Connection: Pg['Connection'] = module.Connection
/** A connection of `pg`. */
export type Connection = bare.Connection

/** `pg`'s own class of results. */
export const Result: Pg['Result'] = module.Result
/** A result of `pg`. */
export type Result<R extends bare.QueryResultRow = any> = bare.Result<R>

/** `pg`'s own class of the errors that servers report. */
export const DatabaseError: Pg['DatabaseError'] = module.DatabaseError
/** An error that a server reported. */
export type DatabaseError = bare.DatabaseError

/** `pg`'s own class of parsers for some types alone. */
export const TypeOverrides: Pg['TypeOverrides'] = module.TypeOverrides
/** Parsers for some types alone. */
export type TypeOverrides = bare.TypeOverrides

/** `pg`'s own parsers of types, which everybody shares. */
export const types: Pg['types'] = module.types

/** `pg`'s own defaults, which everybody shares. */
export const defaults: Pg['defaults'] = module.defaults

/** There is no façade of the native bindings. */
export const native: null = null

/** A name as it is written in SQL, quoted. */
export const escapeIdentifier: Pg['escapeIdentifier'] = module.escapeIdentifier

/** A text as it is written in SQL, quoted. */
export const escapeLiteral: Pg['escapeLiteral'] = module.escapeLiteral

/** The module as one object, as `require('pg')` gives it; `require('signalbox/pg')` gives this. */
export const pg: PgModule = Object.assign(module as unknown as PgModule, { pgFor, useClient, signalboxErrorOf })

/** The names of types, for those who write `pg.Pool` and `pg.PoolClient`. */
export declare namespace pg {
  export type Pool = bare.Pool
  export type Client = bare.Client
  export type ClientBase = bare.ClientBase
  export type PoolClient = bare.PoolClient
  export type Query<R extends bare.QueryResultRow = any, I extends any[] = any> = bare.Query<R, I>
  export type Connection = bare.Connection
  export type Result<R extends bare.QueryResultRow = any> = bare.Result<R>
  export type DatabaseError = bare.DatabaseError
  export type TypeOverrides = bare.TypeOverrides
  export type Events = bare.Events
  export type ClientConfig = SettingsOfClient
  export type PoolConfig = SettingsOfPool
  export type PoolOptions = bare.PoolOptions
  export type ConnectionConfig = bare.ConnectionConfig
  export type Defaults = bare.Defaults
  export type QueryConfig<I = any[]> = bare.QueryConfig<I>
  export type QueryConfigValues<T> = bare.QueryConfigValues<T>
  export type QueryArrayConfig<I = any[]> = bare.QueryArrayConfig<I>
  export type QueryResultRow = bare.QueryResultRow
  export type QueryResultBase = bare.QueryResultBase
  export type QueryResult<R extends bare.QueryResultRow = any> = bare.QueryResult<R>
  export type QueryArrayResult<R extends any[] = any[]> = bare.QueryArrayResult<R>
  export type ResultBuilder<R extends bare.QueryResultRow = any> = bare.ResultBuilder<R>
  export type FieldDef = bare.FieldDef
  export type Submittable = bare.Submittable
  export type CustomTypesConfig = bare.CustomTypesConfig
  export type Notification = bare.Notification
  export type QueryParse = bare.QueryParse
  export type BindConfig = bare.BindConfig
  export type ExecuteConfig = bare.ExecuteConfig
  export type MessageConfig = bare.MessageConfig
}
type SettingsOfClient = ClientConfig
type SettingsOfPool = PoolConfig

/** The module as one object. */
export interface PgModule extends Omit<Pg, 'Pool' | 'Client' | 'native'> {
  readonly Pool: PoolClass
  readonly Client: ClientClass
  readonly native: null
  readonly pgFor: typeof pgFor
  readonly useClient: typeof useClient
  readonly signalboxErrorOf: typeof signalboxErrorOf
}
