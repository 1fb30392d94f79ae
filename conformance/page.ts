import { compare, countsOf } from './comparison.ts'
import { sorted } from './known-differences.ts'
import { topologies, type Topology } from './servers.ts'
import type { SuiteRun } from './suite-run.ts'
import type { SubjectName } from './suite.ts'

/** Gives the newest run, if there was one. */
export type Runs = (suite: string, subject: SubjectName, topology: Topology) => SuiteRun | undefined

const titles = { pg: '`signalbox/pg`', kysely: '`signalbox/kysely`' } as const satisfies Partial<
  Record<SubjectName, string>
>

/** Puts the tables into the page's places for them. */
export function filledPage(
  text: string,
  suites: readonly { readonly name: string; readonly subjects: readonly SubjectName[] }[],
  runs: Runs,
): string {
  const withResults = filled(text, 'results', resultsTable(suites, runs))
  return filled(withResults, 'differences', differencesList(suites, runs))
}

function resultsTable(
  suites: readonly { readonly name: string; readonly subjects: readonly SubjectName[] }[],
  runs: Runs,
): string {
  const rows = suites.flatMap(({ name, subjects }) => {
    const bare = runs(name, 'bare', 'primary')
    if (bare === undefined) return []
    const { suite, server, node } = bare.versions
    const head = `| ${name} | \`${suite.slice(0, 12)}\` | ${server} | ${node} | ${shown(bare)} |`
    const ours = (['pg', 'kysely'] as const)
      .filter((subject) => subjects.includes(subject))
      .filter((subject) => topologies.some((topology) => runs(name, subject, topology) !== undefined))
      .map((subject) => {
        const cells = topologies.map((topology) => throughCell(bare, runs(name, subject, topology)))
        return `${head} ${titles[subject]} | ${cells.join(' | ')} |`
      })
    return ours.length === 0 ? [`${head} | | |`] : ours
  })
  return [
    '| suite | version | server | Node.js | bare | through | primary only | primary and 2 replicas |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function shown(run: SuiteRun): string {
  const { passed, failed, pending } = countsOf(run.outcomes)
  const rest = [failed > 0 ? `${failed} fail` : '', pending > 0 ? `${pending} skipped` : ''].filter(
    (each) => each !== '',
  )
  return `${passed} of ${run.outcomes.length} ${run.counts}${rest.length === 0 ? '' : `, ${rest.join(', ')}`}`
}

function throughCell(bare: SuiteRun, run: SuiteRun | undefined): string {
  if (run === undefined) return ''
  const { same, lost } = compare(bare.outcomes, run.outcomes)
  const differences = lost.length === 0 ? '' : `, ${lost.length} not`
  return `${same} the same${differences}`
}

function differencesList(
  suites: readonly { readonly name: string; readonly subjects: readonly SubjectName[] }[],
  runs: Runs,
): string {
  let compared = 0
  const lines = suites.flatMap(({ name, subjects }) =>
    subjects.flatMap((subject) =>
      topologies.flatMap((topology) => {
        const [bare, run] = [runs(name, 'bare', 'primary'), runs(name, subject, topology)]
        if (bare === undefined || run === undefined || !(subject in titles)) return []
        compared += 1
        const { expected, unexpected } = sorted(compare(bare.outcomes, run.outcomes).lost, run)
        const where = topology === 'primary' ? '' : ', with replicas'
        return [
          ...expected.map(({ tests, reason }) => `- **${name}**${where}: \`${tests}\`: ${reason}`),
          ...unexpected.map(({ test }) => `- **${name}**${where}: \`${test}\`: not explained yet.`),
        ]
      }),
    ),
  )
  if (compared === 0) return 'The tables have bare runs alone so far.'
  return lines.length === 0 ? 'None was found in these runs.' : lines.join('\n')
}

function filled(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`docs/conformance.md has no place for ${name}.`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}
