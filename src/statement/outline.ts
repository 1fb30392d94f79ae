import type { Analysis } from './analysis.ts'

const nothing: readonly never[] = Object.freeze([])

/**
 * What all texts with one fingerprint have in common: an analysis that tells of no values, and of no places in the text. `undefined` where
 * that is not all there is to know of them.
 */
export function outlineOf(analysis: Analysis): Analysis | undefined {
  const { kind, statements, complete, leavesState } = analysis
  if (!plainKinds.has(kind) || statements !== 1 || !complete || leavesState) return undefined
  const tables = Object.freeze(analysis.tables.map((table) => Object.freeze({ ...table, spans: nothing })))
  return Object.freeze({ ...analysis, tables, values: nothing, appearances: nothing })
}

const plainKinds: ReadonlySet<Analysis['kind']> = new Set(['read', 'locking-read', 'write'])
