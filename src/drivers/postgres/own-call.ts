import { QueryError, type SignalboxError } from '../../errors.ts'
import type { DriverRequest, UnderWay } from '../driver.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import { namedSettings } from '../named-settings.ts'
import { expiry, isLimited, Watch } from './call.ts'
import { SettingsFailure, type Connection } from './connection.ts'
import { isRefusedAsReadOnly, ownRefusal, queryError, settingsError, writesNothing } from './errors.ts'
import type { AnswerTaker, NativeAnswer } from './native.ts'
import type { OwnPool, Taker } from './own-pool.ts'
import type { Outgoing } from './query-sender.ts'
import { resetSession } from './reset.ts'
import type { StatementRecord } from './statement-book.ts'

/** Learns how long statements take on a connection of their own. */
export interface RunObserver {
  now(): number
  observe(latency: LatencyRecord, ms: number): void
}

/** A connection that cannot be made what is wanted is closed, and another one taken, so often. */
export const mostMisses = 5

/** One autocommit statement on a connection of its own. */
export class OwnCall implements Taker, UnderWay {
  readonly #pool: OwnPool
  readonly #address: string
  readonly #request: DriverRequest
  readonly #outgoing: Outgoing
  readonly #record: StatementRecord | undefined
  readonly #observer: RunObserver | undefined
  readonly #taker: AnswerTaker
  #watch: Watch | undefined
  #connection: Connection | undefined
  #startedAt = 0
  /** Connections on which other settings stood in the way of these. */
  #misses = 0
  #settled = false
  /** The server was told to stop it, and its answer is waited for. */
  #isStopped = false

  constructor(
    pool: OwnPool,
    address: string,
    request: DriverRequest,
    outgoing: Outgoing,
    record: StatementRecord | undefined,
    observer: RunObserver | undefined,
    taker: AnswerTaker,
  ) {
    this.#pool = pool
    this.#address = address
    this.#request = request
    this.#outgoing = outgoing
    this.#record = record
    this.#observer = observer
    this.#taker = taker
  }

  start(): void {
    const { signal } = this.#request
    if (signal?.aborted) {
      this.#expired('abort')
      return
    }
    if (isLimited(this.#request)) this.#watch = new Watch(this.#request, (reason) => this.#expired(reason))
    this.#pool.acquire(this)
  }

  take(connection: Connection): void {
    if (this.#settled) {
      this.#pool.release(connection)
      return
    }
    this.#connection = connection
    if (this.#observer !== undefined) this.#startedAt = this.#observer.now()
    const { prepare, changes, access } = this.#request
    const settings = namedSettings(this.#request.settings)
    const record = prepare === false ? undefined : this.#record
    const isForeign = connection.settings.isChanged
    const isWanted = (): boolean => !this.#settled && !this.#isStopped
    const terms = { settings, changes, isRead: access === 'read', isWanted }
    connection.sendUnder(terms, this.#outgoing, record, (error, result) => {
      if (this.#isStopped) this.#stopped(connection, error, result)
      else if (error instanceof SettingsFailure) this.#unsettled(connection, error, isForeign)
      else this.#answered(connection, error, result)
    })
  }

  /** What others have set there may be to blame; a new connection tells. */
  #unsettled(connection: Connection, { cause }: SettingsFailure, isForeign: boolean): void {
    this.#connection = undefined
    this.#pool.release(connection, true)
    if (this.#settled) return
    if (isForeign && ++this.#misses < mostMisses) {
      this.#pool.acquire(this)
      return
    }
    this.#settle()
    this.#taker.failed(settingsError(cause, this.#address))
  }

  refuse(error: SignalboxError): void {
    this.#settle()
    this.#taker.failed(error)
  }

  stop(): void {
    this.#expired('abort')
  }

  /** Nobody needs the answer any more: leaves the queue, or cancels on the server. The caller hears nothing more. */
  drop(): void {
    this.#settle()
    if (this.#connection === undefined) this.#pool.withdraw(this)
    else this.#connection.cancel()
  }

  /** Another copy of the statement was quicker: leaves the queue, or lets the statement end by itself. */
  forget(): void {
    this.#settle()
    if (this.#connection === undefined) this.#pool.withdraw(this)
  }

  #answered(connection: Connection, error: unknown, result: NativeAnswer | undefined): void {
    if (this.#observer !== undefined && this.#record !== undefined) {
      this.#observer.observe(this.#record.latency, this.#observer.now() - this.#startedAt)
    }
    if (this.#request.access === 'session') resetSession(connection, (reset) => this.#pool.release(connection, !reset))
    else
      this.#pool.release(
        connection,
        isRefusedAsReadOnly(error) && !writesNothing(namedSettings(this.#request.settings)),
      )
    if (this.#settled) return
    this.#settle()
    if (result !== undefined) this.#taker.answered(result)
    else this.#taker.failed(this.#failure(error))
  }

  /** Whoever has stopped it is told when others find it stopped, too: the server says first that it failed, and shows it as running until it is ready. */
  #stopped(connection: Connection, error: unknown, result: NativeAnswer | undefined): void {
    connection.whenReady(() => {
      const isUnsettled = error instanceof SettingsFailure
      if (!isUnsettled && (error != null || result !== undefined)) {
        this.#answered(connection, error, result)
        return
      }
      // Its settings alone were sent.
      this.#connection = undefined
      this.#pool.release(connection, isUnsettled)
      this.#settle()
      this.#taker.failed(expiry('abort', this.#request, 'waiting', true))
    })
  }

  #failure(error: unknown): SignalboxError {
    const { access, settings } = this.#request
    const failure = queryError(error, { access, sent: true, address: this.#address })
    const isOwn =
      failure instanceof QueryError && failure.errorClass === 'read-only' && writesNothing(namedSettings(settings))
    return isOwn ? ownRefusal(failure) : failure
  }

  #expired(reason: 'timeout' | 'abort'): void {
    if (this.#settled) return
    if (reason === 'abort' && this.#request.untilEnded === true && this.#connection !== undefined) {
      this.#isStopped = true
      this.#connection.cancel()
      return
    }
    const running = this.#connection !== undefined
    this.drop()
    const safe = !running || this.#request.access === 'read'
    this.#taker.failed(expiry(reason, this.#request, running ? 'running' : 'waiting', safe))
  }

  #settle(): void {
    this.#settled = true
    this.#watch?.stop()
  }
}
