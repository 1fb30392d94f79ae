import type { DriverRequest } from '../drivers/driver.ts'
import type { Decision } from './decision.ts'
import { queryChannel } from './trace.ts'

/** Streams too are told to the subscribers: from the first pull to the end of the loop. */
export async function* streamTraced(
  decision: Decision,
  request: DriverRequest,
  inTransaction: boolean,
  open: () => AsyncGenerator<unknown, void, undefined>,
): AsyncGenerator<unknown, void, undefined> {
  if (!queryChannel.hasSubscribers) {
    yield* open()
    return
  }
  const begun = performance.now()
  const event = {
    sql: request.sql,
    params: request.params,
    route: decision.route,
    inTransaction,
    rowCount: 0,
    durationMs: 0,
  }
  queryChannel.start.publish(event)
  try {
    for await (const row of open()) {
      event.rowCount += 1
      yield row
    }
  } catch (error) {
    queryChannel.error.publish(Object.assign(event, { error }))
    throw error
  } finally {
    event.durationMs = performance.now() - begun
    queryChannel.asyncEnd.publish(event)
  }
}

/** A generator whose first step was taken already. */
export async function* resumed<T>(
  first: Promise<IteratorResult<T, void>>,
  rest: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    const step = await first
    if (step.done === true) return
    yield step.value
    yield* rest
  } finally {
    await rest.return()
  }
}
