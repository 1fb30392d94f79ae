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
export const knownDifferences: readonly KnownDifference[] = [
  {
    suite: 'node-postgres',
    subject: 'pg',
    tests: 'test/integration/client/appname-tests.js',
    reason: 'it expects that connections have no name by default; those of Signalbox are called `signalbox`.',
  },
  {
    suite: 'node-postgres',
    subject: 'pg',
    tests: 'test/integration/client/query-error-handling-prepared-statement-tests.js',
    reason:
      'it finds its statement in `pg_stat_activity`, where the connection of an earlier client still shows the same text: the end of a client ends no connection.',
  },
  {
    suite: 'node-postgres',
    subject: 'pg',
    tests: 'test/integration/connection-pool/error-tests.js',
    reason:
      'it ends all idle connections and expects an error on a client that does nothing: while a client does nothing it is on no connection.',
  },
]

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
