import { AlikeDecisions } from './execution/alike-decisions.ts'
import type { Decision } from './execution/decision.ts'
import type { Surrounding } from './routing/role.ts'
import { BoundedMap } from './statement/bounded-map.ts'
import type { Dialect } from './statement/statement.ts'

/** Decisions that were made before, about statements in one surrounding. */
export class KnownDecisions {
  readonly #byText: BoundedMap<string, Decision>
  readonly #byFingerprint: BoundedMap<string, AlikeDecisions>

  /** `limit`: texts, and fingerprints, that are remembered. */
  constructor(limit: number) {
    this.#byText = new BoundedMap(limit)
    this.#byFingerprint = new BoundedMap(limit)
  }

  get(sql: string): Decision | undefined {
    return this.#byText.get(sql)
  }

  /** For a text that is not known, what holds for all with its fingerprint. */
  alike(sql: string, fingerprint: string): Decision | undefined {
    const decision = this.#byFingerprint.get(fingerprint)?.of(sql)
    if (decision !== undefined && decision.isOneOff !== true) this.#byText.set(sql, decision)
    return decision
  }

  keep(sql: string, fingerprint: string | undefined, decision: Decision): void {
    this.#byText.set(sql, decision)
    const alike = fingerprint === undefined ? undefined : AlikeDecisions.from(decision)
    if (fingerprint !== undefined && alike !== undefined) this.#byFingerprint.set(fingerprint, alike)
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
