import type { PoolConnection } from 'mysql2'

interface Idle {
  readonly connection: PoolConnection
  /** Of `performance.now()`. */
  since: number
}

/**
 * Connections of an own pool that nobody uses. They stay at hand here instead of going back to mysql2's pool, which hands each of them out a
 * tick later; and mysql2 closes idle connections only above a number, and then even those that were used a moment ago.
 */
export class IdleConnections {
  readonly #timeoutMs: number
  /** The longest idle one first. */
  #idle: Idle[] = []
  /** One for each connection, for as long as it lives: they come and go with each statement. */
  readonly #entries = new WeakMap<PoolConnection, Idle>()
  /** Those that were lost, perhaps while somebody had them. */
  readonly #lost = new WeakSet<PoolConnection>()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  /** `timeoutMs`: after so long they are closed; 0 for never. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#idle.length
  }

  /** False for one that cannot be used any more. */
  keep(connection: PoolConnection): boolean {
    if (this.#isStopped || this.#lost.has(connection)) return false
    const entry = this.#entryOf(connection)
    this.#idle.push(entry)
    if (this.#timeoutMs === 0) return true
    entry.since = performance.now()
    this.#timer ??= setInterval(() => this.#closeOld(), Math.max(this.#timeoutMs / 2, 50)).unref()
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
    this.#lost.add(connection)
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
      entry = { connection, since: 0 }
      this.#entries.set(connection, entry)
    }
    return entry
  }

  #closeOld(): void {
    const oldest = performance.now() - this.#timeoutMs
    const old = this.#idle.filter(({ since }) => since <= oldest)
    this.#idle = this.#idle.slice(old.length)
    for (const { connection } of old) connection.destroy()
  }
}
