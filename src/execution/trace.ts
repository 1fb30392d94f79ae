import { tracingChannel } from 'node:diagnostics_channel'
import type { Route } from '../routing/route.ts'
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
export const queryChannel = tracingChannel<unknown, QueryEvent>('signalbox:query')

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
