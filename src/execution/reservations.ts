/** After so long the end of a client says what it waits for. */
const quietMs = 1_000

/** A connection that somebody has reserved. */
export interface Reservation {
  /** The alias of its database. */
  readonly database: string
  /** When it was taken, and when its last statement was called; of `performance.now()`. */
  readonly since: number
  usedAt: number
}

/** The reserved connections of a client, for whoever waits until they are given back. */
export class Reservations {
  /** The first one first. */
  readonly #open = new Set<Reservation>()
  #isAwaited = false

  opened(reservation: Reservation): void {
    this.#open.add(reservation)
  }

  closed(reservation: Reservation): void {
    this.#open.delete(reservation)
  }

  /** Warns once of those that are still there in a second, of a wait of `timeoutMs`. Returns what ends that. */
  awaited(timeoutMs: number): () => void {
    if (this.#isAwaited || timeoutMs <= quietMs) return () => undefined
    this.#isAwaited = true
    const timer = setTimeout(() => {
      const [first] = this.#open
      if (first !== undefined)
        process.emitWarning(waiting(this.#open.size, first, timeoutMs - quietMs), 'SignalboxWarning')
    }, quietMs)
    return () => clearTimeout(timer)
  }
}

function waiting(count: number, { database, since, usedAt }: Reservation, leftMs: number): string {
  const now = performance.now()
  const which = count === 1 ? 'a reserved connection, one' : `${count} reserved connections, the first of them one`
  return (
    `client.close() waits up to ${seconds(leftMs)} more for ${which} to "${database}" that was taken ${seconds(now - since)} ago; ` +
    `its last statement was called ${seconds(now - usedAt)} ago. Give it back by release(). ` +
    'A client of signalbox/pg or a connection of signalbox/mysql2 keeps one for a LISTEN, a lock, a temporary table and the like: ' +
    'release() it to its pool, or end() it, before client.close().'
  )
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
