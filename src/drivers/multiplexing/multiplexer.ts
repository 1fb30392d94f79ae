import { chooseLane } from './lane-choice.ts'
import type { LaneHead, QueuedRead, SharedLane } from './shared-lane.ts'
import type { LatencyRecord } from './statement-latency.ts'
import { WorkClock, type Clock } from './work-clock.ts'

/** After a lane could not be opened the next attempt waits this long, doubled each time. */
const firstRetryMs = 1_000
const longestRetryMs = 30_000
/** A statement may be ahead for this much longer than the slow limit before those behind it are sent elsewhere. */
const stallSlackMs = 2
/** Looks without anything on the wire before the timer stops. */
const idleTicks = 40

export interface MultiplexerParts<Read extends QueuedRead, Lane extends SharedLane<Read>> {
  /** Whether there may be one more lane. */
  readonly mayOpen: () => boolean
  readonly slowMs: number
  /** A lane unused for this long is closed; 0 = never. */
  readonly idleTimeoutMs: number
  readonly createLane: (multiplexer: Multiplexer<Read, Lane>, clock: Clock) => Lane
  /** Whether a connection of one's own would have to be waited for. */
  readonly ownAreTaken: () => boolean
  /** Sends a read over a connection of its own. */
  readonly runAlone: (read: Read) => void
}

/**
 * Sends short reads over a few shared connections (lanes), many on the wire at a time.
 *
 * Only autocommit reads may come here, never a write: a write may wait for a row lock whose holder needs an answer from
 * the same lane to go on, and both would wait for ever. A read waits for no row lock; what it can wait for (a table lock
 * of DDL, a big scan) is bounded for everybody else: when the first statement of a lane takes longer than the slow limit,
 * those behind it are sent again elsewhere.
 */
export class Multiplexer<Read extends QueuedRead, Lane extends SharedLane<Read>> {
  readonly #parts: MultiplexerParts<Read, Lane>
  readonly #clock = new WorkClock()
  readonly #tickMs: number
  #lanes: Lane[] = []
  #timer: NodeJS.Timeout | undefined
  #nextTickAt = 0
  #quietTicks = 0
  #idleTimer: NodeJS.Timeout | undefined
  #retryAt = 0
  #retryMs = firstRetryMs
  #roundTripMs: number | undefined
  #closed = false
  #whenEmpty: (() => void)[] = []

  constructor(parts: MultiplexerParts<Read, Lane>) {
    this.#parts = parts
    this.#tickMs = Math.max(1, parts.slowMs / 4)
  }

  /** Open lanes. */
  get shared(): number {
    return this.#lanes.reduce((count, lane) => count + (lane.state === 'opening' ? 0 : 1), 0)
  }

  /** All lanes, those included that are being opened. */
  get lanes(): number {
    return this.#lanes.length
  }

  /** Statements on the wire. */
  get inFlight(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.size, 0)
  }

  /** Where to send a read, if its text is known to be quick and a lane has room; else the caller runs it alone. */
  laneFor(latency: LatencyRecord): Lane | undefined {
    this.#watch()
    if (!latency.mayShare) {
      if (this.#roundTripMs === undefined && latency.comesAgain) this.#openAnother()
      return undefined
    }
    const { lane, crowded } = chooseLane(this.#lanes, this.#patienceMs())
    if (crowded) this.#openAnother()
    return lane
  }

  /** The time that `observe` counts in. */
  now(): number {
    return this.#clock.now()
  }

  /** Notes how long a read took on a connection of its own, answer and way included. */
  observe(latency: LatencyRecord, ms: number): void {
    const { slowMs } = this.#parts
    // Before the way to the server is known, a long time may be the way's.
    if (this.#roundTripMs === undefined && ms >= slowMs) latency.sighted()
    else latency.observe(ms - (this.#roundTripMs ?? 0), slowMs)
  }

  /** An answer on a lane took `serviceMs` of the server's time. */
  observed(read: Read, serviceMs: number): void {
    read.latency.observe(serviceMs, this.#parts.slowMs)
  }

  /** Sends a read elsewhere that a lane has, which did not run there, or whose answer there does not count any more. */
  sendAgain(read: Read): void {
    const lane = read.latency.mayShare ? chooseLane(this.#lanes, this.#patienceMs()).lane : undefined
    if (lane === undefined) this.#parts.runAlone(read)
    else lane.send(read)
  }

  closed(lane: Lane): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane)
    if (this.#lanes.length > 0) return
    for (const then of this.#whenEmpty.splice(0)) then()
  }

  /** Lets what is on the wire end, then closes the lanes. Calls back when the last is closed. */
  close(then: () => void): void {
    this.#closed = true
    clearTimeout(this.#idleTimer)
    this.#whenEmpty.push(then)
    for (const lane of this.#lanes) lane.close()
    if (this.#lanes.length === 0) for (const each of this.#whenEmpty.splice(0)) each()
  }

  destroyAll(): void {
    for (const lane of this.#lanes) lane.abandon()
  }

  /** Work ahead up to which a statement rather shares a lane than uses a connection of its own, if one is free. */
  #patienceMs(): number {
    return this.#parts.ownAreTaken() ? Infinity : this.#parts.slowMs / 2
  }

  #openAnother(): void {
    if (this.#closed || !this.#parts.mayOpen()) return
    if (this.#lanes.some((lane) => lane.state === 'opening')) return
    if (this.#retryAt > 0 && this.#clock.now() < this.#retryAt) return
    const lane = this.#parts.createLane(this, this.#clock)
    this.#lanes.push(lane)
    void this.#open(lane)
  }

  async #open(lane: Lane): Promise<void> {
    try {
      await lane.open()
      this.#roundTripMs = lane.roundTripMs
      this.#retryAt = 0
      this.#retryMs = firstRetryMs
      this.#watchIdle()
    } catch {
      // Nobody waits for a lane: the reads go over connections of their own, and report what is wrong.
      this.#retryAt = this.#clock.now() + this.#retryMs
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs)
    }
  }

  #watch(): void {
    this.#quietTicks = 0
    if (this.#timer !== undefined) return
    this.#nextTickAt = performance.now() + this.#tickMs
    this.#timer = setInterval(this.#tick, this.#tickMs).unref()
  }

  /** Looks at the first statement of each lane. One coarse timer for all; it runs only while statements do. */
  readonly #tick = (): void => {
    const now = performance.now()
    // A tick that comes late means that the process was busy, and answers may lie in the sockets.
    if (now > this.#nextTickAt + 1) this.#clock.leaveOut(now - this.#nextTickAt)
    this.#nextTickAt = now + this.#tickMs
    const limit = this.#parts.slowMs + stallSlackMs
    let busy = false
    for (const lane of this.#lanes) {
      const head = lane.head
      if (head === undefined) continue
      busy = true
      if (head.ms > limit) this.#heldUp(lane, head)
    }
    if (busy) this.#quietTicks = 0
    else if (++this.#quietTicks >= idleTicks) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #heldUp(lane: Lane, head: LaneHead): void {
    lane.noteHoldUp()
    for (const read of lane.waitingBehindHead()) this.sendAgain(read)
    // Its caller has given up, and everybody behind it has another copy under way.
    if (!head.isWanted) lane.abandon()
  }

  #watchIdle(): void {
    const { idleTimeoutMs } = this.#parts
    if (idleTimeoutMs === 0 || this.#idleTimer !== undefined) return
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined
      const oldest = this.#clock.now() - idleTimeoutMs
      for (const lane of this.#lanes)
        if (lane.state === 'open' && lane.size === 0 && lane.usedAt <= oldest) lane.close()
      if (this.#lanes.length > 0) this.#watchIdle()
    }, idleTimeoutMs).unref()
  }
}
