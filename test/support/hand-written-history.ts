import { type CheckOptions, checkHistory, type Report } from '../../src/testing/history/check.ts'
import { type AppliedIncrement, initialOpId, type Operation } from '../../src/testing/history/operation.ts'
import type { ViolationKind } from '../../src/testing/history/violation.ts'

type More = Partial<Pick<Operation, 'begin' | 'end' | 'server' | 'outcome' | 'error'>>

const blank = { begin: -1, end: -1, startedMs: 0, endedMs: 0 }

// Histories written by hand: op ids like `a1` by session `A`; each operation takes its place in the list, one after the other.
export function write(session: string, key: string, opId: string, version: number, more: More = {}): Operation {
  return { ...blank, kind: 'write', session, key, opId, version, outcome: 'ok', ...more }
}
export function increment(session: string, key: string, opId: string, version: number): Operation {
  return { ...blank, kind: 'increment', session, key, opId, version, outcome: 'ok' }
}
export function unsure(
  session: string,
  key: string,
  opId: string,
  outcome: 'failed' | 'unknown' = 'unknown',
): Operation {
  return { ...blank, kind: 'write', session, key, opId, outcome }
}
export function read(session: string, key: string, opId: string, version: number, more: More = {}): Operation {
  return { ...blank, kind: 'read', session, key, value: { version, opId }, outcome: 'ok', ...more }
}
export function readNothing(session: string, key: string): Operation {
  return { ...blank, kind: 'read', session, key, outcome: 'ok' }
}

export type Final = Record<string, readonly [opId: string, version: number]>

export function check(
  steps: readonly Operation[],
  final?: Final,
  applied?: readonly AppliedIncrement[],
  options?: CheckOptions,
): Report {
  const operations = steps.map((step, index) =>
    step.begin === -1 ? { ...step, begin: index * 10, end: index * 10 + 5 } : step,
  )
  if (final === undefined) return checkHistory({ operations }, options)
  const values = new Map(Object.entries(final).map(([key, [opId, version]]) => [key, { opId, version }]))
  return checkHistory({ operations, final: { values, ...(applied && { applied }) } }, options)
}

/** Kinds with their counts, without zeros. */
export function found(report: Report): Partial<Record<ViolationKind, number>> {
  return Object.fromEntries(Object.entries(report.counts).filter(([, count]) => count > 0))
}

export const beforeAll = initialOpId
