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
  /** Their hashes, since texts may be long and are many: two that have the same one only mean that a text is remembered which need not be. */
  readonly #recent: number[] = []
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
    made.#note(hashOf(sql))
    return made
  }

  /** For another text with the fingerprint. */
  of(sql: string): Decision {
    const hash = hashOf(sql)
    const isOneOff = !this.#recent.includes(hash)
    if (isOneOff) this.#note(hash)
    return { ...this.#common, sql, isOneOff }
  }

  #note(hash: number): void {
    this.#recent[this.#next] = hash
    this.#next = (this.#next + 1) % mostRecent
  }
}

/** FNV-1a over the UTF-16 units, 32 bits (https://datatracker.ietf.org/doc/html/draft-eastlake-fnv). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}
