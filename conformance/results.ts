import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compare, countsOf, type Counts, type Difference } from './comparison.ts'
import type { Topology } from './servers.ts'
import type { SuiteRun } from './suite-run.ts'
import type { SubjectName } from './suite.ts'

/** What is kept of a suite's runs in the repository: figures, and the names of tests that differ. Nothing of its code. */
export interface SuiteResult {
  readonly suite: string
  readonly bare: RunResult & { readonly counts: Counts; readonly unit: SuiteRun['counts'] }
  readonly through: readonly ThroughResult[]
}

interface RunResult {
  readonly date: string
  readonly versions: SuiteRun['versions']
}

/** A run through Signalbox, compared with the bare one. */
export interface ThroughResult extends RunResult {
  readonly subject: SubjectName
  readonly topology: Topology
  readonly same: number
  readonly lost: readonly Omit<Difference, 'why'>[]
}

const file = join(import.meta.dirname, 'results.json')

export async function readResults(): Promise<readonly SuiteResult[]> {
  return JSON.parse(await readFile(file, 'utf8')) as readonly SuiteResult[]
}

export async function writeResults(results: readonly SuiteResult[]): Promise<void> {
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`)
}

/**
 * What is known of a suite after these runs. A suite that was not run bare, or through some subject, keeps what was known of that, unless the bare
 * run is of another version: then nothing can be compared.
 */
export function updated(
  before: SuiteResult | undefined,
  bare: SuiteRun | undefined,
  runs: readonly SuiteRun[],
): SuiteResult | undefined {
  if (bare === undefined) return before
  const { suite, date, versions, counts: unit, outcomes } = bare
  const kept = (before?.through ?? []).filter(
    (old) =>
      old.versions.suite === versions.suite &&
      !runs.some(({ subject, topology }) => subject === old.subject && topology === old.topology),
  )
  const fresh = runs
    .filter((run) => run.versions.suite === versions.suite)
    .map((run): ThroughResult => {
      const { same, lost } = compare(outcomes, run.outcomes)
      const { subject, topology } = run
      const differing = lost.map(({ test, bare: was, subject: is }) => ({ test, bare: was, subject: is }))
      return { date: run.date, versions: run.versions, subject, topology, same, lost: differing }
    })
  const through = [...kept, ...fresh].sort((a, b) => nameOf(a).localeCompare(nameOf(b)))
  return { suite, bare: { date, versions, counts: countsOf(outcomes), unit }, through }
}

const nameOf = ({ subject, topology }: ThroughResult): string => `${subject} ${topology}`
