import type { PoolConnection } from 'mysql2'

import type { AbortedError, TimeoutError } from '../../errors.ts'
import type { DriverRequest } from '../driver.ts'
import { isAnswer, isLoss, mysqlError } from './errors.ts'
import type { QueryKiller } from './killer.ts'
import { RowFeed } from './row-feed.ts'
import { onStop } from './running.ts'
import type { SendOptions } from './send.ts'

/** What a stream needs from its pool. */
export interface StreamTerms {
  readonly send: SendOptions
  readonly killer: QueryKiller
  /** Rows fetched at a time, if the request does not say. */
  readonly fetchSize: number
  /** Told at the end whether the connection may be used again. */
  readonly onDone: (usable: boolean) => void
}

/**
 * The rows of a statement. The time limit, counted from `start`, holds until the first row; the signal holds to the
 * end. When the loop is left early, the statement is interrupted on the server, and what it sent already is skipped.
 */
export async function* streamRows(
  connection: PoolConnection,
  request: DriverRequest,
  start: number,
  terms: StreamTerms,
): AsyncGenerator<unknown, void, undefined> {
  const feed = new RowFeed(connection, request, terms.send, terms.fetchSize)
  let stopped: AbortedError | TimeoutError | undefined
  const onStopped = (error: AbortedError | TimeoutError): void => {
    stopped = error
    feed.discard()
  }
  let watch = onStop(request, start, onStopped)
  try {
    feed.start()
    let rows = await feed.next()
    watch.disarm()
    watch = onStop({ ...request, timeoutMs: undefined }, start, onStopped)
    for (; rows.length > 0; rows = await feed.next()) {
      for (const row of rows) {
        if (stopped) throw stopped
        yield row
      }
    }
    if (stopped) throw stopped
    if (feed.error !== undefined) throw mysqlError(feed.error, 'run', request.access)
  } finally {
    watch.disarm()
    feed.discard()
    // Not waited for: who leaves a loop early, or for an error, has nothing to do with the cleaning up.
    void leave(feed, terms)
  }
}

async function leave(feed: RowFeed, terms: StreamTerms): Promise<void> {
  if (feed.error !== undefined && isLoss(feed.error)) terms.send.losses.note(feed.connection)
  if (feed.hasEnded) return terms.onDone(feed.error === undefined || isAnswer(feed.error))
  const freed = await terms.killer.interrupt(feed)
  if (!freed) terms.send.losses.note(feed.connection)
  terms.onDone(freed)
}
