import { channel } from 'node:diagnostics_channel'
import type { Route } from '../../routing/route.ts'
import type { Params } from '../../statement/statement.ts'
import type { Decision } from '../decision.ts'
import type { ShardCounters } from '../shard-counters.ts'

/** What subscribers of the channel `signalbox:scatter` get, once for each read of several shards, when it has ended. */
export interface ScatterEvent {
  /** As the caller wrote it; what each shard was asked is told by `tracing:signalbox:query`. */
  readonly sql: string
  readonly params: Params
  /** The shards, and as the last of its reasons why there are several. */
  readonly route: Route
  readonly durationMs: number
  /** Rows of the answer; of a stream those that were taken. */
  readonly rowCount: number
  /** Absent if it succeeded. */
  readonly error?: unknown
}

const scatters = channel('signalbox:scatter')

/** One read of several shards, from its first question to the end of its answer. */
export class WatchedScatter {
  readonly #decision: Decision
  readonly #params: Params
  readonly #counters: ShardCounters
  readonly #begun = performance.now()
  #firstRowAt: number | undefined
  #rows = 0

  constructor(decision: Decision, params: Params, counters: ShardCounters) {
    this.#decision = decision
    this.#params = params
    this.#counters = counters
  }

  /** A stream has given a row. */
  row(): void {
    if (this.#rows === 0) this.#firstRowAt = performance.now()
    this.#rows += 1
  }

  /** Once. `rowCount`: of an answer that is whole. */
  ended({ rowCount = this.#rows, error }: { readonly rowCount?: number; readonly error?: unknown } = {}): void {
    const now = performance.now()
    this.#counters.scattered(this.#decision, (this.#firstRowAt ?? now) - this.#begun)
    if (!scatters.hasSubscribers) return
    const { sql, route } = this.#decision
    const durationMs = now - this.#begun
    const event: ScatterEvent = { sql, params: this.#params, route, durationMs, rowCount }
    scatters.publish(error === undefined ? event : { ...event, error })
  }
}
