import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runMocha } from '../mocha.ts'
import type { RunPlace, Source, Suite } from '../suite.ts'
import { transpile } from '../transpile.ts'
import { putShim } from '../work-file.ts'

const limitMs = 900_000

const source: Source = {
  name: 'knex',
  repository: 'https://github.com/knex/knex.git',
  version: '3.3.0',
  paths: ['bin', 'knex.js', 'lib', 'scripts', 'test'],
  packages: {
    JSONStream: '1.3.5',
    'better-sqlite3': '13.2.0',
    chai: '4.5.0',
    'chai-as-promised': '7.1.2',
    'chai-subset-in-order': '3.1.0',
    'cli-testlab': '3.0.0',
    colorette: '2.0.19',
    commander: '10.0.1',
    debug: '4.3.4',
    esbuild: '0.28.2',
    escalade: '3.1.1',
    esm: '3.2.25',
    'get-package-type': '0.1.0',
    getopts: '2.3.0',
    interpret: '2.2.0',
    lodash: '4.18.1',
    mocha: '10.8.2',
    mysql: '2.18.1',
    mysql2: '3.24.5',
    pg: '8.23.1',
    'pg-connection-string': '2.6.2',
    'pg-query-stream': '4.17.0',
    rechoir: '0.8.0',
    'resolve-from': '5.0.0',
    rimraf: '5.0.10',
    semver: '7.7.4',
    sinon: '15.2.0',
    'sinon-chai': '3.7.0',
    'source-map-support': '0.5.21',
    sqlite3: '5.1.7',
    tarn: '3.1.0',
    tedious: '18.6.1',
    tildify: '2.0.0',
  },
  bare: 'node_modules/pg/lib/bare.js',
  async prepare(folder) {
    await putShim(join(folder, 'node_modules/pg/lib/index.js'), 'pg')
    await putShim(join(folder, 'node_modules/mysql2/index.js'), 'mysql2')
    // The one way in which the suite takes the addresses of servers.
    await writeFile(join(folder, 'servers.cjs'), 'module.exports = JSON.parse(process.env.CONFORMANCE_SERVERS)\n')
    await transpile(folder, '.', '.', 'cjs', ['lib/**/*.ts'])
  },
}

/** These run on SQLite whatever is asked for, by a driver that has to be compiled. */
const otherEngines = ['dialects/sqlite', 'dialects/better-sqlite3'].map((name) => `test/integration2/${name}.spec.js`)

async function run(place: RunPlace, dialect: 'postgres' | 'mysql2') {
  const { host, port, user, password, name: database } = place.database
  const server = { host, port, user, password, database }
  return await runMocha(place, {
    args: [
      ...otherEngines.flatMap((file) => ['--ignore', file]),
      '--exit',
      '-t',
      '10000',
      '--config',
      'test/mocha-integration-config-test.js',
    ],
    env: {
      DB: dialect,
      KNEX_TEST: join(place.folder, 'servers.cjs'),
      CONFORMANCE_SERVERS: JSON.stringify({ postgres: server, mysql: { ...server, charset: 'utf8' } }),
    },
    limitMs,
  })
}

export const knexSuites: readonly Suite[] = [
  {
    name: 'knex-postgres',
    source,
    engine: 'postgres',
    subjects: ['bare', 'delegate', 'broken', 'pg'],
    counts: 'tests',
    run: async (place) => await run(place, 'postgres'),
  },
  {
    name: 'knex-mysql',
    source,
    engine: 'mysql',
    subjects: ['bare', 'mysql2'],
    counts: 'tests',
    run: async (place) => await run(place, 'mysql2'),
  },
]
