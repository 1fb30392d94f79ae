import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, listShards, type Client } from '../../src/index.ts'
import { startPostgresCluster, type TestCluster } from '../../src/testing/index.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('shards with replicas', () => {
  let clusters: readonly TestCluster[]
  let client: Client<'default'>

  beforeAll(async () => {
    const { template } = sharedServer('postgres')
    clusters = await Promise.all([1, 2].map(async () => await startPostgresCluster({ template, replicas: 1 })))
    const databases = await Promise.all(clusters.map(async (cluster) => await cluster.createDatabase()))
    const [a, b] = databases.map(({ primary, replicas }) => ({ primary, replicas }))
    client = await connect({
      databases: {
        default: {
          shards: { a: a!, b: b! },
          shardMap: listShards({ key: 'integer', lists: { a: [1, 3, 5], b: [2, 4, 6] } }),
          replication: { waitMs: 3_000 },
        },
      },
      tables: { item: { database: 'default', shardKey: 'id' } },
      tokens: { keys: ['a secret of sixteen bytes'] },
    })
    await client.query('create table item (id integer primary key, n integer not null)')
    for (const cluster of clusters) await cluster.caughtUp()
  }, 60_000)

  afterAll(async () => {
    for (const cluster of clusters) for (const server of cluster.servers) server.thaw()
    await client.close()
    for (const cluster of clusters) await cluster.stop()
  })

  const all = 'select id, n from item order by id'

  it('read each session its own writes on replicas, of one shard and of all of them, also by a token', async () => {
    const token = await client.session(async (session) => {
      for (const id of [1, 2, 3, 4]) {
        await client.query('insert into item (id, n) values ($1, 0)', [id])
        const { rows, route } = await client.query('select n from item where id = $1', [id])
        expect([rows, route.role]).toEqual([[{ n: 0 }], 'replica'])
      }
      const { rows, route } = await client.query(all)
      expect([rows.length, route.role, route.shards]).toEqual([4, 'replica', ['a', 'b']])
      await client.query('update item set n = 1', [], { allShards: true })
      expect((await client.query<{ n: number }>(all)).rows.every(({ n }) => n === 1)).toBe(true)
      expect((await client.query('select sum(n) as n from item')).rows).toEqual([{ n: '4' }])
      return await session.token()
    })
    await client.session(
      async () => expect((await client.query<{ n: number }>(all)).rows.every(({ n }) => n === 1)).toBe(true),
      token === undefined ? {} : { token },
    )
  })

  it('keep more groups than fit in memory on a primary, and read them on replicas', async () => {
    // The same ids on both shards, where half of them do not belong: a condition that tells a range of keys would ask their owner alone.
    const fill = 'insert into item (id, n) select g, 7 from generate_series(1001, 7000) as g'
    for (const shardKey of [1, 2]) await client.query(fill, [], { shardKey })
    const sql = 'select id, sum(n) as s from item where id + 0 > 1000 group by id order by id desc'
    await client.session(async () => {
      await client.query('update item set n = 8 where id + 0 > 1000', [], { allShards: true })
      const rows = await Array.fromAsync(client.stream(sql))
      expect([rows.length, rows[0]]).toEqual([6_000, { id: 7_000, s: '16' }])
      const { route } = await client.query('select n from item where id = 1')
      expect(route.role).toBe('replica')
    })
    await client.query('delete from item where id + 0 > 1000', [], { allShards: true })
    for (const cluster of clusters) await cluster.caughtUp()
  })

  it('go on without a replica that hangs, and lose nothing of the answer', async () => {
    const before = (await client.query(all)).rows
    const [replica] = clusters[1]!.replicas
    replica!.freeze()
    expect((await client.query(all)).rows).toEqual(before)
    expect((await client.query('select n from item where id = 2')).rows).toEqual([{ n: 1 }])
    replica!.thaw()
  })

  it('say which shard is down, or leave it out where the call allows that', async () => {
    const [, second] = clusters
    for (const server of second!.servers) server.kill('SIGKILL')
    await expect(client.query(all, [], { timeoutMs: 8_000 })).rejects.toMatchObject({ database: 'default', shard: 'b' })
    const { rows, missingShards } = await client.query<{ id: number }>(all, [], { partial: true, timeoutMs: 8_000 })
    expect(rows.map(({ id }) => id)).toEqual([1, 3])
    expect(missingShards).toEqual(['b'])
    expect((await client.query('select n from item where id = 1')).rows).toEqual([{ n: 1 }])
  })
})
