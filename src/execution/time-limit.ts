import type { DriverRequest } from '../drivers/driver.ts'
import { AbortedError, TimeoutError } from '../errors.ts'

/** How long one caller waits. */
export interface CallLimits {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds from the call to the answer; 0 or absent = no limit. */
  readonly timeoutMs?: number | undefined
}

/** What is wanted of a connection, and how long it is waited for. */
export interface LeaseTerms extends CallLimits {
  /** Those that it is to have; default: none of anybody's. */
  readonly settings?: DriverRequest['settings']
  /** What sends the statement that it is wanted for. */
  readonly sender?: DriverRequest['sender']
}

/** The same call with what is left of its time, at least 1 ms: being too late is found out by who carries it out. */
export function withTimeLeft<T extends CallLimits>(call: T, begun: number): T {
  const { timeoutMs } = call
  if (timeoutMs === undefined || timeoutMs === 0) return call
  return { ...call, timeoutMs: Math.max(1, Math.ceil(timeoutMs - (performance.now() - begun))) }
}

/**
 * Waits for something that others may wait for as well, but no longer than this caller's limits allow; it goes on
 * without them. Throws `TimeoutError` or `AbortedError`; nothing of the caller's was sent then.
 */
export async function waitFor(work: Promise<void>, { signal, timeoutMs = 0 }: CallLimits, what: string): Promise<void> {
  if (signal === undefined && timeoutMs === 0) return await work
  const { promise: end, reject } = Promise.withResolvers<never>()
  const abort = (): void =>
    reject(new AbortedError(`The call was aborted while ${what}.`, { cause: signal?.reason, safeToRetry: true }))
  const expire = (): void =>
    reject(new TimeoutError(`${timeoutMs} ms were over while ${what}.`, timeoutMs, { safeToRetry: true }))
  const timer = timeoutMs === 0 ? undefined : setTimeout(expire, timeoutMs)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    if (signal?.aborted === true) abort()
    await Promise.race([end, work])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** A time-out told in terms of the limit that the caller gave, where what was left of it ran out. */
export function inTermsOf(timeoutMs: number | undefined, error: unknown): unknown {
  if (timeoutMs === undefined || !(error instanceof TimeoutError) || error.timeoutMs === timeoutMs) return error
  const message = error.message.replaceAll(`${error.timeoutMs} ms`, `${timeoutMs} ms`)
  return new TimeoutError(message, timeoutMs, error)
}
