import { QueryError } from '../errors.ts'
import type { Server } from '../topology/topology.ts'

/** The reads under way on each server, so that those on a server that hangs can go elsewhere. */
export class InFlight {
  readonly #reads = new Map<string, Set<(error: QueryError) => void>>()

  /** `read`, or a rejection once the server is given up; what it answers later is given to `drop`, which must not throw. */
  async onServer<T>(server: Server, read: Promise<T>, drop?: (late: T) => void): Promise<T> {
    let reads = this.#reads.get(server.id)
    if (reads === undefined) {
      reads = new Set()
      this.#reads.set(server.id, reads)
    }
    const { promise: givenUp, reject } = Promise.withResolvers<never>()
    reads.add(reject)
    try {
      return await Promise.race([read, givenUp])
    } catch (error) {
      // An error that comes late tells nobody anything new.
      if (drop !== undefined) read.then(drop, () => {})
      throw error
    } finally {
      reads.delete(reject)
    }
  }

  /** The server does not answer: its reads fail, and may be sent to another. */
  giveUp(server: Server, why: string): void {
    const reads = this.#reads.get(server.id)
    if (reads === undefined || reads.size === 0) return
    const error = new QueryError(
      'connection-lost',
      `${server.address} does not answer (${why}); the read was given up.`,
      {
        safeToRetry: true,
      },
    )
    for (const reject of reads) reject(error)
    reads.clear()
  }
}
