import { EventEmitter } from 'node:events'

/** In place of the socket of a connection of mysql2 that is on none. What is written to it goes nowhere. */
export class IdleStream extends EventEmitter {
  destroyed = false
  writable = true
  #isOver = false
  #ended: () => void = () => undefined

  /** `ended`: the connection wants no more, or is lost; perhaps told twice. It says by `over()` when all is given back. */
  onEnded(ended: () => void): void {
    this.#ended = ended
  }

  write(_bytes: unknown, done?: unknown): boolean {
    if (typeof done === 'function') process.nextTick(done)
    return true
  }

  end(): this {
    if (!this.writable) return this
    this.writable = false
    this.#ended()
    return this
  }

  destroy(error?: unknown): this {
    if (this.destroyed) return this
    if (error !== undefined && error !== null) this.emit('error', error)
    this.end()
    this.over()
    return this
  }

  /** What the other side of a socket does when it is closed there. */
  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.writable = false
    this.destroyed = true
    this.#ended()
    this.emit('end')
    this.emit('close')
  }

  /** A packet from the server that there is not. */
  say(packet: Buffer): void {
    if (!this.#isOver) this.emit('data', packet)
  }

  pause(): this {
    return this
  }
  resume(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setTimeout(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}
