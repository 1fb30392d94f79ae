import type { CallOptions } from '../config.ts'
import type { Route } from '../routing/route.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import type { Params } from '../statement/statement.ts'
import type { ClaimBook } from './claim-book.ts'
import type { Decision } from './decision.ts'
import type { Executor } from './execute.ts'
import type { OpenShard } from './one-shard.ts'
import type { Reservations } from './reservations.ts'
import type { LeaseSource } from './transaction-core.ts'

/** What a transaction needs from its client. */
export interface TransactionHost {
  /** The options of a call, with what comments of its text say. */
  hinted(sql: string, options: CallOptions | undefined): CallOptions | undefined
  /** Routes a statement; `pinned` is the place of the open transaction, for a statement that names no table. */
  decide(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    pinned: OpenShard | undefined,
  ): Decision | Promise<Decision>
  /** The decision for a text, if it is known, hangs on no value and is accepted. */
  known(sql: string, options: CallOptions | undefined, accepts: (decision: Decision) => boolean): Decision | undefined
  explain(sql: string, params: Params, options: CallOptions | undefined, pinned: OpenShard | undefined): Route
  readonly executor: Executor
  readonly reservations: Reservations
  readonly surroundings: Surroundings
  /** Default: the pool of the decision's server. */
  readonly lease?: LeaseSource
  readonly attempts: number
  readonly queryTimeoutMs: number
  /** Made for each transaction. */
  readonly claims: () => ClaimBook
}

/** Connections from the pool of a decision's server. */
export function fromPool({ executor, surroundings }: TransactionHost): LeaseSource {
  return async (decision, access, limits) => await executor.lease(decision, access, limits, surroundings)
}
