import type { Analysis } from './analysis.ts'

/**
 * Freezes an analysis and all that hangs from it, since everybody who sends the same text shares it. It is no deeper than its types say;
 * appearances are frozen where they are made.
 */
export function frozenAnalysis(analysis: Analysis): Analysis {
  for (const table of analysis.tables) {
    for (const span of table.spans) Object.freeze(span)
    Object.freeze(table.spans)
    Object.freeze(table)
  }
  for (const use of analysis.functions) Object.freeze(use)
  for (const entry of analysis.values) {
    for (const value of entry.values) Object.freeze(value)
    Object.freeze(entry.values)
    Object.freeze(entry)
  }
  Object.freeze(analysis.tables)
  Object.freeze(analysis.functions)
  Object.freeze(analysis.values)
  return Object.freeze(analysis)
}
