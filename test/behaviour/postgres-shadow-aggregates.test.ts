import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/index.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'
import { testedEngines } from '../support/servers.ts'

const shop = [
  `create table item (id int primary key, kind text, "Big" bigint, small smallint, price numeric(8, 2), ratio float8, day date, free boolean)`,
  `insert into item select n, case when n % 7 = 0 then null else 'kind ' || n % 5 end, n * 1000000000000, n % 9, n / 4.0, n / 3.0, '2026-01-01'::date + n % 30, n % 2 = 0
    from generate_series(1, 400) as n`,
]
const changes = [
  "update item set price = price * 2, kind = 'kind 9' where id % 10 = 0",
  'delete from item where id % 13 = 0',
  `insert into item select n, 'kind 1', n, 5, 7.125, 1, '2027-01-01', null from generate_series(500, 520) as n`,
]

/** Of one table, as those that are made in parts. */
const parted = [
  'select count(*) from item',
  'select count(*) as n, count(kind), sum(small), sum("Big"), sum(price), min(day), max(item.kind) from item where id > 3',
  'select avg(small), avg("Big"), avg(price), avg(i.id) as "The Average" from item i where i.id between 5 and 350 or kind is null',
  "select kind, count(*)::int as n, sum(price) from item as i where lower(kind) like 'kind%' group by kind order by kind",
  'select i.kind, free, max(ratio) from item i group by i.kind, i.free having count(*) > 2 and sum(small) <= 5000 order by 3 desc limit 4',
  'select kind from item group by kind having min(id) > 1 order by count(*) desc, kind',
  'select count(*), sum(price), max(day) from item where id = -1',
  'select kind, count(*) from item where id = -1 group by kind',
  'select free, count(nullif(small, 3)) from item group by free order by free nulls first',
]
/** As they stand. */
const whole = [
  'select count(distinct kind) from item',
  'select count(*) filter (where free) from item',
  'select sum(ratio) > 10 as much, sum(price * 2) from item',
  'select id, kind, count(*) from item group by id order by id limit 3',
  'select kind, price + 1 as more, count(*) from item group by kind, price + 1 order by 1, 2 limit 3',
  'select count(*) from item a join item b on a.id = b.id + 1',
  'select count(*) from (select * from item limit 5) as few',
  'select (select max(price) from item) as most, count(*) from item',
  'select count(nosuch) from item',
  'select count(*) from item where nosuch = 1',
  'select kind, count(*) from item',
  'select count(*), count(*) over () from item',
  'with few as (select * from item where id < 9) select count(*) from few',
]

async function outcome(client: Client, sql: string): Promise<unknown> {
  try {
    const { rows, fields } = await client.query(sql)
    const shown = rows.map((row) => inspect(row))
    const names = fields.map((field) => [
      (field as { name: string }).name,
      (field as { dataTypeID?: number }).dataTypeID,
    ])
    return { rows: sql.includes('order by') ? shown : shown.toSorted(), names }
  } catch (error) {
    return String(error)
  }
}

describe.runIf(testedEngines.includes('postgres'))('aggregates of an augmented table', () => {
  it('come to the same as in a full copy, before and after changes', async () => {
    await using both = await shadowedShop(shop, { '*': 'augment' }, 'postgres')
    for (const each of [
      '',
      ...changes,
      'alter table item add column stock int default 3',
      'update item set stock = 4 where id < 30',
    ]) {
      if (each !== '') for (const client of [both.shadow, both.copy]) await client.query(each)
      const more = each.includes('stock')
        ? [
            'select count(stock), sum(stock) from item where stock > 3',
            'select stock, count(*) from item group by stock order by stock',
          ]
        : []
      for (const sql of [...parted, ...whole, ...more])
        expect(await outcome(both.shadow, sql), `${each}: ${sql}`).toEqual(await outcome(both.copy, sql))
    }
  })

  it('of columns that another client has added are those of the local table, too', async () => {
    await using both = await shadowedShop(shop, { '*': 'augment' }, 'postgres')
    await both.shadow.query('select count(*) from item')
    const other = await both.again()
    await other.query('alter table item add column stock int default 3')
    await other.query('update item set stock = 4 where id = 7')
    expect(
      (await both.shadow.query('select count(stock)::int as n, max(stock) from item where stock > 2')).rows,
    ).toEqual([{ n: 400, max: 4 }])
    await both.shadow.transaction(async (tx) => {
      await tx.query('alter table item add column more int default 1')
      expect((await tx.query('select max(more) from item where more = 1')).rows).toEqual([{ max: 1 }])
    })
  })

  it('are made where the rows are: few rows travel', async () => {
    await using both = await shadowedShop(shop, { '*': 'augment' }, 'postgres')
    for (const sql of changes) await both.shadow.query(sql)
    for (const sql of parted) {
      const { rows } = await both.shadow.query(`explain (verbose) ${sql}`)
      const plan = inspect(rows, { maxArrayLength: null })
      // Over the view, a filter finds out about each row where it comes from.
      expect(plan, sql).toMatch(/Remote SQL: .*<> ALL/)
      expect(plan, sql).not.toMatch(/tableoid/)
    }
    const { rows } = await both.shadow.query(`explain ${parted[0]}`)
    expect(inspect(rows)).toMatch(/Relations: Aggregate on \(item/)
  })
})
