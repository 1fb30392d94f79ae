import type { Client, Scope } from '../index.ts'

/** A client of Signalbox, or one of its scopes. */
export type Bound = Client | Scope

/** What stands behind virtual connections, once it is open. `H`: what the virtual connections of one module share on one client. */
export interface Opened<H> {
  readonly host: H
  /** Settings of the session that a connection asked for hold on each real one already. */
  readonly hasSettings: boolean
}

/** One user of what stands behind a connection: it stays open until the last of them has left. */
export interface Hold<H> {
  readonly opened: Promise<Opened<H>>
  /** Waits until it is closed, where this was the last user. A second call does nothing. */
  release(): Promise<void>
}

/** A client of Signalbox that stands behind virtual connections. */
export interface Behind<H> {
  hold(): Hold<H>
}
