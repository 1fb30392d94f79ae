import { chmod, cp, glob, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runMocha } from '../mocha.ts'
import type { Outcome } from '../outcome.ts'
import { runFile } from '../program-file.ts'
import type { Database, RunPlace, Source, Suite } from '../suite.ts'
import { transpile } from '../transpile.ts'
import { link, putShim } from '../work-file.ts'

const packages = ['pg', 'pg-pool', 'pg-cursor', 'pg-query-stream'] as const
const mochaLimitMs = 180_000

const source: Source = {
  name: 'node-postgres',
  repository: 'https://github.com/brianc/node-postgres.git',
  version: 'c9e57617bc92c2ded23a75345f50eadc527bd131',
  paths: packages.map((name) => `packages/${name}`),
  packages: {
    JSONStream: '1.3.5',
    async: '2.6.4',
    bluebird: '3.7.2',
    co: '4.6.0',
    'concat-stream': '1.0.1',
    'expect.js': '0.3.1',
    lodash: '4.17.21',
    mocha: '11.7.5',
    'pg-connection-string': '2.14.1',
    'pg-copy-streams': '0.3.0',
    'pg-protocol': '1.16.1',
    'pg-types': '2.2.0',
    pgpass: '1.0.5',
    'stream-spec': '0.3.6',
    esbuild: '0.28.2',
  },
  bare: 'packages/pg/lib/bare.js',
  async prepare(folder) {
    const at = (path: string) => join(folder, path)
    await chmod(at('packages/pg/test/unit/client/pgpass.file'), 0o600)
    // `pg` itself goes on with the real pool, whatever stands for it in its suite.
    await rm(at('node_modules/pg-pool'), { recursive: true, force: true })
    await cp(at('packages/pg-pool'), at('node_modules/pg-pool'), { recursive: true })
    await putShim(at('packages/pg-pool/index.js'), 'pg-pool')
    await putShim(at('packages/pg/lib/index.js'), 'pg')
    for (const name of ['pg', 'pg-cursor', 'pg-query-stream'])
      await link(at(`packages/${name}`), at(`node_modules/${name}`))
    await transpile(folder, 'packages/pg-query-stream', 'out', 'cjs')
  },
}

const environmentOf = (database: Database): Readonly<Record<string, string>> => ({
  PGHOST: database.host,
  PGPORT: String(database.port),
  PGUSER: database.user,
  PGPASSWORD: database.password,
  PGDATABASE: database.name,
  // Some tests expect that nobody is named.
  USER: database.user,
})

const scram = {
  SCRAM_TEST_PGUSER: 'scram_test',
  SCRAM_TEST_PGPASSWORD: 'test4scram',
  SCRAM_TEST_PGUSER_UNICODE: 'scram_unicode_test',
  SCRAM_TEST_PGPASSWORD_UNICODE: 'IX-\u2168',
}

/** The roles that the suite's page on SCRAM asks for. */
async function makeRoles({ servers }: RunPlace): Promise<void> {
  await servers.administer(
    'drop role if exists scram_test',
    'drop role if exists scram_unicode_test',
    `create role scram_test login password '${scram.SCRAM_TEST_PGPASSWORD}'`,
    `create role scram_unicode_test login password '${scram.SCRAM_TEST_PGPASSWORD_UNICODE}'`,
  )
}

/** Each file is a program, as the suite's own Makefile runs it. */
async function runFiles(place: RunPlace): Promise<readonly Outcome[]> {
  await makeRoles(place)
  const cwd = join(place.folder, 'packages/pg')
  const files = await Array.fromAsync(glob('test/integration/**/*-tests.js', { cwd }))
  const env = { ...place.env, ...environmentOf(place.database), ...scram }
  const outcomes: Outcome[] = []
  for (const file of files.sort().filter((name) => place.only?.has(name) ?? true))
    outcomes.push(await runFile(file, { cwd, nodeOptions: place.nodeOptions, env, args: ['postgres://'] }))
  return outcomes
}

const mocha =
  (cwd: string, ...args: readonly string[]) =>
  (place: RunPlace) =>
    runMocha(place, { cwd, args, env: environmentOf(place.database), limitMs: mochaLimitMs })

const common = { source, engine: 'postgres', subjects: ['bare', 'delegate', 'broken', 'pg'] } as const

/** Each file in a process of its own: the first rejection that nobody handles ends it, by the suite's own `setup.js`. */
async function runPool(place: RunPlace): Promise<readonly Outcome[]> {
  const cwd = join(place.folder, 'packages/pg-pool')
  const files = await Array.fromAsync(glob('test/*.js', { cwd, exclude: ['test/setup.js'] }))
  const outcomes: Outcome[] = []
  const isWanted = (file: string) => place.only === undefined || [...place.only].some((test) => test.startsWith(file))
  for (const file of files.sort().filter(isWanted))
    for (const outcome of await mocha('packages/pg-pool', 'test/setup.js', file)(place))
      outcomes.push(outcome.test.startsWith('test/') ? outcome : { ...outcome, test: `${file} › ${outcome.test}` })
  return outcomes
}

export const nodePostgresSuites: readonly Suite[] = [
  { ...common, name: 'node-postgres', counts: 'files', run: runFiles },
  { ...common, name: 'pg-pool', counts: 'tests', run: runPool },
  { ...common, name: 'pg-cursor', counts: 'tests', run: mocha('packages/pg-cursor', 'test/*.js') },
  { ...common, name: 'pg-query-stream', counts: 'tests', run: mocha('packages/pg-query-stream', 'out/test/*.js') },
]
