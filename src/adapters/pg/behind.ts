import type { ClientConfig } from 'pg'
import type { Behind as AnyBehind, Hold as AnyHold } from '../behind.ts'
import type { SessionHost } from './session-host.ts'

/** What `pg` has made of the settings of a client, its environment and its defaults included. */
export interface ClientParameters {
  readonly host: string
  readonly port: number
  readonly user?: string | undefined
  readonly database?: string | undefined
  readonly password?: unknown
  readonly ssl?: unknown
  /** Set for a connection that speaks the replication protocol. */
  readonly replication?: unknown
  readonly application_name?: unknown
  readonly fallback_application_name?: unknown
  readonly options?: unknown
  readonly statement_timeout?: unknown
  readonly lock_timeout?: unknown
  readonly idle_in_transaction_session_timeout?: unknown
  readonly client_encoding?: unknown
}

/** A client of Signalbox that stands behind virtual clients. */
export type Behind = AnyBehind<SessionHost>

/** One user of it. */
export type Hold = AnyHold<SessionHost>

/** What stands behind a client of these settings; `undefined` where it has to be one of `pg` itself. */
export type FindBehind = (parameters: ClientParameters, settings: ClientConfig) => Behind | undefined
