import type { PoolConnection } from 'mysql2'
import { refuseWrites } from './session.ts'

/** The connections of one pool on which the server is told to refuse writes, where it is to refuse them. */
export class Refusing {
  readonly #isWanted: boolean
  readonly #told = new WeakSet<PoolConnection>()

  constructor(isWanted: boolean) {
    this.#isWanted = isWanted
  }

  /** Whether the server is still to be told. */
  mustTell(connection: PoolConnection): boolean {
    return this.#isWanted && !this.#told.has(connection)
  }

  /** Waits for the server's word, where it is to be told: without it the connection is not used. */
  secure(connection: PoolConnection, done: (failure: unknown) => void): void {
    if (!this.mustTell(connection)) return done(undefined)
    refuseWrites(connection, (error) => {
      if (!error) this.#told.add(connection)
      done(error || undefined)
    })
  }

  /** Its session was reset. */
  forget(connection: PoolConnection): void {
    this.#told.delete(connection)
  }
}
