import type { Analysis, FunctionUse } from '../statement/analysis.ts'
import type { FunctionSafety } from '../statement/function-catalogue.ts'
import type { Effect, Reason } from './route.ts'

/** What a statement may do to data, and why. What is not understood may do everything. */
export function effectOf(
  analysis: Analysis,
  safetyOf: (fn: FunctionUse) => FunctionSafety,
): { effect: Effect; reason: Reason } {
  const { kind, why } = analysis
  if (analysis.leavesState || kind === 'session') {
    return decision(
      'session',
      'session-state',
      `${why}: it changes its connection, which is reset before others use it`,
    )
  }
  if (kind === 'unknown') {
    return decision(
      'session',
      'not-understood',
      `${why}: not understood, so it counts as a write that may change its connection`,
    )
  }
  if (kind !== 'read') return decision('write', kind, why)
  for (const fn of analysis.functions) {
    const safety = safetyOf(fn)
    if (safety === 'safe') continue
    const name = fn.schema === undefined ? fn.name : `${fn.schema}.${fn.name}`
    return safety === 'volatile'
      ? decision(
          'write',
          'volatile-function',
          `it calls ${name}(), which may change data (declare it in harmlessFunctions if it does not)`,
        )
      : decision(
          'write',
          'unknown-function',
          `it calls ${name}(), which is not known to be harmless (declare it in harmlessFunctions if it is)`,
        )
  }
  return decision('read', 'read', why)
}

function decision(effect: Effect, rule: string, text: string): { effect: Effect; reason: Reason } {
  return { effect, reason: { rule, text } }
}
