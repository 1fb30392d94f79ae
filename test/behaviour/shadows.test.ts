import { describe, expect, it } from 'vitest'
import type { Params } from '../../src/index.ts'
import { shadowedShop, type ShadowedShop } from '../support/shadowed-shop.ts'

const shop = [
  'create table product (id integer primary key, name text not null, price numeric check (price > 0), sku text unique)',
  `create table review (id integer primary key, product_id integer not null references product (id) on delete cascade, stars int default 3)`,
  'create index review_product on review (product_id)',
  'create table note (id integer primary key, product_id integer references product (id) on delete set null, text text)',
  'create table country (code text primary key, name text)',
  'create view rated as select p.id, p.name, avg(r.stars) as stars from product p join review r on r.product_id = p.id group by p.id',
  "insert into product values (1, 'lamp', 10, 's1'), (2, 'chair', 20.5, 's2'), (3, 'table', 30, 's3'), (7, 'shelf', 70, null)",
  'insert into review values (1, 1, 5), (2, 1, 4), (3, 2, 3), (9, 3, 1)',
  "insert into note values (1, 1, 'one'), (2, 2, 'two')",
  "insert into country values ('de', 'Germany'), ('fr', 'France')",
]
const augmented = { product: 'augment', review: 'augment', note: 'augment' } as const

/** What a statement came to: its rows and counts, or its error. */
async function outcome(client: ShadowedShop['copy'], sql: string, params: Params = []): Promise<unknown> {
  try {
    const { rows, rowCount, insertId } = await client.query(sql, params)
    return { rows: rows.map((row) => ({ ...row })), rowCount, insertId }
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error
  }
}

const everything = [
  'select * from product order by id',
  'select * from review order by id',
  'select * from note order by id',
  'select * from rated order by id',
]

async function expectSame(
  { shadow, copy }: ShadowedShop,
  statements: readonly (string | [string, Params])[],
): Promise<void> {
  for (const statement of [...statements, ...everything]) {
    const [sql, params] = typeof statement === 'string' ? [statement, []] : statement
    expect(await outcome(shadow, sql, params), sql).toEqual(await outcome(copy, sql, params))
  }
}

const cases: Readonly<Record<string, readonly (string | [string, Params])[]>> = {
  'reads before any change': [
    'select p.name, r.stars from product p join review r on r.product_id = p.id order by r.id',
  ],
  'new rows, whose ids are above those of the base': [
    ['insert into product (name, price, sku) values (?, ?, ?)', ['stool', 5, 's9']],
    "insert into product (name, price) values ('bed', 6), ('sofa', 7) returning *",
    'delete from product where id > 2',
    "insert into product (name, price) values ('again', 6) returning id",
    'select last_insert_rowid()',
  ],
  'a key that the base has': [
    "insert into product (id, name, price) values (2, 'x', 1)",
    "insert into product (name, price, sku) values ('x', 1, 's1')",
    "insert or ignore into product (name, price, sku) values ('x', 1, 's1'), ('y', 2, 'new')",
    "insert or replace into product (id, name, price, sku) values (1, 'x', 1, 's2')",
    'update product set id = 3 where id = 7',
    "update product set sku = 's3' where id = 7",
  ],
  upserts: [
    "insert into product (id, name, price) values (2, 'x', 1) on conflict (id) do update set name = excluded.name || product.name returning *",
    "insert into product as p (name, price, sku) values ('x', 1, 's3') on conflict (sku) do update set price = p.price + 1 where p.price > 100",
    "insert into product (name, price, sku) values ('x', 1, 's3') on conflict do nothing",
    "replace into note (id, text) values (2, 'replaced')",
  ],
  updates: [
    ['update product set price = price + ?1 where id in (?2, ?3) returning id, price', [1, 2, 3]],
    ['update product set price = price * :factor where name = :name', { factor: 2, name: 'lamp' }],
    'update product as p set price = (select count(*) from review r where r.product_id = p.id) + 1',
    "update product set name = c.name from country c where c.code = 'de' and product.id = 2 returning product.name",
    'with best as (select product_id from review where stars = 5) update product set price = 99 where id in (select product_id from best)',
    'update review set product_id = 3 where product_id = 1',
    'update product set id = id + 100',
    'update product set name = null where id = 102',
    'update product set price = -1',
  ],
  'deletes, and what foreign keys do with them': [
    'delete from product where id = 1 returning *',
    'delete from product as p where exists (select 1 from review r where r.product_id = p.id and r.stars = 1)',
    'delete from review',
    'delete from note where text = ?',
    'delete from product',
    "insert into product (id, name, price) values (1, 'back', 1)",
  ],
  'foreign keys over rows of both': [
    'insert into review (product_id, stars) values (99, 1)',
    'insert into review (product_id, stars) values (3, 1) returning *',
    'update review set product_id = 2 where id = 9',
    'update review set product_id = 98 where id = 9',
    'delete from product where id = 3',
  ],
  'rows made of a query': [
    "insert into product (name, price) select name || ' copy', price + 1 from product where id < 3",
    'insert into product select id + 1, name, price, sku from product',
    "insert into review (product_id) select id from product where name like '%copy'",
  ],
}

describe('an augmented table comes to the same as a full copy of the base', () => {
  it.each(Object.entries(cases))('%s', async (_, statements) => {
    await using both = await shadowedShop(shop, augmented)
    const before = await Promise.all(everything.map(async (sql) => await outcome(both.base, sql)))
    await expectSame(both, statements)
    expect(await Promise.all(everything.map(async (sql) => await outcome(both.base, sql)))).toEqual(before)
  })

  it('in transactions and savepoints, too', async () => {
    await using both = await shadowedShop(shop, augmented)
    const play = async (client: ShadowedShop['copy'], fails: boolean): Promise<unknown> =>
      await client
        .transaction(async (tx) => {
          const changed = await tx.query('update product set price = 1 where id = 1')
          await tx
            .transaction(async (inner) => {
              await inner.query('delete from product')
              throw new Error('inner')
            })
            .catch(() => {})
          const { rows } = await tx.query('select id, price from product order by id')
          if (fails) throw new Error('outer')
          return [changed.rowCount, rows.map((row) => ({ ...(row as object) }))]
        })
        .catch((error: unknown) => String(error))
    for (const fails of [true, false]) {
      expect(await play(both.shadow, fails)).toEqual(await play(both.copy, fails))
      await expectSame(both, [])
    }
  })

  it('in what a stream returns', async () => {
    await using both = await shadowedShop(shop, augmented)
    const sql = 'update product set price = price + 1 returning id'
    const streamed = async (client: ShadowedShop['copy']): Promise<unknown> => {
      const rows = await Array.fromAsync(client.stream<{ id: number }>(sql))
      return rows.map(({ id }) => id).toSorted((a, b) => a - b)
    }
    expect(await streamed(both.shadow)).toEqual(await streamed(both.copy))
    await expectSame(both, [])
  })
})

describe('a shadow', () => {
  it('keeps what was changed, for the next client', async () => {
    await using both = await shadowedShop(shop, augmented)
    await expectSame(both, ['delete from product where id = 1', 'update product set price = 3 where id = 2'])
    await both.shadow.close()
    await expectSame({ ...both, shadow: await both.again() }, [])
  })

  it('shows of a replaced table the local rows alone', async () => {
    await using both = await shadowedShop(shop, { country: 'replace' })
    expect((await both.shadow.query('select * from country')).rows).toEqual([])
    await both.shadow.query("insert into country values ('it', 'Italy')")
    expect((await both.shadow.query('select code from country')).rows).toEqual([{ code: 'it' }])
    expect((await both.base.query('select count(*) as n from country')).rows).toEqual([{ n: 2 }])
    expect((await both.shadow.query('select count(*) as n from product')).rows).toEqual([{ n: 4 }])
  })

  it('refuses to write a table that it shows as the base has it', async () => {
    await using both = await shadowedShop(shop, augmented)
    for (const sql of ["insert into country values ('it', 'x')", 'update country set name = 1', 'drop table country'])
      await expect(both.shadow.query(sql)).rejects.toThrow(/"dev" is a shadow: country is shown as "shop" has it/)
  })

  it('cannot write the base, whatever is sent', async () => {
    await using both = await shadowedShop(shop, augmented)
    await expect(both.shadow.query('delete from signalbox_base.product')).rejects.toThrow(/readonly|is a shadow/)
    expect((await both.base.query('select count(*) as n from product')).rows).toEqual([{ n: 4 }])
  })

  it('shows what the base gets meanwhile', async () => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query('update product set price = 1 where id = 1')
    await both.base.query("insert into product values (50, 'later', 1, 's50')")
    expect((await both.shadow.query('select name from product where id = 50')).rows).toEqual([{ name: 'later' }])
    const inserted = await both.shadow.query("insert into product (name, price) values ('next', 1) returning id")
    expect(inserted.rows).toEqual([{ id: 51 }])
  })

  it('refuses other declarations than it was made for, naming the tables', async () => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query('select 1 from product')
    const other = await both.again({ product: 'augment', country: 'replace' })
    await expect(other.query('select 1 from product')).rejects.toThrow(/made for other declarations: .*country.*differ/)
  })

  it.each([
    ['no primary key', ['create table product (name text)'], /has no primary key/],
    [
      'a unique index over an expression',
      [
        'create table product (id integer primary key, name text)',
        'create unique index lower_name on product (lower(name))',
      ],
      /unique index over an expression/,
    ],
    [
      'triggers',
      ['create table product (id integer primary key)', 'create trigger t after insert on product begin select 1; end'],
      /has triggers \(t\)/,
    ],
  ])('refuses to augment a table with %s', async (_, statements, message) => {
    await using both = await shadowedShop(statements, { product: 'augment' })
    await expect(both.shadow.query('select 1 from product')).rejects.toThrow(message)
  })
})
