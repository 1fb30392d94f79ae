import type { Connection } from './connection.ts'

/** How long a connection that nobody uses is kept from its pool, at least; at most twice as long. */
const sparedMs = 25

/**
 * Connections that were in use a moment ago, kept at hand for the next caller: the way back into a `pg.Pool` and out again takes a
 * timer and two turns of the queue each time, more than all else that the driver does for a short statement. Those that are not used go back
 * to their pool, and with them the process may end that they would keep alive.
 */
export class SpareConnections {
  readonly #giveBack: (connection: Connection) => void
  /** The one used last is taken first, so that those below the lowest mark were not wanted. */
  readonly #stack: Connection[] = []
  #lowest = 0
  #timer: NodeJS.Timeout | undefined

  /** `giveBack` gets each connection that is to go back to its pool. */
  constructor(giveBack: (connection: Connection) => void) {
    this.#giveBack = giveBack
  }

  get size(): number {
    return this.#stack.length
  }

  keep(connection: Connection): void {
    this.#stack.push(connection)
    this.#timer ??= setTimeout(this.#sweep, sparedMs)
  }

  /** One that works, as far as is known. */
  take(): Connection | undefined {
    let connection = this.#stack.pop()
    while (connection?.lost !== undefined) {
      this.#giveBack(connection)
      connection = this.#stack.pop()
    }
    if (this.#stack.length < this.#lowest) this.#lowest = this.#stack.length
    return connection
  }

  /** It is lost, and goes back to be closed; nothing if it is not kept here. */
  drop(connection: Connection): void {
    const place = this.#stack.indexOf(connection)
    if (place < 0) return
    this.#stack.splice(place, 1)
    this.#lowest = Math.min(this.#lowest, this.#stack.length)
    this.#giveBack(connection)
  }

  giveBackAll(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#lowest = 0
    for (const connection of this.#stack.splice(0)) this.#giveBack(connection)
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    const unused = this.#stack.splice(0, this.#lowest)
    this.#lowest = this.#stack.length
    if (this.#stack.length > 0) this.#timer = setTimeout(this.#sweep, sparedMs)
    for (const connection of unused) this.#giveBack(connection)
  }
}
