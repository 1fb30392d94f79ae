import { comparePosition, type Position } from '../topology/position.ts'

interface Sample {
  /** The first time at which the primary was seen at this position. */
  readonly since: number
  /** The last time at which the primary was seen at this position. */
  at: number
  readonly position: Position
}

/**
 * Where the primary was when, to tell how old the picture is that a replica shows. Pure but for its memory of `capacity`
 * samples. As fine as the samples lie: what the primary wrote since the last one cannot be counted.
 */
export class LagTracker {
  readonly #capacity: number
  /** Oldest first; each position is ahead of the one before. */
  #samples: Sample[] = []

  /** @param capacity Samples that are kept; default 600. */
  constructor(capacity = 600) {
    this.#capacity = capacity
  }

  /** Nothing is known of the primary yet, so there is nothing to be behind of. */
  get empty(): boolean {
    return this.#samples.length === 0
  }

  /**
   * Notes where the primary was at `at`, in the order in which it was learnt. A position that is not ahead of the last one is of a new
   * history (a promotion, a crash): what was before is forgotten.
   */
  sample(at: number, position: Position): void {
    const newest = this.#samples.at(-1)
    const time = Math.max(at, newest?.at ?? at)
    if (newest !== undefined && comparePosition(position, newest.position) !== 'reached') this.#samples = []
    else if (newest !== undefined && comparePosition(newest.position, position) === 'reached') {
      // The primary is idle: a replica that is here was right up to now.
      newest.at = time
      return
    }
    this.#samples.push({ since: time, at: time, position })
    if (this.#samples.length > this.#capacity) this.#samples.shift()
  }

  /**
   * Milliseconds between `now` and the last time at which the primary was where a replica at `position` is, or before
   * it; 0 if it has reached the newest sample, so an idle primary makes no lag. At least the age of the oldest sample if
   * it has reached none. `undefined` without samples, or if the position is of another history than they are.
   */
  lagMs(position: Position, now: number): number | undefined {
    const newest = this.#samples.at(-1)
    const oldest = this.#samples[0]
    if (newest === undefined || oldest === undefined) return undefined
    const compared = comparePosition(position, newest.position)
    if (compared !== 'behind') return compared === 'reached' ? 0 : undefined
    const reached = this.#samples.findLast((sample) => comparePosition(position, sample.position) === 'reached')
    // Behind all that was seen: since then at least, however long the primary has been idle there.
    return Math.max(0, now - (reached?.at ?? oldest.since))
  }

  /** The last time at which the primary was seen where a replica at `position` is, or before it; `undefined` as `lagMs`, or never. */
  shownUntil(position: Position): number | undefined {
    return this.#samples.findLast((sample) => comparePosition(position, sample.position) === 'reached')?.at
  }
}

/** Whether a replica is too far behind: out above the limit, back only below half of it, so that it does not flap. */
export class LagGate {
  readonly #limitMs: number
  #out = false

  /** @param limitMs 0 = no limit. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  get out(): boolean {
    return this.#out
  }

  /** Notes a measurement. */
  observe(lagMs: number): void {
    if (this.#limitMs === 0) return
    this.#out = this.#out ? lagMs >= this.#limitMs / 2 : lagMs > this.#limitMs
  }

  /** Forgets what was: for a server that is the primary now. */
  reset(): void {
    this.#out = false
  }
}
