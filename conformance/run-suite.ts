import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { eitherOf, type Outcome } from './outcome.ts'
import { startServers, type Topology } from './servers.ts'
import { wishesKey, type SubjectWishes } from './subject.ts'
import { keepRun, type SuiteRun } from './suite-run.ts'
import type { Database, SubjectName, Suite } from './suite.ts'

/** Runs a suite once, on servers of its own, and keeps what came of it. */
export async function runSuite(
  suite: Suite,
  folder: string,
  subject: SubjectName,
  topology: Topology,
): Promise<SuiteRun> {
  await using servers = await startServers(suite.engine, topology)
  const begun = performance.now()
  const attempt = async (only?: ReadonlySet<string>) => {
    const database = await servers.createDatabase()
    const place = { folder, servers, database, ...inPlaceOf(subject, join(folder, suite.source.bare), database) }
    return await suite.run(only === undefined ? place : { ...place, only })
  }
  const outcomes = await twice(attempt)
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

/** What failed gets a second attempt, whatever the subject. */
async function twice(
  attempt: (only?: ReadonlySet<string>) => Promise<readonly Outcome[]>,
): Promise<readonly Outcome[]> {
  const first = await attempt()
  const failed = first.filter(({ status }) => status === 'failed').map(({ test }) => test)
  return failed.length === 0 ? first : eitherOf(first, await attempt(new Set(failed)))
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
