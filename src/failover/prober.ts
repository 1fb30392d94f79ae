import type { ServerStatus } from '../drivers/driver.ts'
import type { Clock } from './clock.ts'
import type { ProbeOutcome } from './decide.ts'

/** A probe that has ended. */
export interface ProbeReport {
  /** Its place in the order of all things that happened in the shard; later began later. */
  readonly begun: number
  readonly begunAt: number
  readonly outcome: ProbeOutcome
}

export interface ProberParts {
  readonly probe: (timeoutMs: number) => Promise<ServerStatus>
  readonly timeoutMs: number
  readonly clock: Clock
  /** Numbers what happens. */
  readonly order: () => number
  /** Called before those who wait for the probe go on. */
  readonly onReport: (report: ProbeReport) => void
}

type Waiting = PromiseWithResolvers<ServerStatus | undefined>

/** A timer that ran this late says that this process was held up, not the server. */
const heldUpMs = 20

/**
 * Asks one server how it is: one probe under way at a time, and all who ask meanwhile share the next one, so any number
 * of callers costs at most two probes. A probe that takes longer than its limit has failed; its late answer is dropped.
 */
export class Prober {
  readonly #parts: ProberParts
  #running: Waiting | undefined
  #next: Waiting | undefined
  #timer: unknown
  #stopped = false

  constructor(parts: ProberParts) {
    this.#parts = parts
  }

  /** What a probe says that begins after this call; `undefined` if it fails, or if `stop` comes first. */
  next(): Promise<ServerStatus | undefined> {
    if (this.#stopped) return Promise.resolve(undefined)
    if (this.#next === undefined) {
      this.#next = Promise.withResolvers()
      // Not at once: those who ask in the same turn share it.
      if (this.#running === undefined) queueMicrotask(() => void this.#begin())
    }
    return this.#next.promise
  }

  /** Begins nothing more, and reports nothing more; those who wait get `undefined`. */
  stop(): void {
    this.#stopped = true
    this.#parts.clock.clearTimeout(this.#timer)
    this.#running?.resolve(undefined)
    this.#next?.resolve(undefined)
    this.#next = undefined
  }

  async #begin(): Promise<void> {
    while (this.#next !== undefined && this.#running === undefined) {
      const waiting: Waiting = this.#next
      this.#running = waiting
      this.#next = undefined
      const { clock, order, onReport } = this.#parts
      const [begun, begunAt] = [order(), clock.now()]
      const outcome = await this.#outcome()
      if (this.#stopped) return
      this.#running = undefined
      onReport({ begun, begunAt, outcome })
      waiting.resolve('status' in outcome ? outcome.status : undefined)
    }
  }

  #outcome(): Promise<ProbeOutcome> {
    const { clock, timeoutMs } = this.#parts
    const { promise, resolve } = Promise.withResolvers<ProbeOutcome>()
    let settled = false
    const settle = (outcome: { readonly status: ServerStatus } | { readonly failed: string }): void => {
      // A late answer must not touch the timer, which is the next probe's by then.
      if (settled) return
      settled = true
      clock.clearTimeout(this.#timer)
      resolve({ at: clock.now(), ...outcome })
    }
    this.#limit(timeoutMs, true, () => settle({ failed: `no answer within ${timeoutMs} ms` }))
    this.#answer().then(
      (status) => settle({ status }),
      (error: unknown) => settle({ failed: failureText(error) }),
    )
    return promise
  }

  async #answer(): Promise<ServerStatus> {
    return await this.#parts.probe(this.#parts.timeoutMs)
  }

  /**
   * Calls back after `ms`, unless this process was busy or stopped at that time: then the answer may lie in the socket
   * unread, and the server gets the time once that was taken from it. It gets one turn of the event loop in any case.
   */
  #limit(ms: number, mayExtend: boolean, callback: () => void): void {
    const { clock } = this.#parts
    const dueAt = clock.now() + ms
    this.#timer = clock.setTimeout(() => {
      const lateMs = clock.now() - dueAt
      if (mayExtend && lateMs > heldUpMs) this.#limit(Math.min(lateMs, ms), false, callback)
      else setImmediate(callback)
    }, ms)
  }
}

/** The first line of a message, cut to what fits into a table. */
export function failureText(error: unknown): string {
  const message = error instanceof Error && error.message !== '' ? error.message : String(error)
  const [line = ''] = message.split('\n', 1)
  return (line.length > 200 ? `${line.slice(0, 199)}…` : line).replace(/\.$/, '')
}
