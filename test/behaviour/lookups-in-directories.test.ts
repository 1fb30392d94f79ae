import { expect, it } from 'vitest'
import { connect, directoryShards, type Client } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

type Shop = Client<'shop' | 'control'>

it.each(testedEngines)('a lookup of customers whose owners stand in a directory on %s', async (engine) => {
  const databases = await Promise.all(['a', 'b', 'control'].map(async () => await freshDatabase(engine)))
  const clients: Shop[] = []
  const open = async (): Promise<Shop> => {
    const pool = { maxConnections: 4 }
    const client = await connect({
      databases: {
        shop: {
          shards: { a: databases[0]!.dsn, b: databases[1]!.dsn },
          shardMap: directoryShards({ key: 'integer', directory: 'control', maxStalenessMs: 3_600_000 }),
          pool,
        },
        control: { primary: databases[2]!.dsn, pool },
      },
      tables: {
        customer: { database: 'shop', shardKey: 'id', lookups: { email: { in: 'control', type: 'text' } } },
      },
    })
    clients.push(client)
    return client
  }
  try {
    const client = await open()
    await client.setUpShardDirectory()
    const exact = engine === 'mysql' ? ' collate utf8mb4_bin' : ''
    await client.query(`create table customer (id integer primary key, email varchar(40)${exact} unique)`)
    await client.lookups.setUp()
    await client.lookups.backfill({ table: 'customer', column: 'email' })
    const insert = sqlFor(engine, 'insert into customer (id, email) values (?, ?)')
    const find = sqlFor(engine, 'select id from customer where email = ?')
    const rename = sqlFor(engine, 'update customer set email = ? where id = ?')
    for (const id of [1, 2, 3, 4]) await client.query(insert, [id, `c${id}@example.org`])

    // Another process remembers where customer 1 was, and the customer moves.
    const stale = await open()
    const before = (await stale.query(find, ['c1@example.org'])).route.shards
    const to = before[0] === 'a' ? 'b' : 'a'
    await client.moveOwner(1, {
      to,
      async copy({ to: there }) {
        await there.query(insert, [1, 'c1@example.org'])
      },
      async remove(from) {
        await from.query(sqlFor(engine, 'delete from customer where id = ?'), [1])
      },
    })
    expect((await client.query(find, ['c1@example.org'])).route.shards).toEqual([to])

    // The row that has moved still has its value, for those as well who remember its old place.
    for (const each of [client, stale]) {
      await expect(each.query(insert, [9, 'c1@example.org'])).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
      await expect(each.query(rename, ['c1@example.org', 2])).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
    }
    // A change of the key that has moved goes where it belongs now.
    expect((await stale.query(rename, ['new@example.org', 1])).rowCount).toBe(1)
    expect((await client.query(find, ['new@example.org'])).rows).toEqual([{ id: 1 }])
    expect((await client.query(insert, [9, 'c1@example.org'])).rowCount).toBe(1)
    expect((await client.query(find, ['c1@example.org'])).rows).toEqual([{ id: 9 }])
    expect(await client.lookups.check({ table: 'customer', column: 'email' })).toMatchObject({
      rows: 5,
      missing: 0,
      wrong: 0,
      doubles: 0,
    })
  } finally {
    for (const client of clients) await client.close()
    for (const database of databases) await database.drop()
  }
})
