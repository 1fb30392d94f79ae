import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { eitherOf, type Outcome } from './outcome.ts'
import { startServers, type Servers, type Topology } from './servers.ts'
import { wishesKey, type SubjectWishes } from './subject.ts'
import { keepRun, type SuiteRun } from './suite-run.ts'
import type { Database, RunPlace, SubjectName, Suite } from './suite.ts'

export interface RunWishes {
  readonly suite: Suite
  /** The source's copy, prepared. */
  readonly folder: string
  readonly subject: SubjectName
  readonly topology: Topology
}

/** Runs a suite, on servers of its own, and keeps what came of it. */
export async function runSuite(wishes: RunWishes): Promise<SuiteRun> {
  const { suite, subject, topology } = wishes
  await using servers = await startServers(suite.engine, topology)
  const begun = performance.now()
  const outcomes = await twice(async (only) => await attempt(wishes, servers, only === undefined ? {} : { only }))
  const run: SuiteRun = {
    suite: suite.name,
    subject,
    topology,
    counts: suite.counts,
    date: new Date().toISOString(),
    seconds: Math.round((performance.now() - begun) / 1_000),
    versions: { suite: suite.source.version, server: servers.version, node: process.versions.node },
    outcomes,
  }
  await keepRun(run)
  return run
}

/** Runs a few files of a suite, or the tests whose names have some part, once, and keeps nothing. */
export async function runPart(wishes: RunWishes, part: string): Promise<readonly Outcome[]> {
  await using servers = await startServers(wishes.suite.engine, wishes.topology)
  return await attempt(
    wishes,
    servers,
    wishes.suite.counts === 'files' ? { only: new Set(part.split(',')) } : { grep: part },
  )
}

async function attempt(
  { suite, folder, subject }: RunWishes,
  servers: Servers,
  narrowed: Pick<RunPlace, 'only' | 'grep'>,
): Promise<readonly Outcome[]> {
  const database = await servers.createDatabase()
  const inPlace = inPlaceOf(subject, join(folder, suite.source.bare), database)
  return await suite.run({ folder, servers, database, ...inPlace, ...narrowed })
}

/** What failed gets a second attempt, whatever the subject. */
async function twice(run: (only?: ReadonlySet<string>) => Promise<readonly Outcome[]>): Promise<readonly Outcome[]> {
  const first = await run()
  const failed = first.filter(({ status }) => status === 'failed').map(({ test }) => test)
  return failed.length === 0 ? first : eitherOf(first, await run(new Set(failed)))
}

/** What puts a subject in its place before the suite's own code is loaded. */
function inPlaceOf(subject: SubjectName, bare: string, { primary, replicas }: Database) {
  if (subject === 'bare') return { nodeOptions: [], env: {} }
  const wishes: SubjectWishes = { subject, bare, primary, replicas }
  return {
    nodeOptions: ['--import', pathToFileURL(join(import.meta.dirname, 'preload.ts')).href],
    env: { [wishesKey]: JSON.stringify(wishes) },
  }
}
