import type { Pool, PoolConnection } from 'mysql2'

import { AbortedError, ClientClosedError, PoolExhaustedError, QueryError, TimeoutError } from '../../errors.ts'
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
  VisibilityOptions,
} from '../driver.ts'
import { LossCounter } from '../loss-counter.ts'
import { isAnswer, isLoss, mysqlError } from './errors.ts'
import type { QueryKiller } from './killer.ts'
import { MysqlLease } from './lease.ts'
import { breakConnection, keepAlive, lengthOf, removeFromQueue } from './native-pool.ts'
import { runInterruptible } from './running.ts'
import { send, KnownTexts, type SendOptions } from './send.ts'
import { StatusReader } from './server-status.ts'
import { showsAll } from './visibility.ts'
import { refuseWrites, resetConnection } from './session.ts'
import { streamRows } from './stream-rows.ts'
import { trackPosition } from './tracked-position.ts'
import { Wardrobe } from './wardrobe.ts'

/** How long close() waits for what runs if the caller gives no limit, and for the goodbyes afterwards. */
const defaultCloseTimeoutMs = 30_000
const goodbyeMs = 1_000

type Acquired = (error: Error | undefined, connection: PoolConnection | undefined) => void

interface WaitLimits {
  readonly access?: Access | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** A pool of mysql2, made by this driver or handed in by the application. */
export class MysqlPool implements DriverPool {
  readonly engine = 'mysql' as const
  readonly #pool: Pool
  readonly #owned: boolean
  readonly #options: PoolOptions
  readonly #killer: QueryKiller
  readonly #send: SendOptions
  readonly #losses = new LossCounter()
  readonly #wardrobe = new Wardrobe()
  readonly #status = new StatusReader(
    (request) => this.query(request),
    () => this.#losses.count,
  )
  readonly #inUse = new Set<PoolConnection>()
  /** Those who wait for a connection, by what tells them that none will come. */
  readonly #acquiring = new Set<(error: Error) => void>()
  /** Those that were used before, with their character sets as they were. */
  readonly #known = new WeakMap<PoolConnection, number | undefined>()
  /** Those on which the server refuses writes. */
  readonly #refusing = new WeakSet<PoolConnection>()
  /** When each connection of an own pool was last given back; the longest idle comes first. */
  readonly #idleSince = new Map<PoolConnection, number>()
  readonly #onEnqueue = (): void => {
    this.#queued = true
  }
  #idleTimer: NodeJS.Timeout | undefined
  #queued = false
  #waiting = 0
  #pending = 0
  #onQuiet: (() => void) | undefined
  #closing: Promise<void> | undefined
  #closed = false
  #severed: QueryError | undefined

  /** A pool that is not `owned` is never ended. */
  constructor(pool: Pool, owned: boolean, options: PoolOptions, killer: QueryKiller) {
    this.#pool = pool
    this.#owned = owned
    this.#options = options
    this.#killer = killer
    this.#send = { prepare: options.statementCacheSize > 0, texts: new KnownTexts(), losses: this.#losses }
    pool.on('enqueue', this.#onEnqueue)
  }

  query(request: DriverRequest): Promise<DriverResult> {
    if (this.#refusal) return Promise.reject(this.#refusal)
    if (request.timeoutMs || request.signal || request.access === 'session') return this.#queryWithCare(request)
    return new Promise((resolve, reject) => {
      this.#dressed(request, (failure, connection) => {
        if (connection === undefined) return reject(failure)
        send(connection, request, this.#send, (error, result) => {
          this.#giveBack(connection, !error || isAnswer(error))
          if (result === undefined) reject(mysqlError(error, 'run', request.access))
          else resolve(result)
        })
      })
    })
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    if (this.#refusal) throw this.#refusal
    const start = performance.now()
    const connection = await this.#dressedConnection(request)
    this.#mayStart(connection, request)
    yield* streamRows(connection, request, start, {
      send: this.#send,
      killer: this.#killer,
      fetchSize: this.#options.fetchSize,
      onDone: (usable) => this.#leaveSession(connection, usable, request.access === 'session'),
    })
  }

  async lease(options: WaitLimits = {}): Promise<Lease> {
    if (this.#refusal) throw this.#refusal
    const connection = await this.#connection(options)
    return new MysqlLease({
      connection,
      send: this.#send,
      killer: this.#killer,
      fetchSize: this.#options.fetchSize,
      wardrobe: this.#wardrobe,
      limitMs: this.#options.connectTimeoutMs,
      giveBack: (usable, reset) => this.#leaveSession(connection, usable, reset || options.access === 'session'),
    })
  }

  status(options: StatusOptions = {}): Promise<ServerStatus> {
    return this.#status.read(options)
  }

  showsAll(options: VisibilityOptions): Promise<boolean> {
    return showsAll((request) => this.query(request), options)
  }

  get losses(): number {
    return this.#losses.count
  }

  stats(): PoolStats {
    if (this.#closed) return { total: 0, idle: 0, waiting: 0, shared: 0, sharedInFlight: 0 }
    const total = lengthOf(this.#pool, '_allConnections') ?? this.#inUse.size
    const idle = lengthOf(this.#pool, '_freeConnections') ?? 0
    return { total, idle, waiting: this.#waiting, shared: 0, sharedInFlight: 0 }
  }

  sever(why: string): void {
    if (this.#severed !== undefined) return
    this.#severed = new QueryError('connection-lost', `There is no connection: ${why}.`, { safeToRetry: true })
    for (const refuse of this.#acquiring) refuse(this.#severed)
    for (const connection of this.#inUse) {
      this.#losses.note(connection)
      breakConnection(connection, why)
    }
  }

  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? defaultCloseTimeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#losses.stop()
    if (this.#pending > 0) {
      await atMost(timeoutMs, (resolve) => {
        this.#onQuiet = resolve
      })
    }
    clearInterval(this.#idleTimer)
    this.#pool.removeListener('enqueue', this.#onEnqueue)
    for (const connection of this.#inUse) connection.destroy()
    if (this.#owned) await atMost(goodbyeMs, (resolve) => this.#pool.end(resolve))
    this.#closed = true
  }

  /** Why nothing is begun any more. */
  get #refusal(): Error | undefined {
    return this.#severed ?? (this.#closing && new ClientClosedError())
  }

  async #queryWithCare(request: DriverRequest): Promise<DriverResult> {
    const start = performance.now()
    const connection = await this.#dressedConnection(request)
    this.#mayStart(connection, request)
    const running = runInterruptible(connection, request, start, this.#send, this.#killer)
    void running.usable.then((usable) => this.#leaveSession(connection, usable, request.access === 'session'))
    return running.answer
  }

  /** The signal may have fired between the connection's arrival and now; nobody would tell again. */
  #mayStart(connection: PoolConnection, request: DriverRequest): void {
    if (!request.signal?.aborted) return
    this.#giveBack(connection, true)
    throw abortedWaiting(request.signal)
  }

  /** Gives back a connection whose session may have changed. */
  #leaveSession(connection: PoolConnection, usable: boolean, changed: boolean): void {
    if (!usable || !changed) return this.#giveBack(connection, usable)
    // Whatever the application set on the connections of its own pool would be lost with a reset.
    if (!this.#owned) return this.#giveBack(connection, false)
    void this.#giveBackReset(connection)
  }

  async #giveBackReset(connection: PoolConnection): Promise<void> {
    const clean = await resetConnection(connection, this.#known.get(connection), this.#options.connectTimeoutMs)
    if (clean) this.#track(connection)
    this.#wardrobe.forget(connection)
    this.#refusing.delete(connection)
    this.#giveBack(connection, clean)
  }

  #giveBack(connection: PoolConnection, usable: boolean): void {
    this.#inUse.delete(connection)
    // What the application uses by itself must not wear anything of ours.
    if (usable && (this.#owned || this.#wardrobe.fits(connection, undefined))) {
      this.#release(connection)
      this.#noteIdle(connection)
    } else connection.destroy()
    this.#leave()
  }

  #release(connection: PoolConnection): void {
    if (this.#exitsOnIdle) keepAlive(connection, false)
    connection.release()
  }

  get #exitsOnIdle(): boolean {
    return this.#owned && this.#options.exitOnIdle === true
  }

  #leave(): void {
    this.#pending -= 1
    if (this.#pending === 0) this.#onQuiet?.()
  }

  #connection(limits: WaitLimits): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      this.#acquire(limits, (error, connection) => (connection === undefined ? reject(error) : resolve(connection)))
    })
  }

  /** As `#acquire`, with the settings of the request on the connection, and no others. */
  #dressed(request: DriverRequest, done: Acquired): void {
    this.#acquire(request, (failure, connection) => {
      if (connection === undefined || this.#wardrobe.fits(connection, request.settings))
        return done(failure, connection)
      void this.#dress(connection, request, done)
    })
  }

  async #dress(connection: PoolConnection, request: DriverRequest, done: Acquired): Promise<void> {
    try {
      await this.#wardrobe.change(connection, request.settings)
    } catch (error) {
      if (isLoss(error)) this.#losses.note(connection)
      this.#giveBack(connection, false)
      // The statement itself was not sent.
      return done(mysqlError(error, 'connect', request.access), undefined)
    }
    done(undefined, connection)
  }

  #dressedConnection(request: DriverRequest): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      this.#dressed(request, (error, connection) => (connection === undefined ? reject(error) : resolve(connection)))
    })
  }

  /** Asks mysql2 for a connection; a caller that gave up in the meantime leaves its place in the queue. */
  #acquire(limits: WaitLimits, done: Acquired): void {
    const { signal, timeoutMs } = limits
    if (signal?.aborted) return done(abortedWaiting(signal), undefined)
    this.#pending += 1
    this.#queued = false
    let watch: { readonly disarm: () => void } | undefined
    let settled = false
    const settle = (error: Error | undefined, connection: PoolConnection | undefined): void => {
      settled = true
      this.#acquiring.delete(refuse)
      watch?.disarm()
      if (connection === undefined) this.#leave()
      done(error, connection)
    }
    const acquired = (error: unknown, connection: PoolConnection | undefined): void => {
      if (settled) return connection && this.#release(connection)
      if (error || connection === undefined) return settle(mysqlError(error, 'connect', 'read'), undefined)
      this.#welcome(connection)
      this.#secure(connection, (failure) => {
        if (!settled && failure === undefined) return settle(undefined, connection)
        this.#inUse.delete(connection)
        if (failure === undefined) this.#release(connection)
        else connection.destroy()
        if (!settled) settle(mysqlError(failure, 'connect', 'read'), undefined)
      })
    }
    const refuse = (error: Error): void => {
      removeFromQueue(this.#pool, acquired)
      settle(error, undefined)
    }
    this.#acquiring.add(refuse)
    this.#pool.getConnection(acquired)
    if (!this.#queued && !signal && !timeoutMs) return
    watch = this.#watchWaiting(limits, this.#queued, refuse)
  }

  /** Waits for the server's word that it refuses writes, where it is to refuse them: without it the connection is not used. */
  #secure(connection: PoolConnection, done: (failure: unknown) => void): void {
    const mustRefuse = this.#owned && this.#options.readOnly === true
    if (!mustRefuse || this.#refusing.has(connection)) return done(undefined)
    refuseWrites(connection, (error) => {
      if (!error) this.#refusing.add(connection)
      done(error || undefined)
    })
  }

  #welcome(connection: PoolConnection): void {
    this.#inUse.add(connection)
    this.#idleSince.delete(connection)
    if (this.#exitsOnIdle) keepAlive(connection, true)
    if (this.#known.has(connection)) return
    this.#known.set(connection, connection.config.charsetNumber)
    // A broken connection may report more than once, and an error event that nobody hears ends the process.
    connection.on('error', () => this.#losses.note(connection))
    this.#track(connection)
  }

  /** What the application has set on the connections of its own pool stays as it is. */
  #track(connection: PoolConnection): void {
    if (this.#owned && this.#options.trackPositions === true) trackPosition(connection)
  }

  #watchWaiting(limits: WaitLimits, queued: boolean, giveUp: (error: Error) => void): { readonly disarm: () => void } {
    const { signal, timeoutMs } = limits
    const own = timeoutMs ? timeoutMs : Infinity
    // Without a queue, mysql2 is connecting, and connectTimeoutMs limits that.
    const wait = Math.min(own, queued ? this.#options.acquireTimeoutMs : Infinity)
    const onAbort = (): void => giveUp(abortedWaiting(signal))
    const timer = wait === Infinity ? undefined : setTimeout(() => giveUp(this.#tooLong(wait, own === wait)), wait)
    signal?.addEventListener('abort', onAbort)
    this.#waiting += queued ? 1 : 0
    return {
      disarm: () => {
        this.#waiting -= queued ? 1 : 0
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      },
    }
  }

  #tooLong(waited: number, byCaller: boolean): Error {
    const { total, idle, waiting } = this.stats()
    const numbers = `${total} open, ${idle} idle, ${waiting} waiting, at most ${this.#options.maxConnections}`
    return byCaller
      ? new TimeoutError(`No connection was there within the statement's ${waited} ms (${numbers}).`, waited, {
          safeToRetry: true,
        })
      : new PoolExhaustedError(
          `No connection became free within ${waited} ms (${numbers}). ` +
            'Look for leases and streams that are never ended, shorten transactions, or raise maxConnections.',
        )
  }

  #noteIdle(connection: PoolConnection): void {
    const { idleTimeoutMs } = this.#options
    if (!this.#owned || idleTimeoutMs === 0) return
    this.#idleSince.set(connection, performance.now())
    this.#idleTimer ??= setInterval(() => this.#closeIdle(), Math.max(idleTimeoutMs / 2, 50)).unref()
  }

  // mysql2 closes idle connections only above a number, and then even those that were used a moment ago.
  #closeIdle(): void {
    const oldest = performance.now() - this.#options.idleTimeoutMs
    for (const [connection, since] of this.#idleSince) {
      if (since > oldest) return
      this.#idleSince.delete(connection)
      connection.destroy()
    }
  }
}

function abortedWaiting(signal: AbortSignal | undefined): AbortedError {
  return new AbortedError('The call was aborted before its statement was sent.', {
    cause: signal?.reason,
    safeToRetry: true,
  })
}

/** Resolves when `start` calls back, or after a time. */
async function atMost(milliseconds: number, start: (resolve: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    start(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
