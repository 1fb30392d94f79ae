import { ConfigError, UnsupportedError } from '../errors.ts'
import type { Database } from '../topology/topology.ts'
import type { PreparingEngine } from './branch-text.ts'

/** The table of the log, and the one shard on which it is. */
export interface LogTable {
  readonly engine: PreparingEngine
  /** As it was given, perhaps with a schema. */
  readonly table: string
  readonly database: string
  readonly shard: string
}

const defaultTable = 'signalbox_transaction'
const tablePattern = /^[A-Za-z_]\w{0,62}(?:\.[A-Za-z_]\w{0,62})?$/

/**
 * Where decisions are to be written: an alias, or `{ database, table }`. `declared` finds a database by what is said; `undefined` if it
 * is not one of the configuration.
 *
 * Throws `ConfigError`, which names the path, and `UnsupportedError` for SQLite.
 */
export function logTable(target: unknown, path: string, declared: (alias: string) => Database | undefined): LogTable {
  const { database: name, table = defaultTable } = (
    typeof target === 'string' ? { database: target } : (target ?? {})
  ) as Readonly<Record<string, unknown>>
  if (typeof name !== 'string')
    throw new ConfigError(path, 'It is not said where decisions are written.', 'an alias, or { database, table }')
  if (typeof table !== 'string' || !tablePattern.test(table))
    throw new ConfigError(
      `${path}.table`,
      'This is not accepted.',
      'a name of letters, digits and _, perhaps with a schema',
    )
  const database = declared(name)
  const [shard, ...others] = database?.shards ?? []
  if (database === undefined || shard === undefined || others.length > 0)
    throw new ConfigError(
      path,
      `"${database?.alias ?? name}" is not accepted.`,
      'a declared database that is not sharded',
    )
  const { engine, alias } = database
  if (engine === 'sqlite')
    throw new UnsupportedError(
      `"${alias}" is on SQLite, whose file other machines do not see: it cannot hold the log of distributed transactions.`,
    )
  return { engine, table, database: alias, shard: shard.name }
}
