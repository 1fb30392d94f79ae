import { AbortedError, ParameterError, TimeoutError, type SignalboxError } from '../../errors.ts'
import type { DriverRequest } from '../driver.ts'

/** Parameters as PostgreSQL takes them: by position. */
export function positional(request: DriverRequest): readonly unknown[] {
  if (Array.isArray(request.params)) return request.params
  throw new ParameterError('PostgreSQL takes parameters by position: write $1, $2, … and pass an array.')
}

export interface Limits {
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Watches the time limit and the signal of one call. Costs nothing for a call that has neither.
 *
 * `expired` is called at most once, and never after `stop`.
 */
export class Watch {
  readonly #limits: Limits
  readonly #expired: (reason: 'timeout' | 'abort') => void
  readonly #timer: NodeJS.Timeout | undefined

  constructor(limits: Limits, expired: (reason: 'timeout' | 'abort') => void) {
    this.#limits = limits
    this.#expired = expired
    const { timeoutMs, signal } = limits
    if (timeoutMs !== undefined && timeoutMs > 0) this.#timer = setTimeout(this.#onTimeout, timeoutMs)
    signal?.addEventListener('abort', this.#onAbort)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#limits.signal?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onTimeout = (): void => {
    this.stop()
    this.#expired('timeout')
  }

  readonly #onAbort = (): void => {
    this.stop()
    this.#expired('abort')
  }
}

/** Whether a call needs a {@link Watch}. */
export function isLimited({ timeoutMs, signal }: Limits): boolean {
  return signal !== undefined || (timeoutMs !== undefined && timeoutMs > 0)
}

/** The error of a call whose time was up or whose signal fired. */
export function expiry(
  reason: 'timeout' | 'abort',
  { timeoutMs = 0, signal }: Limits,
  progress: 'waiting' | 'running',
  safeToRetry: boolean,
): SignalboxError {
  const what =
    progress === 'waiting'
      ? 'It was still waiting for a connection; nothing was sent.'
      : 'It was running; it is being cancelled on the server.'
  if (reason === 'timeout') {
    return new TimeoutError(`The statement did not finish within ${timeoutMs} ms. ${what}`, timeoutMs, { safeToRetry })
  }
  return new AbortedError(`The statement was aborted by its signal. ${what}`, { cause: signal?.reason, safeToRetry })
}
