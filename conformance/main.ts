import { parseArgs } from 'node:util'
import { prepareSource } from './checkout.ts'
import { compare, countsOf } from './comparison.ts'
import { runSuite } from './run-suite.ts'
import { topologies, type Topology } from './servers.ts'
import { keptRun, type SuiteRun } from './suite-run.ts'
import type { SubjectName, Suite } from './suite.ts'
import { suites } from './suites/all.ts'

const subjectNames = ['bare', 'delegate', 'broken', 'pg', 'kysely'] as const satisfies readonly SubjectName[]

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: suites.map(({ name }) => name).join(',') },
    subject: { type: 'string', default: 'bare,pg,kysely' },
    topology: { type: 'string', default: topologies.join(',') },
    from: { type: 'string' },
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
let lost = 0
for (const suite of suites.filter(({ name }) => wanted.includes(name))) {
  const folder = await folderOf(suite)
  for (const subject of suite.subjects.filter((name) => subjects.includes(name)))
    for (const topology of topologiesOf(subject)) lost += await once(suite, folder, subject, topology)
}
process.exitCode = lost === 0 ? 0 : 1

/** What runs bare knows one server alone. */
function topologiesOf(subject: SubjectName): readonly Topology[] {
  return subject === 'bare' ? (['primary'] as const) : places
}

async function folderOf({ source }: Suite): Promise<string> {
  const folder = folders.get(source.name) ?? (await prepareSource(source, values.from, tell))
  folders.set(source.name, folder)
  return folder
}

/** Returns how many tests pass bare alone. */
async function once(suite: Suite, folder: string, subject: SubjectName, topology: Topology): Promise<number> {
  const run = await runSuite(suite, folder, subject, topology)
  const { passed, failed, pending } = countsOf(run.outcomes)
  tell(
    `${suite.name}, ${subject}, ${topology}: ${passed} passed, ${failed} failed, ${pending} pending, ${run.seconds} s`,
  )
  if (subject === 'bare') {
    for (const { test, status, why } of run.outcomes)
      if (status === 'failed') console.log(`  fails: ${test}: ${firstLine(why)}`)
    return 0
  }
  return differences(suite, run)
}

async function differences(suite: Suite, run: SuiteRun): Promise<number> {
  const bare = await keptRun(suite.name, 'bare', 'primary')
  if (bare === undefined) throw new Error(`There is no run to compare with. Run: --suite ${suite.name} --subject bare`)
  const { same, lost, gained } = compare(bare.outcomes, run.outcomes)
  tell(`  ${same} the same as bare, ${lost.length} lost, ${gained.length} gained`)
  for (const { test, bare: was, subject: is, why } of lost)
    console.log(`  lost: ${test}: ${was} → ${is}: ${firstLine(why)}`)
  for (const { test, bare: was, subject: is } of gained) console.log(`  gained: ${test}: ${was} → ${is}`)
  return lost.length
}

function firstLine(text = ''): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(0, 2).join(' | ').slice(0, 300)
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
