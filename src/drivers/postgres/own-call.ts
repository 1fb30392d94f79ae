import type { SignalboxError } from '../../errors.ts'
import type { DriverRequest, DriverResult } from '../driver.ts'
import { expiry, isLimited, Watch } from './call.ts'
import type { Connection } from './connection.ts'
import { isRefusedAsReadOnly, queryError } from './errors.ts'
import type { NativeAnswer } from './native.ts'
import type { OwnPool, Taker } from './own-pool.ts'
import { outgoingOf, type Outgoing } from './query-sender.ts'
import { resetSession } from './reset.ts'
import { driverResult } from './result.ts'
import type { StatementRecord } from './statement-book.ts'

/** Learns how long statements take on a connection of their own. */
export interface RunObserver {
  now(): number
  observe(record: StatementRecord, ms: number): void
}

/** One autocommit statement on a connection of its own. */
export class OwnCall implements Taker {
  readonly #pool: OwnPool
  readonly #address: string
  readonly #request: DriverRequest
  readonly #outgoing: Outgoing
  readonly #record: StatementRecord | undefined
  readonly #observer: RunObserver | undefined
  readonly #resolve: (result: DriverResult) => void
  readonly #reject: (error: unknown) => void
  #watch: Watch | undefined
  #connection: Connection | undefined
  #startedAt = 0
  #settled = false

  constructor(
    pool: OwnPool,
    address: string,
    request: DriverRequest,
    record: StatementRecord | undefined,
    observer: RunObserver | undefined,
    resolve: (result: DriverResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.#pool = pool
    this.#address = address
    this.#request = request
    this.#outgoing = outgoingOf(request)
    this.#record = record
    this.#observer = observer
    this.#resolve = resolve
    this.#reject = reject
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
    const record = this.#request.prepare === false ? undefined : this.#record
    connection.send(this.#outgoing, record, (error, result) => this.#answered(connection, error, result))
  }

  refuse(error: SignalboxError): void {
    this.#settle()
    this.#reject(error)
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
      this.#observer.observe(this.#record, this.#observer.now() - this.#startedAt)
    }
    if (this.#request.access === 'session') resetSession(connection, (reset) => this.#pool.release(connection, !reset))
    else this.#pool.release(connection, isRefusedAsReadOnly(error))
    if (this.#settled) return
    this.#settle()
    if (result !== undefined) this.#resolve(driverResult(result))
    else this.#reject(queryError(error, { access: this.#request.access, sent: true, address: this.#address }))
  }

  #expired(reason: 'timeout' | 'abort'): void {
    if (this.#settled) return
    const running = this.#connection !== undefined
    this.drop()
    const safe = !running || this.#request.access === 'read'
    this.#reject(expiry(reason, this.#request, running ? 'running' : 'waiting', safe))
  }

  #settle(): void {
    this.#settled = true
    this.#watch?.stop()
  }
}
