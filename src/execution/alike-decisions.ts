import { outlineOf } from '../statement/outline.ts'
import type { Decision } from './decision.ts'

/** As many texts with one fingerprint are told from those that come once. */
const mostRecent = 8

/**
 * What was decided for all texts with one fingerprint. A text that comes back soon is one of a program's own, and worth preparing; tools that
 * write values into their texts send each of them once.
 */
export class AlikeDecisions {
  readonly #common: Decision
  readonly #recent: string[] = []
  #next = 0

  private constructor(common: Decision) {
    this.#common = common
  }

  /** From the decision for one of the texts; `undefined` if it may be another one for other values. */
  static from(decision: Decision): AlikeDecisions | undefined {
    const { plan, lookupUse, route, database, sql } = decision
    if (plan !== undefined || lookupUse !== undefined || route.sql !== undefined || database.shadow !== undefined)
      return undefined
    const analysis = outlineOf(decision.analysis)
    if (analysis === undefined) return undefined
    const made = new AlikeDecisions({ ...decision, analysis })
    made.#note(sql)
    return made
  }

  /** For another text with the fingerprint. */
  of(sql: string): Decision {
    const isOneOff = !this.#recent.includes(sql)
    if (isOneOff) this.#note(sql)
    return { ...this.#common, sql, isOneOff }
  }

  #note(sql: string): void {
    this.#recent[this.#next] = sql
    this.#next = (this.#next + 1) % mostRecent
  }
}
