import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { comparePosition, connect, parsePosition, type DatabaseInput, type ShardView } from '../../src/index.ts'
import {
  startMariadbCluster,
  startPostgresCluster,
  type ClusterDatabase,
  type TestCluster,
} from '../../src/testing/index.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))
const patience = { timeout: 15_000, interval: 20 }

describe.each(engines)('The status of a cluster of %s', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let shop: DatabaseInput

  beforeAll(async () => {
    const { template } = sharedServer(engine)
    cluster = engine === 'postgres' ? await startPostgresCluster({ template }) : await startMariadbCluster({ template })
    database = await cluster.createDatabase()
    shop = { primary: database.dsnOf(cluster.primary), replicas: cluster.replicas.map((one) => database.dsnOf(one)) }
  }, 60_000)
  afterAll(async () => {
    await cluster.stop()
  })

  it('goes through JSON as it is, for a health endpoint, and its positions can be compared', async () => {
    await using client = await connect({ databases: { shop } })
    await client.query('create table visit (id integer)')
    const [, late] = cluster.servers
    await cluster.pauseReplay(late!)
    try {
      await client.query('insert into visit values (1)')
      await client.query('select count(*) from visit')
      // Until the primary was asked again, it is its picture that is older.
      const compared = ({ servers: [primary, replica] }: ShardView) => {
        const [at, wanted] = [replica, primary].map((server) => parsePosition(server?.position ?? ''))
        return at && wanted && comparePosition(at, wanted)
      }
      await expect.poll(() => client.status().map(compared), patience).toEqual(['behind'])
      const views = client.status()
      const text = JSON.stringify(views)
      const [shard] = JSON.parse(text) as readonly ShardView[]
      // What is undefined is left out.
      expect(shard!.servers).toEqual(views[0]!.servers)
      expect(text).not.toContain(new URL(database.primary).password)
      expect(compared(shard!)).toBe('behind')
      expect(shard!.primary).toMatchObject({ kind: 'primary', server: { id: 'shop/main/primary' } })
      expect(shard!.servers[0]!.bytesBehind).toBe(engine === 'postgres' ? 0 : undefined)
      if (engine === 'postgres') expect(shard!.servers[1]!.bytesBehind).toBeGreaterThan(0)
    } finally {
      await cluster.resumeReplay(late!)
      await cluster.caughtUp()
    }
  })
})
