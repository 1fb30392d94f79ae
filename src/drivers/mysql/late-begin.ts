import type { PoolConnection } from 'mysql2'
import type { DriverRequest } from '../driver.ts'
import { BeginAhead } from './begin-ahead.ts'
import { notBegun } from './lease-errors.ts'
import type { NativeCommand } from './native-command.ts'
import { breakConnection } from './native-pool.ts'

/** One that has answered so lately will not have been lost without anybody noticing, in milliseconds. */
const freshMs = 1_000

export interface LateBeginParts {
  readonly connection: PoolConnection
  /** When connections were given back after an answer, by `performance.now()`. Absent where one statement is sent at a time. */
  readonly answeredAt: WeakMap<PoolConnection, number> | undefined
  /** Sends a text by itself. */
  readonly send: (text: string) => Promise<void>
  /** The connection was closed, since its server began no transaction when another statement came behind. */
  readonly refused: () => void
}

/**
 * What begins a transaction, until it is sent: by itself, or in one go with the first statement if that is a read. A write must not be sent
 * before the server has said that there is a transaction: it would take effect without one.
 */
export class LateBegin {
  readonly #parts: LateBeginParts
  #text: string | undefined
  #isRefused = false

  constructor(parts: LateBeginParts) {
    this.#parts = parts
  }

  /** Whether it is still to be sent, or was refused: nothing may be sent before `now()`. */
  get isDue(): boolean {
    return this.#text !== undefined || this.#isRefused
  }

  /** False, and it is to be sent now: a connection that was idle for longer may be lost, which is best found out while all may be repeated elsewhere. */
  wait(text: string): boolean {
    const { connection, answeredAt } = this.#parts
    const { compress } = connection.config as { readonly compress?: unknown }
    const isFresh = performance.now() - (answeredAt?.get(connection) ?? -Infinity) < freshMs
    // Compressed packets are counted in another way.
    if (!isFresh || compress) return false
    this.#text = text
    return true
  }

  /** Rejects if there is no transaction, now and later. */
  async now(): Promise<void> {
    if (this.#isRefused) throw notBegun()
    const text = this.#text
    this.#text = undefined
    if (text === undefined) return
    try {
      await this.#parts.send(text)
    } catch (error) {
      this.#isRefused = true
      throw error
    }
  }

  /** Nothing was done, and nothing is to be undone. */
  forget(): void {
    this.#text = undefined
  }

  /** The request with BEGIN in the same go; `undefined` if it must not be. */
  behind(request: DriverRequest): DriverRequest | undefined {
    const { sender, access } = request
    const text = this.#text
    if (text === undefined || sender === undefined || access !== 'read') return undefined
    const { connection, refused } = this.#parts
    const ends = {
      sent: () => this.forget(),
      refused: () => {
        this.#isRefused = true
        refused()
        breakConnection(connection, 'its server began no transaction')
      },
    }
    const command = (...statement: Parameters<typeof sender.command>): object =>
      new BeginAhead(text, sender.command(...statement) as NativeCommand, ends)
    return { ...request, sender: { command } }
  }

  /** The connection is given back after an answer. */
  answered(): void {
    this.#parts.answeredAt?.set(this.#parts.connection, performance.now())
  }
}
