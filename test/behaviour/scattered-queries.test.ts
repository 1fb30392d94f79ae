import { describe, expect, it } from 'vitest'
import { sqlFor } from '../support/dialect.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { expectSameAnswer } from '../support/same-answer.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedShop } from '../support/sharded-shop.ts'

describe.each(testedEngines)('a read of several shards from queries within it on %s', (engine) => {
  const shop = forAllTests(async () => await startShardedShop(engine))

  /** Same answers, and several shards were asked. */
  async function expectSame(text: string, params: readonly unknown[] = []): Promise<void> {
    const question = { sql: sqlFor(engine, text), params, mayBeEmpty: true }
    const { route } = await expectSameAnswer(shop.whole, shop.sharded, question)
    expect(route.shards.length, text).toBeGreaterThan(1)
  }

  type Case = readonly [text: string, params?: readonly unknown[]]
  const cases = (list: readonly Case[]) => list.map(([text, params = []]) => ({ text, params }))

  const fromQueries: readonly Case[] = [
    ['select * from (select id, name from customer) q order by id'],
    ['select q.name, q.id from (select * from customer where id > ?) as q order by q.name, q.id limit 5', [7]],
    ['select count(*) as n, sum(total) as s from (select total from purchase where units > 1) q'],
    ['select big, count(*) as n from (select id, credit > 700 as big from customer) q group by big order by big'],
    [
      'select u, max(n) as m from (select customer_id, units as u, count(*) as n from purchase group by customer_id, units) q group by u order by u',
    ],
    [
      'select n, count(*) as customers from (select customer_id as c, count(*) as n from purchase group by 1) q group by n order by n',
    ],
    [
      'select n, count(*) as customers from (select count(*) as n from purchase group by customer_id) q group by n order by n',
    ],
    ['select count(*) as n from (select distinct customer_id, units from purchase) q'],
    ['select count(*) as n from (select distinct * from purchase) q where q.units = ?', [1]],
    [
      'select avg(n) as a from (select customer_id, sum(units) as n from (select customer_id, units from purchase where id > 1) r group by customer_id) q',
    ],
    [
      'select customer_id, id, r from (select customer_id, id, row_number() over (partition by customer_id order by total desc, id) as r from purchase) q where r <= 2 order by customer_id, r',
    ],
    [
      'select count(*) as n from (select customer_id, rank() over w as r from purchase window w as (partition by customer_id order by units)) q where r = 1',
    ],
    [
      'select q.id, q.land from (select c.id, k.name as land from customer c join country k on k.code = c.country) q order by q.id desc limit 4 offset 3',
    ],
    [
      'select name, sum(units) as u from (select c.name, p.units from customer c left join purchase p on p.customer_id = c.id) q group by name order by name',
    ],
    [
      'select q.id from (select id from customer c where exists (select 1 from purchase p where p.customer_id = c.id and p.units = ?)) q order by q.id',
      [3],
    ],
    [
      'select k.name, q.id from (select id, country from customer) q join country k on k.code = q.country order by q.id limit 6',
    ],
    [
      'select q.id, k.name from (select id, country from customer) q left join (select code, name from country where code <> ?) k on k.code = q.country order by q.id',
      ['de'],
    ],
    ['select count(*) as n from (select id from customer order by name) q'],
    ['select id from (select id, name from customer order by name) q order by id'],
    ["select distinct x from (select name || '!' as x from customer) q order by x limit 3"],
  ]

  it.each(cases(fromQueries))('$text', async ({ text, params }) => {
    await expectSame(engine === 'mysql' ? text.replace("name || '!'", "concat(name, '!')") : text, params)
  })

  const joined: readonly Case[] = [
    [
      'select c.id, q.u from customer c left join (select customer_id, sum(units) as u from purchase group by customer_id) q on q.customer_id = c.id order by c.id',
    ],
    [
      'with best as (select customer_id as c, max(total) as most from purchase group by customer_id) select p.customer_id, p.id from purchase p join best b on b.c = p.customer_id and b.most = p.total order by 1, 2',
    ],
    [
      'select u.kind, count(*) as n from (select 1 as kind, id as x from customer union all select 2, customer_id from purchase) u join customer c on c.id = u.x where c.country = ? group by u.kind order by u.kind',
      ['fr'],
    ],
    [
      'select q.id, r.n from (select id from customer) q join (select customer_id, count(*) as n from purchase group by 1) r on r.customer_id = q.id order by n desc, q.id limit 8',
    ],
  ]

  it.each(cases(joined))('joined by the key: $text', async ({ text, params }) => {
    await expectSame(text, params)
  })

  const withQueries: readonly Case[] = [
    ['with q as (select * from customer) select id, name from q order by id'],
    ['with q(a, b) as (select id, name from customer where id > ?) select b, a from q order by b, a limit ?', [5, 4]],
    [
      'with q as (select id, country from customer), r as (select q.id, k.name from q join country k on k.code = q.country) select name, count(*) as n from r group by name order by n desc, name',
    ],
    [
      'with sums as (select customer_id, sum(units) as u from purchase group by customer_id) select max(u) as most, min(u) as least, count(*) as n from sums',
    ],
    [
      'with k as (select code from country where code <> ?) select c.id from customer c join k on k.code = c.country order by c.id',
      ['fr'],
    ],
    ['with k as (select code from country) select count(*) as n from customer where country in (select code from k)'],
    ['select * from (with q as (select id from customer where id < 9) select id from q) r order by id'],
    [
      'with q as (select id from customer) select id from q where id < 5 union all select id from q where id > 55 order by id',
    ],
  ]

  it.each(cases(withQueries))('$text', async ({ text, params }) => {
    await expectSame(text, params)
  })

  const unions: readonly Case[] = [
    [
      'select x.id, x.name from customer x join customer y on y.id = x.id where x.credit is null union all select x.id, x.name from customer x right join customer y on y.id = x.id order by 1, 2',
    ],
    ['select id from customer union all select customer_id from purchase order by id'],
    [
      'select id, name from customer where id < ? union all select customer_id, note from purchase where units = ? order by name, id',
      [20, 2],
    ],
    ['select id as x, id as y from customer union all select customer_id, id from purchase order by 1, y limit 20'],
    [
      'select id, id as n from customer union all select customer_id, 0 from purchase order by n desc, id limit ? offset ?',
      [6, 4],
    ],
    [
      'select id from customer union all select customer_id from purchase where units = 1 union all select customer_id + 100 from purchase order by id desc limit 30',
    ],
    [
      'select * from purchase where units = 1 union all select * from purchase where units = 2 order by customer_id, id',
    ],
    [
      'with q as (select id, name from customer) select id, name from q union all select customer_id, note from purchase order by id, name',
    ],
    [
      'select c.id, k.name from customer c join country k on k.code = c.country union all select id, city from customer order by 1, 2 limit 12',
    ],
    ['select id from customer union select customer_id from purchase order by id'],
    ['select id from customer intersect select customer_id from purchase order by id limit 9'],
    ['select id from customer except select customer_id from purchase order by id'],
    ['select id, name from customer union select customer_id, note from purchase order by id, name'],
    ['select count(*) as n, sum(x) as s from (select id as x from customer union all select units from purchase) u'],
    [
      'select kind, count(*) as n from (select 1 as kind, id from customer union all select 2, customer_id from purchase) u group by kind order by kind',
    ],
    [
      'select x, count(*) as n from (select id as x from customer union all select customer_id from purchase) u group by x order by n desc, x limit 5',
    ],
    [
      'select n, count(*) as c from (select x, count(*) as n from (select id as x from customer union all select customer_id from purchase) u group by x) v group by n order by n',
    ],
    [
      'select x from (select id as x from customer union all select id + 100 from customer) u where x > ? order by x limit 3',
      [50],
    ],
    [
      'select id from customer where id in (1, 2, 3) union all select customer_id from purchase where customer_id in (4, 5, 6) order by id',
    ],
  ]

  it.each(cases(unions))('$text', async ({ text, params }) => {
    await expectSame(text, params)
  })

  it('a UNION ALL without an order has all rows of its members, also those with two names that are the same', async () => {
    const sql = 'select id, id from customer union all select customer_id, id from purchase'
    const texts = async (client: typeof shop.whole, text: string) =>
      (await client.query(text, [], { rowMode: 'array' })).rows.map((row) => JSON.stringify(row)).toSorted()
    expect(await texts(shop.sharded, sql)).toEqual(await texts(shop.whole, sql))
    const { rows } = await shop.sharded.query(`${sql} limit 13`, [], { rowMode: 'array' })
    expect(rows).toHaveLength(13)
    const all = new Set(await texts(shop.whole, sql))
    expect(rows.every((row) => all.has(JSON.stringify(row)))).toBe(true)
  })

  it.each([
    'with q as (select id, name from customer where id > ?) select id, name from q order by name, id',
    'select id, name from (select id, name from customer where id > ?) q order by name desc, id',
  ])('is read page by page: %s', async (text) => {
    const sql = sqlFor(engine, text)
    const read: unknown[] = []
    let after: string | undefined
    do {
      const page = await shop.sharded.page(sql, [7], { size: 9, after })
      read.push(...page.rows)
      after = page.next
    } while (after !== undefined)
    expect(read).toEqual((await shop.whole.query(sql, [7])).rows)
  })

  it.runIf(engine === 'postgres')('takes no function for a scalar that may be an aggregate', async () => {
    const made = 'create aggregate all_of(integer) (sfunc = int4pl, stype = integer, initcond = 0)'
    for (const client of [shop.whole, shop.sharded]) await client.query(made)
    await expectSame(
      'select max(n) as n from (select customer_id, all_of(units) as n from purchase group by customer_id) q',
    )
    await expect(
      shop.sharded.query('select max(n) as n from (select all_of(units) as n from purchase) q'),
    ).rejects.toThrow('the function all_of() in a query inside, which may be an aggregate, cannot be put together')
  })
})
