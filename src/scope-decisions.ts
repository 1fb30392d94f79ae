import { checkCall } from './call-check.ts'
import type { ClientParts } from './client-parts.ts'
import type { CallOptions } from './config.ts'
import { DecisionCache } from './decision-cache.ts'
import type { Decision } from './execution/decision.ts'
import type { OpenShard } from './execution/one-shard.ts'
import type { RoutePreview } from './execution/route-preview.ts'
import { shardTermsOf, type ShardTerms } from './execution/shard-decision.ts'
import { underSettings } from './execution/under-settings.ts'
import type { Surrounding } from './routing/role.ts'
import type { Params } from './statement/statement.ts'

/** The decisions about the statements of one scope, which are remembered by text. Options have what comments of the text say in them already. */
export class ScopeDecisions {
  readonly #parts: ClientParts
  readonly #using: unknown
  readonly #cache: DecisionCache
  /** Options that were accepted, and that nobody can change: adapters send thousands of calls with the same ones. */
  readonly #accepted = new WeakSet<object>()

  constructor(parts: ClientParts, using: unknown) {
    this.#parts = parts
    this.#using = using
    this.#cache = new DecisionCache(parts.config.limits.analysisCacheSize)
  }

  /** Also for what was begun before `close()` and may go on to its end. */
  decide(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    open?: OpenShard,
  ): Decision | Promise<Decision> {
    // Everything that runs comes by here; the common call, without options, costs two comparisons.
    if (options !== undefined || typeof sql !== 'string' || typeof params !== 'object' || params === null)
      this.#check(sql, params, options)
    const using = options?.using ?? this.#using
    const terms = this.#shardTerms(options, open)
    const cache = this.#cacheFor(sql, options)
    const decision = this.#parts.decider.decide(sql, params, options, using, surrounding, cache, terms)
    return underSettings(decision, options, surrounding)
  }

  /** The decision for a text that has no hint, if it is known: see {@link Decider.known}. */
  known(
    sql: string,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    accepts: (decision: Decision) => boolean,
  ): Decision | undefined {
    const { decider, hints } = this.#parts
    return hints.mayBeIn(sql) ? undefined : decider.known(sql, options, surrounding, this.#cache, accepts)
  }

  #check(sql: string, params: Params, options: CallOptions | undefined): void {
    const isAccepted = options !== undefined && this.#accepted.has(options)
    checkCall(sql, params, isAccepted ? undefined : options)
    if (!isAccepted && options !== undefined && Object.isFrozen(options)) this.#accepted.add(options)
  }

  /** In an open transaction, or on a connection that is somewhere already. */
  within(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    open: OpenShard,
  ): Decision | Promise<Decision> {
    const placed = (decision: Decision): Decision | Promise<Decision> => {
      if (!this.#floats(decision, options)) return decision
      const terms = this.#shardTerms(options, open)
      const there = this.#parts.decider.decide(sql, params, options, open.on, surrounding, undefined, terms)
      return underSettings(there, options, surrounding)
    }
    const decision = this.decide(sql, params, options, surrounding, open)
    return decision instanceof Promise ? decision.then(placed) : placed(decision)
  }

  explain(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    open?: OpenShard,
  ): Decision {
    checkCall(sql, params, options)
    const using = options?.using ?? this.#using
    const terms = this.#shardTerms(options, open)
    return this.#parts.decider.explain(sql, params, options, using, surrounding, this.#cacheFor(sql, options), terms)
  }

  /** As `explain`, and what comes of the decision where something is open. */
  explainWithin(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    open: OpenShard | undefined,
  ): { readonly decision: Decision; readonly settled: () => Decision } {
    const decision = this.explain(sql, params, options, surrounding, open)
    const settled = (): Decision => {
      if (open === undefined || !this.#floats(decision, options)) return decision
      const terms = this.#shardTerms(options, open)
      return this.#parts.decider.explain(sql, params, options, open.on, surrounding, undefined, terms)
    }
    return { decision, settled }
  }

  preview(
    sql: string,
    params: Params | undefined,
    options: CallOptions | undefined,
    surrounding: Surrounding,
  ): { readonly decision: Decision; readonly route: () => RoutePreview } {
    checkCall(sql, params ?? [], options)
    const using = options?.using ?? this.#using
    const terms = this.#shardTerms(options, undefined)
    return this.#parts.decider.preview(sql, params, options, using, surrounding, terms)
  }

  /** A call may name another database than the text does, or another role: what is decided for it is no other call's. */
  #cacheFor(sql: string, options: CallOptions | undefined): DecisionCache | undefined {
    return this.#parts.hints.decidesAlone(sql, options) ? this.#cache : undefined
  }

  #shardTerms(options: CallOptions | undefined, open: OpenShard | undefined): ShardTerms {
    return shardTermsOf(this.#parts.sessions.current().shard, options, open)
  }

  /** A statement without tables belongs wherever its transaction is, not in the default database. */
  #floats({ locations }: Decision, options: CallOptions | undefined): boolean {
    return locations.length === 0 && options?.using === undefined && this.#using === undefined
  }
}
