import { type Clock, systemClock } from '../failover/clock.ts'
import type { DiscoveryView } from '../failover/shard-view.ts'
import type { FoundServer } from '../topology/discovery.ts'
import { checkedServers } from './checked.ts'
import type { ServerSource } from './source.ts'

export interface FollowerParts {
  readonly source: ServerSource
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Called with what was found, each time, also if it is the same as before. */
  readonly onFound: (servers: readonly FoundServer[]) => void
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Between two looks that are asked for. */
const soonestMs = 200

/**
 * Looks for servers from time to time, and when it is asked to. A look that fails changes nothing: servers that were found
 * stay, since what knows them is not what serves the data.
 */
export class ServerFollower {
  readonly #parts: FollowerParts
  readonly #clock: Clock
  readonly #random: () => number
  #timer: unknown
  #looking = false
  #again = false
  #lookedAt = -Infinity
  #found: number | undefined
  #failed: string | undefined
  #state: 'new' | 'running' | 'stopped' = 'new'

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? systemClock
    this.#random = parts.random ?? Math.random
  }

  /** How the last look went. */
  get last(): DiscoveryView {
    return { source: this.#parts.source.about, found: this.#found, failed: this.#failed }
  }

  /** Looks at once, then from time to time. A second call does nothing. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'running'
    void this.#look()
  }

  /** Looks soon: at once, but at most five times a second. */
  lookSoon(): void {
    if (this.#state !== 'running') return
    if (this.#looking) this.#again = true
    else this.#schedule(Math.max(0, this.#lookedAt + soonestMs - this.#clock.now()))
  }

  /** Looks no more, and leaves no timer behind. */
  stop(): void {
    this.#state = 'stopped'
    this.#clock.clearTimeout(this.#timer)
  }

  #schedule(ms: number): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => void this.#look(), ms)
  }

  async #look(): Promise<void> {
    const { source, intervalMs, timeoutMs, onFound } = this.#parts
    this.#looking = true
    this.#lookedAt = this.#clock.now()
    try {
      const servers = checkedServers(await this.#inTime(source.find({ timeoutMs }), timeoutMs))
      if (this.#isStopped()) return
      this.#found = servers.length
      this.#failed = undefined
      onFound(servers)
    } catch (error) {
      this.#failed = error instanceof Error ? error.message : String(error)
    }
    this.#looking = false
    if (this.#isStopped()) return
    const soon = this.#again
    this.#again = false
    this.#schedule(soon ? soonestMs : intervalMs * (0.9 + 0.2 * this.#random()))
  }

  #isStopped(): boolean {
    return this.#state === 'stopped'
  }

  /** A source that keeps no time limit does not hold up the next look. */
  async #inTime<T>(work: Promise<T>, ms: number): Promise<T> {
    const over = Promise.withResolvers<never>()
    const timer = this.#clock.setTimeout(() => over.reject(new Error(`No answer within ${ms} ms.`)), ms + 100)
    try {
      return await Promise.race([work, over.promise])
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }
}
