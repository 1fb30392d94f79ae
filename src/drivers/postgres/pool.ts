import type { Client, Pool } from 'pg'
import { ClientClosedError, QueryError, type SignalboxError } from '../../errors.ts'
import type {
  Access,
  Cargo,
  DriverPool,
  DriverRequest,
  DriverResult,
  Lease,
  NamedSettings,
  PoolOptions,
  PoolStats,
  ServerStatus,
  StatusOptions,
  UnderWay,
  VisibilityOptions,
} from '../driver.ts'
import { LossCounter } from '../loss-counter.ts'
import { namedSettings } from '../named-settings.ts'
import { expiry, isLimited, Watch, type Limits } from './call.ts'
import { CarriedQuery } from './carried-query.ts'
import type { Connection, SettingsFailure } from './connection.ts'
import { settingsError } from './errors.ts'
import { KnownSettings } from './known-settings.ts'
import { PostgresLease, type LeaseSource } from './lease.ts'
import { Lane } from './lane.ts'
import { Multiplexer } from '../multiplexing/multiplexer.ts'
import { loadCursor, type AnswerTaker } from './native.ts'
import { Multiplexers } from '../multiplexing/multiplexers.ts'
import { mostMisses, OwnCall, type RunObserver } from './own-call.ts'
import { OwnPool } from './own-pool.ts'
import { outgoingOf, QuerySender, type Outgoing } from './query-sender.ts'
import { resetSession } from './reset.ts'
import { driverResult } from './result.ts'
import { StatusReader } from './server-status.ts'
import { SharedRead, type OwnCopy } from './shared-read.ts'
import { StatementBooks } from './statement-books.ts'
import { streamRows } from './stream.ts'
import { EvidenceSupport } from './transaction-trace.ts'
import { showsAll } from './visibility.ts'

/** How long `close` waits for what runs when it is not told. */
const defaultCloseTimeoutMs = 10_000
/** How long servers have to answer the goodbye: one that hangs must not hold up the end of the process. */
const goodbyeMs = 1_000

/** What is wanted of a connection, and how long it is waited for. */
interface AcquireTerms extends Limits {
  readonly settings?: DriverRequest['settings']
}

export interface PoolParts {
  readonly pool: Pool
  readonly options: PoolOptions
  /** For messages: without password. */
  readonly address: string
  /** The pool is the application's own. */
  readonly borrowed: boolean
  readonly queryTimeoutMs?: number
  readonly createSharedClient?: () => Client
}

type LaneMultiplexer = Multiplexer<SharedRead, Lane>

export class PostgresPool implements DriverPool {
  readonly engine = 'postgres'
  readonly #native: Pool
  readonly #options: PoolOptions
  readonly #address: string
  readonly #borrowed: boolean
  readonly #queryTimeoutMs: number
  readonly #books: StatementBooks
  readonly #sender = new QuerySender()
  readonly #losses = new LossCounter()
  readonly #status = new StatusReader((request) => this.query(request))
  readonly #own: OwnPool
  readonly #leaseSource: LeaseSource
  readonly #multiplexers: Multiplexers<LaneMultiplexer, NamedSettings> | undefined
  #closing: Promise<void> | undefined
  #severed: QueryError | undefined

  constructor({ pool, options, address, borrowed, queryTimeoutMs = 0, createSharedClient }: PoolParts) {
    this.#native = pool
    this.#options = options
    this.#address = address
    this.#borrowed = borrowed
    this.#queryTimeoutMs = queryTimeoutMs
    this.#books = new StatementBooks(options.statementCacheSize > 0)
    this.#own = new OwnPool(pool, options, this.#books.plain, this.#sender, this.#losses, address, borrowed)
    this.#leaseSource = {
      pool: this.#own,
      books: this.#books,
      address,
      fetchSize: options.fetchSize,
      evidence: new EvidenceSupport(options.traceCommits === true),
    }
    pool.on('error', ignoreIdleError)
    if (createSharedClient !== undefined && options.multiplexConnections > 0) {
      this.#multiplexers = new Multiplexers(
        options.multiplexConnections,
        (settings: NamedSettings | undefined, mayOpen) =>
          this.#createMultiplexer(createSharedClient, settings, mayOpen),
      )
    }
  }

  query(request: DriverRequest): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      this.#open()
      this.#send(this.#limited(request), outgoingOf(request), {
        answered: (native) => resolve(driverResult(native)),
        failed: reject,
      })
    })
  }

  carry(request: DriverRequest, cargo: Cargo): UnderWay {
    this.#open()
    return this.#send(this.#limited(request), outgoingOf(request, new CarriedQuery(cargo.query)), cargo)
  }

  /** Over a shared connection, where it may and can, or one of its own. */
  #send(request: DriverRequest, outgoing: Outgoing, taker: AnswerTaker): UnderWay {
    const { access, changes, sql, oneOffLike } = request
    const settings = namedSettings(request.settings)
    const book = this.#books.of(settings)
    const record = oneOffLike === undefined ? book.lookUp(sql) : book.lookUpAlike(oneOffLike, sql)
    outgoing.query?.expect(record)
    const mayShare = access === 'read' && changes === undefined && record !== undefined
    const sharing = mayShare ? this.#multiplexers?.of(settings) : undefined
    const lane = record === undefined ? undefined : sharing?.laneFor(record.latency)
    if (lane !== undefined && record?.nameable === true && request.signal?.aborted !== true) {
      const read = new SharedRead(request, outgoing, record, taker)
      lane.send(read)
      return read
    }
    const call = new OwnCall(this.#own, this.#address, request, outgoing, record, sharing, taker)
    call.start()
    return call
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    this.#open()
    const limited = this.#limited(request)
    const cursorClass = await loadCursor()
    const connection = await this.#acquire(limited)
    try {
      if (request.changes !== undefined) connection.settings.changing(request.changes)
      const fetchSize = request.fetchSize ?? this.#options.fetchSize
      yield* streamRows(connection, cursorClass, limited, fetchSize, this.#address)
    } finally {
      if (request.access === 'session') resetSession(connection, (reset) => this.#own.release(connection, !reset))
      else this.#own.release(connection)
    }
  }

  async lease(options: { readonly access?: Access | undefined } & AcquireTerms = {}): Promise<Lease> {
    this.#open()
    const connection = await this.#acquire(options)
    const { evidence } = this.#leaseSource
    if (options.access !== 'read' && !evidence.isKnown(connection)) {
      await new Promise<void>((resolve) => evidence.find(connection, resolve))
    }
    return new PostgresLease(connection, this.#leaseSource, namedSettings(options.settings))
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
    const { totalCount, idleCount } = this.#native
    return {
      total: totalCount,
      idle: idleCount + this.#own.spare,
      waiting: this.#own.waiting,
      shared: this.#multiplexers?.shared ?? 0,
      sharedInFlight: this.#multiplexers?.inFlight ?? 0,
    }
  }

  /** Reads on shared connections are not told: whoever gives a server up has given up its reads before. */
  sever(why: string): void {
    if (this.#severed !== undefined) return
    const message = `There is no connection to ${this.#address}: ${why}.`
    this.#severed = new QueryError('connection-lost', message, { safeToRetry: true })
    this.#own.sever(why, this.#severed)
  }

  /** `timeoutMs` defaults to 10,000; what still runs or waits then fails. */
  close({ timeoutMs = defaultCloseTimeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#losses.stop()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#multiplexers?.destroyAll()
        this.#own.destroyAll(new ClientClosedError('The client was closed before a connection became free.'))
        resolve()
      }, timeoutMs)
      // Shared connections first: what is held up there may move on to connections of its own.
      const drained = (): void =>
        this.#own.whenIdle(() => {
          clearTimeout(timer)
          resolve()
        })
      if (this.#multiplexers === undefined) drained()
      else this.#multiplexers.close(drained)
    })
    if (this.#borrowed) this.#native.removeListener('error', ignoreIdleError)
    else await atMost(goodbyeMs, this.#native.end())
  }

  #createMultiplexer(
    createClient: () => Client,
    settings: NamedSettings | undefined,
    mayOpen: () => boolean,
  ): LaneMultiplexer {
    const { multiplexSlowMs, idleTimeoutMs, statementCacheSize } = this.#options
    const exitOnIdle = this.#options.exitOnIdle === true
    const address = this.#address
    const book = this.#books.of(settings)
    const sender = this.#sender
    const losses = this.#losses
    const settingsText = new KnownSettings().changeTo(settings)
    const multiplexer: LaneMultiplexer = new Multiplexer({
      mayOpen,
      slowMs: multiplexSlowMs,
      idleTimeoutMs,
      createLane: (events, clock) =>
        new Lane({
          client: createClient(),
          book,
          sender,
          losses,
          statementCacheSize,
          settingsText,
          address,
          clock,
          events,
          exitOnIdle,
        }),
      ownAreTaken: () => this.#own.full,
      runAlone: (read) => {
        read.lane = undefined
        read.copies++
        read.own = this.#runAlone(read, settings, multiplexer)
      },
    })
    return multiplexer
  }

  #runAlone(read: SharedRead, settings: NamedSettings | undefined, observer: RunObserver): OwnCopy {
    const call = new OwnCall(
      this.#own,
      this.#address,
      { ...read.outgoing, access: 'read', prepare: read.prepare, settings },
      read.outgoing,
      read.record,
      observer,
      { answered: (native) => read.succeededAlone(native), failed: (error) => read.failed(error) },
    )
    call.start()
    return call
  }

  #open(): void {
    if (this.#severed !== undefined) throw this.#severed
    if (this.#closing !== undefined) throw new ClientClosedError()
  }

  /** The request with the time limit of the data source name, unless it has its own. */
  #limited(request: DriverRequest): DriverRequest {
    if (this.#queryTimeoutMs === 0 || request.timeoutMs !== undefined) return request
    return { ...request, timeoutMs: this.#queryTimeoutMs }
  }

  /** A connection with these settings. */
  #acquire({ settings: wanted, ...limits }: AcquireTerms): Promise<Connection> {
    const settings = namedSettings(wanted)
    return new Promise((resolve, reject) => {
      if (limits.signal?.aborted) throw expiry('abort', limits, 'waiting', true)
      let watch: Watch | undefined
      let expired = false
      let misses = 0
      const settle = (connection: Connection): void => {
        const isForeign = connection.settings.isChanged
        connection.settle(settings, (failure) => {
          if (failure === undefined) taken(connection)
          else missed(connection, failure, isForeign)
        })
      }
      const taken = (connection: Connection): void => {
        watch?.stop()
        if (expired) this.#own.release(connection)
        else resolve(connection)
      }
      // What others have set there may be to blame; a new connection tells.
      const missed = (connection: Connection, { cause }: SettingsFailure, isForeign: boolean): void => {
        this.#own.release(connection, true)
        if (expired) return
        if (isForeign && ++misses < mostMisses) this.#own.acquire(taker)
        else taker.refuse(settingsError(cause, this.#address))
      }
      const taker = {
        take: (connection: Connection): void => {
          if (expired) taken(connection)
          else settle(connection)
        },
        refuse: (error: SignalboxError): void => {
          watch?.stop()
          reject(error)
        },
      }
      if (isLimited(limits)) {
        watch = new Watch(limits, (reason) => {
          expired = true
          this.#own.withdraw(taker)
          reject(expiry(reason, limits, 'waiting', true))
        })
      }
      this.#own.acquire(taker)
    })
  }
}

/** `pg.Pool` has removed the connection already; without a listener a server's restart would end the process. */
function ignoreIdleError(): void {}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
