import { appendFile, cp } from 'node:fs/promises'
import { join } from 'node:path'
import { runMocha } from '../mocha.ts'
import { transpile } from '../transpile.ts'
import type { Engine, RunPlace, Source, SubjectName, Suite } from '../suite.ts'
import { link, putShim, replaceInFile, subjectKey } from '../work-file.ts'

/** With replicas each test that has written waits for them. */
const limitMs = 900_000

const source: Source = {
  name: 'kysely',
  repository: 'https://github.com/kysely-org/kysely.git',
  version: 'v0.29.5',
  paths: ['test/node/src', 'test/scripts'],
  packages: {
    '@electric-sql/pglite': '0.5.16',
    'better-sqlite3': '13.2.0',
    chai: '6.2.2',
    'chai-as-promised': '8.0.2',
    esbuild: '0.28.2',
    mocha: '11.7.5',
    mysql2: '3.24.5',
    pathe: '2.0.3',
    pg: '8.23.1',
    'pg-cursor': '2.22.0',
    'prototype-pollution-vulnerable-lodash.merge-dont-upgrade': 'npm:lodash.merge@4.6.2',
    sinon: '22.1.0',
    tarn: '3.1.2',
    tedious: '20.0.0',
    tsx: '4.23.15',
  },
  bare: 'node_modules/pg/lib/bare.js',
  async prepare(folder) {
    const at = (path: string) => join(folder, path)
    // The package that Signalbox's own dialect is made for: two copies would not know each other's classes.
    await link(join(import.meta.dirname, '../../node_modules/kysely/dist'), at('dist'))
    await putShim(at('node_modules/pg/lib/index.js'), 'pg')
    await putShim(at('node_modules/mysql2/index.js'), 'mysql2', ['createConnection', 'createPool'])
    const setup = at('test/node/src/test-setup.ts')
    // The suite names its servers in its code. What comes last in an object counts.
    for (const port of ['5434', '3308'])
      await replaceInFile(setup, `port: ${port},`, `...JSON.parse(process.env.CONFORMANCE_SERVER ?? '{}'),`)
    await appendFile(setup, takesOurDialect)
    await transpile(folder, 'test/node', 'dist', 'esm')
    await cp(at('test/node/dist/src'), at('test/node/dist'), { recursive: true })
  },
}

/** The suite's configuration gets our dialect in place of its own, where there is one. */
const takesOurDialect = `
const ours = (globalThis as any)[${subjectKey('kysely')}]?.()
for (const variant of Object.keys(DB_CONFIGS)) {
  const config = (DB_CONFIGS as any)[variant]
  config.dialect = ours?.(variant) ?? config.dialect
}
`

/** A second attempt takes the files alone in which something failed: each of them makes its own tables. */
function filesOf({ only }: RunPlace): readonly string[] {
  const all = 'test/node/dist/*.test.js'
  if (only === undefined) return [all]
  const files = new Set([...only].map((test) => test.split(' › ')[0]!))
  return [...files].every((file) => file.endsWith('.test.js')) ? [...files] : [all]
}

async function run(place: RunPlace, engine: Engine) {
  const { host, port, user, password, name: database } = place.database
  return await runMocha(place, {
    args: ['--timeout', '15000', ...filesOf(place)],
    env: { DIALECTS: engine, CONFORMANCE_SERVER: JSON.stringify({ host, port, user, password, database }) },
    limitMs,
  })
}

const ownDialect = ['bare', 'kysely'] as const satisfies readonly SubjectName[]

const subjectsOf: Readonly<Record<Engine, readonly SubjectName[]>> = {
  postgres: [...ownDialect, 'delegate', 'broken', 'pg'],
  mysql: [...ownDialect, 'mysql2'],
  sqlite: ownDialect,
}

export const kyselySuites: readonly Suite[] = (['postgres', 'mysql', 'sqlite'] as const).map((engine) => ({
  name: `kysely-${engine}`,
  source,
  engine,
  subjects: subjectsOf[engine],
  counts: 'tests',
  run: async (place) => await run(place, engine),
}))
