import { outlineOf } from '../statement/outline.ts'
import { TextTemplate } from '../statement/text-template.ts'
import type { Decision } from './decision.ts'

/** As many texts with one fingerprint are told from those that come once. */
const mostRecent = 8

/**
 * What was decided for all texts with one fingerprint. A text that comes back soon is one of a program's own, and worth preparing; tools that
 * write values into their texts send each of them once.
 */
export class AlikeDecisions {
  readonly #common: Decision
  readonly #ofOneOffs: Decision
  readonly #template: TextTemplate
  /** Hashes of their values, since these may be long and are many: two that have the same one only mean that a text is remembered which need not be. */
  readonly #recent: number[] = []
  #next = 0

  private constructor(common: Decision, fingerprint: string, template: TextTemplate) {
    this.#common = common
    this.#ofOneOffs = { ...common, oneOffLike: fingerprint }
    this.#template = template
  }

  /** From the decision for one of the texts; `undefined` if it may be another one for other values. */
  static from(decision: Decision, fingerprint: string): AlikeDecisions | undefined {
    const { plan, lookupUse, route, database, sql } = decision
    if (plan !== undefined || lookupUse !== undefined || route.sql !== undefined || database.shadow !== undefined)
      return undefined
    const analysis = outlineOf(decision.analysis)
    const template = TextTemplate.from(fingerprint, sql)
    if (analysis === undefined || template === undefined) return undefined
    const made = new AlikeDecisions({ ...decision, analysis }, fingerprint, template)
    made.#isNew(template.valuesOf(sql) ?? 0)
    return made
  }

  /** A hash of the values of a text; `undefined` if it does not have the fingerprint. */
  valuesOf(sql: string): number | undefined {
    return this.#template.valuesOf(sql)
  }

  /** For a text with these values. */
  of(sql: string, values: number): Decision {
    return { ...(this.#isNew(values) ? this.#ofOneOffs : this.#common), sql }
  }

  /** For a text with these values, if it was not seen lately, and what holds for all is accepted: made once, with the text of the first one. */
  ofOneOff(values: number, accepts: (decision: Decision) => boolean): Decision | undefined {
    if (!accepts(this.#ofOneOffs) || this.#recent.includes(values)) return undefined
    this.#note(values)
    return this.#ofOneOffs
  }

  #isNew(values: number): boolean {
    const isNew = !this.#recent.includes(values)
    if (isNew) this.#note(values)
    return isNew
  }

  #note(values: number): void {
    this.#recent[this.#next] = values
    this.#next = (this.#next + 1) % mostRecent
  }
}
