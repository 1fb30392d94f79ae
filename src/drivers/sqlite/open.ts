import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

import { QueryError } from '../../errors.ts'
import type { PoolOptions } from '../driver.ts'
import { SqliteConnection } from './connection.ts'
import type { SqliteDsn } from './dsn.ts'
import { isBusy, openError } from './errors.ts'
import { isOlderNode, type StatementClass } from './older-node.ts'

/** The part of `node:sqlite` that is used here. */
export interface SqliteModule extends StatementClass {
  readonly DatabaseSync: new (path: string, options: { readonly readOnly: boolean }) => DatabaseSync
}

/** Opens the connections of one file. */
export class ConnectionOpener {
  readonly dsn: SqliteDsn
  readonly #module: SqliteModule
  readonly #cacheSize: number
  readonly #olderNode: boolean
  readonly #setup: readonly string[]

  constructor(module: SqliteModule, dsn: SqliteDsn, options: PoolOptions) {
    this.#module = module
    this.dsn = dsn
    this.#cacheSize = options.statementCacheSize
    this.#setup = options.setup ?? []
    this.#olderNode = isOlderNode(module)
  }

  /**
   * A connection that may write, unless the name says `mode=ro`. The file's journal becomes a write-ahead log (it stays
   * one from then on), so that readers and the writer do not shut each other out.
   *
   * @throws QueryError of the class `connection-lost` if the file cannot be opened
   */
  writer(): SqliteConnection {
    const { file, mode, journal } = this.dsn
    // node:sqlite creates what is missing, and has no option against it.
    if (mode === 'rw' && !existsSync(file)) throw missing(file)
    const connection = this.#open(mode === 'ro')
    if (journal === 'wal' && mode !== 'ro' && file !== ':memory:') switchToWal(connection, file)
    return connection
  }

  /** A connection that SQLite keeps from writing, whatever it is sent. The file must be there. */
  reader(): SqliteConnection {
    return this.#open(true)
  }

  #open(readOnly: boolean): SqliteConnection {
    try {
      const db = new this.#module.DatabaseSync(this.dsn.file, { readOnly })
      for (const sql of this.#setup) db.exec(sql)
      return new SqliteConnection(db, {
        statementCacheSize: this.#cacheSize,
        bigIntegers: this.dsn.integers === 'bigint',
        olderNode: this.#olderNode,
      })
    } catch (error) {
      throw openError(error, this.dsn.file)
    }
  }
}

function switchToWal(connection: SqliteConnection, file: string): void {
  try {
    // Of this file: without the schema, it would be all that are attached.
    connection.exec('PRAGMA main.journal_mode = WAL')
  } catch (error) {
    // On a write-protected file the mode stays what it is; the first write will say why it cannot be done.
    if (error instanceof QueryError && error.errorClass === 'read-only') return
    connection.close()
    throw isBusy(error) || !(error instanceof QueryError) ? error : openError(error.cause, file)
  }
}

function missing(file: string): QueryError {
  return new QueryError('connection-lost', `SQLite: there is no file "${file}", and mode=rw creates none.`, {
    engineCode: 'SQLITE_CANTOPEN',
    safeToRetry: true,
  })
}
