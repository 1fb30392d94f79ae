import { ClientClosedError } from '../../errors.ts'
import type {
  Access,
  DriverPool,
  DriverRequest,
  DriverResult,
  Lease,
  PoolOptions,
  PoolStats,
  ReleaseMode,
  ServerStatus,
  StatusOptions,
} from '../driver.ts'
import { streamOnLease } from '../on-lease.ts'
import { whileBusy } from './busy.ts'
import type { SqliteConnection } from './connection.ts'
import { isBusy } from './errors.ts'
import { SqliteLease } from './lease.ts'
import type { ConnectionOpener } from './open.ts'
import { sqliteStatus } from './server-status.ts'
import { abortedBefore, Slots, type WaitLimits } from './slots.ts'
import { drained } from './drained.ts'

/**
 * One database file: one connection that writes, one read-only connection that all autocommit reads share, and further
 * connections for leases that read, streams and statements that change their connection.
 *
 * Writers of this process queue here without blocking anybody; locks of other processes are waited for in `whileBusy`.
 */
export class SqliteFilePool implements DriverPool {
  readonly engine = 'sqlite' as const
  /** There is no connection that could be lost. */
  readonly losses = 0
  readonly #opener: ConnectionOpener
  readonly #options: PoolOptions
  readonly #writerSlot: Slots
  readonly #extraSlots: Slots
  readonly #idle: SqliteConnection[] = []
  readonly #leased = new Set<SqliteConnection>()
  #writer: SqliteConnection | undefined
  #reader: SqliteConnection | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined
  #closed = false

  constructor(opener: ConnectionOpener, options: PoolOptions) {
    this.#opener = opener
    this.#options = options
    this.#writerSlot = new Slots(1, options.acquireTimeoutMs, 'writing connection')
    // The writer and the shared reader count as two of the connections; one more is needed for streams to work.
    this.#extraSlots = new Slots(
      Math.max(1, options.maxConnections - 2),
      options.acquireTimeoutMs,
      'reading connection',
    )
  }

  query(request: DriverRequest): DriverResult | Promise<DriverResult> {
    if (this.#closing) throw new ClientClosedError()
    if (request.signal?.aborted) throw abortedBefore(request.signal)
    if (request.access === 'read') return this.#read(request)
    if (request.access === 'session') return this.#runApart(request)
    if (!this.#writerSlot.tryTake()) return this.#writeInTurn(request)
    return this.#writeNow(request)
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    yield* streamOnLease(this, request)
  }

  async lease(options: WaitLimits & { readonly access?: Access | undefined } = {}): Promise<Lease> {
    if (this.#closing) throw new ClientClosedError()
    const access = options.access ?? 'write'
    const slot = access === 'write' ? this.#writerSlot : this.#extraSlots
    await slot.take(options)
    try {
      const connection = await whileBusy(() => this.#connectionFor(access), this.#options.busyTimeoutMs, options)
      if (access !== 'write') this.#leased.add(connection)
      return new SqliteLease({
        connection,
        canWrite: access !== 'read' && this.#opener.dsn.mode !== 'ro',
        busyTimeoutMs: this.#options.busyTimeoutMs,
        fetchSize: this.#options.fetchSize,
        giveBack: (mode) => this.#giveBack(connection, access, mode),
      })
    } catch (error) {
      slot.give()
      throw error
    }
  }

  status(options?: StatusOptions): Promise<ServerStatus> {
    return sqliteStatus((request) => this.query(request), this.#opener.dsn.mode !== 'ro', options)
  }

  stats(): PoolStats {
    const open = (this.#writer ? 1 : 0) + (this.#reader ? 1 : 0) + this.#idle.length + this.#leased.size
    const busy = (this.#writer && !this.#writerSlot.free ? 1 : 0) + this.#leased.size
    return {
      total: open,
      idle: open - busy,
      waiting: this.#writerSlot.waiting + this.#extraSlots.waiting,
      shared: 0,
      sharedInFlight: 0,
    }
  }

  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    await drained([this.#writerSlot, this.#extraSlots], timeoutMs)
    clearTimeout(this.#idleTimer)
    this.#closed = true
    // The writer last: the last connection that closes clears the write-ahead log away, and a reader may not.
    for (const connection of [...this.#leased, ...this.#idle, this.#reader, this.#writer]) connection?.close()
    this.#leased.clear()
    this.#idle.length = 0
    this.#reader = undefined
    this.#writer = undefined
  }

  #read(request: DriverRequest): DriverResult | Promise<DriverResult> {
    const start = request.timeoutMs ? performance.now() : 0
    try {
      return this.#readNow(request, start)
    } catch (error) {
      if (!isBusy(error)) throw error
      return whileBusy(() => this.#readNow(request, start), this.#options.busyTimeoutMs, request)
    }
  }

  #readNow(request: DriverRequest, start: number): DriverResult {
    // A read that waits for a lock holds no place, so close() does not wait for it.
    if (this.#closed) throw new ClientClosedError()
    const reader = (this.#reader ??= this.#openReader())
    if (request.timeoutMs) return reader.runUntil(request, true, start + request.timeoutMs)
    return reader.run(request, true)
  }

  #writeNow(request: DriverRequest): DriverResult | Promise<DriverResult> {
    try {
      const result = this.#write(request)
      this.#writerSlot.give()
      return result
    } catch (error) {
      if (isBusy(error)) return this.#writeWhileBusy(request)
      this.#writerSlot.give()
      throw error
    }
  }

  async #writeInTurn(request: DriverRequest): Promise<DriverResult> {
    await this.#writerSlot.take(request)
    return this.#writeNow(request)
  }

  async #writeWhileBusy(request: DriverRequest): Promise<DriverResult> {
    try {
      return await whileBusy(() => this.#write(request), this.#options.busyTimeoutMs, request)
    } finally {
      this.#writerSlot.give()
    }
  }

  #write(request: DriverRequest): DriverResult {
    this.#writer ??= this.#opener.writer()
    return this.#writer.run(request, true)
  }

  /** Runs a statement that changes its connection on one that is closed behind it. */
  async #runApart(request: DriverRequest): Promise<DriverResult> {
    const lease = await this.lease(request)
    try {
      const result = await lease.query(request)
      // Described now, since the connection is gone afterwards.
      void result.fields
      return result
    } finally {
      await lease.release('destroy')
    }
  }

  #connectionFor(access: Access): SqliteConnection {
    if (access === 'session') return this.#opener.writer()
    if (access === 'write') return (this.#writer ??= this.#opener.writer())
    return this.#idle.pop() ?? this.#openReader()
  }

  #openReader(): SqliteConnection {
    // A reader cannot create the file, nor its log.
    if (this.#opener.dsn.mode !== 'ro') this.#writer ??= this.#opener.writer()
    return this.#opener.reader()
  }

  #giveBack(connection: SqliteConnection, access: Access, mode: ReleaseMode): void {
    const keep = mode === 'clean' && access !== 'session' && connection.isOpen
    if (!keep) connection.close()
    if (access === 'write') {
      if (!keep && this.#writer === connection) this.#writer = undefined
      return this.#writerSlot.give()
    }
    this.#leased.delete(connection)
    if (keep) this.#keepIdle(connection)
    this.#extraSlots.give()
  }

  #keepIdle(connection: SqliteConnection): void {
    this.#idle.push(connection)
    clearTimeout(this.#idleTimer)
    const { idleTimeoutMs } = this.#options
    if (idleTimeoutMs === 0) return
    this.#idleTimer = setTimeout(() => {
      for (const unused of this.#idle.splice(0)) unused.close()
    }, idleTimeoutMs).unref()
  }
}
