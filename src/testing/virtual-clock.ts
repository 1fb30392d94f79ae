/** A timer of a `VirtualClock`. */
export interface VirtualTimer {
  /** The virtual time at which it is due. */
  readonly dueMs: number
  /** Takes the timer back; nothing happens if it has run. */
  clear(): void
}

interface Entry extends VirtualTimer {
  readonly callback: () => void
}

const maxCallbacks = 100_000

/**
 * A clock that stands still until a test moves it, for tests of time-outs and races that are exact and don't wait.
 *
 * @example
 * ```ts
 * import { VirtualClock } from 'signalbox/testing'
 *
 * const clock = new VirtualClock()
 * clock.setTimeout(() => console.log('probe'), 1000)
 * await clock.advance(999) // nothing
 * await clock.advance(1) // probe; and whatever promises it resolved have run
 * ```
 */
export class VirtualClock {
  #nowMs: number
  #timers: Entry[] = []

  /** @param startMs What the clock shows first; default 0. */
  constructor(startMs = 0) {
    this.#nowMs = checked(startMs)
  }

  /** The virtual time in milliseconds. */
  readonly now = (): number => this.#nowMs

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.length
  }

  /** When the next timer is due; undefined if none is waiting. */
  get nextDueMs(): number | undefined {
    return this.#timers[0]?.dueMs
  }

  /**
   * Has the callback run when the clock reaches `ms` milliseconds from now; never earlier than the next `advance`. Timers
   * that are due at the same time run in the order in which they were set.
   *
   * @throws RangeError if `ms` is negative or not a finite number.
   */
  readonly setTimeout = (callback: () => void, ms: number): VirtualTimer => {
    const entry: Entry = { dueMs: this.#nowMs + checked(ms), callback, clear: () => this.clearTimeout(entry) }
    const later = this.#timers.findIndex((other) => other.dueMs > entry.dueMs)
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, entry)
    return entry
  }

  /** Takes a timer back; nothing happens if it has run, or if there is none. */
  readonly clearTimeout = (timer: VirtualTimer | undefined): void => {
    this.#timers = this.#timers.filter((entry) => entry !== timer)
  }

  /** Resolves when the clock has moved on by `ms` milliseconds. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimeout(resolve, ms))
  }

  /**
   * Moves the clock on by `ms` milliseconds (0: not at all) and runs the timers that fall due, each at its own time, those
   * included that are set meanwhile. Before the first one and after each one, promises that can go on have gone on.
   *
   * @throws RangeError if `ms` is negative or not a finite number.
   * @throws Error if 100 000 timers run without an end in sight.
   * @throws What a callback throws; the clock then stands at that callback's time.
   */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + checked(ms)
    await settled()
    for (let count = 0; ; count++) {
      const next = this.#timers[0]
      if (next === undefined || next.dueMs > targetMs) break
      if (count === maxCallbacks)
        throw new Error(`${maxCallbacks} timers ran in one advance(${ms}): they set each other anew.`)
      this.#timers.shift()
      this.#nowMs = next.dueMs
      next.callback()
      await settled()
    }
    this.#nowMs = targetMs
  }
}

/** All microtasks, and those that they cause, run before the event loop's next turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function checked(ms: number): number {
  if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`${ms} is no span of time. Allowed: finite numbers from 0.`)
  return ms
}
