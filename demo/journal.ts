import { tracingChannel } from 'node:diagnostics_channel'
import type { QueryEvent } from 'signalbox'

/** What ran on one database. */
export interface Tally {
  statements: number
  rows: number
  durationMs: number
}

/**
 * Every statement that reached a database, in the order of their ends: Signalbox publishes each one on
 * `tracing:signalbox:query`, and this is the listener. An application would write its SQL log or metrics here.
 */
export class Journal implements Disposable {
  readonly tallies = new Map<string, Tally>()
  #recent: QueryEvent[] = []
  readonly #ended = tracingChannel<unknown, QueryEvent>('signalbox:query').asyncEnd

  constructor() {
    this.#ended.subscribe(this.#note)
  }

  readonly #note = (event: unknown): void => {
    if (!isQueryEvent(event)) return
    const { database } = event.route
    let tally = this.tallies.get(database)
    if (tally === undefined) {
      tally = { statements: 0, rows: 0, durationMs: 0 }
      this.tallies.set(database, tally)
    }
    tally.statements += 1
    tally.rows += event.rowCount ?? 0
    tally.durationMs += event.durationMs ?? 0
    this.#recent.push(event)
  }

  /** The statements since the last call. */
  take(): readonly QueryEvent[] {
    const events = this.#recent
    this.#recent = []
    return events
  }

  [Symbol.dispose](): void {
    this.#ended.unsubscribe(this.#note)
  }
}

// The channel's types say only that there is a message.
function isQueryEvent(message: unknown): message is QueryEvent {
  return typeof message === 'object' && message !== null && 'sql' in message && 'route' in message
}
