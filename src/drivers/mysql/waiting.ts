import { AbortedError, PoolExhaustedError, TimeoutError } from '../../errors.ts'
import type { Access, PoolOptions, PoolStats } from '../driver.ts'

/** What is said of a wait for a connection. */
export interface WaitLimits {
  readonly access?: Access | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** Those who wait for a connection of one pool. */
export class WaitingCallers {
  readonly #options: Pick<PoolOptions, 'acquireTimeoutMs' | 'maxConnections'>
  readonly #stats: () => PoolStats
  #count = 0

  constructor(options: Pick<PoolOptions, 'acquireTimeoutMs' | 'maxConnections'>, stats: () => PoolStats) {
    this.#options = options
    this.#stats = stats
  }

  /** How many wait for others to be done. */
  get count(): number {
    return this.#count
  }

  /** One more, until `disarm`. `queued`: all connections are taken; else one is being opened, for which there is another limit. */
  watch(limits: WaitLimits, queued: boolean, giveUp: (error: Error) => void): { readonly disarm: () => void } {
    const { acquireTimeoutMs, maxConnections } = this.#options
    const stop = giveUpIn(limits, queued ? acquireTimeoutMs : Infinity, giveUp, (waited, isOwn) =>
      waitedTooLong(this.#stats(), maxConnections, waited, isOwn),
    )
    this.#count += queued ? 1 : 0
    return {
      disarm: () => {
        this.#count -= queued ? 1 : 0
        stop()
      },
    }
  }
}

/** Gives a wait up when its signal fires, or its own limit or that of the pool is reached. What it returns ends the watch. */
function giveUpIn(
  { signal, timeoutMs }: WaitLimits,
  limitMs: number,
  giveUp: (error: Error) => void,
  tooLong: (waited: number, isOwnLimit: boolean) => Error,
): () => void {
  const own = timeoutMs ? timeoutMs : Infinity
  const wait = Math.min(own, limitMs)
  const onAbort = (): void => giveUp(abortedWaiting(signal))
  const timer = wait === Infinity ? undefined : setTimeout(() => giveUp(tooLong(wait, own === wait)), wait)
  signal?.addEventListener('abort', onAbort)
  return () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** The signal fired before there was a connection. */
export function abortedWaiting(signal: AbortSignal | undefined): AbortedError {
  return new AbortedError('The call was aborted before its statement was sent.', {
    cause: signal?.reason,
    safeToRetry: true,
  })
}

/** No connection was there within `waited` milliseconds, which was the statement's own limit, or else the pool's. */
function waitedTooLong(
  { total, idle, waiting }: PoolStats,
  maxConnections: number,
  waited: number,
  isOwnLimit: boolean,
): Error {
  const numbers = `${total} open, ${idle} idle, ${waiting} waiting, at most ${maxConnections}`
  return isOwnLimit
    ? new TimeoutError(`No connection was there within the statement's ${waited} ms (${numbers}).`, waited, {
        safeToRetry: true,
      })
    : new PoolExhaustedError(
        `No connection became free within ${waited} ms (${numbers}). ` +
          'Look for leases and streams that are never ended, shorten transactions, or raise maxConnections.',
      )
}
