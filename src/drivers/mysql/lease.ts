import type { PoolConnection } from 'mysql2'

import { ReadOnlyTransactionError } from '../../errors.ts'
import { quotedName } from '../../statement/quotes.ts'
import type { Position } from '../../topology/position.ts'
import type {
  BeginOptions,
  Cargo,
  ConnectionEvents,
  DriverRequest,
  DriverResult,
  Lease,
  ReleaseMode,
  SubmittedOutcome,
  TransactionStatus,
  UnderWay,
} from '../driver.ts'
import { CarriedCall } from './carried-call.ts'
import { isAnswer, isLoss, mysqlError, readError } from './errors.ts'
import { run, type QueryKiller } from './killer.ts'
import type { Pipelined } from './lane-place.ts'
import { LateBegin } from './late-begin.ts'
import { abortedBefore, alreadyReleased, commitUnknown, isUnknown, streamOpen } from './lease-errors.ts'
import { breakConnection } from './native-pool.ts'
import type { PreparedWrites } from './prepared-writes.ts'
import { interrupt, runInterruptible } from './running.ts'
import { send, type SendOptions } from './send.ts'
import { streamRows } from './stream-rows.ts'
import { submitted } from './submitted.ts'
import { trackedPosition } from './tracked-position.ts'
import type { Wardrobe } from './wardrobe.ts'

/** What a lease needs to know of its pool. */
export interface LeaseTerms {
  readonly connection: PoolConnection
  readonly send: SendOptions
  readonly killer: QueryKiller
  readonly fetchSize: number
  readonly wardrobe: Wardrobe
  /** Of the pool, for statements that are carried. */
  readonly writes: PreparedWrites | undefined
  /** When leases of connections were given back after an answer, by `performance.now()`. Absent where one statement is sent at a time. */
  readonly answeredAt: WeakMap<PoolConnection, number> | undefined
  /** How long the last steps before giving back may take, in milliseconds. */
  readonly limitMs: number
  readonly giveBack: (usable: boolean, reset: boolean) => void
}

/** SERVER_STATUS_IN_TRANS, https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html */
const inTransactionFlag = 1
const deniedInReadOnlyTransaction = 1792

/**
 * A connection that belongs to one caller. mysql2 would queue its statements itself, but then an interrupted
 * statement's KILL could hit the one that follows; so each waits here until the one before is over and cleaned up.
 */
export class MysqlLease implements Lease {
  readonly #terms: LeaseTerms
  readonly #connection: PoolConnection
  #turn: Promise<unknown> = Promise.resolve()
  /** Turns that are not over. */
  #pending = 0
  /** What is still to be done on the connection although its statement's caller has been answered. */
  #cleanUp: Promise<boolean> | undefined
  #released = false
  #usable = true
  #changedSession = false
  #inTransaction = false
  #readOnly = false
  #streaming = false
  #committed: Position | undefined
  readonly #begin: LateBegin

  constructor(terms: LeaseTerms) {
    this.#terms = terms
    this.#connection = terms.connection
    this.#begin = new LateBegin({
      connection: terms.connection,
      answeredAt: terms.answeredAt,
      send: async (text) => await this.#text(text),
      refused: () => (this.#usable = false),
    })
  }

  query(request: DriverRequest): Promise<DriverResult> {
    const start = request.timeoutMs ? performance.now() : 0
    const sent = (ready: DriverRequest): Promise<DriverResult> =>
      ready.timeoutMs || ready.signal ? this.#runInterruptible(ready, start) : this.#run(ready)
    return this.#inTurn(() => {
      if (request.signal?.aborted) throw abortedBefore(request.signal)
      if (request.access === 'session') this.#changedSession = true
      const ready = this.#ready(request)
      return ready instanceof Promise ? ready.then(sent) : sent(ready)
    })
  }

  /** The request, when the transaction is begun, or will be with it, and its settings are on the connection. */
  #ready(request: DriverRequest): DriverRequest | Promise<DriverRequest> {
    const fits = this.#terms.wardrobe.fits(this.#connection, request.settings)
    if (fits && !this.#begin.isDue) return request
    const behind = fits ? this.#begin.behind(request) : undefined
    return behind ?? this.#readyLater(request, fits)
  }

  async #readyLater(request: DriverRequest, fits: boolean): Promise<DriverRequest> {
    await this.#begin.now()
    if (!fits) await this.#wear(request)
    if (request.signal?.aborted) throw abortedBefore(request.signal)
    return request
  }

  carry(request: DriverRequest, cargo: Cargo): UnderWay | undefined {
    const { wardrobe, writes, send, killer } = this.#terms
    const isBusy = this.#released || this.#streaming || this.#pending > 0 || this.#begin.isDue
    if (isBusy || this.#readOnly || !this.#usable || request.timeoutMs || request.access === 'session') return undefined
    if (!wardrobe.fits(this.#connection, request.settings)) return undefined
    const over = Promise.withResolvers<void>()
    this.#pending += 1
    this.#turn = over.promise
    const call = new CarriedCall(
      {
        writes,
        began: () => 0,
        ended: () => undefined,
        lost: (connection) => send.losses.note(connection),
        interrupt: async (statement) => await interrupt(statement, killer, send.losses),
        giveBack: (connection, usable) => {
          if (!usable) this.#abandon(connection)
          this.#usable &&= usable
          this.#pending -= 1
          over.resolve()
        },
      },
      request,
      cargo,
    )
    call.run(this.#connection)
    return call
  }

  /** Runs a command of mysql2's own. */
  async submit(
    request: DriverRequest,
    statement: object,
    _events?: ConnectionEvents,
    hear?: (outcome: SubmittedOutcome) => void,
  ): Promise<TransactionStatus> {
    const start = request.timeoutMs ? performance.now() : 0
    return await this.#inTurn(async () => {
      if (request.signal?.aborted) throw abortedBefore(request.signal)
      if (request.access === 'session') this.#changedSession = true
      await this.#readyLater(request, this.#terms.wardrobe.fits(this.#connection, request.settings))
      const { send, killer } = this.#terms
      const running = submitted(this.#connection, request, statement, start, send, killer, hear)
      this.#cleanUp = running.usable.then((usable) => (this.#usable &&= usable))
      const status = await running.answer
      this.#inTransaction = status === 'T'
      return status
    })
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    const start = performance.now()
    const over = Promise.withResolvers<void>()
    if (this.#released) throw alreadyReleased()
    if (this.#streaming) throw streamOpen()
    const before = this.#turn
    this.#turn = over.promise.then(this.#next)
    this.#pending += 1
    this.#streaming = true
    let sent = false
    try {
      await before
      if (request.signal?.aborted) throw abortedBefore(request.signal)
      if (request.access === 'session') this.#changedSession = true
      await this.#readyLater(request, this.#terms.wardrobe.fits(this.#connection, request.settings))
      sent = true
      yield* streamRows(this.#connection, request, start, {
        ...this.#terms,
        onDone: (usable) => {
          this.#usable &&= usable
          over.resolve()
        },
      })
    } finally {
      this.#streaming = false
      if (!sent) over.resolve()
    }
  }

  begin(options: BeginOptions): Promise<void> {
    return this.#inTurn(async () => {
      this.#readOnly = options.readOnly ?? false
      const text = this.#readOnly ? 'START TRANSACTION READ ONLY' : 'START TRANSACTION'
      const waits = options.ahead === true && !options.isolation && this.#begin.wait(text)
      try {
        if (options.isolation) await this.#text(`SET TRANSACTION ISOLATION LEVEL ${options.isolation.toUpperCase()}`)
        if (!waits) await this.#text(text)
      } catch (error) {
        // An isolation level that was set but not used would be the next transaction's.
        this.#changedSession = true
        throw error
      }
      this.#inTransaction = true
    })
  }

  commit(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#begin.now()
      try {
        const header = await run(this.#connection, 'COMMIT')
        this.#committed = trackedPosition(header)
        this.#ended()
      } catch (error) {
        this.#noteFailure(error)
        const failure = mysqlError(error, 'run', 'write')
        throw isUnknown(error, failure) ? commitUnknown(error) : failure
      }
    })
  }

  get committed(): Position | undefined {
    return this.#committed
  }

  rollback(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#begin.isDue) await this.#text('ROLLBACK')
      this.#begin.forget()
      this.#ended()
    })
  }

  savepoint(name: string): Promise<void> {
    return this.#inTurn(async () => await this.#begunText(`SAVEPOINT ${quotedName('mysql', name)}`))
  }

  rollbackTo(name: string): Promise<void> {
    return this.#inTurn(() => this.#text(`ROLLBACK TO SAVEPOINT ${quotedName('mysql', name)}`))
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.#inTurn(() => this.#text(`RELEASE SAVEPOINT ${quotedName('mysql', name)}`))
  }

  async release(mode: ReleaseMode): Promise<void> {
    if (this.#released) throw alreadyReleased()
    this.#released = true
    const destroy = mode === 'destroy' || this.#streaming
    if (!destroy && this.#pending > 0) await withinLimit(this.#turn, this.#terms.limitMs, this.#giveUp)
    else if (this.#pending > 0) this.#giveUp()
    const reset = mode === 'reset' || this.#changedSession
    // A reset ends the transaction as well.
    if (!destroy && !reset && this.#usable && this.#inTransaction) {
      const ended = this.#text('ROLLBACK').catch(() => (this.#usable = false))
      await withinLimit(ended, this.#terms.limitMs, this.#giveUp)
    }
    if (this.#usable) this.#begin.answered()
    this.#terms.giveBack(!destroy && this.#usable, reset)
  }

  async #wear({ settings, access }: DriverRequest): Promise<void> {
    try {
      await this.#terms.wardrobe.change(this.#connection, settings)
    } catch (error) {
      // It has some of the settings, and nobody knows which.
      this.#usable = false
      if (isLoss(error)) this.#terms.send.losses.note(this.#connection)
      throw mysqlError(error, 'run', access)
    }
  }

  /** What is left of an answer would be taken for that of the next statement, which is told that the connection is lost. */
  #abandon(connection: PoolConnection): void {
    ;(connection as unknown as Pipelined).handlePacket = () => undefined
    breakConnection(connection, 'an answer on it could not be read to its end')
  }

  /** No answer has come. */
  readonly #giveUp = (): void => {
    this.#usable = false
    this.#terms.send.losses.note(this.#connection)
  }

  #run(request: DriverRequest): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      send(this.#connection, request, this.#terms.send, (error, result) => {
        this.#usable &&= !error || isAnswer(error)
        if (result === undefined) return reject(this.#explained(error, request))
        this.#noteStatus(result)
        resolve(result)
      })
    })
  }

  async #runInterruptible(request: DriverRequest, start: number): Promise<DriverResult> {
    const { connection, send, killer } = this.#terms
    const running = runInterruptible(connection, request, start, send, killer)
    this.#cleanUp = running.usable.then((usable) => (this.#usable &&= usable))
    const result = await running.answer
    this.#noteStatus(result)
    return result
  }

  /** BEGIN and its like sent as text by the caller are seen here; rows carry no status, only their end does. */
  #noteStatus(result: DriverResult): void {
    const [header] = Array.isArray(result.native) ? result.native : []
    const status: unknown = typeof header === 'object' && header !== null ? Reflect.get(header, 'serverStatus') : 0
    if (typeof status === 'number' && !Array.isArray(header)) this.#inTransaction = (status & inTransactionFlag) !== 0
  }

  #explained(error: unknown, request: DriverRequest): Error {
    if (this.#readOnly && readError(error).errno === deniedInReadOnlyTransaction) {
      return new ReadOnlyTransactionError('A statement tried to write in a read-only transaction.', { cause: error })
    }
    return mysqlError(error, 'run', request.access)
  }

  async #begunText(sql: string): Promise<void> {
    await this.#begin.now()
    await this.#text(sql)
  }

  async #text(sql: string): Promise<void> {
    try {
      await run(this.#connection, sql)
    } catch (error) {
      this.#noteFailure(error)
      throw mysqlError(error, 'run', 'write')
    }
  }

  #noteFailure(error: unknown): void {
    this.#usable &&= isAnswer(error)
    if (isLoss(error)) this.#terms.send.losses.note(this.#connection)
  }

  #ended(): void {
    this.#inTransaction = false
    this.#readOnly = false
  }

  /** The caller has the answer or the error; here only the order matters. */
  readonly #over = (): Promise<void> | undefined => {
    if (this.#cleanUp !== undefined) return this.#cleanUp.then(this.#next)
    this.#pending -= 1
    return undefined
  }

  readonly #next = (): void => {
    this.#pending -= 1
  }

  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#released) return Promise.reject(alreadyReleased())
    if (this.#streaming) return Promise.reject(streamOpen())
    const done = this.#pending === 0 ? started(work) : this.#turn.then(work)
    this.#pending += 1
    this.#turn = done.then(this.#over, this.#over)
    return done
  }
}

async function started<T>(work: () => T | Promise<T>): Promise<T> {
  return await work()
}

async function withinLimit(done: Promise<unknown>, limitMs: number, late: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      late()
      resolve()
    }, limitMs)
  })
  await Promise.race([done, limit])
  clearTimeout(timer)
}
