import type { Bound } from './behind.ts'
import { nameOfServer, type Target } from './known-servers.ts'

/** How a driver's data source names are read. */
export interface ReadNames {
  /** Where servers listen whose data source name has no port. */
  readonly usualPort: number
  /** Whether one asks for TLS. Absent where nobody looks at that. */
  readonly isEncrypted?: (dsn: URL) => boolean
}

/** Servers for which settings ask for TLS, where a client of Signalbox answers that goes there as its own data source names say. */
export class Encryption {
  readonly #told = new WeakSet<Bound>()
  readonly #names: ReadNames

  constructor(names: ReadNames) {
    this.#names = names
  }

  /** Says once for each client that it goes there without. */
  note(bound: Bound, target: Target): void {
    const { usualPort, isEncrypted } = this.#names
    if (isEncrypted === undefined || this.#told.has(bound)) return
    const dsn = nameOfServer(bound, target, usualPort)
    if (dsn === undefined || isEncrypted(dsn)) return
    this.#told.add(bound)
    process.emitWarning(
      `Settings of connections ask for TLS (ssl), and the client of Signalbox that answers for ${dsn.hostname}:${dsn.port || usualPort} goes there without. ` +
        'Nothing is encrypted. Say it in the data source name, since such settings are not used there: mysql://…?ssl={"rejectUnauthorized":true}',
      'SignalboxWarning',
    )
  }
}
