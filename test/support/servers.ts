import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import {
  type ClusterOptions,
  createDatabase,
  dropDatabase,
  type ServerAddress,
  type ServerSettings,
  type ServerTemplate,
  startMariadb,
  startMariadbCluster,
  startPostgres,
  startPostgresCluster,
  type TestCluster,
  type TestServer,
} from '../../src/testing/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { enginesOf } from './tested-engines.ts'

/** A server that all test files of a run share, and the template it was made from. */
export interface SharedServer extends ServerAddress {
  readonly version: string
  readonly template: ServerTemplate
}

/** The shared servers; an engine that SIGNALBOX_TEST_ENGINES leaves out is missing. */
export interface SharedServers {
  readonly postgres?: SharedServer
  readonly mysql?: SharedServer
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: SharedServers
  }
}

/** The engines that this run tests: for `describe.each`. */
export const testedEngines: readonly Engine[] = enginesOf(process.env['SIGNALBOX_TEST_ENGINES'])

/** An empty database of one test. */
export interface TestDatabase extends AsyncDisposable {
  readonly engine: Engine
  readonly dsn: string
  drop(): Promise<void>
}

/** An empty database on the run's shared server; on SQLite a file in a folder of its own. */
export async function freshDatabase(engine: Engine): Promise<TestDatabase> {
  if (engine === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-sqlite-'))
    const drop = () => rm(folder, { recursive: true, force: true })
    return { engine, dsn: `sqlite:${join(folder, 'test.db')}`, drop, [Symbol.asyncDispose]: drop }
  }
  const server = sharedServer(engine)
  const { name, dsn } = await createDatabase(server)
  const drop = () => dropDatabase(server, name)
  return { engine, dsn, drop, [Symbol.asyncDispose]: drop }
}

/** The run's shared server of an engine. Not to be killed, frozen or configured: see `privateServer` for that. */
export function sharedServer(engine: 'postgres' | 'mysql'): SharedServer {
  const server = inject('servers')[engine]
  if (server === undefined)
    throw new Error(`This run does not test ${engine}: use \`testedEngines\` to choose the tests.`)
  return server
}

/** A server of the test's own, made from the run's template in a fraction of a second. The test stops it. */
export function privateServer(engine: 'postgres' | 'mysql', settings: ServerSettings = {}): Promise<TestServer> {
  const { template } = sharedServer(engine)
  return engine === 'postgres' ? startPostgres({ template, settings }) : startMariadb({ template, settings })
}

/** A primary with replicas, two by default, of the test's own, made from the run's template. The test stops it. */
export function privateCluster(
  engine: 'postgres' | 'mysql',
  options: Omit<ClusterOptions, 'template'> = {},
): Promise<TestCluster> {
  const { template } = sharedServer(engine)
  return engine === 'postgres'
    ? startPostgresCluster({ template, ...options })
    : startMariadbCluster({ template, ...options })
}
