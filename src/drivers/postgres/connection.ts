import type { PoolClient } from 'pg'
import type { PoolOptions } from '../driver.ts'
import { cancelOnServer } from './cancellation.ts'
import { internalsOf, type AnswerCallback } from './native.ts'
import { PreparedStatements } from './prepared-statements.ts'
import type { Outgoing, QuerySender } from './query-sender.ts'
import type { StatementBook, StatementRecord } from './statement-book.ts'
import { lostStatement, staleStatement } from './stale-statement.ts'

/** How long a statement may take to end after the request to cancel it, before its connection is closed instead. */
const cancelGraceMs = 2_000
/** From one request to the next, which doubles. */
const cancelPauseMs = 100

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
  /** Set once the connection is broken or given up; it must then be destroyed. */
  lost: unknown
  readonly #book: StatementBook
  readonly #sender: QuerySender
  /** A server that takes no connection for the cancel request in this time hangs. */
  readonly #cancelTimeoutMs: number
  #running = false
  /** Cancel requests under way. */
  #holds = 0
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

  #send(outgoing: Outgoing, record: StatementRecord | undefined, answer: AnswerCallback, mayRepeat: boolean): void {
    const prepared = record === undefined ? undefined : this.statements.use(record)
    const name = prepared?.name
    let answered = false
    let submitting = true
    this.#sender.send(this.client, outgoing, prepared, (error, result) => {
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
    if (repeat && !this.inTransaction) {
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
    this.#flush()
  }

  /** Serves those who wait, in order, until one of them uses the connection. */
  #flush(): void {
    while (this.#waiting.length > 0 && (this.ready || this.lost !== undefined)) this.#waiting.shift()!()
  }
}
