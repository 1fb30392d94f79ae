import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, hashShards, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('floating-point numbers that a server rounds', () => {
  const databases: TestDatabase[] = []
  let client: Client<'default'>

  beforeAll(async () => {
    for (let shard = 0; shard < 3; shard++) {
      const database = await freshDatabase('postgres')
      databases.push(database)
      await using own = await connect(database.dsn)
      // The default of PostgreSQL 11 and earlier.
      await own.query(`alter database "${new URL(database.dsn).pathname.slice(1)}" set extra_float_digits to 0`)
    }
    const [a, b, c] = databases.map(({ dsn }) => dsn)
    client = await connect({
      databases: { default: { shards: { a: a!, b: b!, c: c! }, shardMap: hashShards({ key: 'integer' }) } },
      tables: { measure: { database: 'default', shardKey: 'id' } },
    })
    await client.query('create table measure (id integer primary key, value double precision)')
    for (let id = 0; id < 30; id++)
      await client.query('insert into measure (id, value) values ($1, $2)', [id, 0.1 + (id % 7) * 1e-16])
  })
  afterAll(async () => {
    await client?.close()
    for (const database of databases) await database.drop()
  })

  const rounded = {
    code: 'SIGNALBOX_CANNOT_SCATTER',
    message: expect.stringContaining('extra_float_digits') as unknown,
  }

  it.each([
    'select id from measure order by value, id',
    'select id from measure order by value desc limit 3',
    'select value, count(*) from measure group by value',
    'select count(distinct value) from measure',
    'select sum(value) from measure',
  ])('are not put together: %s', async (text) => {
    await expect(client.query(text)).rejects.toMatchObject(rounded)
  })

  it('are exact as numeric, and do no harm where they are only read', async () => {
    const text = 'select id from measure order by round(value::numeric, 3), id limit 3'
    expect((await client.query(text)).rows).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }])
    expect((await client.query('select id, value from measure order by id')).rows).toHaveLength(30)
    const { rows } = await client.query<{ total: string }>('select sum(value::numeric) as total from measure')
    expect(rows[0]!.total).toMatch(/^3\.0/)
  })
})
