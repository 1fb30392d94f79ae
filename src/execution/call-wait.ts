import { AbortedError, TimeoutError } from '../errors.ts'
import type { CallLimits } from './time-limit.ts'

/** Longer than anything waits; the greatest delay that timers know. */
const longestMs = 2_147_483_647

/** What a call may wait for before anything of it is sent: it ends with the call's own limits. */
export class CallWait {
  readonly signal: AbortSignal | undefined
  readonly #timeoutMs: number
  readonly #begun: number
  readonly #now: () => number

  /** Counts from now on. */
  constructor({ signal, timeoutMs = 0 }: CallLimits, now: () => number) {
    this.signal = signal
    this.#timeoutMs = timeoutMs
    this.#now = now
    this.#begun = now()
  }

  /** Milliseconds until the call's time is over. */
  get leftMs(): number {
    return this.#timeoutMs === 0 ? longestMs : Math.max(0, this.#timeoutMs - (this.#now() - this.#begun))
  }

  /** Throws `AbortedError` or `TimeoutError` if the call is over; `what` it was doing, for the message. */
  check(what: string): void {
    if (this.signal?.aborted === true) {
      throw new AbortedError(`The call was aborted while ${what}.`, {
        cause: this.signal.reason,
        safeToRetry: true,
      })
    }
    if (this.#timeoutMs > 0 && this.leftMs === 0) {
      throw new TimeoutError(`${this.#timeoutMs} ms were over while ${what}.`, this.#timeoutMs, {
        safeToRetry: true,
      })
    }
  }
}
