import type { EventEmitter } from 'node:events'
import type pg from 'pg'

/** The module `pg`. */
export type Pg = typeof pg

type CloseCursor = (callback?: unknown) => unknown

/** What a connection emits when its server waits for the next statement. */
export interface ReadyMessage {
  readonly status?: unknown
}

/** A query of `pg` while it waits, or what stands for one: cursors, streams, copies. */
export interface QueuedQuery {
  readonly text?: unknown
  readonly values?: unknown
  readonly name?: unknown
  readonly rows?: unknown
  readonly binary?: unknown
  readonly queryMode?: unknown
  /** Of pg-query-stream: what it reads from. */
  readonly cursor?: { readonly text?: unknown; readonly values?: unknown; close?: CloseCursor }
  /** Of a cursor. */
  close?: CloseCursor
  readonly callback?: unknown
  readonly _rowMode?: unknown
  readonly _result?: { readonly _types?: unknown }
  /** What the callback gets. */
  _results?: unknown
  submit(connection: unknown): Error | null | undefined | void
  handleError(error: unknown, connection: unknown): void
  handleReadyForQuery(connection: unknown): void
  listenerCount?(event: string): number
}

/**
 * What a client of `pg` has besides its types. pg-pool, pg-cursor and the ORMs rest on these, so they are as stable as its public methods
 * (pg 8.23).
 */
export interface ClientInternals extends EventEmitter {
  _queryQueue: QueuedQuery[]
  _activeQuery: QueuedQuery | null | undefined
  readonly processID: number
  /** What `getTransactionStatus()` tells. */
  _txStatus: unknown
  readyForQuery?: boolean
  hasExecuted?: boolean
  /** `end()` was called. */
  readonly _ending: boolean
  readonly _ended: boolean
  /** False once the connection broke. */
  readonly _queryable: boolean
  readonly _types: unknown
  readonly ssl: unknown
}
