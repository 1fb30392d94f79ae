import { QueryError, SettingsRefusedError, SignalboxError, type ErrorClass } from '../errors.ts'
import type { Role } from '../topology/topology.ts'

/** Whether an attempt that failed may be made again: nothing can happen twice, and the trouble was the connection's. */
export function mayRetry(error: unknown): boolean {
  if (!(error instanceof SignalboxError) || !error.safeToRetry) return false
  return error instanceof QueryError && (error.errorClass === 'connection-lost' || error.errorClass === 'shutting-down')
}

/**
 * Whether another server of the shard may do what this one could not: its connection or its role was the trouble, and
 * nothing happened. On a replica also a conflict with what it replays, and settings that it does not have yet.
 */
export function mayMove(error: unknown, role: Role): boolean {
  if (!(error instanceof QueryError) || !error.safeToRetry) return false
  if (serversFaults.has(error.errorClass)) return true
  return role === 'replica' && (error.errorClass === 'serialization' || error instanceof SettingsRefusedError)
}

const serversFaults: ReadonlySet<ErrorClass> = new Set(['connection-lost', 'shutting-down', 'starting-up', 'read-only'])

/** Whether an error says that a server, and not the statement, is in trouble. */
export function isServersFault(error: unknown): error is QueryError {
  return error instanceof QueryError && serversFaults.has(error.errorClass)
}

/**
 * Runs `attempt`, which places the statement anew each time, on one server after the other, as long as `mayTryOn` says so.
 * At most `most` attempts.
 */
export async function onAnyServer<T>(
  most: number,
  attempt: () => Promise<T>,
  mayTryOn: (error: unknown) => Promise<boolean>,
): Promise<T> {
  for (let made = 0; ; made++) {
    try {
      return await attempt()
    } catch (error) {
      if (made + 1 >= most || !(await mayTryOn(error))) throw error
    }
  }
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
