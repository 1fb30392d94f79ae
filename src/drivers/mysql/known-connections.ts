import type { PoolConnection } from 'mysql2'
import { trackPosition } from './tracked-position.ts'

export interface KnownConnectionsParts {
  /** Whether the server is to tell where each write stands in its log. */
  readonly tracks: boolean
  /** It broke: perhaps more than once for one connection. */
  readonly broken: (connection: PoolConnection) => void
  readonly ended: (connection: PoolConnection) => void
}

/** The connections that a pool has used before. */
export class KnownConnections {
  readonly #parts: KnownConnectionsParts
  /** With their character sets as they were. */
  readonly #charsets = new WeakMap<PoolConnection, number | undefined>()

  constructor(parts: KnownConnectionsParts) {
    this.#parts = parts
  }

  /** What is done with each connection once. */
  meet(connection: PoolConnection): void {
    if (this.#charsets.has(connection)) return
    this.#charsets.set(connection, connection.config.charsetNumber)
    // An error event that nobody hears ends the process.
    connection.on('error', () => this.#parts.broken(connection))
    connection.on('end', () => this.#parts.ended(connection))
    this.track(connection)
  }

  /** Also after a reset, which the server's word does not survive. */
  track(connection: PoolConnection): void {
    if (this.#parts.tracks) trackPosition(connection)
  }

  charsetOf(connection: PoolConnection): number | undefined {
    return this.#charsets.get(connection)
  }
}
