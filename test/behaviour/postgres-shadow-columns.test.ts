import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Client, Transaction } from '../../src/index.ts'
import { shopOf } from '../support/shadow-cases.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'
import { testedEngines } from '../support/servers.ts'

const shop = [
  ...shopOf('postgres'),
  "create type mood as enum ('sad', 'ok')",
  'create domain grams as int check (value > 0)',
  'create function two() returns int immutable language sql as $$ select 2 $$',
  'create table empty (id int primary key)',
]
const augmented = { product: 'augment', review: 'augment', note: 'augment', empty: 'augment' } as const
const reads = [
  'select * from product order by id',
  'select * from empty',
  'select p.*, count(r.id)::int as n from product p left join review r on r.product_id = p.id group by p.id order by p.id',
]

async function outcome(client: Pick<Client | Transaction, 'query'>, sql: string): Promise<unknown> {
  try {
    const { rows, rowCount } = await client.query(sql)
    const shown = rows.map((row) => inspect(row))
    return { rows: sql.includes('order by') ? shown : shown.toSorted(), rowCount }
  } catch (error) {
    // The name of the local table is longer.
    return String(error).replace(/ at character \d+/, '')
  }
}

/** Sequences of statements, by what they show. */
const cases: Readonly<Record<string, readonly string[]>> = {
  'of a table that nothing was changed in': [
    'alter table product add column stock int default 5',
    'select id from product where stock = 5 order by id',
    'select sum(stock)::int as n from product',
    'update product set stock = stock + 1 where id = 1 returning *',
    "insert into product (name) values ('bed') returning *",
    'delete from product where stock = 6',
    'select id, stock from product where stock = 5 order by id limit 2',
  ],
  'of a table with changes, and copies behind it': [
    "update product set name = 'Lamp' where id = 1",
    "insert into product (id, name) values (50, 'bed')",
    'alter table public.product add stock int not null default 3 check (stock > 1), add column if not exists "Long Name" text',
    'alter table product add column if not exists stock int default 9',
    'insert into review (product_id) values (2)',
    'update product set stock = 1 where id = 2',
    `update product set "Long Name" = 'x', stock = 7 where id in (2, 50) returning stock, "Long Name"`,
    "insert into product (id, name, sku) values (60, 'y', 's3') on conflict (sku) do update set stock = product.stock + excluded.stock returning *",
    'delete from product where id = 3',
  ],
  'of types and defaults of their own': [
    "alter table product add column a varchar(10) default 'it''s \\x', add b numeric(8, 2) default 1.5, add c mood default 'ok', add d int[] default '{1,2}'",
    "alter table product add column e text collate \"C\" default 'z', add f jsonb default '{\"a\": 1}', add g bytea default '\\x00ff', add h boolean default true",
    "alter table product add column i int default two() + 1, add j date default null, add k text default upper('abc')",
    "update product set a = a || '!', b = b * 2, d = d || 3 where id = 1",
    "select * from product where e < 'zz' and b > 1 order by id",
  ],
  'that rows cannot have': [
    'alter table product add column a int not null',
    'alter table empty add column a int not null',
    'insert into empty values (1)',
    'alter table product add column b int default 1 check (b > 1)',
    'alter table product add column c int default 1 check (c < id)',
    'alter table product add column c int check (price > 10.5)',
    'alter table product add column c int check (price < 100 and product.id > 0)',
    'alter table product add column name text',
    'alter table product add column d nosuch',
    'alter table nosuch add column d int',
    'alter table if exists nosuch add column d int',
  ],
  'with the moment at which it was added': [
    'alter table product add column made timestamptz default now()',
    'select count(distinct made)::int as n, bool_and(made <= now()) as past from product',
    'update product set price = 1 where id = 1',
    "insert into product (name) values ('later')",
    'select count(distinct made)::int as n from product',
    'alter table product drop column made',
  ].slice(0, -1),
}

describe.runIf(testedEngines.includes('postgres'))('columns that an augmented table gets', () => {
  it.each(Object.entries(cases))('%s: it comes to the same as in a full copy', async (_, statements) => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const everything = statements.some((sql) => sql.includes('now()')) ? [] : reads
    for (const sql of [...statements, ...everything])
      expect(await outcome(both.shadow, sql), sql).toEqual(await outcome(both.copy, sql))
  })

  it('come and go with their transaction', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const play = async (client: Client): Promise<readonly unknown[]> => {
      const found: unknown[] = []
      await client
        .transaction(async (tx) => {
          for (const sql of [
            'update product set price = 1 where id = 1',
            'alter table product add column stock int default 4',
            'update product set stock = 9 where id in (1, 2)',
            'select id, stock from product order by id',
          ])
            found.push(await outcome(tx, sql))
          await tx
            .transaction(async (inner) => {
              await inner.query('alter table product add column more text')
              throw new Error('undone')
            })
            .catch(String)
          found.push(await outcome(tx, 'select * from product order by id'))
          throw new Error('undone')
        })
        .catch(String)
      for (const sql of reads) found.push(await outcome(client, sql))
      return found
    }
    expect(await play(both.shadow)).toEqual(await play(both.copy))
    await both.shadow.query('alter table product add column stock int default 4')
    await both.copy.query('alter table product add column stock int default 4')
    await using again = await both.again()
    for (const sql of reads) {
      expect(await outcome(both.shadow, sql), sql).toEqual(await outcome(both.copy, sql))
      expect(await outcome(again, sql), sql).toEqual(await outcome(both.copy, sql))
    }
  })

  it.each([
    ['that are there', 'name text'],
    ['that rows cannot have', 'stock int not null'],
    ['that a CHECK forbids', 'stock int default 1 check (stock > 1)'],
    ['that rows of the base break', 'stock int check (price < 50)'],
    ['of no type', 'stock nosuch'],
  ])('%s fail their transaction, up to its last savepoint', async (_, definition) => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const alter = `alter table product add column ${definition}`
    const play = async (client: Client, price: number): Promise<readonly unknown[]> => {
      const found: unknown[] = []
      await client
        .transaction(async (tx) => {
          found.push(await outcome(tx, `update product set price = ${price} where id = 1`))
          const inner = tx.transaction(async (nested) => {
            for (const sql of ['delete from product where id = 2', alter, 'select 1', alter])
              found.push(await outcome(nested, sql))
            throw new Error('undone')
          })
          await inner.catch(String)
          for (const sql of [reads[0]!, alter, "insert into product (name) values ('bed')", reads[0]!])
            found.push(await outcome(tx, sql))
        })
        .catch((error: unknown) => found.push(String(error)))
      found.push(await outcome(client, reads[0]!))
      return found
    }
    // Once more with the table's changes there.
    for (const price of [30, 31]) {
      const shown = await play(both.shadow, price)
      expect(shown).toEqual(await play(both.copy, price))
      expect(shown[3]).toMatch(/current transaction is aborted/)
    }
  })

  it('leave their transaction as it was where the shadow refuses them', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await both.shadow.transaction(async (tx) => {
      await tx.query('update product set price = 30 where id = 1')
      await expect(tx.query('alter table product add column n serial')).rejects.toThrow(/Nothing was changed/)
      await tx.query('alter table product add column n int default 4')
    })
    expect((await both.shadow.query('select price::int, n from product where id = 1')).rows).toEqual([
      { price: 30, n: 4 },
    ])
  })

  it('stay behind while nothing is changed: joins and aggregates run at the base still', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await both.shadow.query('alter table product add column stock int default 4')
    const { rows } = await both.shadow.query(
      'explain select sum(r.stars + p.stock) from product p join review r on r.product_id = p.id where p.id > 1',
    )
    const plan = inspect(rows, { maxArrayLength: null })
    expect(plan).toMatch(/Relations: Aggregate on \(\(product\) INNER JOIN \(review\)\)/)
    expect(plan).not.toMatch(/Append/)
  })

  it.each([
    [
      'add column n serial',
      /n cannot be added to product, since its default has to be calculated for each row of the base/,
    ],
    ['add column at timestamptz default clock_timestamp()', /at cannot be added .* calculated for each row/],
    ['add column weight grams default 1', /calculated for each row/],
    ['add column twice numeric generated always as (price * 2) stored', /calculated from values of two databases/],
    ['add column n int generated by default as identity', /rows of the base cannot be given numbers/],
    ['add column code text unique', /a key of it could not be looked up in the base/],
    ['add column parent int references product', /parent would refer to another table/],
    ['add column a int, drop column sku', /new columns are all that it can get/],
    ['drop column sku', /definition of product is the base's/],
  ])('are refused by name: %s', async (action, told) => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const before = await outcome(both.shadow, reads[0]!)
    await expect(both.shadow.query(`alter table product ${action}`)).rejects.toThrow(told)
    expect(await outcome(both.shadow, reads[0]!)).toEqual(before)
    await both.shadow.query('update product set price = 1 where id = 1')
    expect((await both.shadow.query('select * from product where id = 1')).rows).toHaveLength(1)
  })

  it('are told, promoted where the other database has them, and kept by reset and create', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const admin = both.shadow.shadow('dev')
    await both.shadow.query(
      "alter table product add column stock int not null default 5 check (stock > 0), add tag varchar(9) default 'new'",
    )
    await both.shadow.query('update product set stock = 6 where id = 1')
    await both.shadow.query('update product set price = 21 where id = 2')
    await both.shadow.query("insert into product (id, name, stock) values (50, 'bed', 7)")
    const { tables } = await admin.diff({ table: 'product' })
    expect(tables[0]).toMatchObject({ addedColumns: ['stock', 'tag'], added: 1, changed: 2 })
    expect(tables[0]?.rows[0]).toMatchObject({
      columns: ['stock'],
      before: { stock: '5', tag: 'new' },
      after: { stock: '6' },
    })
    await both.base.query('update product set price = 99 where id = 1')
    expect((await admin.conflicts()).rows).toMatchObject([{ key: { id: '1' }, theirs: { price: '99', stock: '5' } }])
    for (const preview of [true, false])
      await expect(admin.promote({ to: 'copy', preview })).rejects.toThrow(
        /"copy" has no columns product\.stock, product\.tag, which the shadow "dev" has added\. Nothing was promoted\..*ALTER TABLE "product" ADD COLUMN stock int not null default 5 check \(stock > 0\);/,
      )
    const sql = await admin.diffSql()
    for (const each of sql.filter((text) => text.startsWith('ALTER'))) await both.copy.query(each)
    await admin.promote({ to: 'copy' })
    expect(await outcome(both.copy, reads[0]!)).toEqual(await outcome(both.shadow, reads[0]!))
    const more = await both.again({ ...augmented, country: 'augment' })
    expect((await more.shadow('dev').create()).tables.filter(({ isNew }) => isNew)).toMatchObject([
      { table: 'country' },
    ])
    expect(await outcome(more, reads[0]!)).toEqual(await outcome(both.copy, reads[0]!))
    await expect(more.query('update product set stock = 0 where id = 3')).rejects.toThrow(/product_stock_check/)
    await more.shadow('dev').reset({ table: 'product' })
    expect((await more.query('select id, stock, tag from product order by id limit 2')).rows).toEqual([
      { id: 1, stock: 5, tag: 'new' },
      { id: 2, stock: 5, tag: 'new' },
    ])
    const other = await both.again({ country: 'augment' })
    await expect(other.shadow('dev').create()).rejects.toThrow('product (0 rows, column stock, column tag, now "base")')
  })
})
