import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { benchMariadb } from './mariadb.ts'
import type { Comparison } from './measure.ts'
import { benchPostgres } from './postgres.ts'
import { benchReplication, type Share } from './replication.ts'
import { benchRouting } from './routing.ts'
import { benchSqlite } from './sqlite.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true },
    scale: { type: 'string', default: '1' },
    json: { type: 'string', default: 'bench/results/latest.json' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run bench -- [--engine routing|sqlite|postgres|mariadb|replicas]… [--scale 1] [--json file]

Compares Signalbox with the bare drivers, both in turns within one run, and prints ratios of throughput
(above 1: Signalbox is faster). Starts its own servers. --scale 0.1 makes it short. Exit code 1 if a target is missed.`)
  process.exit(0)
}

const scale = Number(values.scale)
const wanted = new Set(values.engine ?? ['routing', 'sqlite', 'postgres', 'mariadb', 'replicas'])
const figures = wanted.has('routing') ? await benchRouting(scale) : []
const comparisons: Comparison[] = []
if (wanted.has('sqlite')) comparisons.push(...(await benchSqlite(scale)))
if (wanted.has('postgres')) comparisons.push(...(await benchPostgres(scale)))
if (wanted.has('mariadb')) comparisons.push(...(await benchMariadb(scale)))

const shares: Share[] = []
if (wanted.has('replicas')) {
  const replicas = await benchReplication(scale)
  comparisons.push(...replicas.comparisons)
  shares.push(...replicas.shares)
}

const mark = (met: boolean): string => (met ? 'met' : 'MISSED')
const table = new Table({
  head: ['bench', 'at a time', 'bare, µs', 'Signalbox, µs', 'ratio', 'target', ''],
  style: { head: [] },
})
for (const row of comparisons) {
  table.push([
    row.bench,
    row.concurrency,
    row.bareMicros.toFixed(1),
    row.signalboxMicros.toFixed(1),
    `${row.ratio.toFixed(2)}×`,
    row.target,
    mark(row.met),
  ])
}
for (const row of figures) table.push([row.bench, 1, '', row.micros.toFixed(2), '', row.target, mark(row.met)])
for (const row of shares) {
  const percents = [row.pinnedPercent, row.percent].map((value) => `${value.toFixed(1)} %`)
  table.push([row.bench, 16, `pinned: ${percents[0]}`, percents[1], '', row.target, mark(row.met)])
}
console.log(table.toString())

mkdirSync(new URL('results/', import.meta.url), { recursive: true })
writeFileSync(
  values.json,
  `${JSON.stringify({ node: process.version, scale, comparisons, figures, shares }, null, 2)}\n`,
)
console.log(`Written to ${values.json}`)
process.exitCode = [...comparisons, ...figures, ...shares].every(({ met }) => met) ? 0 : 1
