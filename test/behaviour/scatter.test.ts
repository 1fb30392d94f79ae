import { describe, expect, it } from 'vitest'
import { kysely } from '../../src/adapters/kysely.ts'
import { sqlFor } from '../support/dialect.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { expectSameAnswer } from '../support/same-answer.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedShop } from '../support/sharded-shop.ts'

describe.each(testedEngines)('a read of several shards on %s', (engine) => {
  const shop = forAllTests(async () => await startShardedShop(engine))

  async function expectSame(text: string, params: readonly unknown[] = []): Promise<void> {
    await expectSameAnswer(shop.whole, shop.sharded, { sql: sqlFor(engine, text), params, mayBeEmpty: true })
  }

  const ordered: readonly (readonly [text: string, params?: readonly unknown[]])[] = [
    ['select id, name from customer order by id'],
    ['select * from customer order by id desc'],
    ['select name, id from customer order by name, id'],
    ['select name as n, id from customer order by n desc, id'],
    ['select id, credit from customer order by credit desc, id'],
    ['select id, credit from customer order by 2, 1'],
    ['select id, since from customer order by since, id'],
    ['select c.*, p.* from customer c join purchase p on p.customer_id = c.id order by p.bought, c.id, p.id'],
    ['select c.id, p.id as number from customer c left join purchase p on p.customer_id = c.id order by c.id, number'],
    ['select customer_id, weight from purchase order by weight, customer_id, id'],
    ['select customer_id, id, units * 2 + 1 as x from purchase order by units * 2 + 1, customer_id, id'],
    ['select id from customer order by id limit 10'],
    ['select id from customer order by id limit 10 offset 5'],
    ['select id from customer order by id limit ?', [7]],
    ['select id from customer order by id desc limit ? offset ?', [7, 20]],
    ['select id from customer order by id limit 10 offset ?', [55]],
    ['select id from customer order by id limit ? offset 3', [4]],
    ['select id from customer where id in (?, ?, 3, 4, 5, 6) order by id', [1, 2]],
    ['select id from customer where id > ? and name <> ? order by id limit 3', [20, 'customer 1']],
    ['select k.name, c.id from customer c join country k on k.code = c.country order by c.id limit 4'],
    ['select id from customer c where exists (select 1 from purchase p where p.customer_id = c.id) order by id'],
    ['select id, (select sum(units) from purchase p where p.customer_id = c.id) as u from customer c order by id'],
    ['select id from customer where 1 = 0 order by id'],
    ['select id, name, id from customer order by id limit 3'],
    ['select id, name, id from customer order by id limit ? offset ?', [3, 2]],
  ]

  it.each(ordered.map(([text, params = []]) => ({ text, params })))('$text', async ({ text, params }) => {
    await expectSame(text, params)
  })

  // What "all" looks like, and what is more than JavaScript counts.
  const most = engine === 'mysql' ? 18_446_744_073_709_551_615n : 9_223_372_036_854_775_807n
  const unlimited: readonly (readonly [text: string, params?: readonly unknown[]])[] = [
    [`select id from customer order by id limit ${most} offset 55`],
    [`select id from customer order by id limit ${most} offset ?`, [55]],
    ['select id from customer order by id limit ? offset 55', [most]],
    ['select id from customer order by id limit ? offset ?', [most, 55]],
    ['select id from customer order by id limit ? offset ?', ['3', '55']],
    ...(engine === 'postgres'
      ? ([
          // Sorted by the item, which has the name of a column.
          ['select id::text from customer order by id'],
          ['select cast(id as text), case when id > 3 then name end from customer order by "case", id'],
          ['select lower(name), id + 1 from customer order by lower desc, id'],
          ['select id from customer order by id limit ? offset ?', [null, 55]],
          ['select id from customer order by id offset ? rows fetch next ? rows only', [55, 3]],
          ['select id from customer order by id limit all offset 55'],
        ] as const)
      : []),
    ...(engine === 'postgres'
      ? []
      : ([
          ['select id from customer order by id limit ? offset ?', [-1, 55]],
          ['select id from customer order by id limit ? offset 55', [-1]],
        ] as const)),
    ...(engine === 'sqlite'
      ? ([
          ['select id from customer order by id limit -1 offset ?', [55]],
          ['select id from customer order by id limit ? offset ?', [3, -55]],
        ] as const)
      : []),
  ]

  it.each(unlimited.map(([text, params = []]) => ({ text, params })))(
    '$text with $params',
    async ({ text, params }) => {
      await expectSame(text, params)
    },
  )

  it.runIf(engine === 'postgres')('a negative LIMIT is an error, as on one server', async () => {
    const text = sqlFor(engine, 'select id from customer order by id limit ? offset ?')
    await expect(shop.whole.query(text, [-1, 55])).rejects.toThrow()
    await expect(shop.sharded.query(text, [-1, 55])).rejects.toThrow('a whole number from 0 on')
  })

  const byServers: Readonly<Record<string, readonly string[]>> = {
    postgres: [
      'select id, city from customer order by city collate "de-x-icu", id',
      'select id, city from customer order by city collate "en-x-icu" desc nulls last, id desc limit 9 offset 4',
      "select customer_id, id from purchase order by bought - timestamp '2025-01-01', customer_id, id",
      'select id, lower(city collate "und-x-icu") as c from customer order by c desc, id limit 7',
    ],
    mysql: [
      'select id, city from customer order by city collate utf8mb4_general_ci, id',
      'select id, city from customer order by city collate utf8mb4_swedish_ci desc, id desc limit 9 offset 4',
      'select customer_id, id from purchase order by json_array(note, units), customer_id, id',
      "select customer_id, id, json_object('n', note) as j from purchase order by j desc, customer_id, id limit 9",
      'select id, concat(city, name) as c from customer order by c collate utf8mb4_unicode_ci, id',
    ],
    sqlite: ['select id, city from customer order by city collate nocase, id'],
  }

  it.each(byServers[engine]!)('has values ranked that only a server can compare: %s', async (text) => {
    await expectSame(text)
  })

  const aggregated: readonly (readonly [text: string, params?: readonly unknown[]])[] = [
    ['select count(*) as n from customer'],
    ['select count(*), sum(units), min(total), max(total), avg(units) from purchase'],
    ['select count(*) as n, sum(total) as s from purchase where 1 = 0'],
    ['select country, count(*) as n from customer group by country order by country'],
    ['select units, sum(total) as s, avg(total) as a from purchase group by units order by units'],
    ['select city, count(*) as n from customer group by city order by n desc, city limit 3'],
    [
      'select name, count(*) as n, sum(credit) as c from customer where id > ? group by name having count(*) > ? order by 1',
      [5, 2],
    ],
    ['select distinct country from customer order by country'],
    ['select count(distinct city) as cities from customer'],
    ['select distinct country as a, country as b, city as c from customer order by a, c'],
    [
      'select k.name, count(*) as n, sum(p.total) as s from customer c join purchase p on p.customer_id = c.id join country k on k.code = c.country group by k.name order by s desc, k.name limit ?',
      [3],
    ],
    ['select units, round(sum(total) / count(*), 2) as mean from purchase group by units order by mean desc, units'],
    ['select units from purchase group by units order by units limit 2 offset 1'],
    ['select count(*) as n from customer where id in (1, 2, 3, ?)', [4]],
  ]

  it.each(aggregated.map(([text, params = []]) => ({ text, params })))('$text', async ({ text, params }) => {
    await expectSame(text, params)
  })

  it('without an order gives all rows, in the order of the shards', async () => {
    const { rows, route } = await shop.sharded.query<{ id: number }>('select id from customer')
    expect(rows.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    expect(route).toMatchObject({ shards: ['a', 'b', 'c', 'd'], consistency: 'perShard' })
    expect((await shop.sharded.query('select id from customer where id = 1')).route).not.toHaveProperty('consistency')
    expect((await shop.sharded.query('select id from customer')).rows).toEqual(rows)
    expect((await shop.sharded.query('select id from customer limit 5')).rows).toHaveLength(5)
  })

  const refused: readonly (readonly [string, string])[] = [
    ['select row_number() over (order by id) from customer', 'a window function'],
    ['select name from customer union select name from customer', 'UNION'],
    ...(engine === 'postgres'
      ? []
      : [['select id, units * 2 as u from purchase order by u + 1', 'sort key 1'] as const]),
    ['select * from customer order by 1', 'sort key 1'],
    ...(engine === 'postgres' ? [] : [['select id from customer order by abs(id - ?)', 'sort key 1'] as const]),
    ['select k.code from country k left join customer c on c.country = k.code', 'outer join'],
    ['select k.code from customer c right join country k on c.country = k.code', 'outer join'],
    ['with x as (select * from customer limit 3) select * from x', 'LIMIT in the WITH query x'],
  ]
  it.each(refused)('refuses %s', async (text, construct) => {
    const error: unknown = await shop.sharded.query(text).catch((reason: unknown) => reason)
    expect(String(error)).toContain(construct)
    expect(() => shop.sharded.explain(text)).toThrow(String(error).replace(/^\w+: /, ''))
    expect(error).toMatchObject({ code: expect.stringMatching(/CANNOT_SCATTER|SHARD_KEY_MISSING/) })
  })

  it('serves Kysely, with the types and streams of one database', async () => {
    interface Tables {
      customer: { id: number; name: string; country: string | null }
    }
    const [one, many] = [kysely<Tables>(shop.whole), kysely<Tables>(shop.sharded)]
    const plain = (rows: readonly object[]): unknown[] => rows.map((row) => ({ ...row }))
    for (const db of [one, many]) {
      const inserted = await db
        .insertInto('customer')
        .values({ id: 1_000, name: 'kysely', country: 'de' })
        .executeTakeFirst()
      expect(inserted.numInsertedOrUpdatedRows).toBe(1n)
    }
    const ask = (db: typeof one) =>
      db.selectFrom('customer').select(['id', 'name']).where('id', '>', 50).orderBy('id', 'desc')
    expect(plain(await ask(many).execute())).toEqual(plain(await ask(one).execute()))
    expect(plain(await Array.fromAsync(ask(many).stream()))).toEqual(plain(await ask(one).execute()))
    const count = (db: typeof one) =>
      db
        .selectFrom('customer')
        .select(['country', (eb) => eb.fn.countAll().as('n')])
        .groupBy('country')
        .orderBy('country')
    expect(plain(await count(many).execute())).toEqual(plain(await count(one).execute()))
    for (const db of [one, many]) {
      const deleted = await db.deleteFrom('customer').where('id', '=', 1_000).executeTakeFirst()
      expect(deleted.numDeletedRows).toBe(1n)
    }
  })

  it('stops reading as soon as nobody wants more, and serves the next', async () => {
    for (let round = 0; round < 10; round++) {
      for await (const row of shop.sharded.stream<{ id: number }>(
        'select id from purchase order by customer_id, id',
        [],
        {
          fetchSize: 2,
        },
      )) {
        expect(row.id).toBe(1)
        break
      }
    }
    expect((await shop.sharded.query('select id from customer order by id limit 1')).rows).toEqual([{ id: 1 }])
  })
})
