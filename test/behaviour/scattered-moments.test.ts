import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, hashShards, type Client } from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import { privateServer, testedEngines } from '../support/servers.ts'

/** A clock that is set from 3 to 2 on 27 October 2024, and what it is two and one hours ahead of. */
const zone = [
  `insert into mysql.time_zone (time_zone_id, use_leap_seconds) values (900, 'N')`,
  `insert into mysql.time_zone_name (name, time_zone_id) values ('Test/Autumn', 900)`,
  `insert into mysql.time_zone_transition_type (time_zone_id, transition_type_id, \`offset\`, is_dst, abbreviation)
    values (900, 0, 7200, 1, 'S'), (900, 1, 3600, 0, 'W')`,
  `insert into mysql.time_zone_transition (time_zone_id, transition_time, transition_type_id)
    values (900, 1, 0), (900, 1729990800, 1)`,
]

describe.runIf(testedEngines.includes('mysql'))('moments that a clock shows twice', () => {
  let server: TestServer
  let whole: Client<'default'>
  let sharded: Client<'default'>

  const connectBoth = async () => {
    const shards = { a: server.dsn('a'), b: server.dsn('b'), c: server.dsn('c') }
    whole = await connect(server.dsn('one'))
    sharded = await connect({
      databases: { default: { shards, shardMap: hashShards({ key: 'integer' }) } },
      tables: { event: { database: 'default', shardKey: 'id' } },
    })
  }

  const closeBoth = async () => {
    await whole?.close()
    await sharded?.close()
  }

  beforeAll(async () => {
    server = await privateServer('mysql')
    await using admin = await connect(server.adminDsn('mysql'))
    for (const text of zone) await admin.query(text)
    for (const name of ['one', 'a', 'b', 'c']) await server.createDatabase(name)
    await connectBoth()
    for (const client of [whole, sharded]) {
      await client.query('create table event (id integer primary key, happened timestamp(6) null)')
      // Every ten minutes from an hour and a half before the change, while the server still has the clock of UTC.
      for (let id = 0; id < 36; id++)
        await client.query('insert into event (id, happened) values (?, from_unixtime(?))', [
          id,
          1_729_985_400 + (id % 18) * 600,
        ])
    }
    await closeBoth()
    await admin.query(`set global time_zone = 'Test/Autumn'`)
    await connectBoth()
  }, 60_000)

  afterAll(async () => {
    await closeBoth()
    await server?.stop()
  })

  it.each(['', ' desc'])('are merged as they happened, order by happened%s', async (direction) => {
    const text = `select id, unix_timestamp(happened) as moment, cast(happened as char) as clock from event order by happened${direction}, id`
    const { rows } = await whole.query<{ clock: string }>(text)
    expect((await sharded.query(text)).rows).toEqual(rows)
    expect(await Array.fromAsync(sharded.stream(text, [], { fetchSize: 4 }))).toEqual(rows)
    // The clock alone would not tell them apart.
    expect(new Set(rows.map(({ clock }) => clock)).size).toBe(12)
  })

  it.each([
    'select happened, count(*) as n from event group by happened',
    'select count(distinct happened) as n from event',
    'select unix_timestamp(max(happened)) as last from event where id in (9, 10, 1)',
  ])('are not taken for one another in groups: %s', async (text) => {
    const refusal = {
      code: 'SIGNALBOX_CANNOT_SCATTER',
      construct: expect.stringContaining('of type TIMESTAMP') as unknown,
    }
    await expect(sharded.query(text)).rejects.toMatchObject(refusal)
  })

  it.each([
    'select unix_timestamp(happened) as moment, count(*) as n from event group by unix_timestamp(happened) order by moment',
    'select count(distinct unix_timestamp(happened)) as n from event',
    'select happened, count(*) as n from event where id in (1, 2, 17, 19, 35) group by happened order by happened',
    'select min(happened) as first, max(happened) as last from event',
  ])('are grouped where each is told: %s', async (text) => {
    const { rows } = await whole.query(text)
    expect((await sharded.query(text)).rows).toEqual(rows)
  })

  it('are not taken for one another in any batch of more groups than are held in memory', async () => {
    for (let from = 1_000; from < 13_000; from += 2_000) {
      const rows = Array.from({ length: 2_000 }, (_, i) => `(${from + i}, from_unixtime(${1_700_000_000 + from + i}))`)
      await sharded.query(`insert into event (id, happened) values ${rows.join(', ')}`)
    }
    const text = 'select id, happened, count(*) as n from event where id >= 1000 group by id, happened order by id'
    expect(await Array.fromAsync(sharded.stream(text))).toHaveLength(12_000)
    // The clock shows this one twice; it is the last row of its shard.
    await sharded.query('insert into event (id, happened) values (20000, from_unixtime(1729989000))')
    await expect(Array.fromAsync(sharded.stream(text))).rejects.toMatchObject({
      code: 'SIGNALBOX_CANNOT_SCATTER',
      construct: expect.stringContaining('of type TIMESTAMP') as unknown,
    })
    await sharded.query('delete from event where id >= 1000', [], { allShards: true })
  }, 30_000)

  it('are not taken for one another in groups that fill a table, either', async () => {
    // Too wide to be held in memory.
    const textOf = (ids: readonly number[]): string =>
      `select id, happened, max(repeat('x', 60000)) as wide from event where id in (${ids.join(', ')}) group by id, happened order by id`
    const all = Array.from({ length: 36 }, (_, id) => id)
    const isTwice = (id: number): boolean => id % 18 >= 3 && id % 18 < 15
    const refusal = {
      code: 'SIGNALBOX_CANNOT_SCATTER',
      construct: expect.stringContaining('of type TIMESTAMP') as unknown,
    }
    // Whichever shard has them, the one that makes the table as well.
    for (const shard of ['a', 'b', 'c']) {
      const text = textOf(all.filter((id) => !isTwice(id) || sharded.shardOf(id) === shard))
      await expect(Array.fromAsync(sharded.stream(text))).rejects.toMatchObject(refusal)
    }
    await using admin = await connect(server.adminDsn('mysql'))
    await admin.query(`set global time_zone = '+00:00'`)
    await closeBoth()
    await connectBoth()
    const rows = await Array.fromAsync(sharded.stream<{ happened: Date }>(textOf(all)))
    expect(rows).toHaveLength(36)
    expect(new Set(rows.map(({ happened }) => happened.getTime())).size).toBe(18)
  })
})
