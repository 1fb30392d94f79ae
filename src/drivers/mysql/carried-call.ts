import type { PoolConnection } from 'mysql2'
import type { Cargo, DriverRequest, UnderWay } from '../driver.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import { isAnswer, isLoss, isStale, mysqlError } from './errors.ts'
import type { Interruptible } from './killer.ts'
import { addCommand, type CarriedCommand, type CarriedEnds } from './native-command.ts'
import { breakConnection } from './native-pool.ts'
import type { PreparedCall, PreparedWrites } from './prepared-writes.ts'
import { abortedWaiting } from './waiting.ts'

type Settings = DriverRequest['settings']

/** What a call needs of its pool. */
export interface CarryingPool {
  giveBack(connection: PoolConnection, usable: boolean): void
  lost(connection: PoolConnection): void
  /** A read begins; returns the time for `ended`, where that is wanted. */
  began(latency: LatencyRecord | undefined, settings: Settings): number
  ended(latency: LatencyRecord | undefined, settings: Settings, since: number, hasAnswered: boolean): void
  /** Prepares writes, where that is wanted. */
  readonly writes: PreparedWrites | undefined
  /** Stops what runs; whether its connection may be used again. */
  interrupt(statement: Interruptible): Promise<boolean>
}

/** One autocommit statement whose command somebody else has, and which takes its answer itself. */
export class CarriedCall implements CarriedEnds, PreparedCall, UnderWay {
  readonly #pool: CarryingPool
  readonly #request: DriverRequest
  readonly #cargo: Cargo
  readonly #latency: LatencyRecord | undefined
  #since = 0
  #connection: PoolConnection | undefined
  #hasEnded = false
  /** It was sent as a prepared statement. */
  #isBound = false
  /** Of a statement that is stopped: when it has ended, and whether its connection may be used again. */
  #stopping: { readonly ended: PromiseWithResolvers<void>; readonly usable: Promise<boolean> } | undefined

  /** `latency`: of a text that may share a connection one day. */
  constructor(pool: CarryingPool, request: DriverRequest, cargo: Cargo, latency?: LatencyRecord) {
    this.#pool = pool
    this.#request = request
    this.#cargo = cargo
    this.#latency = latency
  }

  /** The connection is the call's until the pool has it back. */
  run(connection: PoolConnection): void {
    if (this.#hasEnded) {
      this.#pool.giveBack(connection, true)
      return
    }
    this.#connection = connection
    const command = this.#cargo.query as CarriedCommand
    command.ends = this
    if (this.#request.access === 'read') this.#since = this.#pool.began(this.#latency, this.#request.settings)
    const { writes } = this.#pool
    if (writes === undefined || this.#request.access !== 'write') addCommand(connection, command)
    else writes.send(connection, this.#request, command, this)
  }

  /** A preparation may have come before, and the statement be stopped meanwhile. */
  proceed(connection: PoolConnection): void {
    const command = this.#cargo.query as CarriedCommand
    if (this.#stopping !== undefined) {
      this.#leave(true)
      this.#fail(abortedWaiting(undefined))
      return
    }
    this.#isBound = command.bound !== undefined
    addCommand(connection, command)
  }

  acquired(failure: Error | undefined, connection: PoolConnection | undefined): void {
    if (connection === undefined) this.#fail(failure)
    else this.run(connection)
  }

  answered(rows: unknown, fields: unknown): void {
    this.#hasEnded = true
    this.#leave(true)
    this.#cargo.answered([rows, fields])
  }

  failed(error: unknown): void {
    if (this.#isBound && this.#connection !== undefined && isStale(error)) {
      this.#sendText(this.#connection)
      return
    }
    this.#leave(isAnswer(error))
    this.#fail(mysqlError(error, 'run', this.#request.access))
  }

  /** The server did not run what was prepared. */
  #sendText(connection: PoolConnection): void {
    const command = this.#cargo.query as CarriedCommand
    this.#isBound = false
    this.#pool.writes?.drop(connection, this.#request.sql)
    command.rewind()
    addCommand(connection, command)
  }

  lost(error: unknown): void {
    if (this.#connection !== undefined && isLoss(error)) this.#pool.lost(this.#connection)
    this.#leave(false)
    this.#fail(mysqlError(error, 'run', this.#request.access))
  }

  spoilt(): void {
    this.#hasEnded = true
    this.#leave(false)
  }

  stop(): void {
    if (this.#hasEnded || this.#stopping !== undefined) return
    const connection = this.#connection
    if (connection === undefined) {
      this.#fail(abortedWaiting(undefined))
      return
    }
    const hasEnded = (): boolean => this.#hasEnded
    const ended = Promise.withResolvers<void>()
    const statement: Interruptible = {
      connection,
      ended: ended.promise,
      get hasEnded() {
        return hasEnded()
      },
      drain: () => connection.resume(),
    }
    const usable = this.#pool.interrupt(statement)
    this.#stopping = { ended, usable }
    void this.#breakUnless(usable, connection)
  }

  /** A server that does not even stop is not waited for. */
  async #breakUnless(usable: Promise<boolean>, connection: PoolConnection): Promise<void> {
    if (!(await usable) && !this.#hasEnded) breakConnection(connection, 'its server did not stop a statement')
  }

  /** Its connection is the next one's, once nothing can stop that in its place. */
  #leave(usable: boolean): void {
    const connection = this.#connection
    const stopping = this.#stopping
    if (connection === undefined) return
    this.#connection = undefined
    const { access, settings } = this.#request
    if (access === 'read') this.#pool.ended(this.#latency, settings, this.#since, usable)
    if (stopping === undefined) {
      this.#pool.giveBack(connection, usable)
      return
    }
    stopping.ended.resolve()
    void stopping.usable.then((isFree) => this.#pool.giveBack(connection, usable && isFree))
  }

  #fail(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#cargo.failed(error)
  }
}
