import { describe, expect, it } from 'vitest'
import {
  connect,
  customShards,
  hashShards,
  ShardMapChangedError,
  type Client,
  type DeclaredShardMap,
} from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

describe.each(testedEngines)('the shard map that shards have recorded on %s', (engine) => {
  async function withShards(
    run: (open: (names: readonly string[], shardMap: DeclaredShardMap) => Promise<Client<'shop'>>) => Promise<void>,
  ): Promise<void> {
    const databases = await Promise.all(['a', 'b', 'c'].map(async () => await freshDatabase(engine)))
    const clients: Client<'shop'>[] = []
    try {
      await run(async (names, shardMap) => {
        const shards = Object.fromEntries(names.map((name) => [name, databases['abc'.indexOf(name)]!.dsn]))
        const client = await connect({
          databases: { shop: { shards, shardMap } },
          tables: { customer: { database: 'shop', shardKey: 'id' } },
        })
        clients.push(client)
        return client
      })
    } finally {
      for (const client of clients) await client.close()
      for (const database of databases) await database.drop()
    }
  }

  it('is written the first time, by many at once, and found to be the same', async () => {
    await withShards(async (open) => {
      const map = hashShards({ key: 'integer' })
      const many = await Promise.all(Array.from({ length: 4 }, async () => await open(['a', 'b'], map)))
      await Promise.all(many.map(async (client) => await client.verifyShardMaps()))
      expect(await many[0]!.verifyShardMaps()).toEqual([
        { database: 'shop', shard: 'a', state: 'same' },
        { database: 'shop', shard: 'b', state: 'same' },
      ])
      // In another order they are the same shards with the same buckets.
      expect((await (await open(['b', 'a'], map)).verifyShardMaps()).map(({ state }) => state)).toEqual([
        'same',
        'same',
      ])
    })
  })

  it('is not the one of the configuration any more when a shard was added without owners', async () => {
    await withShards(async (open) => {
      const map = hashShards({ key: 'integer' })
      const before = await open(['a', 'b'], map)
      await before.query('create table customer (id integer primary key)')
      await before.verifyShardMaps()
      const after = await open(['a', 'b', 'c'], map)
      const refused = after.verifyShardMaps()
      await expect(refused).rejects.toThrow(ShardMapChangedError)
      await expect(refused).rejects.toThrow(/\d+ buckets would go from "a" to "(?:b|c)"; .*"b" to "c"/)
      await expect(refused).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_MAP_CHANGED', database: 'shop', shard: 'a' })
      // The old one still holds, and nothing was written on the new shard.
      expect((await before.verifyShardMaps()).map(({ state }) => state)).toEqual(['same', 'same'])
      expect((await after.verifyShardMaps({ accept: true })).map(({ state }) => state)).toEqual([
        'accepted',
        'accepted',
        'recorded',
      ])
      await expect(before.verifyShardMaps()).rejects.toThrow(ShardMapChangedError)
    })
  })

  it('of a function of the application is told by its version', async () => {
    await withShards(async (open) => {
      const map = (version: string): DeclaredShardMap => customShards({ key: 'integer', version, shardOf: () => 'a' })
      await (await open(['a', 'b'], map('1'))).verifyShardMaps()
      const other = await open(['a', 'b'], map('2'))
      await expect(other.verifyShardMaps()).rejects.toThrow('"version":"1"')
      await expect(other.verifyShardMaps({ accept: 1 as never })).rejects.toThrow('options.accept')
    })
  })
})
