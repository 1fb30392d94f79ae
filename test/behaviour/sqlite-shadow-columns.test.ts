import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Client, Transaction } from '../../src/index.ts'
import { shopOf } from '../support/shadow-cases.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'
import { testedEngines } from '../support/servers.ts'

const shop = [
  ...shopOf('sqlite'),
  'create table empty (id integer primary key)',
  'create table strictly (id integer primary key, a any) strict',
  'insert into strictly values (1, 1.5)',
]
const augmented = {
  product: 'augment',
  review: 'augment',
  note: 'augment',
  empty: 'augment',
  strictly: 'augment',
} as const
const reads = [
  'select * from product order by id',
  'select * from review order by id',
  'select * from empty',
  'select *, typeof(a) as type from strictly',
  'select p.*, count(r.id) as n from product p left join review r on r.product_id = p.id group by p.id order by p.id',
]

type Runs = Pick<Client | Transaction, 'query'>

async function outcome(client: Runs, sql: string): Promise<unknown> {
  try {
    const { rows, rowCount, insertId } = await client.query(sql)
    const shown = rows.map((row) => inspect(row))
    return { rows: sql.includes('order by') ? shown : shown.toSorted(), rowCount, insertId }
  } catch (error) {
    return String(error)
  }
}

async function outcomes(client: Runs, statements: readonly string[]): Promise<readonly unknown[]> {
  const found: unknown[] = []
  for (const sql of statements) found.push([sql, await outcome(client, sql)])
  return found
}

/** Sequences of statements, by what they show. */
const cases: Readonly<Record<string, readonly string[]>> = {
  'with a default, which has the type that the column gives it': [
    "alter table product add column stock integer not null default '7'",
    'select id, typeof(stock) as type from product where stock = 7 order by id',
    'update product set stock = stock + 1 where id = 1 returning *',
    "insert into product (name) values ('bed') returning *",
    'delete from product where stock = 8',
    'select sum(stock) as n from product',
    'select stock, count(*) from product group by stock',
    'alter table product add real_one real default 3',
    'alter table product add [odd one] text collate nocase default Some',
    'update product set price = 5 where "odd one" = \'SOME\' and real_one = 3',
    "alter table product add number integer default 'none'",
    "alter table product add bytes blob default 'text'",
    'alter table product add anything default 1.0',
    "select id, number, typeof(number), bytes, typeof(bytes), typeof(anything) from product where number = 'none' and bytes = 'text' and anything = 1 order by id",
    "update product set bytes = 5, anything = '1' where id = 1",
    "select id, bytes from product where bytes > 1 or anything = '1' order by id",
  ],
  'behind changes and copies': [
    "update product set name = 'Lamp' where id = 1",
    "insert into product (id, name) values (50, 'bed')",
    'insert into review (product_id) values (2)',
    "alter table main.product add note default x'00ff' check (note is not 1)",
    "update product set note = 'x' where id in (2, 50) returning note",
    'update product set note = 1 where id = 3',
    "insert into product (id, name, sku, note) values (60, 'y', 's3', 5) on conflict (sku) do update set note = excluded.note returning *",
    "insert into product values (70, 'z', 4, 's7', null)",
    'delete from product where note = 5',
  ],
  'that refers to another table': [
    'alter table note add column about integer references review (id) on delete set null',
    'update note set about = 3 where id = 1',
    'insert into note (product_id, about) values (1, 2), (2, 9)',
    'insert into note (about) values (77)',
    'delete from review where id = 3',
    'select * from note order by id',
    'alter table product add column instead integer references product on delete cascade',
    'update product set instead = 3 where id = 2',
    'delete from product where id = 3',
  ],
  'that rows cannot have': [
    'alter table product add column a integer not null',
    'alter table empty add column a integer not null',
    'insert into empty (id) values (1)',
    'insert into empty (a) values (1)',
    'alter table product add column b default 1 check (b > 1)',
    'alter table product add column c default 1 check (c < id)',
    'alter table product add column c check (price > 10.5)',
    'alter table product add column c check (price < 100)',
    'alter table product add column d default current_timestamp',
    'alter table product add column d default (1 + 1)',
    'alter table product add column d unique',
    'alter table product add column d integer primary key',
    'alter table product add column d text references product default 3',
    'alter table product add column d text as (name) stored',
    'alter table product add column name text',
    'alter table strictly add column b nosuch',
    "alter table strictly add column b integer default 'x'",
    "alter table strictly add column b any default '1'",
    'alter table nosuch add column d',
  ],
  'in the numbers that a statement tells': [
    "insert into product (id, name) values (80, 'last')",
    'alter table product add column stock integer default 1',
    'select last_insert_rowid() as id',
    "insert into product (name) values ('next') returning id",
  ],
}

describe.runIf(testedEngines.includes('sqlite'))('columns that an augmented table gets', () => {
  it.each(Object.entries(cases))('%s: it comes to the same as in a full copy', async (_, statements) => {
    await using both = await shadowedShop(shop, augmented)
    const all = [...statements, ...reads]
    expect(await outcomes(both.shadow, all)).toEqual(await outcomes(both.copy, all))
  })

  it('come and go with their transaction, and with a savepoint in it', async () => {
    await using both = await shadowedShop(shop, augmented)
    const play = async (client: Client): Promise<readonly unknown[]> => {
      const found: unknown[] = []
      await client
        .transaction(async (tx) => {
          found.push(
            await outcomes(tx, [
              'update product set price = 1 where id = 1',
              'alter table product add column stock default 4',
              'update product set stock = 9 where id in (1, 2)',
              ...reads,
            ]),
          )
          await tx
            .transaction(async (inner) => {
              found.push(await outcomes(inner, ['alter table product add column more default 1', ...reads]))
              throw new Error('undone')
            })
            .catch(String)
          found.push(await outcomes(tx, ['insert into product (name, stock) values (1, 2) returning *', ...reads]))
          throw new Error('undone')
        })
        .catch(String)
      found.push(await outcomes(client, reads))
      return found
    }
    expect(await play(both.shadow)).toEqual(await play(both.copy))
    // The same name with something else behind it.
    const again = ["alter table product add column stock text default 'none'", ...reads]
    expect(await outcomes(both.shadow, again)).toEqual(await outcomes(both.copy, again))
  })

  it('are there at once for all connections of other clients, whatever these do first', async () => {
    await using both = await shadowedShop(shop, augmented)
    const others = await Promise.all(Array.from({ length: 6 }, async () => await both.again()))
    for (const other of others) {
      await other.query('select * from product')
      await other.transaction(async (tx) => await tx.query('select * from product'), { readOnly: true })
      await Array.fromAsync(other.stream('select * from product'))
      await other.query("insert into product (name) values ('gone')")
      await other.query("delete from product where name = 'gone'")
    }
    await both.shadow.query('alter table note add column about integer default null references review (id)')
    await both.shadow.query('alter table product add column stock integer default 5')
    const due = { id: 1, name: 'lamp', price: 10, sku: 's1', stock: 5 }
    const [reading, streaming, inReading, updating, inserting, inWriting] = others
    expect((await reading!.query('select * from product where id = 1')).rows).toEqual([due])
    expect((await Array.fromAsync(streaming!.stream('select * from product order by id')))[0]).toEqual(due)
    await inReading!.transaction(
      async (tx) => {
        expect((await tx.query('select * from product where id = 1')).rows).toEqual([due])
        expect((await Array.fromAsync(tx.stream('select * from product order by id')))[0]).toEqual(due)
        await expect(tx.query("insert into product (name) values ('no')")).rejects.toThrow(/read-only/)
      },
      { readOnly: true },
    )
    expect((await updating!.query('update product set stock = 6 where id = 2')).rowCount).toBe(1)
    // The row that it refers to must be copied from the base, by triggers that know the column.
    expect((await inserting!.query('insert into note (about) values (2)')).rowCount).toBe(1)
    await inWriting!.transaction(async (tx) => {
      await tx.query("insert into product (name) values ('written')")
      await tx.query('alter table product add column more default 1')
      expect((await tx.query('select more from product where id = 1')).rows).toEqual([{ more: 1 }])
    })
    for (const other of others) {
      const { rows } = await other.query('select * from product where id = 2')
      expect(rows).toEqual([{ id: 2, name: 'chair', price: 20.5, sku: 's2', stock: 6, more: 1 }])
    }
    await using later = await both.again()
    expect((await later.query('select more from product where id = 2')).rows).toEqual([{ more: 1 }])
  })

  it.each([
    ['alter table product add column twice as (price * 2)', /twice would be calculated from values of two databases/],
    [
      'alter table product add column code text references country',
      /product cannot refer to country, whose rows are those of "shop" alone\. Declare it in the shadow: tables: \{ country: 'augment' \}/,
    ],
    ['alter table product rename column sku to code', /new columns are all that it can get .* Declare it "replace"/],
    ['alter table product drop column sku', /definition of product is the base's/],
    ['alter table product rename to goods', /definition of product is the base's/],
    ['drop table product', /definition of product is the base's/],
    ['create unique index one on product (name)', /definition of product is the base's/],
    ['alter table country add column a', /country is shown as "shop" has it/],
  ])('are all that it gets: %s', async (sql, told) => {
    await using both = await shadowedShop(shop, augmented)
    const before = await outcomes(both.shadow, reads)
    await expect(both.shadow.query(sql)).rejects.toThrow(told)
    expect(await outcomes(both.shadow, reads)).toEqual(before)
    await both.shadow.query('update product set price = 1 where id = 1')
    expect((await both.shadow.query('select * from product where price = 1')).rows).toHaveLength(1)
  })

  it.each([
    'integer not null default 5',
    "text collate nocase default 'x'",
    'varchar(9)',
    'real default 3',
    'numeric default 1.5',
    "default 'x'",
    'default 5',
    "blob default x'00'",
    '',
  ])('leave rows in the order of their keys, without sorting them: %s', async (definition) => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query(`alter table product add column more ${definition}`)
    const { rows } = await both.shadow.query(
      'explain query plan select * from product where id > 1 and more is not 7 order by id limit 2',
    )
    expect(inspect(rows)).toContain('MERGE (UNION ALL)')
    expect(inspect(rows)).not.toContain('TEMP B-TREE')
  })

  it('are no reason to make views anew for a statement that is wrong by itself', async () => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query('alter table product add column stock')
    const wrong = 'select id from product union all select id, stock from product'
    const version = async (tx: Runs): Promise<unknown> => (await tx.query('pragma temp.schema_version')).rows
    await both.shadow.transaction(async (tx) => {
      await tx.query('select 1 from product')
      const before = await version(tx)
      await expect(tx.query(wrong)).rejects.toThrow(/do not have the same number of result columns/)
      expect(await version(tx)).toEqual(before)
    })
    await expect(both.shadow.query(wrong)).rejects.toThrow(/do not have the same number of result columns/)
    await expect(Array.fromAsync(both.shadow.stream(wrong))).rejects.toThrow(/do not have the same number/)
  })

  it('show at once where many statements are on their way', async () => {
    await using both = await shadowedShop(shop, augmented)
    await using other = await both.again()
    await other.query('select * from product')
    await both.shadow.query('alter table product add column stock default 5')
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        i % 4 === 0
          ? await other.query('update product set stock = stock where id = 1')
          : await other.query('select stock from product where id = 1'),
      ),
    )
    for (const [i, { rows }] of answers.entries()) expect(rows).toEqual(i % 4 === 0 ? [] : [{ stock: 5 }])
  })

  it('can be looked up by an index, which is made of the local rows', async () => {
    await using both = await shadowedShop(shop, augmented)
    const all = [
      'alter table product add column stock default 5',
      'update product set stock = 6 where id < 3',
      'create index if not exists by_stock on product (stock, lower(name)) where stock > 1',
      'create index by_stock on product (stock)',
      'create index main.named on product (nosuch)',
      'select * from product where stock = 6 order by id',
      ...reads,
    ]
    expect(await outcomes(both.shadow, all)).toEqual(await outcomes(both.copy, all))
  })

  it('are told, and promoted where the other database has them', async () => {
    await using both = await shadowedShop(shop, augmented)
    const admin = both.shadow.shadow('dev')
    await both.shadow.query('alter table product add column stock integer not null default 5 check (stock > 0)')
    await both.shadow.query("alter table product add tag varchar(9) default 'new'")
    expect((await admin.diff({ table: 'product' })).tables).toMatchObject([
      { addedColumns: ['stock', 'tag'], added: 0, changed: 0, deleted: 0, rows: [] },
    ])
    await both.shadow.query('update product set stock = 6 where id = 1')
    await both.shadow.query('update product set price = 21 where id = 2')
    await both.shadow.query("insert into product (id, name, stock) values (50, 'bed', 7)")
    const { tables } = await admin.diff({ table: 'product' })
    expect(tables[0]).toMatchObject({ addedColumns: ['stock', 'tag'], added: 1, changed: 2, deleted: 0 })
    expect(tables[0]?.rows[0]).toMatchObject({
      columns: ['stock'],
      before: { stock: 5, tag: 'new' },
      after: { stock: 6, tag: 'new' },
    })
    expect(await Array.fromAsync(admin.changes({ table: 'product' }))).toEqual(tables[0]?.rows)
    await both.base.query('update product set price = 99 where id = 1')
    expect((await admin.conflicts()).rows).toMatchObject([
      { key: { id: 1 }, was: { stock: 5 }, ours: { stock: 6 }, theirs: { price: 99, stock: 5, tag: 'new' } },
    ])
    for (const preview of [true, false])
      await expect(admin.promote({ to: 'copy', preview })).rejects.toThrow(
        /"copy" has no columns product\.stock, product\.tag, which the shadow "dev" has added\. Nothing was promoted\..*ALTER TABLE "product" ADD COLUMN stock integer not null default 5 check \(stock > 0\);/,
      )
    await both.copy.query('alter table product add column STOCK integer')
    await expect(admin.promote({ to: 'copy' })).rejects.toThrow('"copy" has no column product.tag, which')
    await both.copy.query('alter table product drop column stock')
    const sql = await admin.diffSql()
    for (const each of sql.filter((text) => text.startsWith('ALTER'))) await both.copy.query(each)
    await admin.promote({ to: 'copy' })
    expect(await outcome(both.copy, reads[0]!)).toEqual(await outcome(both.shadow, reads[0]!))
    await play(both.base, ['update product set price = 10 where id = 1', ...(await admin.diffSql())])
    expect(await outcome(both.base, reads[0]!)).toEqual(await outcome(both.shadow, reads[0]!))
  })

  it('stay when the rows are reset, and when more tables are declared; a declaration that would lose them is refused', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, [
      "alter table product add tag varchar(9) default 'new'",
      "update product set tag = 'x' where id = 1",
      "insert into product (name, tag) values ('y', 'z')",
    ])
    const more = await both.again({ ...augmented, country: 'augment' })
    await more.shadow('dev').create()
    await more.shadow('dev').reset({ table: 'product' })
    const due = { rows: ['new', 'new', 'new', 'new'].map((tag) => ({ tag })) }
    expect(await more.query('select tag from product')).toMatchObject(due)
    await play(more, ["update product set tag = 'x' where id = 1"])
    await more.shadow('dev').reset()
    expect(await more.query('select tag from product')).toMatchObject(due)
    const other = await both.again({ country: 'augment' })
    await expect(other.shadow('dev').create()).rejects.toThrow('product (0 rows, column tag, now "base")')
    await more.shadow('dev').drop()
    expect(await both.localTables()).toEqual([])
    expect((await more.query('select * from product where id = 1')).rows).toEqual([
      { id: 1, name: 'lamp', price: 10, sku: 's1' },
    ])
  })

  it('are those of the base once it has them, too', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, [
      'alter table product add stock integer default 5',
      'update product set stock = 6 where id = 1',
      'update product set price = 1 where id = 2',
    ])
    await play(both.base, [
      'alter table product add stock integer default 5',
      'update product set stock = 8 where id = 3',
    ])
    await using later = await both.again()
    await later.shadow('dev').create()
    expect((await later.query('select id, stock from product order by id')).rows).toEqual([
      { id: 1, stock: 6 },
      { id: 2, stock: 5 },
      { id: 3, stock: 8 },
      { id: 7, stock: 5 },
    ])
    expect((await later.shadow('dev').conflicts()).rows).toEqual([])
    expect(await later.shadow('dev').diffSql()).toEqual([
      'UPDATE "product" SET "stock" = 6 WHERE "id" = 1;',
      'UPDATE "product" SET "price" = 1 WHERE "id" = 2;',
    ])
    await later.query('update product set stock = stock + 1 where id in (2, 3, 7)')
    await both.base.query('update product set stock = 50 where id = 7')
    const [conflict, ...others] = (await later.shadow('dev').conflicts()).rows
    expect(conflict).toMatchObject({ key: { id: 7 }, was: { stock: 5 }, ours: { stock: 6 }, theirs: { stock: 50 } })
    expect(others).toEqual([])
  })
})

describe.runIf(testedEngines.includes('sqlite'))('a key that the base gets', () => {
  it.each([
    [
      'after its row was deleted here',
      ["insert into product values (50, 'ours', 1, null)", 'delete from product where id = 50'],
    ],
    [
      'after its row got another one here',
      ["insert into product values (50, 'ours', 1, null)", 'update product set id = 51 where id = 50'],
    ],
    ['after the row that had it was thrown away', ["insert into product values (50, 'ours', 1, null)"]],
  ] as const)('%s is shown', async (when, statements) => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, statements)
    if (when.includes('thrown')) await both.shadow.shadow('dev').reset({ table: 'product' })
    await both.base.query("insert into product values (50, 'theirs', 2, null)")
    const found = await both.shadow.query('select name from product where id = 50')
    expect(found.rows).toEqual([{ name: 'theirs' }])
    expect((await both.shadow.query('update product set price = 3 where id = 50 returning name')).rows).toEqual(
      found.rows,
    )
  })

  it.each([
    ['that a row here has got by an update', 'update product set id = 50 where id = 7'],
    ['that a row here has got by an update of its number', 'update product set rowid = 50 where id = 7'],
    [
      'that a row here has got by an upsert',
      "insert into product (id, name) values (7, 'x') on conflict do update set id = 50",
    ],
    [
      'that a row here has got in the place of another',
      "insert or replace into product (id, name, sku) values (50, 'x', 's1')",
    ],
  ])('%s is that of the row here', async (_, sql) => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query(sql)
    const ours = (await both.shadow.query('select * from product where id = 50')).rows
    await both.base.query("insert into product values (50, 'theirs', 2, null)")
    expect((await both.shadow.query('select * from product where id = 50')).rows).toEqual(ours)
    expect(ours).toHaveLength(1)
  })
})

async function play(client: Client, statements: readonly string[]): Promise<void> {
  for (const sql of statements) await client.query(sql)
}
