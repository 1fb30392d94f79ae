import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  connect,
  type CallOptions,
  type Client,
  type DiscoveryInput,
  type Dsn,
  type FoundServer,
  type Topology,
} from '../../src/index.ts'
import { type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import { testedEngines, privateCluster } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(engines)('servers that are found on %s', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase

  beforeAll(async () => {
    cluster = await privateCluster(engine)
    database = await cluster.createDatabase()
    await using client = await connect(database.primary)
    await client.query('create table item (id integer primary key)')
    await client.query('insert into item values (1), (2), (3)')
    await cluster.caughtUp()
  }, 60_000)
  afterAll(async () => {
    await cluster.stop()
  })

  async function open(discovery: DiscoveryInput, primary: Dsn = database.dsnOf(cluster.primary)): Promise<Client> {
    const client = await connect({ databases: { default: { primary, discovery } } })
    onTestFinished(async () => await client.close())
    return client
  }

  async function portThatReads(client: Client, options: CallOptions = {}): Promise<number> {
    const { rows, route } = await client.query('select id from item', [], options)
    expect(rows).toHaveLength(3)
    return Number(new URL(route.server!).port)
  }

  const names = ({ databases }: Topology): readonly (string | undefined)[] =>
    databases.get('default')!.shards.flatMap(({ primary, replicas }) => [primary.id, ...replicas.map(({ id }) => id)])
  const found = (port: number, more: Partial<FoundServer> = {}): FoundServer => ({ host: '127.0.0.1', port, ...more })

  it('serve reads while the application runs, and no more when they are gone', async () => {
    const [first, second] = cluster.replicas
    let servers: readonly FoundServer[] = []
    const client = await open({ find: () => servers, intervalMs: 100 })
    const versions: number[] = []
    client.onTopology(({ version }) => versions.push(version))
    expect(await portThatReads(client)).toBe(cluster.primary.port)

    servers = [found(first!.port), found(cluster.primary.port)]
    const id = `default/main/127.0.0.1:${first!.port}`
    await expect.poll(async () => await portThatReads(client), { timeout: 5_000 }).toBe(first!.port)
    expect(names(client.topology)).toEqual(['default/main/primary', id])
    expect(versions).toEqual([2])

    servers = [found(second!.port, { tags: ['search'] })]
    const other = `default/main/127.0.0.1:${second!.port}`
    const searching = async () => await portThatReads(client, { tags: ['search'] })
    await expect.poll(searching, { timeout: 5_000 }).toBe(second!.port)
    await expect.poll(() => names(client.topology), { timeout: 5_000 }).toEqual(['default/main/primary', other])
    expect(Object.keys(client.stats())).not.toContain(id)
    expect(await portThatReads(client)).toBe(second!.port)
  })

  it('stay when nobody can name them any more', async () => {
    let isWell = true
    const port = cluster.replicas[0]!.port
    const find = () => {
      if (isWell) return [found(port)]
      throw new Error('The source is down.')
    }
    const client = await open({ find, intervalMs: 100 })
    await expect.poll(async () => await portThatReads(client), { timeout: 5_000 }).toBe(port)
    isWell = false
    await delay(800)
    expect(await portThatReads(client)).toBe(port)
  })

  it('stay while one of them is the primary, though nobody names it any more', async () => {
    const [first] = cluster.replicas
    const old = cluster.primary
    let servers: readonly FoundServer[] = [found(first!.port)]
    const client = await open({ find: () => servers, intervalMs: 100 })
    await expect.poll(async () => await portThatReads(client), { timeout: 5_000 }).toBe(first!.port)
    old.kill('SIGKILL')
    await old.exited()
    await cluster.promote(first!)
    await client.query('insert into item values (4)')
    servers = []
    await delay(800)
    const { route } = await client.query('delete from item where id = 4')
    expect(new URL(route.server!).port).toBe(String(first!.port))
    expect(names(client.topology)).toEqual([`default/main/127.0.0.1:${first!.port}`, 'default/main/primary'])
    await cluster.rejoin(old)
    await cluster.caughtUp()
  })

  it('count once under two addresses, be it the primary', async () => {
    const dsn = database.dsnOf(cluster.primary).replace('127.0.0.1', 'localhost') as Dsn
    const find = () => cluster.servers.map(({ port }) => found(port))
    const client = await open({ find, intervalMs: 100 }, dsn)
    await portThatReads(client)
    await expect
      .poll(() => client.status()[0]!.servers.filter(({ state }) => state === 'up').length, { timeout: 5_000 })
      .toBe(4)
    const [{ primary, servers }] = client.status() as [ReturnType<Client['status']>[number]]
    expect(primary).toMatchObject({ kind: 'primary', server: { id: 'default/main/primary' } })
    const twin = `default/main/127.0.0.1:${cluster.primary.port}`
    expect(servers.filter(({ out }) => out !== undefined).map(({ id, out }) => [id, out])).toEqual([
      [twin, 'the same server as default/main/primary'],
    ])
    await client.query('delete from item where id = 9')
  })
})
