import { QueryError } from '../errors.ts'
import type { Server } from '../topology/topology.ts'

type GiveUp = (error: QueryError) => void

interface ReadsOfServer {
  readonly server: Server
  /** By how they are given up: when they began. */
  readonly begunAt: Map<GiveUp, number>
  /** When it was last asked whether it hangs. */
  askedAt: number
}

/** A read that has waited for so long has its server asked whether it hangs, … */
const patienceMs = 250
/** … and is looked for so often. */
const lookEveryMs = 100

export interface InFlightParts {
  /** Reads wait long for this server: is it well? Called at most every 250 ms for each server. */
  readonly ask: (server: Server) => void
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number
}

/** The reads under way on each server, so that those on a server that hangs can go elsewhere. */
export class InFlight {
  readonly #reads = new Map<string, ReadsOfServer>()
  readonly #ask: (server: Server) => void
  readonly #now: () => number
  #looking = false

  constructor({ ask, now = () => performance.now() }: InFlightParts) {
    this.#ask = ask
    this.#now = now
  }

  /** `read`, or a rejection once the server is given up; what it answers later is given to `drop`, which must not throw. */
  async onServer<T>(server: Server, read: Promise<T>, drop?: (late: T) => void): Promise<T> {
    const reads = this.#readsOn(server)
    const { promise: givenUp, reject } = Promise.withResolvers<never>()
    reads.set(reject, this.#now())
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
    reads.set(giveUp, this.#now())
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
    const reads = this.#reads.get(server.id)?.begunAt
    if (reads === undefined || reads.size === 0) return
    const error = new QueryError(
      'connection-lost',
      `${server.address} does not answer (${why}); the read was given up.`,
      {
        safeToRetry: true,
      },
    )
    for (const reject of reads.keys()) reject(error)
    reads.clear()
  }

  #readsOn(server: Server): Map<GiveUp, number> {
    let reads = this.#reads.get(server.id)
    if (reads === undefined) {
      reads = { server, begunAt: new Map(), askedAt: -Infinity }
      this.#reads.set(server.id, reads)
    }
    // One timer for all: one for each read would cost more than the rest of this.
    if (!this.#looking) this.#lookLater()
    return reads.begunAt
  }

  #lookLater(): void {
    this.#looking = true
    setTimeout(() => this.#look(), lookEveryMs).unref()
  }

  #look(): void {
    const now = this.#now()
    let isIdle = true
    for (const [id, reads] of this.#reads) {
      // The first is the oldest.
      const [oldest] = reads.begunAt.values()
      if (oldest === undefined) {
        this.#reads.delete(id)
        continue
      }
      isIdle = false
      if (now - Math.max(oldest, reads.askedAt) < patienceMs) continue
      reads.askedAt = now
      this.#ask(reads.server)
    }
    this.#looking = false
    if (!isIdle) this.#lookLater()
  }
}

function nothing(): void {}
