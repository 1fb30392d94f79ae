import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TestCluster } from '../../src/testing/index.ts'
import { generatePrisma } from '../orms/tools/generate-prisma.ts'
import { runProgram, type Ended } from '../support/program.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 60_000 })

const root = join(import.meta.dirname, '../..')
const source = join(root, 'examples/orms')
const names = readdirSync(source).filter((name) => !name.endsWith('.ts') && name !== 'node_modules')

/** Those whose tables are the same on MariaDB: where the servers are is all they have to be told. */
const onMariadb = ['knex', 'kysely', 'mikro-orm', 'objection', 'sequelize', 'typeorm']

const places = [
  { engine: 'postgres', on: 'PostgreSQL', examples: names, ENGINE: 'postgres' },
  { engine: 'mysql', on: 'MariaDB', examples: onMariadb, ENGINE: 'mariadb' },
] as const

describe.each(places.filter(({ engine }) => testedEngines.includes(engine)))('on $on the example of', (place) => {
  let folder: string
  let cluster: TestCluster

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-orm-examples-'))
    await chmod(folder, 0o711)
    await cp(join(source, 'shop.ts'), join(folder, 'shop.ts'))
    await link('signalbox', root)
    cluster = await privateCluster(place.engine, { replicas: 1 })
    await cluster.delayReplay(cluster.replicas[0]!, 1_500)
  })
  afterAll(async () => {
    await cluster.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function link(dependency: string, target: string): Promise<void> {
    const at = join(folder, 'node_modules', dependency)
    await mkdir(dirname(at), { recursive: true })
    await symlink(target, at).catch(() => undefined)
  }

  /** A copy, with links to the packages that `npm install` would install. */
  async function install(name: string): Promise<string> {
    const own = join(folder, name)
    await mkdir(own)
    for (const file of (await readdir(join(source, name))).filter((each) => /\.(?:json|prisma|ts)$/.test(each)))
      await cp(join(source, name, file), join(own, file))
    const manifest = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as Manifest
    for (const dependency of Object.keys(manifest.dependencies))
      if (dependency !== 'signalbox') await link(dependency, join(root, 'node_modules', dependency))
    if (name === 'prisma') await generatePrisma(join(own, 'schema.prisma'))
    return own
  }

  function expectVisits({ code, output }: Ended): void {
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual([
      'somebody looks at the teapot: default, replica',
      'a lamp is added: default, primary',
      'who added it looks at it: default, primary',
      'one is sold: default, primary',
      'a review is written: reviews, primary',
      'reviews are read: reviews, primary',
      'the replica has the lamp by now: default, replica (4 left)',
    ])
    expect(code).toBe(0)
  }

  it.each(place.examples)('%s sends each statement where it belongs', async (name) => {
    const main = join(await install(name), 'main.ts')
    const [shop, reviews] = [await cluster.createDatabase(), await cluster.createDatabase()]
    const env = { PRIMARY_URL: shop.primary, REPLICA_URL: shop.replicas[0]!, REVIEWS_URL: reviews.primary }
    expectVisits(await runProgram([main], { temporary: folder, env }))
  })

  it('any of them starts its servers itself', async () => {
    const env = { ENGINE: place.ENGINE }
    expectVisits(await runProgram([join(folder, 'kysely', 'main.ts')], { temporary: folder, env }))
  })
})

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
}
