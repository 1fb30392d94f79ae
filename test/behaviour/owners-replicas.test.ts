import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, directoryShards, type Client } from '../../src/index.ts'
import { startPostgresCluster, type TestCluster } from '../../src/testing/index.ts'
import { freshDatabase, sharedServer, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('a directory of owners over shards with replicas', () => {
  let clusters: readonly TestCluster[]
  let control: TestDatabase
  let client: Client<'default' | 'control'>

  beforeAll(async () => {
    const { template } = sharedServer('postgres')
    control = await freshDatabase('postgres')
    clusters = await Promise.all([1, 2].map(async () => await startPostgresCluster({ template, replicas: 1 })))
    const databases = await Promise.all(clusters.map(async (cluster) => await cluster.createDatabase()))
    const [a, b] = databases.map(({ primary, replicas }) => ({ primary, replicas }))
    client = await connect({
      databases: {
        default: {
          shards: { a: a!, b: b! },
          shardMap: directoryShards({ key: 'integer', directory: 'control' }),
          replication: { waitMs: 5_000 },
        },
        control: control.dsn,
      },
      tables: { item: { database: 'default', shardKey: 'id' } },
      tokens: { keys: ['a secret of sixteen bytes'] },
    })
    await client.setUpShardDirectory()
    await client.query('create table item (id integer primary key, n integer not null)')
    for (const cluster of clusters) await cluster.caughtUp()
  }, 60_000)

  afterAll(async () => {
    await client.close()
    for (const cluster of clusters) await cluster.stop()
    await control.drop()
  })

  it('a session reads on replicas what it changed, and so does who has its token', async () => {
    const ids = [1, 2, 3, 4, 5, 6]
    const token = await client.session(async (session) => {
      for (const id of ids) {
        await client.query('insert into item (id, n) values ($1, 0)', [id])
        await client.query('update item set n = n + 1 where id = $1', [id])
        const { rows, route } = await client.query('select n from item where id = $1', [id])
        expect([rows, route.role]).toEqual([[{ n: 1 }], 'replica'])
      }
      await client.query('update item set n = n + 1', [], { allShards: true })
      expect((await client.query<{ n: number }>('select n from item')).rows.map(({ n }) => n)).toEqual(ids.map(() => 2))
      return await session.token()
    })
    await client.session(
      async () => {
        const { rows, route } = await client.query<{ n: number }>('select n from item order by id')
        expect([rows.map(({ n }) => n), route.role]).toEqual([ids.map(() => 2), 'replica'])
      },
      token === undefined ? {} : { token },
    )
  })
})
