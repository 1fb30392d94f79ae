import type { PoolClient } from 'pg'
import type { NamedSettings, PoolOptions } from '../driver.ts'
import { cancelOnServer } from './cancellation.ts'
import { KnownSettings } from './known-settings.ts'
import { canGoAhead, type Leading } from './leading-query.ts'
import { internalsOf, type AnswerCallback } from './native.ts'
import { PreparedStatements } from './prepared-statements.ts'
import type { Outgoing, QuerySender } from './query-sender.ts'
import type { StatementBook, StatementRecord } from './statement-book.ts'
import { lostStatement, staleStatement } from './stale-statement.ts'

/** How long a statement may take to end after the request to cancel it, before its connection is closed instead. */
const cancelGraceMs = 2_000
/** From one request to the next, which doubles. */
const cancelPauseMs = 100

/** After this time without an answer a connection may be lost without anybody having noticed. */
const freshMs = 1_000

/** The settings that were wanted could not be made; those that a connection has are then not known. */
export class SettingsFailure extends Error {}

/** Under which settings a statement is to run. */
export interface SettingsTerms {
  readonly settings: NamedSettings | undefined
  /** Those that it changes itself. */
  readonly changes?: readonly string[] | undefined
  /** It changes nothing else, so that it may be sent and not be counted. */
  readonly isRead: boolean
  readonly isWanted: () => boolean
}

/** What a connection takes from the pool's options. */
export type ConnectionOptions = Pick<PoolOptions, 'statementCacheSize' | 'connectTimeoutMs'>

/**
 * A connection that runs one statement at a time: a client of `pg.Pool` with its prepared statements.
 *
 * It is *ready* when the server waits for the next statement. After an error that is later than the error itself, and
 * after a cancellation later still; `whenReady` waits for it, and nothing else may be sent before.
 */
export class Connection {
  readonly client: PoolClient
  readonly statements: PreparedStatements
  readonly settings = new KnownSettings()
  /** Set once the connection is broken or given up; it must then be destroyed. */
  lost: unknown
  readonly #book: StatementBook
  readonly #sender: QuerySender
  /** A server that takes no connection for the cancel request in this time hangs. */
  readonly #cancelTimeoutMs: number
  #running = false
  /** Cancel requests under way. */
  #holds = 0
  #answeredAt = performance.now()
  readonly #waiting: (() => void)[] = []

  constructor(client: PoolClient, book: StatementBook, sender: QuerySender, options: ConnectionOptions) {
    this.client = client
    this.#book = book
    this.#sender = sender
    this.statements = new PreparedStatements(internalsOf(client).connection, options.statementCacheSize)
    this.#cancelTimeoutMs = options.connectTimeoutMs
    // A client in use has no other listener, and an `error` event without one ends the process.
    client.on('error', (error) => this.#break(error))
    client.on('end', () => this.#break(new Error('Connection terminated unexpectedly')))
  }

  get ready(): boolean {
    return !this.#running && this.#holds === 0
  }

  /** Whether the server has answered only now. What was idle for longer is asked something harmless first, which can be asked elsewhere. */
  get isFresh(): boolean {
    return this.lost === undefined && performance.now() - this.#answeredAt < freshMs
  }

  /** Whether a BEGIN can go out with a statement. */
  canOpen(record: StatementRecord | undefined): boolean {
    return this.ready && record !== undefined && this.statements.knows(record)
  }

  /** Whether the server is within a transaction, failed ones included. Known only while the connection is ready. */
  get inTransaction(): boolean {
    const status = this.client.getTransactionStatus()
    return status === 'T' || status === 'E'
  }

  /**
   * Runs one statement; the connection must be ready. `answer` is called once. With a `record` the statement runs
   * prepared, if it has a name by now.
   */
  send(outgoing: Outgoing, record: StatementRecord | undefined, answer: AnswerCallback): void {
    this.#running = true
    this.#send(outgoing, record, answer, true)
  }

  /**
   * As `send`, under settings: `answer` gets a {@link SettingsFailure} if they cannot be made. Where they have to be, that goes ahead of a read in the
   * same write; anything else goes out when it is done, if it is still wanted: else `answer` gets nothing.
   */
  sendUnder(
    { settings, changes = [], isRead, isWanted }: SettingsTerms,
    outgoing: Outgoing,
    record: StatementRecord | undefined,
    answer: AnswerCallback,
  ): void {
    const change = this.settings.changeTo(settings)
    if (change === undefined || !isRead || changes.length > 0 || !canGoAhead(this.client)) {
      this.settle(settings, (failure) => {
        if (failure !== undefined || !isWanted()) {
          answer(failure, undefined)
          return
        }
        this.settings.changing(changes)
        this.send(outgoing, record, answer)
      })
      return
    }
    let failure: SettingsFailure | undefined
    const leading: Leading = { sql: change, answer: (error) => (failure = this.#settled(settings, error)) }
    this.#running = true
    // What it has read under other settings is nobody's.
    const own: AnswerCallback = (error, result) => answer(failure ?? error, failure === undefined ? result : undefined)
    this.#send(outgoing, record, own, true, leading)
  }

  /** Makes these settings; the connection must be ready, and is again unless that fails. */
  settle(settings: NamedSettings | undefined, then: (failure: SettingsFailure | undefined) => void): void {
    const sql = this.settings.changeTo(settings)
    if (sql === undefined) then(undefined)
    else this.send({ sql, params: [] }, undefined, (error) => then(this.#settled(settings, error)))
  }

  #settled(settings: NamedSettings | undefined, error: unknown): SettingsFailure | undefined {
    if (error != null) return new SettingsFailure('The settings could not be made.', { cause: error })
    this.settings.became(settings)
    return undefined
  }

  #send(
    outgoing: Outgoing,
    record: StatementRecord | undefined,
    answer: AnswerCallback,
    mayRepeat: boolean,
    leading?: Leading,
  ): void {
    const prepared = record === undefined ? undefined : this.statements.use(record)
    const name = prepared?.name
    let answered = false
    let submitting = true
    const sent = leading === undefined ? outgoing : { ...outgoing, leading }
    this.#sender.send(this.client, sent, prepared, (error, result) => {
      // A parameter that cannot be encoded is reported at once, and a second time when the server is ready again.
      if (answered) return
      answered = true
      if (error == null) {
        this.#ended()
        answer(undefined, result)
      } else {
        // `pg` has then sent a Close for the statement.
        if (submitting && record !== undefined && name !== undefined) this.statements.forget(record, name)
        this.#failed(error, outgoing, record, name, answer, mayRepeat)
      }
    })
    submitting = false
  }

  /**
   * A prepared statement whose result type has changed, or that the server has forgotten, failed before it ran, so it
   * may run again under a new name; but inside a transaction the failure has already ended the transaction.
   */
  #failed(
    error: unknown,
    outgoing: Outgoing,
    record: StatementRecord | undefined,
    name: string | undefined,
    answer: AnswerCallback,
    mayRepeat: boolean,
  ): void {
    const repeat = record !== undefined && name !== undefined && this.#renew(error, record, name) && mayRepeat
    // What went out with its BEGIN failed in that transaction, which the server tells only when it is ready.
    if (repeat && outgoing.opening === undefined && !this.inTransaction) {
      this.#afterError(() => {
        if (this.lost === undefined) this.#send(outgoing, record, answer, false)
        else answer(this.lost, undefined)
      })
      return
    }
    this.#afterError(() => this.#ended())
    answer(error, undefined)
  }

  /** True if a new name (or none) is in place, under which the same statement may succeed. */
  #renew(error: unknown, record: StatementRecord, name: string): boolean {
    const why = staleStatement(error) ? 'stale' : lostStatement(error, name) ? 'lost' : undefined
    if (why === undefined) {
      this.statements.failed(record, name)
      return false
    }
    if (why === 'lost') this.statements.forget(record, name)
    if (record.name === name) this.#book.renew(record, why)
    return true
  }

  /** `pg` reports an error when it comes in, and emits `drain` when the server is ready for the next statement. */
  #afterError(then: () => void): void {
    if (this.lost !== undefined) {
      then()
      return
    }
    let called = false
    const once = (): void => {
      if (called) return
      called = true
      this.client.removeListener('drain', once)
      this.client.removeListener('end', once)
      then()
    }
    this.client.on('drain', once)
    this.client.on('end', once)
  }

  /** Lets a cursor use the client; `finished` is to be called when it is closed, with its error if it had one. */
  occupy(): (error?: unknown) => void {
    this.#running = true
    return (error) => {
      if (error === undefined) this.#ended()
      else this.#afterError(() => this.#ended())
    }
  }

  /** Calls back when the connection can take the next statement, or is lost; at once if it can now. */
  whenReady(then: () => void): void {
    if (this.ready || this.lost !== undefined) then()
    else this.#waiting.push(then)
  }

  /**
   * Cancels what runs, and keeps the connection from becoming ready until the statement has ended *and* the server has
   * delivered the cancel request; a late one would hit the next user. If either takes too long the connection is closed.
   */
  cancel(): void {
    if (this.#running && this.lost === undefined) this.#requestCancel(cancelPauseMs, undefined)
  }

  /** A request that comes before the server has begun the statement is for nothing, so it is repeated until that ends. */
  #requestCancel(pauseMs: number, begun: NodeJS.Timeout | undefined): void {
    this.#holds++
    cancelOnServer(internalsOf(this.client), this.#cancelTimeoutMs, (outcome) => {
      this.#holds--
      if (outcome === 'failed') {
        this.abandon('the server took no request to cancel a statement')
        return
      }
      const grace = begun ?? setTimeout(() => this.abandon('a cancelled statement did not end'), cancelGraceMs)
      const again = setTimeout(() => this.#requestCancel(2 * pauseMs, grace), pauseMs)
      this.#waiting.unshift(() => {
        clearTimeout(again)
        clearTimeout(grace)
      })
      this.#flush()
    })
  }

  /** Closes the socket at once; what runs fails, and nothing more is sent. */
  abandon(why: string): void {
    this.#break(new Error(`Connection terminated: ${why}`))
    internalsOf(this.client).connection?.stream.destroy()
  }

  /** As `abandon`, for a server that will not answer: what runs is told why. */
  sever(why: string): void {
    const error = new Error(`Connection terminated: ${why}`)
    this.#break(error)
    internalsOf(this.client).connection?.stream.destroy(error)
  }

  #break(error: unknown): void {
    this.lost ??= error
    this.#flush()
  }

  #ended(): void {
    this.#running = false
    this.#answeredAt = performance.now()
    this.#flush()
  }

  /** Serves those who wait, in order, until one of them uses the connection. */
  #flush(): void {
    while (this.#waiting.length > 0 && (this.ready || this.lost !== undefined)) this.#waiting.shift()!()
  }
}
