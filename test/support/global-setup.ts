import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import {
  createMariadbTemplate,
  createPostgresTemplate,
  type ServerTemplate,
  startMariadb,
  startPostgres,
  type TestServer,
} from '../../src/testing/index.ts'
import { temporaryFolder } from '../../src/testing/temporary-folder.ts'
import { allEngines, enginesOf } from './tested-engines.ts'
import type { SharedServers } from './servers.ts'

/**
 * Starts one PostgreSQL and one MariaDB for the whole run, at the same time, and tells the tests where they are. A
 * missing server fails the run; only SIGNALBOX_TEST_ENGINES leaves engines out, and then a line says so.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const variable = process.env['SIGNALBOX_TEST_ENGINES']
  const engines = enginesOf(variable)
  if (variable !== undefined) {
    const left = allEngines.filter((engine) => !engines.includes(engine))
    console.log(`SIGNALBOX_TEST_ENGINES=${variable}: not tested: ${left.join(', ') || 'none'}`)
  }
  const folder = await temporaryFolder('templates')
  const started = await Promise.allSettled([
    engines.includes('postgres') ? startShared('postgres', folder) : undefined,
    engines.includes('mysql') ? startShared('mysql', folder) : undefined,
  ])
  const running = started.flatMap((outcome) => (outcome.status === 'fulfilled' && outcome.value ? [outcome.value] : []))
  const teardown = async () => {
    await Promise.all(running.map(({ server }) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  const failed = started.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) {
    await teardown()
    throw failed.reason
  }
  project.provide(
    'servers',
    Object.fromEntries(running.map(({ shared }) => [shared.engine, shared])) satisfies SharedServers,
  )
  return teardown
}

async function startShared(engine: 'postgres' | 'mysql', folder: string) {
  const template = await createTemplate(engine, join(folder, engine))
  const server: TestServer = await (engine === 'postgres' ? startPostgres({ template }) : startMariadb({ template }))
  const { host, port, user, adminUser, password, version } = server
  return { server, shared: { engine, host, port, user, adminUser, password, version, template } }
}

async function createTemplate(engine: 'postgres' | 'mysql', folder: string): Promise<ServerTemplate> {
  return engine === 'postgres' ? createPostgresTemplate(folder) : createMariadbTemplate(folder, { install: true })
}
