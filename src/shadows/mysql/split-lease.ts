import type { BeginOptions, CommitFate, DriverRequest, DriverResult, Lease, ReleaseMode } from '../../drivers/driver.ts'
import type { Position } from '../../topology/position.ts'
import type { Place } from './place-of.ts'

/** What a lease needs to know of its shadow. */
export interface SplitTerms {
  /** Throws `ShadowError`. */
  readonly placeOf: (request: DriverRequest) => Place
  /** A connection to the base, for reads alone. */
  readonly leaseBase: (request: DriverRequest) => Promise<Lease>
}

/** A connection to the local database, and, from the first statement that needs it, one to the base. */
export class SplitLease implements Lease {
  readonly #local: Lease
  readonly #terms: SplitTerms
  #base: Promise<Lease> | undefined
  #begun: BeginOptions | undefined

  constructor(local: Lease, terms: SplitTerms) {
    this.#local = local
    this.#terms = terms
  }

  get committed(): Position | undefined {
    return this.#local.committed
  }

  async query(request: DriverRequest): Promise<DriverResult> {
    const lease = await this.#leaseFor(request)
    return await lease.query(request)
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    const lease = await this.#leaseFor(request)
    yield* lease.stream(request)
  }

  async begin(options: BeginOptions): Promise<void> {
    await this.#local.begin(options)
    this.#begun = options
  }

  async commit(): Promise<void> {
    await this.#endBase()
    await this.#local.commit()
  }

  async commitFate(there: Lease): Promise<CommitFate> {
    const fate = await this.#local.commitFate?.(there)
    return fate ?? { kind: 'open', why: 'the engine cannot tell', final: true }
  }

  async rollback(): Promise<void> {
    await this.#endBase()
    await this.#local.rollback()
  }

  async savepoint(name: string): Promise<void> {
    await this.#local.savepoint(name)
  }

  async rollbackTo(name: string): Promise<void> {
    await this.#local.rollbackTo(name)
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#local.releaseSavepoint(name)
  }

  async release(mode: ReleaseMode): Promise<void> {
    await this.#endBase()
    await this.#local.release(mode)
  }

  async #leaseFor(request: DriverRequest): Promise<Lease> {
    if (this.#terms.placeOf(request) === 'local') return this.#local
    this.#base ??= this.#openBase(request)
    return await this.#base
  }

  /** A transaction sees the base as it was when it first read it, as its isolation says. */
  async #openBase(request: DriverRequest): Promise<Lease> {
    const lease = await this.#terms.leaseBase(request)
    try {
      if (this.#begun !== undefined) await lease.begin({ ...this.#begun, readOnly: true })
      return lease
    } catch (error) {
      // The error of BEGIN is the one to be told.
      await lease.release('destroy').catch(() => undefined)
      throw error
    }
  }

  /** How that goes says nothing about what was read there, and nothing about the local transaction. */
  async #endBase(): Promise<void> {
    const opening = this.#base
    const begun = this.#begun
    this.#base = undefined
    this.#begun = undefined
    // Where it could not be opened, the statement that asked for it was told why, and nothing is held.
    const lease = await opening?.catch(() => undefined)
    if (lease === undefined) return
    const isOver = begun === undefined || (await hasRolledBack(lease))
    await lease.release(isOver ? 'clean' : 'destroy').catch(() => undefined)
  }
}

/** Nothing was changed on it, so that an error says one thing alone: the connection must not be used again. */
async function hasRolledBack(lease: Lease): Promise<boolean> {
  try {
    await lease.rollback()
    return true
  } catch {
    return false
  }
}
