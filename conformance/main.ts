import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { prepareSource } from './checkout.ts'
import { compare, countsOf } from './comparison.ts'
import { sorted } from './known-differences.ts'
import type { Outcome } from './outcome.ts'
import { filledPage } from './page.ts'
import { readResults, updated, writeResults, type SuiteResult } from './results.ts'
import { runPart, runSuite } from './run-suite.ts'
import { topologies, type Topology } from './servers.ts'
import { keptRun, type SuiteRun } from './suite-run.ts'
import type { SubjectName, Suite } from './suite.ts'
import { suites } from './suites/all.ts'

const subjectNames = ['bare', 'delegate', 'broken', 'pg', 'mysql2', 'kysely'] as const satisfies readonly SubjectName[]

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: suites.map(({ name }) => name).join(',') },
    subject: { type: 'string', default: 'bare,pg,mysql2,kysely' },
    topology: { type: 'string', default: topologies.join(',') },
    from: { type: 'string' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})

const wanted = chosen(
  'suite',
  suites.map(({ name }) => name),
)
const subjects = chosen('subject', subjectNames)
const places = chosen('topology', topologies)
const begun = performance.now()
const folders = new Map<string, string>()
let news = 0
if (values.write) await writePage()
else await runAll()
process.exitCode = news === 0 ? 0 : 1

async function runAll(): Promise<void> {
  for (const suite of suites.filter(({ name }) => wanted.includes(name))) {
    const folder = await folderOf(suite)
    for (const subject of suite.subjects.filter((name) => subjects.includes(name)))
      for (const topology of topologiesOf(suite, subject)) news += await once(suite, folder, subject, topology)
  }
}

/** What runs bare knows one server alone, and files in memory have no replicas. */
function topologiesOf(suite: Suite, subject: SubjectName): readonly Topology[] {
  return subject === 'bare' || suite.engine === 'sqlite' ? ['primary'] : places
}

async function folderOf({ source }: Suite): Promise<string> {
  const folder = folders.get(source.name) ?? (await prepareSource(source, values.from, tell))
  folders.set(source.name, folder)
  return folder
}

/** Returns how many differences nobody knows of. */
async function once(suite: Suite, folder: string, subject: SubjectName, topology: Topology): Promise<number> {
  const wishes = { suite, folder, subject, topology }
  if (values.only !== undefined) return tellPart(await runPart(wishes, values.only))
  const run = await runSuite(wishes)
  const { passed, failed, pending } = countsOf(run.outcomes)
  const counts = `${passed} passed, ${failed} failed, ${pending} pending, ${run.seconds} s`
  tell(`${suite.name}, ${subject}, ${topology}: ${counts}`)
  if (subject !== 'bare') return await differences(suite, run)
  for (const { test, status, why } of run.outcomes)
    if (status === 'failed') console.log(`  fails: ${test}: ${shortWhy(why)}`)
  return 0
}

/** Of a part nothing is compared: all that it said is shown. */
function tellPart(outcomes: readonly Outcome[]): number {
  for (const { test, status, why } of outcomes)
    console.log(`  ${status}: ${test}${why === undefined ? '' : `\n${why}`}`)
  return outcomes.filter(({ status }) => status === 'failed').length
}

async function differences(suite: Suite, run: SuiteRun): Promise<number> {
  const bare = await keptRun(suite.name, 'bare', 'primary')
  if (bare === undefined) throw new Error(`There is no run to compare with. Run: --suite ${suite.name} --subject bare`)
  const { same, lost, gained } = compare(bare.outcomes, run.outcomes)
  const { expected, unexpected, missing } = sorted(lost, run)
  tell(
    `  ${same} the same as bare, ${lost.length} not, ${unexpected.length} of these unexpected; ${gained.length} gained`,
  )
  for (const { tests, reason } of expected) console.log(`  known: ${tests}: ${reason}`)
  for (const { test, bare: was, subject: is, why } of unexpected)
    console.log(`  lost: ${test}: ${was} → ${is}: ${shortWhy(why)}`)
  for (const { tests } of missing) console.log(`  listed as a known difference, and not met: ${tests}`)
  for (const { test, bare: was, subject: is } of gained) console.log(`  gained: ${test}: ${was} → ${is}`)
  return unexpected.length + missing.length
}

/** Adds the newest runs to what is known, and writes that into the page. Runs nothing. */
async function writePage(): Promise<void> {
  const before = await readResults()
  const results: SuiteResult[] = []
  for (const { name, subjects: possible } of suites) {
    const runs: SuiteRun[] = []
    for (const subject of possible.filter((each) => !['bare', 'delegate', 'broken'].includes(each)))
      for (const topology of topologies) {
        const run = await keptRun(name, subject, topology)
        if (run !== undefined) runs.push(run)
      }
    const known = before.find(({ suite }) => suite === name)
    const result = updated(known, await keptRun(name, 'bare', 'primary'), runs)
    if (result !== undefined) results.push(result)
  }
  await writeResults(results)
  const page = join(import.meta.dirname, '../docs/conformance.md')
  await writeFile(page, filledPage(await readFile(page, 'utf8'), results))
}

/** The line that names an error; where none does, the first one. */
function shortWhy(text = ''): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/DeprecationWarning|^\s+at /.test(line))
  const named = lines.find((line) => /\b\w*(?:Error|Exception)\b.*:|not done within|did not end/.test(line))
  return (named ?? lines[0] ?? '').trim().slice(0, 250)
}

function chosen<T extends string>(option: 'suite' | 'subject' | 'topology', allowed: readonly T[]): readonly T[] {
  const names = values[option].split(',')
  const unknown = names.find((name) => !allowed.includes(name as T))
  if (unknown !== undefined) throw new TypeError(`--${option} is ${unknown}. Allowed: ${allowed.join(', ')}.`)
  return names as T[]
}

function tell(text: string): void {
  console.log(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${text}`)
}
