import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, hashShards, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'
import { startShardedShop } from '../support/sharded-shop.ts'

describe.runIf(testedEngines.includes('sqlite'))('sort keys of SQLite, where integers come as numbers', () => {
  const made: TestDatabase[] = []
  let whole: Client<'default'>
  let sharded: Client<'default'>
  const past = 2n ** 53n
  const integers = [past, past - 1n, past + 1n, -past, -past - 1n, 1n - past, 2n ** 63n - 1n, -(2n ** 63n), 0n, 7n]
  const others = [2 ** 53, 2 ** 60 + 0.5, 6.5, -0.5, Infinity, null]
  const texts = ['i1', 'i9007199254740993', 't', 'text', '', '9', '5', 'İ', 'a\0b', 'a']
  const bytes = [Buffer.from('i9007199254740993'), Buffer.from([0, 255]), Buffer.alloc(0)]
  const values = [...integers, ...others, ...texts, ...bytes]
  beforeAll(async () => {
    for (let i = 0; i < 4; i++) made.push(await freshDatabase('sqlite'))
    whole = await connect(made[0]!.dsn)
    sharded = await connect({
      databases: {
        default: {
          shards: { a: made[1]!.dsn, b: made[2]!.dsn, c: made[3]!.dsn },
          shardMap: hashShards({ key: 'integer' }),
        },
      },
      tables: { t: { database: 'default', shardKey: 'id' } },
    })
    for (const client of [whole, sharded]) {
      await client.query('create table t (id integer primary key, v, s text, r real)')
      for (const [id, value] of values.entries())
        await client.query('insert into t (id, v, s, r) values (?, ?, ?, ?)', [id, value, value, value])
    }
  })
  afterAll(async () => {
    await whole.close()
    await sharded.close()
    for (const database of made) await database.drop()
  })

  it.each([
    'select id from t order by v, id',
    'select id from t order by s, id',
    'select id from t order by r desc, id',
    'select id, typeof(v) as kind from t order by t.v desc, id desc limit 20 offset 2',
    'select id from t order by v collate nocase desc nulls last, id',
    "select id from t where typeof(v) = 'integer' order by v + 1 desc, id",
    "select id, v as w from t where typeof(v) = 'text' order by w, id",
  ])('%s', async (sql) => {
    const { rows, fields } = await whole.query(sql)
    const answer = await sharded.query(sql)
    expect(rows.length).toBeGreaterThan(5)
    expect(answer.rows).toEqual(rows)
    expect(answer.fields.map(({ name }) => name)).toEqual(fields.map(({ name }) => name))
    const arrays = await whole.query(sql, [], { rowMode: 'array' })
    expect((await sharded.query(sql, [], { rowMode: 'array' })).rows).toEqual(arrays.rows)
    expect(await Array.fromAsync(sharded.stream(sql, [], { fetchSize: 2 }))).toEqual(rows)
  })

  it('an integer past 2^53 that is asked for is an error, as of one database', async () => {
    for (const client of [whole, sharded])
      await expect(client.query("select v from t where typeof(v) = 'integer' order by v")).rejects.toThrow('bigint')
  })
})

describe.runIf(testedEngines.includes('postgres'))('sort keys of PostgreSQL', () => {
  it('may have another value each time: it is computed once for each row', async () => {
    await using shop = await startShardedShop('postgres')
    const read = async () =>
      (await shop.sharded.query<{ id: number }>('select id from customer order by random()')).rows
    const [first, second] = [await read(), await read()]
    expect(first.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    expect(first).not.toEqual(second)
    for (const end of ['order by r', 'order by 2 limit 30', 'order by random()']) {
      const { rows } = await shop.sharded.query<{ r: number }>(`select id, random() as r from customer ${end}`)
      expect(rows.length).toBeGreaterThan(20)
      expect(rows.map(({ r }) => r)).toEqual(rows.map(({ r }) => r).toSorted((a, b) => a - b))
    }
  })
})
