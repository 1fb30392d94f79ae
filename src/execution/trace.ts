import { tracingChannel } from 'node:diagnostics_channel'
import type { Route } from '../routing/route.ts'
import { messageOf } from '../errors.ts'
import type { Params } from '../statement/statement.ts'

/** What subscribers of `tracing:signalbox:query:*` get, filled in as the statement proceeds. */
export interface QueryEvent {
  readonly sql: string
  readonly params: Params
  readonly route: Route
  /** The statement runs inside a transaction. */
  readonly inTransaction: boolean
  /** Milliseconds; set at `asyncEnd`. */
  durationMs?: number
  /** Set at `asyncEnd`, when the statement succeeded. */
  rowCount?: number
  /** Set at `error`. */
  error?: unknown
}

/**
 * The hook for SQL logging and profiling: `diagnostics_channel.tracingChannel('signalbox:query')` with the events
 * `start`, `asyncEnd` and `error`, all with the same {@link QueryEvent}. Costs nothing while nobody listens.
 */
export const queryChannel = tracingChannel<QueryEvent, QueryEvent>('signalbox:query')

/** Runs one statement and tells the subscribers about it. */
export async function traced<T extends { readonly rowCount: number }>(
  event: QueryEvent,
  run: () => T | Promise<T>,
): Promise<T> {
  const begun = performance.now()
  queryChannel.start.publish(event)
  try {
    const result = await run()
    event.rowCount = result.rowCount
    return result
  } catch (error) {
    event.error = error
    queryChannel.error.publish(event)
    throw error
  } finally {
    event.durationMs = performance.now() - begun
    queryChannel.asyncEnd.publish(event)
  }
}

/** Tells the subscribers that the statement of an object of a driver's own begins; the function that is given, how it has ended. */
export function submissionTold(
  event: QueryEvent,
): (outcome: { readonly rowCount: number; readonly error?: unknown }) => void {
  const begun = performance.now()
  queryChannel.start.publish(event)
  return ({ rowCount, error }) => {
    if (error === undefined) event.rowCount = rowCount
    else queryChannel.error.publish(Object.assign(event, { error }))
    event.durationMs = performance.now() - begun
    queryChannel.asyncEnd.publish(event)
  }
}

/**
 * Calls `listener` after each statement of every client in this process: for SQL logging and profiling. Returns a
 * function that stops it. The typed way to the diagnostics channel `tracing:signalbox:query`; an error in the listener becomes a
 * warning of the process.
 *
 * @example
 * ```ts
 * import { onQuery } from 'signalbox'
 *
 * const stop = onQuery(({ sql, route, durationMs, rowCount, error }) => {
 *   console.log(route.database, durationMs, error ?? rowCount, sql)
 * })
 * stop()
 * ```
 */
export function onQuery(listener: (event: QueryEvent) => void): () => void {
  const receive = (message: unknown): void => {
    try {
      listener(message as QueryEvent)
    } catch (error) {
      // The channel would turn it into an uncaught exception: a broken log line must not end the process.
      process.emitWarning(`A listener of onQuery threw: ${messageOf(error)}`, 'SignalboxWarning')
    }
  }
  queryChannel.asyncEnd.subscribe(receive)
  return () => {
    queryChannel.asyncEnd.unsubscribe(receive)
  }
}
