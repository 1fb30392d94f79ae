import { AbortedError, ClientClosedError, PoolExhaustedError, TimeoutError } from '../../errors.ts'

/** How long and on whose behalf somebody waits. */
export interface WaitLimits {
  readonly signal?: AbortSignal | undefined
  /** The caller's own limit in milliseconds; 0 or absent = only the limit of the pool. */
  readonly timeoutMs?: number | undefined
}

interface Waiter {
  readonly settle: (error?: Error) => void
}

/** A number of places, handed out in the order of asking. Waiting is bounded in time by `acquireTimeoutMs`. */
export class Slots {
  readonly limit: number
  readonly #acquireTimeoutMs: number
  readonly #what: string
  readonly #waiters = new Set<Waiter>()
  #taken = 0
  #onEmpty: (() => void) | undefined

  constructor(limit: number, acquireTimeoutMs: number, what: string) {
    this.limit = limit
    this.#acquireTimeoutMs = acquireTimeoutMs
    this.#what = what
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiters.size
  }

  get free(): boolean {
    return this.#taken < this.limit
  }

  /** Takes a place if one is free. A place that becomes free goes to the first who waits, so nobody is overtaken. */
  tryTake(): boolean {
    if (this.#taken >= this.limit) return false
    this.#taken += 1
    return true
  }

  /** @throws PoolExhaustedError, TimeoutError, AbortedError; then no place is held. */
  async take(limits: WaitLimits): Promise<void> {
    if (limits.signal?.aborted) throw abortedBefore(limits.signal)
    if (this.tryTake()) return
    await new Promise<void>((resolve, reject) => {
      const own = limits.timeoutMs !== undefined && limits.timeoutMs > 0 ? limits.timeoutMs : Infinity
      const wait = Math.min(own, this.#acquireTimeoutMs)
      const waiter: Waiter = {
        settle: (error) => {
          clearTimeout(timer)
          limits.signal?.removeEventListener('abort', onAbort)
          this.#waiters.delete(waiter)
          if (error) reject(error)
          else resolve()
        },
      }
      const onAbort = (): void => waiter.settle(abortedBefore(limits.signal))
      const timer = setTimeout(() => waiter.settle(this.#tooLong(wait, own < this.#acquireTimeoutMs)), wait)
      limits.signal?.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
    })
  }

  /** Gives a place back: to the first who waits, else to nobody. */
  give(): void {
    const [first] = this.#waiters
    if (first) return first.settle()
    this.#taken -= 1
    if (this.#taken === 0) this.#onEmpty?.()
  }

  /** Resolves when every place is free and nobody waits. */
  async emptied(): Promise<void> {
    if (this.#taken === 0) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Sends everybody away who still waits. */
  dismiss(): void {
    for (const waiter of this.#waiters) waiter.settle(new ClientClosedError())
  }

  #tooLong(waited: number, byCaller: boolean): Error {
    const numbers = `${this.#taken} of ${this.limit} in use, ${this.#waiters.size} waiting`
    return byCaller
      ? new TimeoutError(`No ${this.#what} became free within the statement's ${waited} ms (${numbers}).`, waited, {
          safeToRetry: true,
        })
      : new PoolExhaustedError(
          `No ${this.#what} became free within ${waited} ms (${numbers}). ` +
            'Look for leases and streams that are never ended, shorten transactions, or raise acquireTimeoutMs.',
        )
  }
}

/** The error of a call whose signal fired before anything was sent. */
export function abortedBefore(signal: AbortSignal | undefined): AbortedError {
  return new AbortedError('The call was aborted before it started.', { cause: signal?.reason, safeToRetry: true })
}
