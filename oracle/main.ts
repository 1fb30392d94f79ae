import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createDatabase, startMariadb, startPostgres } from '../src/testing/index.ts'
import { runOracle } from './run.ts'
import type { MakeDatabase } from './sides.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    statements: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'most-defects': { type: 'string', default: '20' },
  },
})

const engine = (['postgres', 'mysql', 'sqlite'] as const).find((each) => each === values.engine)
if (engine === undefined) throw new TypeError(`--engine is ${values.engine}. Allowed: postgres, mysql, sqlite.`)
await using stack = new AsyncDisposableStack()
const begun = performance.now()
console.log(`Engine ${engine}, seed ${values.seed}, ${values.statements} statements.`)
const report = await runOracle({
  engine,
  makeDatabase: await databasesOf(engine),
  statements: Number(values.statements),
  seed: Number(values.seed),
  mostDefects: Number(values['most-defects']),
  tell: (text) => console.log(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(7)} s  ${text}`),
})
console.log(`Reads: ${report.reads.describe()}`)
console.log(`Writes: ${report.writes.describe()}`)
console.log(`${report.defects.length} defects in ${((performance.now() - begun) / 1_000).toFixed(0)} s.`)
process.exitCode = report.defects.length === 0 ? 0 : 1

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
