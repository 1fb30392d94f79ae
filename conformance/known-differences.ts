import type { Difference } from './comparison.ts'
import type { Topology } from './servers.ts'
import type { SubjectName } from './suite.ts'

/** A test that comes to something else through Signalbox, and why that is meant. */
export interface KnownDifference {
  readonly suite: string
  readonly subject: SubjectName
  /** Default: both. */
  readonly topology?: Topology
  /** What the names of the tests begin with. */
  readonly tests: string
  readonly reason: string
}

/** Each of them stands, with its reason, in docs/conformance.md; one that occurs no more is to be removed. */
export const knownDifferences: readonly KnownDifference[] = []

export interface Sorted {
  readonly expected: readonly KnownDifference[]
  readonly unexpected: readonly Difference[]
  /** Known, and not met in this run. */
  readonly missing: readonly KnownDifference[]
}

/** Which differences of a run are known, and which are news. */
export function sorted(
  lost: readonly Difference[],
  run: { readonly suite: string; readonly subject: SubjectName; readonly topology: Topology },
  known: readonly KnownDifference[] = knownDifferences,
): Sorted {
  const fitting = known.filter(
    ({ suite, subject, topology = run.topology }) =>
      suite === run.suite && subject === run.subject && topology === run.topology,
  )
  const covers = ({ tests }: KnownDifference, { test }: Difference) => test.startsWith(tests)
  return {
    expected: fitting.filter((each) => lost.some((difference) => covers(each, difference))),
    unexpected: lost.filter((difference) => !fitting.some((each) => covers(each, difference))),
    missing: fitting.filter((each) => !lost.some((difference) => covers(each, difference))),
  }
}
