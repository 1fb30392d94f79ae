import type { DriverRequest, UnderWay } from '../driver.ts'
import type { QueuedRead } from '../multiplexing/shared-lane.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import { expiry, isLimited, Watch } from './call.ts'
import type { Outgoing } from './query-sender.ts'
import { ParameterError, QueryError } from '../../errors.ts'
import type { AnswerTaker, NativeAnswer } from './native.ts'
import type { StatementRecord } from './statement-book.ts'

/** A copy of a read that is on its way on a connection of its own. */
export interface OwnCopy {
  /** The answer is not needed any more, but may come. */
  forget(): void
  /** The caller has given up: to be cancelled on the server. */
  drop(): void
}

/**
 * One caller's read on its way over shared connections. Being a read it may be sent more than once, when the connection
 * it waits on is held up; the first answer counts.
 */
export class SharedRead implements QueuedRead, UnderWay {
  readonly record: StatementRecord
  readonly outgoing: Outgoing
  /** False: must not run as a named prepared statement. */
  prepare: boolean
  /** Answered, failed, or given up by its caller: what still comes in is dropped. */
  settled = false
  /** It was already sent again because its prepared statement was stale. */
  renewed = false
  /** Copies sent whose answer has not come. */
  copies = 0
  /** The lane of the newest copy; `undefined` when that is on a connection of its own. */
  lane: object | undefined
  own: OwnCopy | undefined
  readonly #request: DriverRequest
  readonly #watch: Watch | undefined
  readonly #taker: AnswerTaker

  constructor(request: DriverRequest, outgoing: Outgoing, record: StatementRecord, taker: AnswerTaker) {
    this.record = record
    this.outgoing = outgoing
    this.prepare = request.prepare !== false
    this.#request = request
    this.#taker = taker
    if (isLimited(request)) this.#watch = new Watch(request, (reason) => this.#expired(reason))
  }

  get latency(): LatencyRecord {
    return this.record.latency
  }

  succeeded(native: NativeAnswer): void {
    this.copies--
    if (this.settled) return
    this.#settle()
    this.own?.forget()
    this.#taker.answered(native)
  }

  /** As `succeeded`, for a copy on a connection of its own. */
  succeededAlone(native: NativeAnswer): void {
    this.copies--
    if (this.settled) return
    this.#settle()
    this.#taker.answered(native)
  }

  /** A copy failed. While another one is on its way only the statement's own failure counts. */
  failed(error: unknown): void {
    this.copies--
    if (this.settled) return
    if (this.copies > 0 && !isOfStatement(error)) return
    this.#settle()
    this.own?.forget()
    this.#taker.failed(error)
  }

  stop(): void {
    this.#expired('abort')
  }

  #expired(reason: 'timeout' | 'abort'): void {
    if (this.settled) return
    this.#settle()
    this.own?.drop()
    this.#taker.failed(expiry(reason, this.#request, 'running', true))
  }

  #settle(): void {
    this.settled = true
    this.outgoing.query?.leave()
    this.#watch?.stop()
  }
}

/** Not of the connection, of the pool, or of a cancellation (57014, query_canceled). */
function isOfStatement(error: unknown): boolean {
  if (error instanceof ParameterError) return true
  if (!(error instanceof QueryError) || error.engineCode === '57014') return false
  return !['connection-lost', 'shutting-down', 'starting-up'].includes(error.errorClass)
}
