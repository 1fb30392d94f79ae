import { setImmediate as eventLoopTurn } from 'node:timers/promises'

import {
  CommitUnknownError,
  messageOf,
  QueryError,
  ReadOnlyTransactionError,
  TransactionClosedError,
} from '../../errors.ts'
import { quotedName } from '../../statement/quotes.ts'
import type { BeginOptions, DriverRequest, DriverResult, Lease, ReleaseMode } from '../driver.ts'
import { whileBusy } from './busy.ts'
import type { SqliteConnection, SqliteCursor } from './connection.ts'
import { abortedBefore } from './slots.ts'

/** What a lease needs to know of its pool. */
export interface LeaseTerms {
  readonly connection: SqliteConnection
  /** False: the connection was opened read-only. */
  readonly canWrite: boolean
  readonly busyTimeoutMs: number
  /** Rows between two turns of the event loop in a stream. */
  readonly fetchSize: number
  /** Takes the connection back. `mode` is what the lease's use made necessary, at least what the caller asked for. */
  readonly giveBack: (mode: ReleaseMode) => void
}

/** A connection that belongs to one caller. Everything waits its turn behind the calls made before. */
export class SqliteLease implements Lease {
  readonly #terms: LeaseTerms
  readonly #connection: SqliteConnection
  readonly #cursors = new Set<SqliteCursor>()
  #turn: Promise<unknown> = Promise.resolve()
  #released = false
  #changedSession = false
  #queryOnly = false
  /** Between begin() and commit() or rollback(). */
  #begun = false

  constructor(terms: LeaseTerms) {
    this.#terms = terms
    this.#connection = terms.connection
  }

  query(request: DriverRequest): Promise<DriverResult> {
    const start = request.timeoutMs ? performance.now() : 0
    return this.#inTurn(() => this.#run(request, start))
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    const cursor = await this.#inTurn(() => this.#openCursor(request))
    const pauseEvery = request.fetchSize ?? this.#terms.fetchSize
    try {
      let count = 0
      for (let row = cursor.next(); !row.done; row = cursor.next()) {
        yield row.value
        this.#mustBeOpen()
        count += 1
        // A loop over rows that are all at hand would otherwise keep timers and sockets waiting to its end.
        if (count % pauseEvery === 0) await eventLoopTurn()
      }
    } finally {
      cursor.close()
      this.#cursors.delete(cursor)
    }
  }

  /** Every isolation level is accepted: SQLite's only one is serializable, which keeps the promises of all others. */
  begin(options: BeginOptions): Promise<void> {
    return this.#inTurn(async () => {
      if (options.readOnly || !this.#terms.canWrite) {
        if (this.#terms.canWrite) this.#setQueryOnly(true)
        await this.#unlessBusy(() => this.#connection.exec('BEGIN'))
      } else {
        // The lock is taken at the start, because a transaction that asks for it later can only fail.
        await this.#unlessBusy(() => this.#connection.exec('BEGIN IMMEDIATE'))
      }
      this.#begun = true
    })
  }

  commit(): Promise<void> {
    return this.#inTurn(async () => {
      this.#mustBeInTransaction()
      try {
        await this.#unlessBusy(() => this.#connection.exec('COMMIT'))
      } catch (error) {
        if (error instanceof QueryError && error.errorClass === 'connection-lost') {
          throw new CommitUnknownError(`COMMIT failed half-way: ${messageOf(error.cause)}.`, { cause: error.cause })
        }
        throw error
      }
      this.#begun = false
      this.#setQueryOnly(false)
    })
  }

  rollback(): Promise<void> {
    return this.#inTurn(() => this.#rollback())
  }

  savepoint(name: string): Promise<void> {
    return this.#inTurn(() => {
      // Where the transaction is gone, it would begin one that nobody knows of.
      this.#mustBeInTransaction()
      this.#connection.exec(`SAVEPOINT ${quotedName('sqlite', name)}`)
    })
  }

  rollbackTo(name: string): Promise<void> {
    return this.#inTurn(() => this.#connection.exec(`ROLLBACK TO ${quotedName('sqlite', name)}`))
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.#inTurn(() => this.#connection.exec(`RELEASE ${quotedName('sqlite', name)}`))
  }

  async release(mode: ReleaseMode): Promise<void> {
    this.#mustBeOpen()
    this.#released = true
    await this.#turn.catch(ignore)
    for (const cursor of this.#cursors) cursor.close()
    let needed: ReleaseMode = mode === 'clean' && this.#changedSession ? 'reset' : mode
    try {
      this.#rollback()
    } catch {
      needed = 'destroy'
    }
    this.#terms.giveBack(needed)
  }

  async #run(request: DriverRequest, start: number): Promise<DriverResult> {
    if (request.signal?.aborted) throw abortedBefore(request.signal)
    if (request.access === 'session') this.#changedSession = true
    const attempt = (): DriverResult =>
      request.timeoutMs
        ? this.#connection.runUntil(request, false, start + request.timeoutMs)
        : this.#connection.run(request, false)
    try {
      // Within a transaction a lock can only be waited for by starting it again.
      if (this.#mustBeInTransaction()) return attempt()
      return await whileBusy(attempt, this.#terms.busyTimeoutMs, request)
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #openCursor(request: DriverRequest): SqliteCursor {
    if (request.signal?.aborted) throw abortedBefore(request.signal)
    if (request.access === 'session') this.#changedSession = true
    this.#mustBeInTransaction()
    const cursor = this.#connection.open(request)
    this.#cursors.add(cursor)
    return cursor
  }

  #explained(error: unknown): unknown {
    const inReadOnly = this.#queryOnly || (!this.#terms.canWrite && this.#connection.inTransaction)
    if (inReadOnly && error instanceof QueryError && error.errorClass === 'read-only') {
      return new ReadOnlyTransactionError('A statement tried to write in a read-only transaction.', {
        cause: error.cause,
      })
    }
    return error
  }

  /**
   * Whether a transaction is open.
   *
   * @throws TransactionClosedError if the caller's was ended by SQLite itself, as `INSERT OR ROLLBACK` and a full disk
   * do. What came next would be committed one by one, without the statements before.
   */
  #mustBeInTransaction(): boolean {
    const { inTransaction } = this.#connection
    if (this.#begun && !inTransaction) {
      throw new TransactionClosedError(
        'SQLite rolled the transaction back when one of its statements failed. Start the transaction again.',
      )
    }
    return inTransaction
  }

  #rollback(): void {
    if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
    this.#begun = false
    this.#setQueryOnly(false)
  }

  #setQueryOnly(on: boolean): void {
    if (this.#queryOnly === on) return
    this.#connection.exec(`PRAGMA query_only = ${on ? 1 : 0}`)
    this.#queryOnly = on
  }

  #unlessBusy(attempt: () => void): Promise<void> {
    return whileBusy(attempt, this.#terms.busyTimeoutMs, {})
  }

  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#released) return Promise.reject(alreadyReleased())
    const done = this.#turn.then(work)
    this.#turn = done.catch(ignore)
    return done
  }

  #mustBeOpen(): void {
    if (this.#released) throw alreadyReleased()
  }
}

function alreadyReleased(): TransactionClosedError {
  return new TransactionClosedError('The lease was released already.')
}

function ignore(): void {
  // The caller has the error; here only the order matters.
}
