import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { AbortedError, ParameterError, TimeoutError, TransactionControlError, UnsupportedError } from '../../errors.ts'
import type { Access, DriverRequest, DriverResult, RowMode } from '../driver.ts'
import { noStatement, sqliteError } from './errors.ts'
import { OlderNode } from './older-node.ts'
import { isPositional, namedValues, positionalValues } from './parameters.ts'
import { SqliteChanges, SqliteRows, type Changes } from './result.ts'
import { isBlank, readStatementText, type StatementText } from './statement-text.ts'

/** How a connection treats its statements. */
export interface ConnectionOptions {
  readonly statementCacheSize: number
  readonly bigIntegers: boolean
  /** Whether to do without what `node:sqlite` has since Node.js 22.16; see `isOlderNode`. */
  readonly olderNode: boolean
}

/** A prepared statement with what was learnt about it, once. */
interface Prepared {
  readonly statement: StatementSync
  /** The statement if this Node.js can describe its columns. */
  readonly described: StatementSync | undefined
  readonly text: StatementText
  readonly returnsRows: boolean
  /** More statements follow in the same text, which node:sqlite would silently leave out. */
  readonly hasMore: boolean
  /** The row mode that the statement was last set to. */
  rowMode: RowMode
}

/** Characters of a text above which it is not kept: the cache is bounded in number, and so in bytes as well. */
const longestCached = 32_768

const changing = new Set(['insert', 'replace', 'update', 'delete'])

/** One `DatabaseSync` with its cache of prepared statements. Everything here is synchronous. */
export class SqliteConnection {
  readonly db: DatabaseSync
  readonly #options: ConnectionOptions
  readonly #half: number
  readonly #older: OlderNode | undefined
  // Two generations: a hit in the young one costs one look-up and moves nothing.
  #young = new Map<string, Prepared>()
  #old = new Map<string, Prepared>()

  constructor(db: DatabaseSync, options: ConnectionOptions) {
    this.db = db
    this.#options = options
    this.#half = Math.ceil(options.statementCacheSize / 2)
    this.#older = options.olderNode ? new OlderNode(db, options.bigIntegers) : undefined
  }

  /** How many statements are kept prepared; at most `statementCacheSize`, rounded up to an even number. */
  get cachedStatements(): number {
    return this.#young.size + this.#old.size
  }

  get inTransaction(): boolean {
    return this.#older === undefined ? this.db.isTransaction : this.#older.inTransaction
  }

  get isOpen(): boolean {
    return this.#older === undefined ? this.db.isOpen : this.#older.isOpen
  }

  /**
   * Runs one statement to its end. With `autocommit`, a transaction that it leaves open is rolled back.
   *
   * @throws QueryError, ParameterError, UnsupportedError, TransactionControlError
   */
  run(request: DriverRequest, autocommit: boolean): DriverResult {
    const prepared = this.#prepared(request.sql, request.access)
    if (!prepared.returnsRows || prepared.hasMore) {
      const mayBegin = autocommit && (prepared.hasMore || !changing.has(prepared.text.verb))
      const before = mayBegin && this.inTransaction
      const result = prepared.hasMore ? this.#runScript(request) : this.#change(prepared, request)
      if (mayBegin && !before && this.inTransaction) throw this.#leftOpen()
      return result
    }
    const { statement } = prepared
    this.#setRowMode(prepared, request)
    const { params } = request
    try {
      const rows = isPositional(params)
        ? statement.all(...positionalValues(params, prepared.text))
        : statement.all(namedValues(params, prepared.text))
      return new SqliteRows(rows, prepared.described)
    } catch (error) {
      throw error instanceof ParameterError ? error : sqliteError(error, 'run', request.access)
    }
  }

  /**
   * As `run`, but a read stops between two rows once `deadline` (of `performance.now()`) has passed. SQLite gives no
   * way in while it looks for the next row, and a write is never stopped half-way.
   *
   * @throws TimeoutError as well
   */
  runUntil(request: DriverRequest, autocommit: boolean, deadline: number): DriverResult {
    if (request.access !== 'read' || !this.#prepared(request.sql, request.access).returnsRows) {
      return this.run(request, autocommit)
    }
    const cursor = this.open(request, deadline)
    try {
      const rows: unknown[] = []
      for (let row = cursor.next(); !row.done; row = cursor.next()) rows.push(row.value)
      return new SqliteRows(rows, cursor.described)
    } finally {
      cursor.close()
    }
  }

  /** Opens a cursor on a statement of its own: a cached one would be reset by the next caller's run. */
  open(request: DriverRequest, deadline = Infinity): SqliteCursor {
    if (this.#older !== undefined) this.#noticeChanges(this.#older, request.access)
    const prepared = this.#prepare(request.sql, request.access)
    if (prepared.hasMore) throw new UnsupportedError('A text of several statements cannot be streamed.')
    this.#setRowMode(prepared, request)
    const { params } = request
    try {
      const rows = isPositional(params)
        ? prepared.statement.iterate(...positionalValues(params, prepared.text))
        : prepared.statement.iterate(namedValues(params, prepared.text))
      return new SqliteCursor(rows, prepared, request, deadline)
    } catch (error) {
      throw error instanceof ParameterError ? error : sqliteError(error, 'run', request.access)
    }
  }

  /** Runs fixed text of the driver's own: BEGIN, PRAGMA and the like. */
  exec(sql: string): void {
    try {
      this.db.exec(sql)
    } catch (error) {
      throw sqliteError(error, 'run', 'write')
    }
  }

  /** Forgets the prepared statements; they end with the connection or the garbage collector. */
  forget(): void {
    this.#young = new Map()
    this.#old = new Map()
  }

  close(): void {
    this.forget()
    if (this.isOpen) this.db.close()
  }

  #change(prepared: Prepared, request: DriverRequest): DriverResult {
    if (this.#older !== undefined) return this.#changeOrRows(prepared, request, this.#older)
    const { statement, text } = prepared
    const { params } = request
    try {
      const native = isPositional(params)
        ? statement.run(...positionalValues(params, text))
        : statement.run(namedValues(params, text))
      return changesOf(native, text.verb)
    } catch (error) {
      throw error instanceof ParameterError ? error : sqliteError(error, 'run', request.access)
    }
  }

  /** As `#change`, where only the rows themselves tell that a statement returns some. */
  #changeOrRows(prepared: Prepared, request: DriverRequest, older: OlderNode): DriverResult {
    this.#setRowMode(prepared, request)
    const { statement, text } = prepared
    const { params } = request
    // It may change temporary and attached tables, which have versions of their own.
    if (!changing.has(text.verb)) this.forget()
    try {
      const rows = isPositional(params)
        ? statement.all(...positionalValues(params, text))
        : statement.all(namedValues(params, text))
      return rows.length > 0 ? new SqliteRows(rows, prepared.described) : changesOf(older.changes(), text.verb)
    } catch (error) {
      throw error instanceof ParameterError ? error : sqliteError(error, 'run', request.access)
    }
  }

  #runScript(request: DriverRequest): DriverResult {
    if (Object.keys(request.params).length > 0) {
      throw new UnsupportedError('A text of several statements takes no parameters on SQLite: send them one by one.')
    }
    try {
      this.db.exec(request.sql)
    } catch (error) {
      throw sqliteError(error, 'script', request.access)
    }
    return new SqliteChanges({ changes: 0, lastInsertRowid: 0 }, 0, undefined)
  }

  #leftOpen(): TransactionControlError {
    this.exec('ROLLBACK')
    return new TransactionControlError(
      'The statement opened a transaction on a shared connection, so it was rolled back. Use transaction() instead.',
    )
  }

  #setRowMode(prepared: Prepared, request: DriverRequest): void {
    const { rowMode = 'object' } = request
    if (prepared.rowMode === rowMode) return
    if (this.#older !== undefined) return this.#older.refuseArrays(prepared.text.verb, request.sql)
    prepared.statement.setReturnArrays(rowMode !== 'object')
    prepared.statement.setReadBigInts(rowMode === 'raw' || this.#options.bigIntegers)
    prepared.rowMode = rowMode
  }

  #prepared(sql: string, access: Access): Prepared {
    if (this.#older !== undefined) this.#noticeChanges(this.#older, access)
    const young = this.#young.get(sql)
    if (young !== undefined) return young
    const prepared = this.#old.get(sql) ?? this.#prepare(sql, access)
    if (this.#half > 0 && !prepared.hasMore && sql.length <= longestCached) {
      if (this.#young.size >= this.#half) {
        this.#old = this.#young
        this.#young = new Map()
      }
      this.#young.set(sql, prepared)
      this.#old.delete(sql)
    }
    return prepared
  }

  #noticeChanges(older: OlderNode, access: Access): void {
    try {
      if (older.schemaChanged()) this.forget()
    } catch (error) {
      throw sqliteError(error, 'prepare', access)
    }
  }

  #prepare(sql: string, access: Access): Prepared {
    if (this.#older !== undefined && isBlank(sql)) throw noStatement()
    try {
      const statement = this.db.prepare(sql)
      if (this.#options.bigIntegers) statement.setReadBigInts(true)
      const own = statement.sourceSQL
      const text = readStatementText(own)
      const older = this.#older
      return {
        statement,
        described: older === undefined ? statement : undefined,
        text,
        returnsRows: older === undefined ? statement.columns().length > 0 : older.returnsRows(text.verb),
        hasMore: !isBlank(sql.slice(own.length)),
        rowMode: 'object',
      }
    } catch (error) {
      throw sqliteError(error, 'prepare', access)
    }
  }
}

function changesOf(native: Changes, verb: string): SqliteChanges {
  // SQLite reports the counts of the last statement that had any, so those of other statements mean nothing.
  if (!changing.has(verb)) return new SqliteChanges(native, 0, undefined)
  const inserts = (verb === 'insert' || verb === 'replace') && native.changes > 0
  return new SqliteChanges(native, Number(native.changes), inserts ? native.lastInsertRowid : undefined)
}

/** Rows one at a time, read from the file only as they are asked for. */
export class SqliteCursor {
  readonly #prepared: Prepared
  readonly #rows: NodeJS.Iterator<unknown, undefined>
  readonly #request: DriverRequest
  readonly #deadline: number
  #open = true

  constructor(rows: NodeJS.Iterator<unknown, undefined>, prepared: Prepared, request: DriverRequest, deadline: number) {
    this.#rows = rows
    // Held as long as the cursor is: before Node.js 22.16, rows end in an error once their statement is collected.
    this.#prepared = prepared
    this.#request = request
    this.#deadline = deadline
  }

  get described(): StatementSync | undefined {
    return this.#prepared.described
  }

  /** @throws QueryError, AbortedError, TimeoutError */
  next(): IteratorResult<unknown, undefined> {
    const { signal, timeoutMs, access } = this.#request
    const safeToRetry = access === 'read'
    if (signal?.aborted)
      throw new AbortedError('The call was aborted between two rows.', { cause: signal.reason, safeToRetry })
    if (this.#deadline !== Infinity && performance.now() > this.#deadline) {
      throw new TimeoutError(`The statement did not finish within ${timeoutMs} ms.`, timeoutMs ?? 0, { safeToRetry })
    }
    try {
      return this.#rows.next()
    } catch (error) {
      throw sqliteError(error, 'run', access)
    }
  }

  /** Gives the file's lock back; a second call does nothing. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    try {
      this.#rows.return?.()
    } catch {
      // The connection is closed, and the cursor with it.
    }
  }
}
