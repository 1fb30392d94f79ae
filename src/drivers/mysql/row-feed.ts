import type { PoolConnection } from 'mysql2'

import type { DriverRequest } from '../driver.ts'
import { isUnprepared } from './errors.ts'
import type { Interruptible } from './killer.ts'
import { nativeOptions, parametersFit, prepare, wantsPrepared, type SendOptions } from './send.ts'

/**
 * The rows of one running statement, read off the socket no faster than they are taken: at `fetchSize` rows the
 * connection is paused, so that at most these, and what one chunk from the socket holds, are in memory.
 *
 * mysql2's own `stream()` is not used: it never ends if the connection breaks, and its rows pass a `Readable` each.
 */
export class RowFeed implements Interruptible {
  /** Resolves when the statement has ended, well or not. Until then the connection is not free. */
  readonly ended: Promise<void>
  readonly connection: PoolConnection
  readonly #request: DriverRequest
  readonly #options: SendOptions
  readonly #size: number
  readonly #onEnded: () => void
  #buffer: unknown[] = []
  #wake: (() => void) | undefined
  #error: unknown
  #isRows = false
  #paused = false
  #discarding = false
  #hasEnded = false
  #started = false

  constructor(connection: PoolConnection, request: DriverRequest, options: SendOptions, fetchSize: number) {
    this.connection = connection
    this.#request = request
    this.#options = options
    this.#size = Math.max(1, request.fetchSize ?? fetchSize)
    const ended = Promise.withResolvers<void>()
    this.ended = ended.promise
    this.#onEnded = ended.resolve
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** mysql2's error, if the statement ended with one. */
  get error(): unknown {
    return this.#error
  }

  /** Sends the statement. What goes wrong is told by `next` and `error`. */
  start(): void {
    try {
      this.#send()
    } catch (error) {
      this.#end(error)
    }
  }

  #send(): void {
    const native = nativeOptions(this.#request)
    const prepared = wantsPrepared(this.#request, this.#options)
    if (prepared && !parametersFit(this.#request, this.#options)) {
      return prepare(this.connection, native, this.#options, (error) => this.#startAgain(error))
    }
    // Errors of the connection reach commands with a callback only, and this one has none.
    this.connection.once('error', this.#onConnectionError)
    const command = prepared ? this.connection.execute(native) : this.connection.query(native)
    let failed = false
    command.on('error', (error: unknown) => {
      failed = true
      if (prepared && !this.#started && isUnprepared(error)) return this.#startAgain(error)
      this.#end(error)
    })
    command.on('fields', (fields: unknown) => {
      this.#started = true
      this.#isRows = fields !== undefined
    })
    command.on('result', (row: unknown) => this.#take(row))
    command.on('end', () => {
      if (!failed) this.#end(undefined)
    })
  }

  /** The rows that have come since the last call, at least one; none at the end and after `discard`. */
  async next(): Promise<readonly unknown[]> {
    while (this.#buffer.length === 0) {
      if (this.#hasEnded || this.#discarding) return this.#buffer
      if (this.#resume()) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const rows = this.#buffer
    this.#buffer = []
    return rows
  }

  /** Throws away what is here. If that was not all, the connection pauses, and the server soon with it. */
  discard(): void {
    this.#discarding = true
    this.#buffer = []
    this.#resume()
    if (!this.#hasEnded) this.#pause()
    this.#wake?.()
  }

  drain(): void {
    this.#resume()
  }

  readonly #onConnectionError = (error: unknown): void => this.#end(error)

  /** Starts once more, with what preparing the text has taught: its parameters, or that it cannot be done. */
  #startAgain(error: unknown): void {
    this.connection.removeListener('error', this.#onConnectionError)
    if (error && !isUnprepared(error)) return this.#end(error)
    if (error) this.#options.texts.noteUnpreparable(this.#request.sql)
    this.start()
  }

  #take(row: unknown): void {
    if (this.#discarding || !this.#isRows) return
    this.#buffer.push(row)
    if (this.#buffer.length >= this.#size) this.#pause()
    this.#wake?.()
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.connection.pause()
  }

  /** Lets rows come again; those that had arrived already come at once, and so may the end. */
  #resume(): boolean {
    if (!this.#paused) return false
    this.#paused = false
    this.connection.resume()
    return true
  }

  #end(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#error = error
    this.connection.removeListener('error', this.#onConnectionError)
    this.#wake?.()
    this.#onEnded()
  }
}
