import type { Analysis } from './analysis.ts'
import { frozenAnalysis } from './frozen-analysis.ts'
import type { Dialect } from './statement.ts'

/** What is known of a text that is not understood: nothing. `why`: what stands in the way. */
export function notUnderstood(dialect: Dialect, why: string, statements = 1): Analysis {
  return frozenAnalysis({
    dialect,
    kind: 'unknown',
    why,
    tables: [],
    functions: [],
    values: [],
    appearances: [],
    statements,
    complete: false,
    leavesState: false,
  })
}
