import type { Engine } from '../topology/server-target.ts'
import type { Role } from '../topology/topology.ts'

/** One step of a decision. `rule` is stable, for programs; `text` is for people. */
export interface Reason {
  readonly rule: string
  readonly text: string
}

/** What the statement may do to data, after the functions that it calls have been looked up. */
export type Effect = 'read' | 'write' | 'session'

/** Where a statement runs, and why. Frozen. */
export interface Route {
  readonly database: string
  /** The engine of the database, whose dialect the text must be in. */
  readonly engine: Engine
  readonly shards: readonly string[]
  readonly role: Role
  /** The address of the server that ran it; absent until one was picked, and where there is only one. */
  readonly server?: string
  readonly effect: Effect
  /**
   * Of a read of several shards: each shard answers for itself, so that what is written meanwhile may be in one part of the answer
   * and not in another. Absent where one server answers.
   */
  readonly consistency?: 'perShard'
  /** In the order of the decision. */
  readonly reasons: readonly Reason[]
  /** The text to send, where it differs from the one given (tables qualified with their schema). */
  readonly sql?: string
}
