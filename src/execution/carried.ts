import type { CallOptions } from '../config.ts'
import type { Cargo, DriverRequest, Lease, UnderWay } from '../drivers/driver.ts'
import { locate } from '../errors.ts'
import type { Analysis } from '../statement/analysis.ts'
import { hasReplicas, type Database } from '../topology/topology.ts'
import { whereOf, type Decision } from './decision.ts'
import type { PoolRegistry } from './pool-registry.ts'
import { noteOrigin } from './row-origins.ts'
import { queryChannel } from './trace.ts'

/** What may be said of a statement that is carried: how it is read, what its session is, and the signal by which later attempts end. */
export type CarryOptions = Pick<CallOptions, 'dialect' | 'rowMode' | 'types' | 'settings' | 'signal' | 'untilEnded'>

/** Of a statement that has ended already. */
const over: UnderWay = Object.freeze({ stop: () => undefined })

/** The driver's own result of another attempt; or throws what the caller is to be told. */
export type Recover = (decision: Decision, request: DriverRequest, begun: number, error: unknown) => Promise<unknown>

/**
 * Carries out statements for query objects of a driver's own, without a promise for each: those of which nothing is left to be found out. What fails goes the way
 * of any other statement.
 */
export class Carrier {
  readonly #pools: PoolRegistry
  readonly #timeoutMs: number
  readonly #recover: Recover

  constructor(pools: PoolRegistry, timeoutMs: number, recover: Recover) {
    this.#pools = pools
    this.#timeoutMs = timeoutMs
    this.#recover = recover
  }

  /** Whether a statement needs no more: nobody listens, its server is in use already, and its driver can do it. */
  canCarry(decision: Decision): boolean {
    return !queryChannel.hasSubscribers && isPlain(decision) && this.#pools.opened(decision.server)?.carry !== undefined
  }

  /** `decision`: one that `canCarry` speaks for, about `sql`, or another text that differs from it in values alone. */
  carry(
    decision: Decision,
    sql: string,
    params: readonly unknown[],
    options: CarryOptions,
    cargo: Cargo,
  ): UnderWay | undefined {
    const request = this.#requestOf(decision, sql, params, options, cargo)
    const pool = this.#pools.opened(decision.server)
    if (pool?.carry === undefined) return undefined
    const begun = this.#timeoutMs > 0 ? performance.now() : 0
    const recovering = new RecoveringCargo(cargo, decision, request, options.signal, begun, this.#recover)
    try {
      return pool.carry(request, recovering)
    } catch (error) {
      // Its pool takes nothing any more.
      recovering.failed(error)
      return over
    }
  }

  /** As `carry`, on the connection of a transaction. `failed`: what an error means for that, before the caller is told. */
  carryOn(
    lease: Lease,
    decision: Decision,
    { sql, params, options, cargo }: CarriedStatement,
    failed: (error: unknown) => Promise<void>,
  ): UnderWay | undefined {
    const request = this.#requestOf(decision, sql, params, options, cargo)
    return lease.carry?.(request, new TransactionCargo(cargo, decision, failed))
  }

  #requestOf(
    { route, oneOffLike }: Decision,
    sql: string,
    params: readonly unknown[],
    { rowMode, types, settings }: CarryOptions,
    { sender }: Cargo,
  ): DriverRequest {
    const timeoutMs = this.#timeoutMs
    const access = route.effect
    return { sql, params, access, rowMode, types, settings, sender, timeoutMs, oneOffLike, untilEnded: true }
  }
}

/** What is given to be carried. */
export interface CarriedStatement {
  readonly sql: string
  readonly params: readonly unknown[]
  readonly options: CarryOptions
  readonly cargo: Cargo
  /** What else it must not be. */
  readonly takes: (analysis: Analysis) => boolean
}

/** Brings the answer to a statement of a transaction, or the error, of which nothing is tried again. */
class TransactionCargo implements Cargo {
  readonly query: object
  readonly #cargo: Cargo
  readonly #decision: Decision
  readonly #noted: (error: unknown) => Promise<void>

  constructor(cargo: Cargo, decision: Decision, noted: (error: unknown) => Promise<void>) {
    this.query = cargo.query
    this.#cargo = cargo
    this.#decision = decision
    this.#noted = noted
  }

  answered(native: unknown): void {
    const rows = rowsOf(native)
    if (rows.length > 0) noteOrigin(rows, this.#decision.route.database)
    this.#cargo.answered(native)
  }

  failed(error: unknown): void {
    void this.#failed(error)
  }

  async #failed(error: unknown): Promise<void> {
    await this.#noted(error)
    this.#cargo.failed(locate(error, whereOf(this.#decision)))
  }
}

/** Whether nothing is to be chosen for statements of a database: it is one server. */
export function isOneServer(database: Database): boolean {
  return database.shards.length === 1 && !hasReplicas(database)
}

/** Whether it runs as it is on the one server that there is, whatever its values are, and nobody asks what became of it but its caller. */
function isPlain({ database, analysis, plan, lookupUse, route, forbidden }: Decision): boolean {
  return (
    analysis.kind !== 'transaction' &&
    analysis.statements === 1 &&
    plan === undefined &&
    lookupUse === undefined &&
    forbidden === undefined &&
    route.sql === undefined &&
    isOneServer(database)
  )
}

/** Brings the answer, and in place of an error what comes of the attempts that are left. */
class RecoveringCargo implements Cargo {
  readonly query: object
  readonly #cargo: Cargo
  readonly #decision: Decision
  readonly #request: DriverRequest
  /** By which later attempts end, too. */
  readonly #signal: AbortSignal | undefined
  /** When it was sent, if its time is limited. */
  readonly #begun: number
  readonly #recover: Recover

  constructor(
    cargo: Cargo,
    decision: Decision,
    request: DriverRequest,
    signal: AbortSignal | undefined,
    begun: number,
    recover: Recover,
  ) {
    this.query = cargo.query
    this.#cargo = cargo
    this.#decision = decision
    this.#request = request
    this.#signal = signal
    this.#begun = begun
    this.#recover = recover
  }

  answered(native: unknown): void {
    const rows = rowsOf(native)
    if (rows.length > 0) noteOrigin(rows, this.#decision.route.database)
    this.#cargo.answered(native)
  }

  failed(error: unknown): void {
    void this.#failed(error)
  }

  async #failed(error: unknown): Promise<void> {
    const { sql } = this.#request
    const own = sql === this.#decision.sql ? this.#decision : { ...this.#decision, sql }
    let native: unknown
    try {
      native = await this.#recover(own, { ...this.#request, signal: this.#signal }, this.#begun, error)
    } catch (last) {
      this.#cargo.failed(last)
      return
    }
    this.#cargo.answered(native)
  }
}

const none: readonly unknown[] = []

/** Of a driver's own result: `pg` has an object that they are in, mysql2 a pair of them, or of a header, and the columns. */
function rowsOf(native: unknown): readonly unknown[] {
  const rows: unknown = Array.isArray(native) ? native[0] : (native as { readonly rows?: unknown }).rows
  return Array.isArray(rows) ? rows : none
}
