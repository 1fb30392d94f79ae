import type { QueuedQuery } from './native-pg.ts'
import type { Cargo } from './session-statement.ts'

/** Who is told of the ends of all queries of one client that are carried. */
export interface CarriedEnd {
  answered(query: QueuedQuery, native: unknown): void
  failed(query: QueuedQuery, error: unknown): void
}

/** One query that takes its answer on a connection of somebody else's. */
export class QueryCargo implements Cargo {
  readonly query: QueuedQuery
  readonly #end: CarriedEnd

  constructor(query: QueuedQuery, end: CarriedEnd) {
    this.query = query
    this.#end = end
  }

  answered(native: unknown): void {
    this.#end.answered(this.query, native)
  }

  failed(error: unknown): void {
    this.#end.failed(this.query, error)
  }
}
