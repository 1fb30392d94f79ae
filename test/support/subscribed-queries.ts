import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { QueryEvent } from '../../src/index.ts'

/** The queries that were sent since; `using queries = subscribedQueries()` ends with the block. */
export function subscribedQueries(): { readonly all: readonly QueryEvent[] } & Disposable {
  const all: QueryEvent[] = []
  const listener = (event: unknown): void => void all.push(event as QueryEvent)
  subscribe('tracing:signalbox:query:start', listener)
  return { all, [Symbol.dispose]: () => void unsubscribe('tracing:signalbox:query:start', listener) }
}
