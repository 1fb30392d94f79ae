import type { PoolConnection } from 'mysql2'

interface Idle {
  readonly connection: PoolConnection
  /** The beat of the timer in which it was given back. */
  since: number
  /** It cannot be used any more; perhaps it was lost while somebody had it. */
  isLost: boolean
}

/** The timer's beats in one time-out, and its shortest beat in milliseconds. A clock is not asked with each statement. */
const beatsInTimeout = 2
const shortestBeatMs = 50

/**
 * Connections of an own pool that nobody uses. They stay at hand here instead of going back to mysql2's pool, which hands each of them out a
 * tick later; and mysql2 closes idle connections only above a number, and then even those that were used a moment ago.
 */
export class IdleConnections {
  readonly #timeoutMs: number
  readonly #beatMs: number
  #beat = 0
  /** The longest idle one first. */
  #idle: Idle[] = []
  /** One for each connection, for as long as it lives: they come and go with each statement. */
  readonly #entries = new WeakMap<PoolConnection, Idle>()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  /** `timeoutMs`: after so long they are closed; 0 for never. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#beatMs = Math.max(timeoutMs / beatsInTimeout, shortestBeatMs)
  }

  get size(): number {
    return this.#idle.length
  }

  /** False for one that cannot be used any more. */
  keep(connection: PoolConnection): boolean {
    const entry = this.#entryOf(connection)
    if (this.#isStopped || entry.isLost) return false
    this.#idle.push(entry)
    if (this.#timeoutMs === 0) return true
    entry.since = this.#beat
    this.#timer ??= setInterval(() => this.#closeOld(), this.#beatMs).unref()
    return true
  }

  /** The one that was used last, of those that fit. */
  take(fits: (connection: PoolConnection) => boolean): PoolConnection | undefined {
    for (let place = this.#idle.length - 1; place >= 0; place -= 1) {
      const { connection } = this.#idle[place]!
      if (!fits(connection)) continue
      if (place === this.#idle.length - 1) this.#idle.pop()
      else this.#idle.splice(place, 1)
      return connection
    }
    return undefined
  }

  /** It was lost, or is closed. */
  lost(connection: PoolConnection): void {
    this.#entryOf(connection).isLost = true
    const place = this.#idle.findIndex((each) => each.connection === connection)
    if (place !== -1) this.#idle.splice(place, 1)
  }

  /** They are closed by others from now on. */
  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
    this.#idle = []
  }

  #entryOf(connection: PoolConnection): Idle {
    let entry = this.#entries.get(connection)
    if (entry === undefined) {
      entry = { connection, since: 0, isLost: false }
      this.#entries.set(connection, entry)
    }
    return entry
  }

  #closeOld(): void {
    this.#beat += 1
    // The beat in which one was given back may have been nearly over.
    const oldest = this.#beat - Math.ceil(this.#timeoutMs / this.#beatMs) - 1
    const old = this.#idle.filter(({ since }) => since <= oldest)
    this.#idle = this.#idle.slice(old.length)
    for (const { connection } of old) connection.destroy()
  }
}
