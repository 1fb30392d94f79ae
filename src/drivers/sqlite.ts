import type { DatabaseSync } from 'node:sqlite'

import { ConfigError, messageOf, UnsupportedError } from '../errors.ts'
import type { Driver, DriverPool, PoolOptions, ServerTarget } from './driver.ts'
import { SqliteConnection } from './sqlite/connection.ts'
import { parseSqliteDsn } from './sqlite/dsn.ts'
import { SqliteFilePool } from './sqlite/file-pool.ts'
import { isOlderNode, OlderNode } from './sqlite/older-node.ts'
import { ConnectionOpener, type SqliteModule } from './sqlite/open.ts'
import { SqliteSinglePool } from './sqlite/single-pool.ts'

export { parseSqliteDsn, type SqliteDsn } from './sqlite/dsn.ts'

/**
 * The driver of SQLite, over `node:sqlite`.
 *
 * - Reads are answered synchronously, from a read-only connection that all autocommit reads share. Errors of statements
 *   that are answered at once are thrown, not rejected.
 * - Beside the writer and the shared reader, leases for reading, streams and statements that change their connection
 *   open `maxConnections - 2` connections, at least one.
 * - There is one writer: a lease for writing holds it until released, and other writes wait.
 * - Foreign keys are enforced, which is the default of node:sqlite and not of SQLite itself.
 * - Nothing can interrupt SQLite while it looks for a row: time-outs and aborts take effect before the start, while
 *   waiting, and between two rows of a read. A write that has started is never stopped.
 * - Every isolation level is accepted, since SQLite's transactions are serializable.
 * - A text of several statements runs if it has no parameters, and returns no rows.
 * - Before Node.js 22.16, rows as arrays are refused, and `fields` holds the names of the first row's columns only.
 */
export function createSqliteDriver(): Driver {
  return { engine: 'sqlite', open: openPool }
}

async function openPool(target: ServerTarget, options: PoolOptions): Promise<DriverPool> {
  const module = await loadModule()
  if (target.from === 'handle') {
    const { handle } = target
    const olderNode = isOlderNode(module)
    if (!isDatabase(handle) || !(olderNode ? new OlderNode(handle, false).isOpen : handle.isOpen))
      throw new ConfigError('handle', 'is no open DatabaseSync of node:sqlite.', 'a DatabaseSync')
    const cache = { statementCacheSize: options.statementCacheSize, bigIntegers: false, olderNode }
    return new SqliteSinglePool(() => new SqliteConnection(handle, cache), false, options)
  }
  const dsn = parseSqliteDsn(target.dsn)
  const opener = new ConnectionOpener(module, options.readOnly === true ? { ...dsn, mode: 'ro' } : dsn, options)
  if (opener.dsn.file === ':memory:') {
    return new SqliteSinglePool(() => opener.writer(), true, options, opener.dsn.mode !== 'ro')
  }
  return new SqliteFilePool(opener, options)
}

async function loadModule(): Promise<SqliteModule> {
  try {
    return await import('node:sqlite')
  } catch (error) {
    throw new UnsupportedError(`SQLite needs node:sqlite, which could not be loaded: ${messageOf(error)}.`)
  }
}

function isDatabase(handle: unknown): handle is DatabaseSync {
  return typeof handle === 'object' && handle !== null && 'prepare' in handle && 'applyChangeset' in handle
}
