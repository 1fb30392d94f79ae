/** The engines that a driver speaks to; MariaDB is of the engine `mysql`. */
export type Engine = 'postgres' | 'mysql' | 'sqlite'

/** A data source name: `postgres://user:password@host:5432/name`, `mysql://…`, `mariadb://…`, `sqlite:./file.db`, `sqlite::memory:`. */
export type Dsn = `${'postgres' | 'postgresql' | 'mysql' | 'mariadb' | 'sqlite'}:${string}`

/** The part of a `pg.Pool` by which it is known. */
export interface PostgresPoolHandle {
  connect(...args: never[]): unknown
  query(...args: never[]): unknown
  readonly totalCount: number
}

/** The part of a mysql2 pool (callback or promise) by which it is known. */
export interface MysqlPoolHandle {
  getConnection(...args: never[]): unknown
  execute(...args: never[]): unknown
}

/** The part of a `node:sqlite` `DatabaseSync` by which it is known. */
export interface SqliteHandle {
  prepare(sql: string): unknown
  exec(sql: string): unknown
  applyChangeset(...args: never[]): unknown
}

/** A pool or handle that the application made itself. Signalbox uses it and never closes it. */
export type Handle = PostgresPoolHandle | MysqlPoolHandle | SqliteHandle

/** Limits and time-outs of one server's pool. Defaults and ranges stand beside each option in `config.ts`. */
export interface PoolOptions {
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly acquireTimeoutMs: number
  readonly idleTimeoutMs: number
  /** Named prepared statements (PostgreSQL, MySQL) or cached statement handles (SQLite) for each connection; 0 = none. */
  readonly statementCacheSize: number
  /** PostgreSQL, and MySQL through `signalbox/mysql2`: connections that short reads share; 0 turns multiplexing off. */
  readonly multiplexConnections: number
  /** A statement that has taken longer than this is slow, and has a connection of its own from then on. */
  readonly multiplexSlowMs: number
  /** SQLite: how long a write waits for another process's lock. */
  readonly busyTimeoutMs: number
  /** Streams: rows fetched at a time. */
  readonly fetchSize: number
  /** PostgreSQL: transactions note what a lost COMMIT can be asked for by. Default false. */
  readonly traceCommits?: boolean
  /**
   * MariaDB: the pool's own connections are told to say where each write stands in the log. Costs a round trip for each new connection, and
   * nothing for a write. Default false.
   */
  readonly trackPositions?: boolean
  /** SQLite: statements that every connection begins with, before anybody uses it. */
  readonly setup?: readonly string[]
  /**
   * The server is told to refuse writes on each connection that the pool opens: PostgreSQL by `default_transaction_read_only`, MySQL and
   * MariaDB by SET SESSION TRANSACTION READ ONLY, SQLite by opening the file so. Connections of a handle stay as they are. Default false.
   */
  readonly readOnly?: boolean
  /** PostgreSQL, MySQL: connections that do nothing do not keep the process alive. Default false. */
  readonly exitOnIdle?: boolean
}

/** Where to connect: a data source name, or a pool or handle of the driver's own that the application keeps. */
export type ServerTarget =
  { readonly from: 'dsn'; readonly dsn: string } | { readonly from: 'handle'; readonly handle: unknown }
