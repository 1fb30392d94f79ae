import type { Behind as AnyBehind, Hold as AnyHold } from '../behind.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import type { SessionHost } from './session-host.ts'

/** A client of Signalbox that stands behind virtual connections. */
export type Behind = AnyBehind<SessionHost>

/** One user of it. */
export type Hold = AnyHold<SessionHost>

/** What stands behind a connection of these settings, and of what was given for them; `undefined` where it has to be one of `mysql2` itself. */
export type FindBehind = (config: ConnectionSettings, given: unknown) => Behind | undefined
