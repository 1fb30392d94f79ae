import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { Clock } from '../failover/clock.ts'
import type { RecoveryReport } from './recovery.ts'

/** What subscribers of the channel `signalbox:transaction-recovery` get, each time that a client has recovered by itself. */
export interface RecoveryEvent {
  /** What was found and done; `undefined` if the log could not be asked. */
  readonly report?: RecoveryReport
  /** Why the log could not be asked. */
  readonly error?: unknown
}

export interface StandingRecoveryParts {
  readonly recover: () => Promise<RecoveryReport>
  /** Milliseconds from the end of one recovery to the next. */
  readonly everyMs: number
  readonly clock: Clock
}

const recoveries = channel('signalbox:transaction-recovery')

/** While something is left that cannot be ended yet, it holds locks: milliseconds. */
const leftOverMs = 10_000

/** Recovers as long as the client is open: when it starts, and then regularly, one recovery at a time. */
export class StandingRecovery {
  readonly #parts: StandingRecoveryParts
  /** In the surroundings of the start: a recovery is no part of the session in which somebody asks for one. */
  readonly #run: () => void
  #timer: unknown
  #dueAt = Infinity
  #running = false
  #isOver = false

  constructor(parts: StandingRecoveryParts) {
    this.#parts = parts
    this.#run = AsyncLocalStorage.bind(() => void this.#recover())
  }

  start(): void {
    this.#within(0)
  }

  /** Something was left prepared just now. */
  soon(): void {
    this.#within(this.#soonMs)
  }

  stop(): void {
    this.#isOver = true
    this.#parts.clock.clearTimeout(this.#timer)
  }

  get #soonMs(): number {
    return Math.min(this.#parts.everyMs, leftOverMs)
  }

  /** An earlier one stays. */
  #within(ms: number): void {
    const { clock } = this.#parts
    const dueAt = clock.now() + ms
    if (this.#isOver || this.#running || dueAt >= this.#dueAt) return
    clock.clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = clock.setTimeout(this.#run, ms)
  }

  async #recover(): Promise<void> {
    this.#running = true
    const event = await this.#parts.recover().then(
      (report): RecoveryEvent => ({ report }),
      (error: unknown): RecoveryEvent => ({ error }),
    )
    this.#running = false
    this.#dueAt = Infinity
    if (this.#isOver) return
    if (recoveries.hasSubscribers) recoveries.publish(event)
    this.#within(isDone(event.report) ? this.#parts.everyMs : this.#soonMs)
  }
}

function isDone(report: RecoveryReport | undefined): boolean {
  return (
    report !== undefined &&
    report.unreachable.length === 0 &&
    report.branches.every(({ outcome }) => outcome === 'committed' || outcome === 'rolled back')
  )
}
