import type { Pool, PoolClient } from 'pg'
import { PoolExhaustedError, type SignalboxError } from '../../errors.ts'
import type { PoolOptions } from '../driver.ts'
import type { LossCounter } from '../loss-counter.ts'
import { Connection } from './connection.ts'
import { queryError } from './errors.ts'
import type { QuerySender } from './query-sender.ts'
import { SpareConnections } from './spare-connections.ts'
import type { StatementBook } from './statement-book.ts'

/** Callers that may wait for a connection at a time; the next one is refused at once. */
const mostWaiting = 10_000

/** One caller who needs a connection. Exactly one of the two methods is called, once, unless it is withdrawn before. */
export interface Taker {
  /** The connection is the caller's until `release`. */
  take(connection: Connection): void
  refuse(error: SignalboxError): void
}

interface Waiting {
  readonly taker: Taker
  readonly deadline: number
}

/** One who waits until a connection is made, or does not wait any more. */
interface Connecting {
  taker: Taker | undefined
}

/**
 * Connections of one's own over a `pg.Pool`: at most `max` in use, callers queue here in order.
 *
 * The queue is not left to `pg.Pool` because its one time-out means both waiting and connecting, and because a
 * connection given back goes to the next caller here directly, without the detour over the idle list.
 */
export class OwnPool {
  readonly #pool: Pool
  readonly #options: PoolOptions
  readonly #book: StatementBook
  readonly #sender: QuerySender
  readonly #losses: LossCounter
  readonly #address: string
  readonly #max: number
  /** The pool is the application's: connections go back to it each time, since others may wait there. */
  readonly #borrowed: boolean
  readonly #connections = new WeakMap<PoolClient, Connection>()
  readonly #inUse = new Set<Connection>()
  readonly #queue = new Map<Taker, Waiting>()
  readonly #connecting = new Set<Connecting>()
  readonly #spares = new SpareConnections((connection) => connection.client.release(connection.lost !== undefined))
  #slots = 0
  #timer: NodeJS.Timeout | undefined
  #whenIdle: (() => void)[] = []
  /** Set when the pool takes nobody any more. */
  #refusal: SignalboxError | undefined

  constructor(
    pool: Pool,
    options: PoolOptions,
    book: StatementBook,
    sender: QuerySender,
    losses: LossCounter,
    address: string,
    borrowed: boolean,
  ) {
    this.#pool = pool
    this.#options = options
    this.#book = book
    this.#sender = sender
    this.#losses = losses
    this.#address = address
    this.#borrowed = borrowed
    this.#max = borrowed ? pool.options.max : options.maxConnections
  }

  /** Connections at hand that nobody uses, beyond those that the pool knows to be idle. */
  get spare(): number {
    return this.#spares.size
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** Whether the next caller has to wait. */
  get full(): boolean {
    return this.#slots >= this.#max
  }

  acquire(taker: Taker): void {
    if (this.#refusal !== undefined) {
      taker.refuse(this.#refusal)
    } else if (this.#slots < this.#max) {
      this.#serveOne(taker)
    } else if (this.#queue.size >= mostWaiting) {
      taker.refuse(this.#exhausted('at once'))
    } else {
      this.#queue.set(taker, { taker, deadline: performance.now() + this.#options.acquireTimeoutMs })
      this.#startTimer(this.#options.acquireTimeoutMs)
    }
  }

  /** Takes a caller out of the queue; false if it is not in it (any more). */
  withdraw(taker: Taker): boolean {
    return this.#queue.delete(taker)
  }

  /**
   * Gives a connection back, as soon as it is ready; `destroy` closes it instead. A connection that is lost, or within
   * a transaction, is always closed.
   */
  release(connection: Connection, destroy = false): void {
    // Given up without an answer: closing it here keeps `pg` from telling that it broke.
    if (connection.lost !== undefined && !connection.ready) this.#losses.note(connection.client)
    if (destroy || connection.lost !== undefined) this.#giveBack(connection, true)
    else connection.whenReady(() => this.#giveBackReady(connection))
  }

  /** Whoever gets it next makes its settings what he needs; but others use the application's pool, too. */
  #giveBackReady(connection: Connection): void {
    if (!this.#borrowed || connection.lost !== undefined || connection.inTransaction)
      this.#giveBack(connection, connection.lost !== undefined || connection.inTransaction)
    else connection.settle(undefined, (failure) => this.#giveBack(connection, failure !== undefined))
  }

  /** Closes every connection in use, and refuses those who wait or come later. */
  destroyAll(refusal: SignalboxError): void {
    this.#refusal ??= refusal
    this.#spares.giveBackAll()
    clearTimeout(this.#timer)
    const waiting = [...this.#queue.keys()]
    this.#queue.clear()
    for (const taker of waiting) taker.refuse(refusal)
    for (const connection of this.#inUse) {
      connection.abandon('the pool was closed')
      this.#giveBack(connection, true)
    }
  }

  /** Breaks every connection in use, and refuses those who wait for one, or come later. */
  sever(why: string, refusal: SignalboxError): void {
    this.#refusal = refusal
    this.#spares.giveBackAll()
    clearTimeout(this.#timer)
    const refused = [...this.#queue.keys()]
    this.#queue.clear()
    for (const connecting of this.#connecting) {
      if (connecting.taker !== undefined) refused.push(connecting.taker)
      connecting.taker = undefined
    }
    for (const taker of refused) taker.refuse(refusal)
    for (const connection of this.#inUse) {
      this.#losses.note(connection.client)
      connection.sever(why)
    }
  }

  /** Calls back when no connection is in use and nobody waits; the pool has all of them back then. */
  whenIdle(then: () => void): void {
    this.#whenIdle.push(then)
    this.#tellIdle()
  }

  #serveOne(taker: Taker): void {
    const spare = this.#spares.take()
    if (spare === undefined) {
      this.#connect(taker)
      return
    }
    this.#slots++
    this.#inUse.add(spare)
    taker.take(spare)
  }

  #connect(taker: Taker): void {
    this.#slots++
    const connecting: Connecting = { taker }
    this.#connecting.add(connecting)
    this.#pool.connect((error, client) => {
      this.#connecting.delete(connecting)
      if (client === undefined) {
        this.#slots--
        connecting.taker?.refuse(queryError(error, { access: 'read', sent: false, address: this.#address }))
        this.#serve()
        return
      }
      const connection = this.#connectionOf(client)
      this.#inUse.add(connection)
      if (this.#refusal === undefined && connecting.taker !== undefined) {
        connecting.taker.take(connection)
      } else {
        if (this.#refusal !== undefined) connecting.taker?.refuse(this.#refusal)
        this.#giveBack(connection, true)
      }
    })
  }

  #connectionOf(client: PoolClient): Connection {
    const known = this.#connections.get(client)
    if (known !== undefined) return known
    const made = new Connection(client, this.#book, this.#sender, this.#options)
    this.#connections.set(client, made)
    client.on('error', () => this.#losses.note(client))
    client.on('end', () => this.#spares.drop(made))
    return made
  }

  #giveBack(connection: Connection, destroy: boolean): void {
    // The pool may have been closed over the connection's user.
    if (!this.#inUse.has(connection)) return
    const next = destroy || this.#borrowed ? undefined : this.#nextInQueue()
    if (next !== undefined) {
      next.take(connection)
      return
    }
    this.#inUse.delete(connection)
    this.#slots--
    // While a pool is closed, all go back to it; so they do to the application's, where others may wait.
    if (destroy || this.#borrowed || this.#refusal !== undefined || this.#whenIdle.length > 0)
      connection.client.release(destroy)
    else this.#spares.keep(connection)
    this.#serve()
  }

  #serve(): void {
    while (this.#slots < this.#max) {
      const next = this.#nextInQueue()
      if (next === undefined) break
      this.#serveOne(next)
    }
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#whenIdle.length === 0 || this.#slots > 0 || this.#queue.size > 0) return
    this.#spares.giveBackAll()
    for (const then of this.#whenIdle.splice(0)) then()
  }

  #nextInQueue(): Taker | undefined {
    for (const taker of this.#queue.keys()) {
      this.#queue.delete(taker)
      return taker
    }
    return undefined
  }

  /** All wait equally long, so the first in the queue is the first to run out of time: one timer serves all. */
  readonly #expire = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (const { taker, deadline } of this.#queue.values()) {
      if (deadline > now) {
        this.#startTimer(Math.ceil(deadline - now))
        return
      }
      // The numbers are those at the end of the wait, the caller itself included.
      const error = this.#exhausted(`within ${this.#options.acquireTimeoutMs} ms`)
      this.#queue.delete(taker)
      taker.refuse(error)
    }
  }

  /** The sockets of the connections waited for keep the process alive, the timer need not. */
  #startTimer(ms: number): void {
    this.#timer ??= setTimeout(this.#expire, ms).unref()
  }

  #exhausted(when: string): PoolExhaustedError {
    const { totalCount, idleCount } = this.#pool
    return new PoolExhaustedError(
      `No connection to ${this.#address} became free ${when}: ${totalCount} open, ${idleCount} idle, ${this.#queue.size} waiting. ` +
        `Raise maxConnections (${this.#max}), or look for transactions and streams that are kept open.`,
    )
  }
}
