import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ignoredFolder } from './checkout.ts'
import type { Outcome } from './outcome.ts'
import type { Topology } from './servers.ts'
import type { SubjectName } from './suite.ts'

/** One run of a suite, as it is kept. */
export interface SuiteRun {
  readonly suite: string
  readonly subject: SubjectName
  readonly topology: Topology
  readonly counts: 'tests' | 'files'
  readonly date: string
  readonly seconds: number
  /** Of the suite, the server and Node.js. */
  readonly versions: { readonly suite: string; readonly server: string; readonly node: string }
  readonly outcomes: readonly Outcome[]
}

const fileOf = (suite: string, subject: SubjectName, topology: Topology): string =>
  join(ignoredFolder, 'results', `${suite}.${subject}.${topology}.json`)

export async function keepRun(run: SuiteRun): Promise<void> {
  const file = fileOf(run.suite, run.subject, run.topology)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, JSON.stringify(run, undefined, 1))
}

/** The newest run, if there was one. */
export async function keptRun(suite: string, subject: SubjectName, topology: Topology): Promise<SuiteRun | undefined> {
  const text = await readFile(fileOf(suite, subject, topology), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as SuiteRun)
}
