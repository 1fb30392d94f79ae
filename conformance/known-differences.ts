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
  /** The test is a race: it may also come to the same. Default false. */
  readonly sometimes?: boolean
}

const firstAnswer =
  'it expects that a program has its first answer 50 ms after its start, before its second query. The first statement of a process takes about 100 ms longer: the code of the driver and the grammar are read then.'

const onAnother =
  'it looks for its statement among those that one server runs; the question is a read, and may go to a replica, while the statement runs on another server.'

const knexTimeouts = (driver: string): string =>
  `test/integration2/query/misc/additional.spec.js › Additional › ${driver} › timeouts › .timeout(ms, {cancel: true})`

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
  {
    suite: 'pg-pool',
    subject: 'pg',
    tests: 'test/sizing.js › pool size of 1 › can only send 1 query at a time',
    sometimes: true,
    reason:
      'it counts the connections whose last statement was its own. A pool of 1 has one call at a time; which of the connections behind it takes the call is another matter.',
  },
  {
    suite: 'pg-pool',
    subject: 'pg',
    tests: 'test/idle-timeout.js › idle timeout › can remove idle clients and recreate them',
    sometimes: true,
    reason:
      'it expects after 2 ms that a client is gone that may be idle for 1 ms. While statements run Signalbox has a timer of 1 ms, and Node.js keeps all timers of one length in one list: then that of the pool may come 1 ms later.',
  },
  {
    suite: 'pg-pool',
    subject: 'pg',
    tests: 'test/idle-timeout.js › idle timeout › keeps old behavior when allowExitOnIdle option is not set',
    sometimes: true,
    reason: firstAnswer,
  },
  {
    suite: 'pg-pool',
    subject: 'pg',
    topology: 'replicas',
    tests:
      'test/idle-timeout.js › idle timeout › unrefs the connections and timeouts so the program can exit when idle',
    sometimes: true,
    reason: firstAnswer,
  },
  {
    suite: 'knex-postgres',
    subject: 'pg',
    topology: 'replicas',
    tests: `${knexTimeouts('postgres')} should cancel slow query even if connection pool is exhausted`,
    sometimes: true,
    reason: onAnother,
  },
  {
    suite: 'knex-mysql',
    subject: 'mysql2',
    topology: 'replicas',
    tests: `${knexTimeouts('mysql2')} should cancel slow query even if connection pool is exhausted`,
    sometimes: true,
    reason: onAnother,
  },
  {
    suite: 'knex-mysql',
    subject: 'mysql2',
    topology: 'replicas',
    tests: `${knexTimeouts('mysql2')} should release connections after failing if connection cancellation throws an error`,
    reason:
      'it gives a connection of its pool 100 ms to be made. Knex asks for the version and sets the mode of the session meanwhile: two reads, of which each waits for up to 50 ms (`waitMs`) for a replica that has what the test before has written, and these are a second behind.',
  },
  {
    suite: 'node-mysql2',
    subject: 'mysql2',
    tests: 'test/integration/connection/test-error-events.test.mjs',
    reason:
      'it expects that a wrong password is noticed: the settings lead to a server of the client, whose own password counts.',
  },
  ...['test-execute-cached', 'test-reset-connection'].map((name) => ({
    suite: 'node-mysql2',
    subject: 'mysql2' as const,
    tests: `test/integration/connection/${name}.test.mjs`,
    reason:
      'it looks for a statement in the private cache of its connection: statements are prepared, and kept, on the connections where they run.',
  })),
  ...['connection/test-parameters-questionmark', 'regressions/test-#4126', 'pool/test-pool-reset-on-release'].map(
    (name) => ({
      suite: 'node-mysql2',
      subject: 'mysql2' as const,
      tests: `test/integration/${name}.test.mjs`,
      reason:
        'it makes a temporary table or sets a variable by one call of a pool of 1, and expects it in the next call. What belongs to a connection goes when that is given back to its pool. (The last one also looks into the private cache of statements.)',
    }),
  ),
  {
    suite: 'node-mysql2',
    subject: 'mysql2',
    tests: 'test/integration/test-pool-disconnect.test.mjs',
    reason:
      'its KILL is one of two statements of a text. Such a text goes to the server as it is, where the id is nobody’s; alone in its text a KILL would stop the connection that is meant.',
  },
  {
    suite: 'node-mysql2',
    subject: 'mysql2',
    tests: 'test/integration/test-pool-getconnection-contract.test.mjs',
    reason:
      'it expects that `getConnection` of a pool is the very function of a private class, which here has its own.',
  },
  {
    suite: 'kysely-postgres',
    subject: 'kysely',
    tests:
      "test/node/dist/cancellation.test.js › postgres: cancellation › should kill session on database side when inflightQueryAbortStrategy is 'kill session'",
    reason:
      "the statement is stopped; but then it expects an error on the pool of Kysely's own dialect, whose connection was killed. Here the statement is cancelled and its transaction given up, which kills no connection.",
  },
  {
    suite: 'kysely-mysql',
    subject: 'kysely',
    tests:
      'test/node/dist/migration.test.js › mysql: migration › migrateUp › should refuse to run migrations using a provided transaction due to lack of support for transactional DDL',
    reason:
      'it is refused, but by Signalbox, and so with another text: before Kysely looks, it creates its tables, which on MySQL would commit the transaction.',
  },
  ...[
    'delete.test.js › sqlite: delete › should order and limit the amount of deleted rows and return',
    'update.test.js › sqlite: update › should order and limit the amount of updated rows and return',
  ].map((test) => ({
    suite: 'kysely-sqlite',
    subject: 'kysely' as const,
    tests: `test/node/dist/${test}`,
    reason:
      "the SQLite in Node.js is built without `SQLITE_ENABLE_UPDATE_DELETE_LIMIT`, that of the suite's own driver with it.",
  })),
  {
    suite: 'kysely-sqlite',
    subject: 'kysely',
    tests: 'test/node/dist/json.test.js › sqlite: json helpers › should dehydrate Buffer to string in jsonArrayFrom',
    reason:
      "`node:sqlite` gives blobs as `Uint8Array`, the suite's own driver as `Buffer`; Signalbox leaves the driver's values as they are.",
  },
  {
    suite: 'kysely-sqlite',
    subject: 'kysely',
    tests: 'test/node/dist/transaction.test.js › sqlite: transaction › should retain the full stack trace',
    reason: "it expects the error class of the suite's own driver; errors here are those of `node:sqlite`.",
  },
]

export interface Sorted<D> {
  readonly expected: readonly KnownDifference[]
  readonly unexpected: readonly D[]
  /** Known, and not met in this run. */
  readonly missing: readonly KnownDifference[]
}

/** Which differences of a run are known, and which are news. */
export function sorted<D extends Pick<Difference, 'test'>>(
  lost: readonly D[],
  run: { readonly suite: string; readonly subject: SubjectName; readonly topology: Topology },
  known: readonly KnownDifference[] = knownDifferences,
): Sorted<D> {
  const fitting = known.filter(
    ({ suite, subject, topology = run.topology }) =>
      suite === run.suite && subject === run.subject && topology === run.topology,
  )
  const covers = ({ tests }: KnownDifference, { test }: D) => test.startsWith(tests)
  return {
    expected: fitting.filter((each) => lost.some((difference) => covers(each, difference))),
    unexpected: lost.filter((difference) => !fitting.some((each) => covers(each, difference))),
    missing: fitting.filter((each) => each.sometimes !== true && !lost.some((difference) => covers(each, difference))),
  }
}
