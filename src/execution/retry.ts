import { QueryError, SignalboxError } from '../errors.ts'

/** Whether an attempt that failed may be made again: nothing can happen twice, and the trouble was the connection's. */
export function mayRetry(error: unknown): boolean {
  if (!(error instanceof SignalboxError) || !error.safeToRetry) return false
  return error instanceof QueryError && (error.errorClass === 'connection-lost' || error.errorClass === 'shutting-down')
}

/**
 * Runs `attempt` until it succeeds, its error may not be retried, or `attempts` are used up. The only place that
 * retries; what an error says about its own safety decides.
 */
export async function withRetry<T>(attempts: number, attempt: () => T | Promise<T>, failed?: unknown): Promise<T> {
  let error = failed
  for (let made = failed === undefined ? 0 : 1; made < attempts; made++) {
    if (made > 0 && !mayRetry(error)) break
    try {
      return await attempt()
    } catch (caught) {
      error = caught
    }
  }
  throw error
}
