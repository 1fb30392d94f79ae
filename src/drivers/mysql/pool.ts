import type { Connection, Pool, PoolConnection } from 'mysql2'
import { ClientClosedError, QueryError } from '../../errors.ts'
import type {
  Cargo,
  DriverPool,
  DriverRequest,
  DriverResult,
  Lease,
  PoolOptions,
  PoolStats,
  ServerStatus,
  StatusOptions,
  UnderWay,
  VisibilityOptions,
} from '../driver.ts'
import { LossCounter } from '../loss-counter.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import { atMost } from './at-most.ts'
import { CarriedCall, type CarryingPool } from './carried-call.ts'
import { isAnswer, isLoss, mysqlError } from './errors.ts'
import { IdleConnections } from './idle-connections.ts'
import type { QueryKiller } from './killer.ts'
import { KnownConnections } from './known-connections.ts'
import { MysqlLease } from './lease.ts'
import {
  breakConnection,
  connectionBy,
  keepAlive,
  lengthOf,
  queueOf,
  removeFromQueue,
  type Acquired,
} from './native-pool.ts'
import { interrupt, runInterruptible } from './running.ts'
import { send, KnownTexts, type SendOptions } from './send.ts'
import { StatusReader } from './server-status.ts'
import { showsAll } from './visibility.ts'
import { PreparedWrites } from './prepared-writes.ts'
import { Refusing } from './refusing.ts'
import { resetConnection } from './session.ts'
import { SharedReads } from './shared-reads.ts'
import { streamRows } from './stream-rows.ts'
import { abortedWaiting, WaitingCallers, type WaitLimits } from './waiting.ts'
import { Wardrobe } from './wardrobe.ts'

/** How long close() waits for what runs if the caller gives no limit, and for the goodbyes afterwards. */
const defaultCloseTimeoutMs = 30_000
const goodbyeMs = 1_000

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
  readonly #known: KnownConnections
  readonly #refusing: Refusing
  /** Where there are connections to share. */
  readonly #shared: SharedReads | undefined
  readonly #waiters: { readonly length: number } | undefined
  /** Of an own pool. */
  readonly #idle: IdleConnections
  readonly #writes: PreparedWrites | undefined
  readonly #answeredAt = new WeakMap<PoolConnection, number>()
  readonly #carrying: CarryingPool
  readonly #onEnqueue = (): void => {
    this.#queued = true
  }
  #queued = false
  readonly #waiting: WaitingCallers
  #pending = 0
  #onQuiet: (() => void) | undefined
  #closing: Promise<void> | undefined
  #closed = false
  #severed: QueryError | undefined

  /** A pool that is not `owned` is never ended. */
  constructor(pool: Pool, owned: boolean, options: PoolOptions, killer: QueryKiller, connect?: () => Connection) {
    this.#pool = pool
    this.#owned = owned
    this.#options = options
    this.#killer = killer
    this.#waiters = queueOf(pool, '_connectionQueue')
    this.#idle = new IdleConnections(options.idleTimeoutMs)
    this.#known = new KnownConnections({
      // What the application has set on the connections of its own pool stays as it is.
      tracks: owned && options.trackPositions === true,
      broken: (connection) => {
        this.#idle.lost(connection)
        this.#losses.note(connection)
      },
      ended: (connection) => this.#idle.lost(connection),
    })
    this.#waiting = new WaitingCallers(options, () => this.stats())
    this.#refusing = new Refusing(owned && options.readOnly === true)
    const { statementCacheSize, multiplexConnections } = options
    if (connect !== undefined && statementCacheSize > 0) this.#writes = new PreparedWrites(statementCacheSize)
    this.#carrying = this.#carryingWith(this.#writes)
    if (connect !== undefined && multiplexConnections > 0) this.#shared = this.#sharedReads(connect)
    this.#send = { prepare: statementCacheSize > 0, texts: new KnownTexts(), losses: this.#losses }
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

  /** Not with a time limit: whoever has the command would be told of its end while it still takes its answer. */
  carry(request: DriverRequest, cargo: Cargo): UnderWay | undefined {
    if (this.#refusal) throw this.#refusal
    if (request.timeoutMs || request.access === 'session') return undefined
    const latency = this.#shared?.latencyOf(request, cargo)
    return (
      (latency && this.#shared?.send(latency, request.settings, cargo)) ?? this.#carryAlone(request, cargo, latency)
    )
  }

  #carryAlone(request: DriverRequest, cargo: Cargo, latency?: LatencyRecord): UnderWay {
    const call = new CarriedCall(this.#carrying, request, cargo, latency)
    const connection = this.#takeIdle(request.settings)
    if (connection !== undefined) call.run(connection)
    else this.#dressed(request, (failure, taken) => call.acquired(failure, taken))
    return call
  }

  #carryingWith(writes: PreparedWrites | undefined): CarryingPool {
    return {
      writes,
      giveBack: (connection, usable) => this.#giveBack(connection, usable),
      lost: (connection) => this.#losses.note(connection),
      began: (latency, settings) => this.#shared?.began(latency, settings) ?? 0,
      ended: (latency, settings, since, hasAnswered) => this.#shared?.ended(latency, settings, since, hasAnswered),
      interrupt: async (statement) => await interrupt(statement, this.#killer, this.#losses),
    }
  }

  #sharedReads(connect: () => Connection): SharedReads {
    return new SharedReads({
      options: this.#options,
      killer: this.#killer,
      losses: this.#losses,
      connect,
      ownAreTaken: () => this.#idle.size === 0 && this.#inUse.size >= this.#options.maxConnections,
      runAlone: (cargo, settings) => this.#carryAlone({ sql: '', params: [], access: 'read', settings }, cargo),
    })
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    if (this.#refusal) throw this.#refusal
    const start = performance.now()
    const connection = await connectionBy((done) => this.#dressed(request, done))
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
    const connection = await connectionBy((done) => this.#acquire(options, done))
    return new MysqlLease({
      connection,
      writes: this.#writes,
      answeredAt: this.#shared && this.#answeredAt,
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
    const { shared = 0, inFlight = 0 } = this.#shared ?? {}
    const total = lengthOf(this.#pool, '_allConnections') ?? this.#inUse.size
    const idle = (lengthOf(this.#pool, '_freeConnections') ?? 0) + this.#idle.size
    return { total, idle, waiting: this.#waiting.count, shared, sharedInFlight: inFlight }
  }

  sever(why: string): void {
    if (this.#severed !== undefined) return
    this.#severed = new QueryError('connection-lost', `There is no connection: ${why}.`, { safeToRetry: true })
    this.#shared?.destroyAll()
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
    const until = performance.now() + timeoutMs
    // What is held up on shared connections may move on to others.
    await atMost(timeoutMs, (resolve) => (this.#shared === undefined ? resolve() : this.#shared.close(resolve)))
    this.#shared?.destroyAll()
    if (this.#pending > 0) {
      await atMost(Math.max(0, until - performance.now()), (resolve) => {
        this.#onQuiet = resolve
      })
    }
    this.#idle.stop()
    this.#pool.removeListener('enqueue', this.#onEnqueue)
    // mysql2's own end would leave those who wait for an answer untold.
    for (const connection of this.#inUse) breakConnection(connection, 'its client was closed')
    if (this.#owned) await atMost(goodbyeMs, (resolve) => this.#pool.end(resolve))
    this.#closed = true
  }

  /** Why nothing is begun any more. */
  get #refusal(): Error | undefined {
    return this.#severed ?? (this.#closing && new ClientClosedError())
  }

  async #queryWithCare(request: DriverRequest): Promise<DriverResult> {
    const start = performance.now()
    const connection = await connectionBy((done) => this.#dressed(request, done))
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
    const clean = await resetConnection(connection, this.#known.charsetOf(connection), this.#options.connectTimeoutMs)
    if (clean) this.#known.track(connection)
    for (const each of [this.#wardrobe, this.#refusing, this.#writes]) each?.forget(connection)
    this.#giveBack(connection, clean)
  }

  #giveBack(connection: PoolConnection, usable: boolean): void {
    this.#inUse.delete(connection)
    // What the application uses by itself must not wear anything of ours.
    if (usable && (this.#owned || this.#wardrobe.fits(connection, undefined))) this.#release(connection)
    else connection.destroy()
    this.#leave()
  }

  /** To whoever waits for one. */
  #release(connection: PoolConnection): void {
    if (this.#exitsOnIdle) keepAlive(connection, false)
    const isWanted = !this.#owned || this.#waiters?.length !== 0
    if (isWanted || !this.#idle.keep(connection)) connection.release()
  }

  /** It came after its caller had given up. */
  #releaseLate(connection: PoolConnection): void {
    this.#welcome(connection)
    this.#inUse.delete(connection)
    this.#release(connection)
  }

  get #exitsOnIdle(): boolean {
    return this.#owned && this.#options.exitOnIdle === true
  }

  #leave(): void {
    this.#pending -= 1
    if (this.#pending === 0) this.#onQuiet?.()
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

  /** One that is at hand, and ready. With `any` one with whatever settings. */
  #takeIdle(settings: DriverRequest['settings']): PoolConnection | undefined {
    const taken = this.#idle.take((each) => this.#wardrobe.fits(each, settings) && !this.#refusing.mustTell(each))
    if (taken === undefined) return undefined
    this.#pending += 1
    this.#inUse.add(taken)
    if (this.#exitsOnIdle) keepAlive(taken, true)
    return taken
  }

  /** Asks mysql2 for a connection; a caller that gave up in the meantime leaves its place in the queue. */
  #acquire(limits: WaitLimits, done: Acquired): void {
    const { signal, timeoutMs } = limits
    if (signal?.aborted) return done(abortedWaiting(signal), undefined)
    const idle = this.#takeIdle('any')
    if (idle !== undefined) return done(undefined, idle)
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
      if (settled) return connection && this.#releaseLate(connection)
      if (error || connection === undefined) return settle(mysqlError(error, 'connect', 'read'), undefined)
      this.#welcome(connection)
      this.#refusing.secure(connection, (failure) => {
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
    const kept = this.#idle.take(() => true)
    if (kept !== undefined) acquired(undefined, kept)
    else this.#pool.getConnection(acquired)
    if (!this.#queued && !signal && !timeoutMs) return
    watch = this.#waiting.watch(limits, this.#queued, refuse)
  }

  #welcome(connection: PoolConnection): void {
    this.#inUse.add(connection)
    if (this.#exitsOnIdle) keepAlive(connection, true)
    this.#known.meet(connection)
  }
}
