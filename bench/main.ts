import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { benchClients } from './clients.ts'
import { benchCopy } from './copy.ts'
import { benchFailover } from './failover.ts'
import { benchMariadb } from './mariadb.ts'
import { benchMysqlConnections } from './mysql-connections.ts'
import { benchPostgres } from './postgres.ts'
import { benchReplication } from './replication.ts'
import { allMet, describeResults, type Results } from './report.ts'
import { benchRouting } from './routing.ts'
import { benchShadows } from './shadows.ts'
import { benchShards } from './shards.ts'
import { benchSqlite } from './sqlite.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true },
    tool: { type: 'string', multiple: true },
    scale: { type: 'string', default: '1' },
    json: { type: 'string', default: 'bench/results/latest.json' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run bench -- [--engine routing|sqlite|postgres|clients|mariadb|orms|replicas|shards|copy|shadows]… [--tool name]… [--scale 1] [--json file]

Compares Signalbox with the bare drivers, and on replicas with pgpool-II and PgBouncer, in turns within one run, and prints
ratios of throughput (above 1: Signalbox is faster). On replicas also how long hung, restarted and promoted servers are
noticed. Starts its own servers; pgpool-II, PgBouncer and pgloader come from Debian and are not installed. --scale 0.1 makes it short. --tool leaves
only those query tools whose names begin so.
Exit code 1 if a target is missed, or something could not be measured.`)
  process.exit(0)
}

const scale = Number(values.scale)
const wanted = new Set(
  values.engine ?? [
    'routing',
    'sqlite',
    'postgres',
    'clients',
    'mariadb',
    'orms',
    'replicas',
    'shards',
    'copy',
    'shadows',
  ],
)
const figures = wanted.has('routing') ? await benchRouting(scale) : []
const comparisons = [
  ...(wanted.has('sqlite') ? await benchSqlite(scale) : []),
  ...(wanted.has('postgres') ? await benchPostgres(scale) : []),
  ...(wanted.has('mariadb') ? await benchMariadb(scale) : []),
  // Loaded when it is wanted: what a dozen query tools leave in memory would be measured with the others.
  ...(wanted.has('orms') ? await (await import('./orms.ts')).benchOrms(scale, values.tool) : []),
  ...(wanted.has('shadows') ? await benchShadows(scale) : []),
]
const clients = wanted.has('clients') ? await benchClients(scale) : undefined
const connections = wanted.has('clients') ? await benchMysqlConnections(scale) : []
const shards = wanted.has('shards') ? await benchShards(scale) : undefined
const copies = wanted.has('copy') ? await benchCopy(scale) : undefined
const replicas = wanted.has('replicas') ? await benchReplication(scale) : undefined
const results: Results = {
  comparisons: [
    ...comparisons,
    ...(clients?.comparisons ?? []),
    ...(replicas?.comparisons ?? []),
    ...(shards?.comparisons ?? []),
    ...(copies?.comparisons ?? []),
  ],
  figures: [
    ...figures,
    ...(clients?.figures ?? []),
    ...connections,
    ...(shards?.figures ?? []),
    ...(copies?.figures ?? []),
  ],
  shares: replicas?.shares ?? [],
  delays: wanted.has('replicas') ? await benchFailover(scale) : [],
  unmeasured: [...(replicas?.unmeasured ?? []), ...(copies?.unmeasured ?? [])],
}

console.log(describeResults(results))
mkdirSync(new URL('results/', import.meta.url), { recursive: true })
writeFileSync(values.json, `${JSON.stringify({ node: process.version, scale, ...results }, null, 2)}\n`)
console.log(`Written to ${values.json}`)
process.exitCode = allMet(results) ? 0 : 1
