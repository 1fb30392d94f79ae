import { AlikeDecisions } from './execution/alike-decisions.ts'
import type { Decision } from './execution/decision.ts'
import type { Surrounding } from './routing/role.ts'
import { BoundedMap } from './statement/bounded-map.ts'
import type { Dialect } from './statement/statement.ts'

/** So many fingerprints are looked at before that of a text is made. */
const mostAtHand = 8

/** Gives the fingerprint of a text. */
export type Fingerprinting = (sql: string) => string | undefined

/** Decisions that were made before, about statements in one surrounding. */
export class KnownDecisions {
  readonly #byText: BoundedMap<string, Decision>
  readonly #byFingerprint: BoundedMap<string, AlikeDecisions>
  /** Those that were found lately. */
  readonly #atHand: AlikeDecisions[] = []
  /** Of the text that was looked for last. */
  #values = 0

  /** `limit`: texts, and fingerprints, that are remembered. */
  constructor(limit: number) {
    this.#byText = new BoundedMap(limit)
    this.#byFingerprint = new BoundedMap(limit)
  }

  get(sql: string): Decision | undefined {
    return this.#byText.get(sql)
  }

  /** For a text that is not known, what holds for all with its fingerprint. */
  alike(sql: string, fingerprintOf: Fingerprinting): Decision | undefined {
    const decision = this.#find(sql, fingerprintOf)?.of(sql, this.#values)
    if (decision !== undefined && decision.oneOffLike === undefined) this.#byText.set(sql, decision)
    return decision
  }

  /** As `alike`, of texts that are not to be remembered, without making anything for each. */
  ofOneOff(sql: string, fingerprintOf: Fingerprinting, accepts: (decision: Decision) => boolean): Decision | undefined {
    return this.#find(sql, fingerprintOf)?.ofOneOff(this.#values, accepts)
  }

  keep(sql: string, fingerprint: string | undefined, decision: Decision): void {
    this.#byText.set(sql, decision)
    if (fingerprint === undefined) return
    const alike = AlikeDecisions.from(decision, fingerprint)
    if (alike !== undefined) this.#byFingerprint.set(fingerprint, alike)
  }

  /** Most texts are like one of those that came lately, which takes less to find out than its fingerprint. */
  #find(sql: string, fingerprintOf: Fingerprinting): AlikeDecisions | undefined {
    const atHand = this.#atHand
    for (let n = 0; n < atHand.length; n += 1) {
      const alike = atHand[n]!
      if (!this.#isLike(alike, sql)) continue
      if (n > 0) [atHand[n - 1], atHand[n]] = [alike, atHand[n - 1]!]
      return alike
    }
    const fingerprint = fingerprintOf(sql)
    const alike = fingerprint === undefined ? undefined : this.#byFingerprint.get(fingerprint)
    if (alike === undefined || !this.#isLike(alike, sql)) return undefined
    if (atHand.length >= mostAtHand) atHand.pop()
    atHand.push(alike)
    return alike
  }

  #isLike(alike: AlikeDecisions, sql: string): boolean {
    const values = alike.valuesOf(sql)
    if (values === undefined) return false
    this.#values = values
    return true
  }
}

/** Decisions for callers who always ask with the same `using`. */
export class DecisionCache {
  readonly #limit: number
  readonly #known = new Map<string | undefined, KnownDecisions>()
  #version = -1

  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Those made of texts that are known to be in this dialect, or of texts whose dialect routing found out itself, in
   * these surroundings.
   */
  of(dialect: Dialect | undefined, version: number, surrounding: Surrounding): KnownDecisions {
    if (this.#version !== version) {
      this.#known.clear()
      this.#version = version
    }
    const key = surrounding === 'autocommit' ? dialect : `${dialect ?? ''} ${surrounding}`
    let known = this.#known.get(key)
    if (known === undefined) {
      known = new KnownDecisions(this.#limit)
      this.#known.set(key, known)
    }
    return known
  }
}
