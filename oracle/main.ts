import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createDatabase, startMariadb, startPostgres } from '../src/testing/index.ts'
import { runOracle } from './run.ts'
import { postgresOracle } from './shadows/postgres/engine.ts'
import { OracleServers } from './shadows/postgres/servers.ts'
import { quickFolder } from './shadows/quick-folder.ts'
import { runShadowOracle } from './shadows/run.ts'
import { sqliteOracle } from './shadows/sqlite/engine.ts'
import type { MakeDatabase } from './sides.ts'

const help = `npm run oracle -- [options]

Random statements, on four shards and on one database; with --shadows random sequences, in a shadow and in a full copy of its base.

  --engine <name>         sqlite (default), postgres, mysql; with --shadows sqlite, postgres, all
  --statements <n>        on shards: how many (default 2000)
  --shadows               check shadows
  --sequences <n>         with --shadows: how many for each engine (default 1000)
  --seed <n>              the same seed makes the same statements (default: one by the clock)
  --most-defects <n>      ends the run (default 20)
  --shrink-seconds <n>    with --shadows: how long a sequence that fails is made smaller (default 60)

Exits with 1 if there are defects.`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'sqlite' },
    statements: { type: 'string', default: '2000' },
    shadows: { type: 'boolean', default: false },
    sequences: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'most-defects': { type: 'string', default: '20' },
    'shrink-seconds': { type: 'string', default: '60' },
  },
})

if (values.help) {
  console.log(help)
  process.exit()
}
const laid = ['sqlite', 'postgres'] as const
await using stack = new AsyncDisposableStack()
const begun = performance.now()
const [seed, mostDefects] = [Number(values.seed), Number(values['most-defects'])]
const tell = (text: string): void =>
  console.log(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(7)} s  ${text}`)
const defects = values.shadows ? await checkAllShadows() : await checkShards()
console.log(`${defects} defects in ${((performance.now() - begun) / 1_000).toFixed(0)} s.`)
process.exitCode = defects === 0 ? 0 : 1

async function checkShards(): Promise<number> {
  const name = (['postgres', 'mysql', 'sqlite'] as const).find((each) => each === values.engine)
  if (name === undefined) throw new TypeError(`--engine is ${values.engine}. Allowed: postgres, mysql, sqlite.`)
  console.log(`Engine ${name}, seed ${seed}, ${values.statements} statements.`)
  const makeDatabase = await databasesOf(name)
  const report = await runOracle({
    engine: name,
    makeDatabase,
    statements: Number(values.statements),
    seed,
    mostDefects,
    tell,
  })
  console.log(`Reads: ${report.reads.describe()}`)
  console.log(`Writes: ${report.writes.describe()}`)
  return report.defects.length
}

async function checkAllShadows(): Promise<number> {
  const names = laid.filter((each) => values.engine === 'all' || values.engine === each)
  if (names.length === 0)
    throw new TypeError(`--engine is ${values.engine}. With --shadows allowed: ${laid.join(', ')}, all.`)
  let found = 0
  for (const name of names) found += await checkShadows(name)
  return found
}

async function checkShadows(name: 'postgres' | 'sqlite'): Promise<number> {
  console.log(`Shadows on ${name}, seed ${seed}, ${values.sequences} sequences.`)
  const oracle =
    name === 'sqlite'
      ? sqliteOracle(stack.use(await quickFolder()).path)
      : postgresOracle(stack.use(await OracleServers.start()))
  const report = await runShadowOracle({
    engine: oracle,
    sequences: Number(values.sequences),
    seed,
    mostDefects,
    shrinkMs: 1_000 * Number(values['shrink-seconds']),
    tell,
  })
  console.log(report.statements.describe())
  console.log(`${report.sequences} sequences on ${name}: ${report.defects.length} defects.`)
  return report.defects.length
}

async function databasesOf(name: 'postgres' | 'mysql' | 'sqlite'): Promise<MakeDatabase> {
  if (name === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-oracle-'))
    stack.defer(async () => await rm(folder, { recursive: true, force: true }))
    let number = 0
    return async () => ({ dsn: `sqlite:${join(folder, `${++number}.db`)}` })
  }
  const server = stack.use(name === 'postgres' ? await startPostgres() : await startMariadb())
  return async () => await createDatabase(server)
}
