import type { Analysis } from './analysis.ts'
import type { Dialect } from './statement.ts'

/**
 * Turns SQL text of one dialect into an {@link Analysis}.
 *
 * Contract: never throws, whatever the input; runs in time and memory bounded by `maxBytes`; the same text gives an
 * equal answer; what is not understood has the kind `unknown`; never calls a statement a `read` that the engine would
 * refuse in a read-only transaction because of its syntax.
 */
export interface Analyzer {
  readonly dialect: Dialect
  analyze(sql: string): Analysis
}

/** Limits of an analysis. */
export interface AnalyzerLimits {
  /** Texts longer than this many UTF-16 units are decided on their head: never a `read`, `complete: false`. */
  readonly maxLength: number
}

export const defaultAnalyzerLimits: AnalyzerLimits = { maxLength: 131_072 }
