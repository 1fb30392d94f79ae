import { sorted } from './known-differences.ts'
import type { SuiteResult, ThroughResult } from './results.ts'
import { topologies } from './servers.ts'
import type { SubjectName } from './suite.ts'

const titles: Partial<Record<SubjectName, string>> = {
  pg: '`signalbox/pg`',
  mysql2: '`signalbox/mysql2`',
  kysely: '`signalbox/kysely`',
}

/** Puts the tables into the page's places for them. */
export function filledPage(text: string, results: readonly SuiteResult[]): string {
  const withResults = filled(text, 'results', resultsTable(results))
  return filled(withResults, 'differences', differencesList(results))
}

function resultsTable(results: readonly SuiteResult[]): string {
  const rows = results.flatMap(({ suite, bare, through }) => {
    const { suite: version, server, node } = bare.versions
    const head = `| ${suite} | \`${version.slice(0, 12)}\` | ${server} | ${node} | ${shown(bare)} |`
    const ours = Object.entries(titles).flatMap(([subject, title]) => {
      const runs = through.filter((run) => run.subject === subject)
      if (runs.length === 0) return []
      const cells = topologies.map((topology) => throughCell(runs.find((run) => run.topology === topology)))
      return [`${head} ${title} | ${cells.join(' | ')} |`]
    })
    return ours.length === 0 ? [`${head} | | |`] : ours
  })
  return [
    '| suite | version | server | Node.js | bare | through | primary only | primary and 2 replicas |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function shown({ counts, unit }: SuiteResult['bare']): string {
  const { passed, failed, pending } = counts
  const rest = [failed > 0 ? `${failed} fail` : '', pending > 0 ? `${pending} skipped` : ''].filter(
    (each) => each !== '',
  )
  return `${passed} of ${passed + failed + pending} ${unit}${rest.length === 0 ? '' : `, ${rest.join(', ')}`}`
}

function throughCell(run: ThroughResult | undefined): string {
  if (run === undefined) return ''
  const { same, lost } = run
  const differences = lost.length === 0 ? '' : `, ${lost.length} not`
  return `${same} the same${differences}`
}

interface Told {
  readonly head: string
  readonly reason: string
  /** Its tests, each with the topologies in which it was met. */
  readonly tests: Map<string, readonly string[]>
}

/** Each reason once, with all that it explains. */
function differencesList(results: readonly SuiteResult[]): string {
  const told = new Map<string, Told>()
  const runs = results.flatMap(({ suite, through }) =>
    through.filter(({ subject }) => titles[subject] !== undefined).map((run) => ({ suite, ...run })),
  )
  for (const run of runs) {
    const { expected, unexpected } = sorted(run.lost, run)
    const head = `**${run.suite}** through ${titles[run.subject]}`
    for (const { tests, reason } of [...expected, ...unexpected.map(notExplained)]) {
      const entry = told.get(`${head} ${reason}`) ?? { head, reason, tests: new Map<string, readonly string[]>() }
      told.set(`${head} ${reason}`, entry)
      entry.tests.set(tests, [...(entry.tests.get(tests) ?? []), run.topology])
    }
  }
  if (runs.length === 0) return 'The tables have bare runs alone so far.'
  return told.size === 0 ? 'None was found in these runs.' : [...told.values()].map(line).join('\n')
}

const notExplained = ({ test }: { readonly test: string }) => ({ tests: test, reason: 'not explained yet.' })

function line({ head, reason, tests }: Told): string {
  const names = [...tests].map(([test, where]) => `\`${test}\`${where.includes('primary') ? '' : ' (with replicas)'}`)
  return `- ${head}: ${names.join(', ')}: ${reason}`
}

function filled(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`docs/conformance.md has no place for ${name}.`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}
