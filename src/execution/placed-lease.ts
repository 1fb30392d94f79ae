import type { BeginOptions, DriverRequest, DriverResult, Lease, ReleaseMode } from '../drivers/driver.ts'
import { placedOn, type Decision } from './decision.ts'

/** What is to be known of a lease's use. */
export interface LeaseWatch {
  /** Before a statement is sent that may write. */
  writing(): void
  failed(error: unknown): void
  /** Once, when it is given back. */
  ended(): void
}

/** A lease of a connection to one server of a replicated shard. */
export class PlacedLease implements Lease {
  /** The decision that it was made for, with its server. */
  readonly placed: Decision
  readonly #lease: Lease
  readonly #watch: LeaseWatch

  constructor(placed: Decision, lease: Lease, watch: LeaseWatch) {
    this.placed = placed
    this.#lease = lease
    this.#watch = watch
  }

  /** Another decision of the same shard, on the lease's server. */
  place(decision: Decision): Decision {
    const { server, route } = this.placed
    return placedOn(decision, server, route.role, { rule: 'connection', text: 'the connection is one to this server' })
  }

  query(request: DriverRequest): Promise<DriverResult> {
    if (request.access !== 'read') this.#watch.writing()
    return this.#told(this.#lease.query(request))
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    if (request.access !== 'read') this.#watch.writing()
    try {
      yield* this.#lease.stream(request)
    } catch (error) {
      this.#watch.failed(error)
      throw error
    }
  }

  begin(options: BeginOptions): Promise<void> {
    return this.#told(this.#lease.begin(options))
  }

  commit(): Promise<void> {
    return this.#told(this.#lease.commit())
  }

  rollback(): Promise<void> {
    return this.#told(this.#lease.rollback())
  }

  savepoint(name: string): Promise<void> {
    return this.#told(this.#lease.savepoint(name))
  }

  rollbackTo(name: string): Promise<void> {
    return this.#told(this.#lease.rollbackTo(name))
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.#told(this.#lease.releaseSavepoint(name))
  }

  async release(mode: ReleaseMode): Promise<void> {
    try {
      await this.#lease.release(mode)
    } finally {
      this.#watch.ended()
    }
  }

  async #told<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      this.#watch.failed(error)
      throw error
    }
  }
}
