import { describe, expect, it } from 'vitest'
import { connect, listShards, type Client, type Dsn } from '../../src/index.ts'
import { setMisleading } from '../support/misleading-settings.ts'
import { privateServer, testedEngines } from '../support/servers.ts'
import {
  bitsOnMysql,
  bitsOnPostgres,
  mysqlColumns as mysql,
  postgresColumns as postgres,
  type ValueColumn,
} from '../support/value-columns.ts'

const log = 'control'

async function clientOf(a: Dsn, b: Dsn, control: Dsn): Promise<Client<'default' | 'control'>> {
  const client = await connect({
    databases: {
      default: {
        shards: { a, b },
        shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2] } }),
      },
      control,
    },
    tables: { thing: { database: 'default', shardKey: 'owner' } },
  })
  await client.setUpTransactionLog({ log })
  return client
}

/** Every literal is in a row of its own, NULLs in the other columns; a last row has only NULLs. */
async function fill(client: Client<'default' | 'control'>, columns: readonly ValueColumn[]): Promise<number> {
  let id = 0
  for (const [index, [, ...literals]] of columns.entries())
    for (const literal of literals)
      await client.query(`insert into thing (owner, id, c${index}) values (1, ${++id}, ${literal})`)
  await client.query(`insert into thing (owner, id) values (1, ${++id})`)
  return id
}

describe.runIf(testedEngines.includes('postgres'))('values of moved rows on PostgreSQL', () => {
  it('are the same to the last bit, whatever the settings of the servers', async () => {
    const server = await privateServer('postgres', { max_prepared_transactions: '20' })
    try {
      const [a, b, control] = [
        await server.createDatabase(),
        await server.createDatabase(),
        await server.createDatabase(),
      ]
      await setMisleading(a, b)
      await using client = await clientOf(a.dsn, b.dsn, control.dsn)
      await client.query("create type mood as enum ('ok', 'so so')")
      await client.query('create domain positive as integer check (value > 0)')
      await client.query('create type pair as (number integer, word text)')
      const listed = postgres.map(([type], index) => `c${index} ${type}`).join(', ')
      await client.query(
        `create table thing (owner integer, id integer generated always as identity, "Odd ""name""" integer default 7,
          gone integer, twice integer generated always as (id * 2) stored, ${listed}, primary key (owner, id))`,
      )
      await client.query('alter table thing drop column gone')
      let id = 0
      for (const [index, [, ...literals]] of postgres.entries())
        for (const literal of literals)
          await client.query(
            `insert into thing (owner, id, "Odd ""name""", c${index}) overriding system value values (1, ${++id}, null, ${literal})`,
          )
      // The binary form says every bit.
      const bits = `select id, twice, "Odd ""name""" is null as odd, ${postgres.map(([type], i) => `${bitsOnPostgres(`c${i}`, type)} as c${i}`).join(', ')} from thing order by id`
      const stored = async (shardKey: number): Promise<unknown> => (await client.query(bits, [], { shardKey })).rows
      const before = await stored(1)
      for (let each = 1; each <= id; each++)
        await client.moveRow({ table: 'thing', key: { owner: 1, id: each }, set: { owner: 2 } }, { log })
      expect(await stored(1)).toEqual([])
      expect(await stored(2)).toEqual(before)
      // What the caller gives is read under the settings of the server: day first here, month first there.
      const dated = { owner: 1, c14: '01/02/2024' }
      const there = { table: 'thing', key: { owner: 2, id: 1 }, set: dated }
      await client.moveRow(there, { log })
      const sameDay = "select c14 = date '2024-02-01' as same from thing"
      expect((await client.query(sameDay, [], { shardKey: 1 })).rows).toEqual([{ same: true }])
      // Also where a row was read before, in the same transaction.
      const back = [
        { table: 'thing', key: { owner: 1, id: 1 }, set: { owner: 2 } },
        { table: 'thing', key: { owner: 2, id: 2 }, set: dated },
      ]
      await client.moveRows(back, { log })
      expect((await client.query(sameDay, [], { shardKey: 1 })).rows).toEqual([{ same: true }])
    } finally {
      await server.stop()
    }
  }, 120_000)
})

describe.runIf(testedEngines.includes('mysql'))('values of moved rows on MariaDB', () => {
  it('are the same to the last bit', async () => {
    const server = await privateServer('mysql')
    try {
      const [a, b, control] = [
        await server.createDatabase(),
        await server.createDatabase(),
        await server.createDatabase(),
      ]
      const filling = await clientOf(a.dsn, b.dsn, control.dsn)
      const listed = mysql.map(([type], index) => `c${index} ${type}`).join(', ')
      await filling.query(
        `create table thing (owner integer, id integer auto_increment, \`odd \`\`name\` integer default 7, twice integer as (owner * 2) stored,
          hidden integer invisible default 3, virtually integer as (owner * 3) virtual, ${listed}, primary key (id, owner)) charset utf8mb4`,
      )
      const count = await fill(filling, mysql)
      await filling.query('update thing set hidden = 4, `odd ``name` = null where owner = 1')
      // An id of 0 is a value, not a wish for a new one.
      await filling.query('update thing set id = 0 where owner = 1 and id = 1')
      await filling.close()
      // A zone with summer time, so that there is an hour twice: 02:30 on 27 October 2024.
      await using admin = await connect(server.adminDsn() as Dsn)
      for (const text of [
        "insert into mysql.time_zone (time_zone_id, use_leap_seconds) values (1, 'N')",
        "insert into mysql.time_zone_name (name, time_zone_id) values ('Test/Zone', 1)",
        "insert into mysql.time_zone_transition_type (time_zone_id, transition_type_id, `offset`, is_dst, abbreviation) values (1, 0, 7200, 1, 'S'), (1, 1, 3600, 0, 'W')",
        'insert into mysql.time_zone_transition (time_zone_id, transition_time, transition_type_id) values (1, 0, 1), (1, 1711846800, 0), (1, 1729990800, 1)',
        "set global time_zone = 'Test/Zone'",
      ])
        await admin.query(text)
      await using client = await clientOf(a.dsn, b.dsn, control.dsn)
      const bits = `select id, hidden, \`odd \`\`name\` is null as odd, ${mysql.map(([type], i) => `${bitsOnMysql(`c${i}`, type)} as c${i}`).join(', ')} from thing order by id`
      const stored = async (shardKey: number): Promise<unknown> => (await client.query(bits, [], { shardKey })).rows
      const before = await stored(1)
      for (const id of [0, ...Array.from({ length: count - 1 }, (_, index) => index + 2)])
        await client.moveRow({ table: 'thing', key: { owner: 1, id }, set: { owner: 2 } }, { log })
      expect(await stored(1)).toEqual([])
      expect(await stored(2)).toEqual(before)
      expect((await client.query('select distinct twice, virtually from thing where owner = 2')).rows).toEqual([
        { twice: 4, virtually: 6 },
      ])
      // The caller's own moments are those of the connection's time zone.
      const moment = mysql.findIndex(([type]) => type === 'timestamp null')
      const set = { owner: 1, [`c${moment}`]: '2024-02-01 03:30:00', [`c${moment - 1}`]: null }
      await client.moveRow({ table: 'thing', key: { owner: 2, id: 0 }, set }, { log })
      const seconds = await client.query(`select unix_timestamp(c${moment}) as s from thing where owner = 1`)
      expect(seconds.rows).toEqual([{ s: Date.UTC(2024, 1, 1, 2, 30) / 1000 }])
      const { rows } = await client.query('select @@time_zone as zone, @@sql_mode as mode', [], { shardKey: 1 })
      expect(rows[0]).toEqual({ zone: 'Test/Zone', mode: expect.not.stringContaining('NO_AUTO_VALUE_ON_ZERO') })
    } finally {
      await server.stop()
    }
  }, 120_000)
})
