import { ClockError } from '../errors.ts'

/** How far a clock may go back, and how far ids may be ahead of it, in milliseconds. */
export const toleranceMs = 10

// A clock that moves at all has moved on by then: some 50 ms of nothing but reading it.
const mostReads = 2_000_000

export interface TimeCounterParts {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The highest count within a millisecond. */
  readonly mostCount: number
  /** The count that a millisecond begins with; from 0 to `mostCount`. */
  readonly firstCount: () => number
}

/**
 * A millisecond and a count within it, each pair higher than the one before, whatever the clock does:
 *
 * - A clock that goes back by up to 10 ms is not followed: the last millisecond goes on.
 * - When the counts of a millisecond are used up the next one is borrowed, at most 10 ms ahead of the clock. Then it waits,
 *   without giving up the thread, for the clock to move on: 1 ms, or up to 11 behind a clock that went back.
 * - A clock that goes back further, or stands still meanwhile, throws.
 */
export class TimeCounter {
  readonly #parts: TimeCounterParts
  /** The latest that the clock has shown. */
  #seen = -Infinity
  #ms = -Infinity
  #count = 0

  constructor(parts: TimeCounterParts) {
    this.#parts = parts
  }

  /** The millisecond of the present pair. */
  get ms(): number {
    return this.#ms
  }

  /** Its count within the millisecond. */
  get count(): number {
    return this.#count
  }

  /**
   * Goes on to the next pair.
   *
   * @throws {ClockError} Then the present pair stays.
   */
  advance(): void {
    const now = this.#read()
    if (now <= this.#ms && this.#count < this.#parts.mostCount) {
      this.#count++
      return
    }
    this.#ms = now > this.#ms ? now : this.#borrowed()
    this.#count = this.#parts.firstCount()
  }

  #borrowed(): number {
    for (let reads = 0; this.#ms + 1 > this.#seen + toleranceMs; reads++) {
      if (reads === mostReads) {
        throw new ClockError(
          `More ids were asked for than ${toleranceMs} ms have, and the clock stands still at ${timeText(this.#seen)}. ` +
            'Give ids a clock that moves.',
        )
      }
      this.#read()
    }
    return Math.max(this.#ms + 1, this.#seen)
  }

  #read(): number {
    const now = Math.floor(this.#parts.now())
    if (!Number.isSafeInteger(now))
      throw new ClockError('The clock shows no time. It must give milliseconds since 1970.')
    if (now < this.#seen - toleranceMs) {
      throw new ClockError(
        `The clock has gone back by ${this.#seen - now} ms, to ${timeText(now)}; up to ${toleranceMs} ms are made up for. ` +
          'An id made now could be one that was made before. It goes on by itself when the clock has caught up.',
      )
    }
    if (now > this.#seen) this.#seen = now
    return now
  }
}

/** A time for people; also one that a `Date` cannot hold. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString()
}
