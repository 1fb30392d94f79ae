/** The engines that a driver speaks to; MariaDB is of the engine `mysql`. */
export type Engine = 'postgres' | 'mysql' | 'sqlite'

/** Limits and time-outs of one server's pool. Defaults and ranges stand beside each option in `config.ts`. */
export interface PoolOptions {
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly acquireTimeoutMs: number
  readonly idleTimeoutMs: number
  /** Named prepared statements (PostgreSQL, MySQL) or cached statement handles (SQLite) for each connection; 0 = none. */
  readonly statementCacheSize: number
  /** PostgreSQL: connections shared in pipeline mode; 0 turns multiplexing off. */
  readonly multiplexConnections: number
  /** PostgreSQL: a statement that has taken longer than this is slow, and has a connection of its own from then on. */
  readonly multiplexSlowMs: number
  /** SQLite: how long a write waits for another process's lock. */
  readonly busyTimeoutMs: number
  /** Streams: rows fetched at a time. */
  readonly fetchSize: number
}

/** Where to connect: a data source name, or a pool or handle of the driver's own that the application keeps. */
export type ServerTarget =
  { readonly from: 'dsn'; readonly dsn: string } | { readonly from: 'handle'; readonly handle: unknown }
