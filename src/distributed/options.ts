import type { PendingBranch } from './coordinator.ts'

/** Where decisions about distributed transactions are written: an alias of one shard, and a table there. */
export type LogTarget<A extends string = string> = A | { readonly database: A; readonly table?: string }

/** Which database keeps the decisions about distributed transactions. */
export interface LogOptions<A extends string = string> {
  /** PostgreSQL, MySQL or MariaDB. All processes, and all recoveries, must name the same. Default: `transactionLog` of the configuration. */
  readonly log?: LogTarget<A>
}

/** How a distributed transaction is run. */
export interface DistributedOptions<A extends string = string> extends LogOptions<A> {
  /** Time limit of each statement in milliseconds. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
  /**
   * Called if it is decided that the transaction is committed, and some branch cannot be committed yet, because its server is
   * gone: a recovery does it. Until then its rows show the old state, and stay locked.
   */
  readonly onPending?: (pending: readonly PendingBranch[]) => void
}

/** What a recovery of distributed transactions ends, and what it leaves. */
export interface RecoverOptions<A extends string = string> extends LogOptions<A> {
  /** Undecided transactions of this age are rolled back: milliseconds from 0 to 86400000, default 60000. */
  readonly olderThanMs?: number
  /**
   * Decisions to commit stay in the log for so long: milliseconds from 0 to 31536000000, default 3600000. Longer than a process that
   * has lost the answer of the log may take to ask again; otherwise it may report as rolled back what was committed.
   */
  readonly keepMs?: number
}
