import { QueryError } from '../errors.ts'
import type { Server } from '../topology/topology.ts'

/** The reads under way on each server, so that those on a server that hangs can go elsewhere. */
export class InFlight {
  readonly #reads = new Map<string, Set<(error: QueryError) => void>>()

  /** `read`, or a rejection once the server is given up; what it answers later is given to `drop`, which must not throw. */
  async onServer<T>(server: Server, read: Promise<T>, drop?: (late: T) => void): Promise<T> {
    const reads = this.#readsOn(server)
    const { promise: givenUp, reject } = Promise.withResolvers<never>()
    reads.add(reject)
    try {
      return await Promise.race([read, givenUp])
    } catch (error) {
      // An error that comes late tells nobody anything new.
      if (drop !== undefined) read.then(drop, nothing)
      throw error
    } finally {
      reads.delete(reject)
    }
  }

  /** `rows`, or an error once the server is given up while some are still to come. */
  async *rowsOf<T>(server: Server, rows: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    let error: QueryError | undefined
    let fail: ((reason: QueryError) => void) | undefined
    const giveUp = (reason: QueryError): void => {
      error = reason
      fail?.(reason)
    }
    const reads = this.#readsOn(server)
    reads.add(giveUp)
    try {
      for (;;) {
        if (error !== undefined) throw error
        const step = await new Promise<IteratorResult<T, void>>((resolve, reject) => {
          fail = reject
          rows.next().then(resolve, reject)
        })
        if (step.done === true) return
        yield step.value
      }
    } finally {
      reads.delete(giveUp)
      const closed = rows.return()
      // One that waits for its server ends when that answers, if ever.
      if (error === undefined) await closed
      else closed.catch(nothing)
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

  #readsOn(server: Server): Set<(error: QueryError) => void> {
    let reads = this.#reads.get(server.id)
    if (reads === undefined) {
      reads = new Set()
      this.#reads.set(server.id, reads)
    }
    return reads
  }
}

function nothing(): void {}
