import { ClientClosedError } from '../../errors.ts'
import type {
  Access,
  DriverPool,
  DriverRequest,
  DriverResult,
  Lease,
  PoolOptions,
  PoolStats,
  ServerStatus,
  StatusOptions,
} from '../driver.ts'
import { whileBusy } from './busy.ts'
import type { SqliteConnection } from './connection.ts'
import { drained } from './drained.ts'
import { isBusy } from './errors.ts'
import { SqliteLease } from './lease.ts'
import { sqliteStatus } from './server-status.ts'
import { abortedBefore, Slots, type WaitLimits } from './slots.ts'

/**
 * One connection for everything: a database in memory, which is gone with its connection, or a handle of the
 * application's. While a lease is out, autocommit statements wait, because they would run inside its transaction;
 * beside a stream, reads go on. What a statement changes about the connection (`PRAGMA`, temporary tables) stays.
 */
export class SqliteSinglePool implements DriverPool {
  readonly engine = 'sqlite' as const
  /** There is no connection that could be lost. */
  readonly losses = 0
  readonly #open: () => SqliteConnection
  readonly #owned: boolean
  readonly #writable: boolean
  readonly #options: PoolOptions
  readonly #slot: Slots
  #connection: SqliteConnection | undefined
  #streaming = false
  #closing: Promise<void> | undefined

  /** `open` is called once, at the first use; what it returns is closed at the end only if `owned`. */
  constructor(open: () => SqliteConnection, owned: boolean, options: PoolOptions, writable = true) {
    this.#open = open
    this.#owned = owned
    this.#writable = writable
    this.#options = options
    this.#slot = new Slots(1, options.acquireTimeoutMs, 'SQLite connection (this database has only one)')
  }

  query(request: DriverRequest): DriverResult | Promise<DriverResult> {
    if (this.#closing) throw new ClientClosedError()
    if (request.signal?.aborted) throw abortedBefore(request.signal)
    const start = request.timeoutMs ? performance.now() : 0
    const mayRun = this.#slot.free || (this.#streaming && request.access === 'read')
    if (!mayRun) return this.#inTurn(request, start)
    try {
      return this.#run(request, start)
    } catch (error) {
      if (!isBusy(error)) throw error
      return this.#inTurn(request, start)
    }
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    const lease = await this.lease(request)
    this.#streaming = true
    try {
      yield* lease.stream(request)
    } finally {
      this.#streaming = false
      await lease.release('clean')
    }
  }

  async lease(options: WaitLimits & { readonly access?: Access | undefined } = {}): Promise<Lease> {
    if (this.#closing) throw new ClientClosedError()
    await this.#slot.take(options)
    try {
      return new SqliteLease({
        connection: this.#use(),
        canWrite: true,
        busyTimeoutMs: this.#options.busyTimeoutMs,
        fetchSize: this.#options.fetchSize,
        giveBack: () => this.#slot.give(),
      })
    } catch (error) {
      this.#slot.give()
      throw error
    }
  }

  status(options?: StatusOptions): Promise<ServerStatus> {
    return sqliteStatus((request) => this.query(request), this.#writable, options)
  }

  stats(): PoolStats {
    const total = this.#connection ? 1 : 0
    const idle = this.#slot.free ? total : 0
    return { total, idle, waiting: this.#slot.waiting, shared: 0, sharedInFlight: 0 }
  }

  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    await drained([this.#slot], timeoutMs)
    if (this.#owned) this.#connection?.close()
    else this.#connection?.forget()
    this.#connection = undefined
  }

  async #inTurn(request: DriverRequest, start: number): Promise<DriverResult> {
    await this.#slot.take(request)
    try {
      return await whileBusy(() => this.#run(request, start), this.#options.busyTimeoutMs, request)
    } finally {
      this.#slot.give()
    }
  }

  #run(request: DriverRequest, start: number): DriverResult {
    const connection = this.#use()
    if (request.timeoutMs) return connection.runUntil(request, true, start + request.timeoutMs)
    return connection.run(request, true)
  }

  #use(): SqliteConnection {
    this.#connection ??= this.#open()
    return this.#connection
  }
}
