import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { AbortedError } from '../../index.ts'
import { driverError, noteOrigin } from '../driver-error.ts'
import type { CallQueue } from './call-queue.ts'
import { isBare, isNative, QueryCalls, stopResult } from './call-of-query.ts'
import { stopOf } from './stop-text.ts'
import type { IdleConnection } from './idle-connection.ts'
import type { ClientInternals, Pg, QueuedQuery, ReadyMessage } from './native-pg.ts'
import { cancelled } from './server-errors.ts'
import type { SessionHost } from './session-host.ts'
import { QueryCargo, type CarriedEnd } from './query-cargo.ts'
import type { Answer, SessionStatement, UnderWay } from './session-statement.ts'
import type { VirtualSession } from './virtual-session.ts'

export interface QueryRunnerParts {
  readonly pg: Pg
  readonly host: SessionHost
  readonly client: pg.Client & ClientInternals
  readonly connection: IdleConnection
  readonly session: VirtualSession
  readonly calls: CallQueue
}

/** How long who stops a statement waits for its end, in milliseconds. */
const mostStopMs = 2_000

/** Takes the queries of one client out of `pg`'s queue, one after the other, and gives `pg` the answers as if a server had sent them. */
export class QueryRunner {
  readonly #parts: QueryRunnerParts
  #running: QueuedQuery | undefined
  /** Of the statement that runs. */
  #ended: Promise<unknown> | undefined
  /** What runs, if it was sent as it is. */
  #carriedNow: UnderWay | undefined
  /** Of its end, if anybody waits for that. */
  #carriedEnd: PromiseWithResolvers<void> | undefined
  /** Of the query that runs. It serves the next one, too, unless it has stopped one. */
  #stop = new AbortController()
  readonly #calls: QueryCalls

  constructor(parts: QueryRunnerParts) {
    this.#parts = parts
    this.#calls = new QueryCalls(parts.pg)
  }

  /** The next query, if there is one, and the one before has ended. */
  pulse(): void {
    const { client, calls } = this.#parts
    const fresh = calls.takeFresh()
    if (client.readyForQuery !== true) return
    const query = calls.next()
    client._activeQuery = query
    if (query === undefined) {
      if (client.hasExecuted === true) client.emit('drain')
      return
    }
    client.readyForQuery = false
    client.hasExecuted = true
    if (query === fresh) this.#begin(query)
    else calls.run(query, this.#begin, query)
  }

  readonly #begin = (query: QueuedQuery): void => {
    if (!this.#carry(query)) void this.#run(query)
  }

  /** Sends what is nothing but a text and its values at once; false if more is to be done for it. */
  #carry(query: QueuedQuery): boolean {
    const { client, pg, session } = this.#parts
    if (isNative(query, pg, client.listenerCount('notice') > 0) || !isBare(query)) return false
    if (this.#stop.signal.aborted) this.#renewStop()
    const cargo = new QueryCargo(query, this.#carried)
    this.#running = query
    this.#carriedNow = session.carry(query.text, query.values ?? [], this.#calls.of(query, this.#stop.signal), cargo)
    if (this.#carriedNow !== undefined) return true
    this.#running = undefined
    return false
  }

  readonly #carried: CarriedEnd = {
    answered: (query, native) => this.#parts.calls.run(query, this.#answerCarried, query, native),
    failed: (query, error) => this.#parts.calls.run(query, this.#failCarried, query, error),
  }

  readonly #answerCarried = (query: QueuedQuery, native: unknown): void => {
    query._results = native
    this.#endCarried(query)
  }

  readonly #failCarried = (query: QueuedQuery, error: unknown): void => {
    this.#tellFailure(query, driverError(error))
    this.#endCarried(query)
  }

  #endCarried(query: QueuedQuery): void {
    const { connection, session } = this.#parts
    if (this.#running === query) this.#running = undefined
    this.#carriedNow = undefined
    this.#carriedEnd?.resolve()
    this.#carriedEnd = undefined
    connection.ready(session.status)
  }

  /** Stops what runs, if anything does. Whoever asks the server afterwards must not find the statement there. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return
    const carried = this.#carriedNow
    if (carried !== undefined) this.#carriedEnd ??= Promise.withResolvers<void>()
    // How it ends its own caller hears.
    const ended = carried === undefined ? this.#ended?.catch(() => undefined) : this.#carriedEnd?.promise
    this.#stop.abort()
    carried?.stop()
    await Promise.race([ended, delay(mostStopMs, undefined, { ref: false })])
  }

  /** Stops what runs, and gives everything back. */
  async leave(): Promise<void> {
    void this.stop()
    await this.#parts.session.leave()
  }

  async #run(query: QueuedQuery): Promise<void> {
    const { connection, session, host, calls, pg } = this.#parts
    const sent = this.#sent(query)
    if (sent === undefined) return
    if (this.#stop.signal.aborted) this.#renewStop()
    this.#running = query
    try {
      const call = this.#calls.of(query, this.#stop.signal)
      const asked = stopOf(sent.sql, sent.values)
      let answer: Answer
      if (asked !== undefined && host.isVirtual(asked.processID)) {
        answer = stopResult(pg, asked, await host.stop(asked))
      } else {
        const handOver = (): (() => object | undefined) => this.#handOver(query)
        const running = session.run({ query, ...sent, call, handOver, lasting: calls.isEarly(query) })
        this.#ended = running
        answer = await running
      }
      this.#answer(query, answer)
    } catch (error) {
      this.#tellFailure(query, error)
    } finally {
      if (this.#running === query) this.#running = undefined
    }
    connection.ready(session.status)
  }

  #tellFailure(query: QueuedQuery, error: unknown): void {
    const { client, connection } = this.#parts
    // Who was told by another client must not be told again; and an error without a query would be the end of the client.
    if (!connection.isOver && client._activeQuery === query) connection.emit('errorMessage', this.#asServer(error))
  }

  /** What was stopped before a server had it, or was not waited for, fails as it does on a server. */
  #asServer(error: unknown): unknown {
    if (!(error instanceof AbortedError && this.#stop.signal.aborted)) return error
    const told = cancelled(this.#parts.pg)
    noteOrigin(told, error)
    return told
  }

  #renewStop(): void {
    this.#stop = new AbortController()
  }

  /** What is to be sent, once `pg` has found it fit; `undefined` if it has not, and has been told. */
  #sent(query: QueuedQuery): Omit<SessionStatement, 'query' | 'call' | 'handOver' | 'lasting'> | undefined {
    const { connection, session, client, pg } = this.#parts
    if (isNative(query, pg, client.listenerCount('notice') > 0)) {
      this.#nameless(query)
      this.#closeEarly(query)
      const { text, values } = query.cursor ?? query
      return {
        sql: typeof text === 'string' ? text : '',
        values: Array.isArray(values) ? values : undefined,
        isNative: true,
      }
    }
    const refused = query.submit(connection)
    const { text, values, ended } = connection.take()
    if (refused instanceof Error) {
      process.nextTick(() => {
        connection.emit('errorMessage', refused)
        connection.ready(session.status)
      })
      return undefined
    }
    if (text !== undefined) return { sql: text, values, isNative: false }
    // It could not be encoded, and has heard of it.
    if (ended) connection.ready(session.status)
    return undefined
  }

  /** Under its name another client may have prepared something else on the connection that it gets. */
  #nameless(query: QueuedQuery): void {
    const { name, text } = query
    if (typeof name !== 'string' || name === '') return
    const { parsedStatements } = this.#parts.connection
    if (typeof text === 'string') parsedStatements[name] ??= text
    Object.assign(query, { name: undefined, text: text ?? parsedStatements[name] })
  }

  /** A cursor that is closed before it has a connection believes that it was never sent: then it must not be. */
  #closeEarly(query: QueuedQuery): void {
    const cursor = query.cursor ?? query
    const close = cursor.close?.bind(cursor)
    if (close === undefined) return
    const submit = query.submit.bind(query)
    let isClosed = false
    let isSent = false
    cursor.close = (callback) => {
      isClosed ||= !isSent
      return close(callback)
    }
    query.submit = (connection) => {
      isSent = true
      if (!isClosed) return submit(connection)
      // The server is ready again at once.
      ;(connection as { sync(): void }).sync()
      return undefined
    }
  }

  /** Another client answers the query from now on. For this one it has ended before its user hears of it, who may end the client then. */
  #handOver(query: QueuedQuery): () => object | undefined {
    const { client, connection } = this.#parts
    let failure: object | undefined
    const submit = query.submit.bind(query)
    const handleError = query.handleError.bind(query)
    const handleReadyForQuery = query.handleReadyForQuery.bind(query)
    const ended = (): void => {
      if (client._activeQuery === query) client._activeQuery = null
      if (this.#running !== query) return
      this.#running = undefined
      // Its connection is still to become ready, and is none of the next query's.
      this.#renewStop()
    }
    // Whoever ends the client hears that it has ended, not what became of the statement.
    const isMuted = (by: unknown): boolean => connection.isOver && by !== connection
    query.submit = (on) => {
      // Before the query ends, so that its user finds it as with a client of pg.
      const hear = (message?: ReadyMessage): void => void (client._txStatus = message?.status ?? client._txStatus)
      ;(on as EventEmitter).prependOnceListener('readyForQuery', hear)
      return submit(on)
    }
    query.handleError = (error, by) => {
      failure ??= error as object
      if (isMuted(by)) return
      ended()
      handleError(error, by)
    }
    query.handleReadyForQuery = (by) => {
      if (isMuted(by)) return
      ended()
      handleReadyForQuery(by)
    }
    return () => failure
  }

  #answer(query: QueuedQuery, answer: Answer): void {
    const { client, connection } = this.#parts
    switch (answer.kind) {
      case 'result':
        if (query.name) connection.emit('parseComplete', { name: 'parseComplete' })
        query._results = answer.result
        break
      case 'command':
        if (answer.warning !== undefined)
          connection.emit('notice', { name: 'notice', severity: 'WARNING', ...answer.warning })
        connection.emit('commandComplete', { name: 'commandComplete', text: answer.command })
        break
      case 'told':
        if (client._activeQuery === query) client._activeQuery = null
        break
    }
  }
}
