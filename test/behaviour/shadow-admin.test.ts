import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { connect, defineConfig, shadowed, ShadowConflictError, type Client, type ShadowAdmin } from '../../src/index.ts'
import { shadowedShop, type ShadowedShop } from '../support/shadowed-shop.ts'

const shop = [
  'create table product (id integer primary key, name text not null, price numeric check (price > 0), sku text unique)',
  `create table review (id integer primary key, product_id integer not null references product (id) on delete cascade, stars int default 3)`,
  'create table country (code text primary key, name text)',
  'create table log (line text)',
  "insert into product values (1, 'lamp', 10, 's1'), (2, 'chair', 20.5, 's2'), (3, 'table', 30, 's3'), (7, 'shelf', 70, null)",
  'insert into review values (1, 1, 5), (2, 1, 4), (3, 2, 3), (9, 3, 1)',
  "insert into country values ('de', 'Germany'), ('fr', 'France')",
]
const augmented = { product: 'augment', review: 'augment' } as const

async function rowsOf(client: Client, ...tables: readonly string[]): Promise<unknown> {
  const found: unknown[] = []
  for (const table of tables) {
    const { rows } = await client.query(`select * from ${table} order by 1`)
    found.push(rows.map((row) => ({ ...row })))
  }
  return found
}

async function play(client: Client, ...statements: readonly string[]): Promise<void> {
  for (const sql of statements) await client.query(sql)
}

function admin({ shadow }: ShadowedShop): ShadowAdmin {
  return shadow.shadow('dev')
}

describe('the diff of a shadow', () => {
  it('has added, changed and deleted rows, with before and after; a row that was changed back is none', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      "insert into product (name, price) values ('stool', 5)",
      "update product set price = 11, name = 'Lamp' where id = 1",
      'update product set price = 1 where id = 3',
      'update product set price = 30 where id = 3',
      'delete from product where id = 2',
    )
    const { shadow, base, tables } = await admin(both).diff()
    expect([shadow, base]).toEqual(['dev', 'shop'])
    const [product, review] = tables
    expect(product).toMatchObject({ table: 'product', kind: 'augment', added: 1, changed: 1, deleted: 1 })
    expect(product?.rows).toEqual([
      {
        table: 'product',
        change: 'changed',
        key: { id: 1 },
        before: { id: 1, name: 'lamp', price: 10, sku: 's1' },
        after: { id: 1, name: 'Lamp', price: 11, sku: 's1' },
        columns: ['name', 'price'],
      },
      expect.objectContaining({ change: 'deleted', key: { id: 2 }, after: null }),
      expect.objectContaining({ change: 'added', key: { id: 8 }, before: null }),
    ])
    expect(review).toMatchObject({ table: 'review', added: 0, changed: 0, deleted: 1 })
    expect((await admin(both).diff({ table: 'product', limit: 1 })).tables).toMatchObject([
      { table: 'product', added: 1, changed: 1, deleted: 1, rows: [{ key: { id: 1 } }] },
    ])
    const streamed = await Array.fromAsync(admin(both).changes({ table: 'review' }))
    expect(streamed).toMatchObject([{ table: 'review', change: 'deleted', key: { id: 3 } }])
  })

  it('tells values apart that a collation calls equal, and texts, numbers and bytes', async () => {
    const base = [
      'create table t (id integer primary key, a text collate nocase, b)',
      "insert into t values (1, 'x', 1), (2, 'y', null), (3, null, x'00ff')",
    ]
    await using both = await shadowedShop(base, { t: 'augment' })
    await play(
      both.shadow,
      "update t set a = 'X' where id = 1",
      "update t set b = '' where id = 2",
      "update t set b = x'00fe' where id = 3",
    )
    const [diff] = (await admin(both).diff()).tables
    expect(diff?.rows.map(({ columns }) => columns)).toEqual([['a'], ['b'], ['b']])
    await admin(both).promote({ to: 'copy' })
    expect(await rowsOf(both.copy, 't')).toEqual(await rowsOf(both.shadow, 't'))
  })

  it('compares a replaced table with the base as it is now', async () => {
    await using both = await shadowedShop(shop, { country: 'replace', log: 'replace' })
    await play(both.shadow, "insert into country values ('de', 'Deutschland'), ('it', 'Italy')")
    const { tables } = await admin(both).diff()
    expect(tables).toMatchObject([
      { table: 'country', kind: 'replace', added: 1, changed: 1, deleted: 1 },
      { table: 'log', incomparable: 'it has no primary key', rows: [] },
    ])
    await expect(admin(both).diffSql({ table: 'log' })).rejects.toThrow(
      /rows of log on "dev" cannot be compared .* no primary key/,
    )
    expect(await admin(both).diffSql({ table: 'country' })).toHaveLength(3)
    // It would delete what the base has, and a replaced table has not.
    expect(await admin(both).diffSql()).toEqual([])
  })

  it('is empty, and makes nothing, where the shadow was never used', async () => {
    await using both = await shadowedShop(shop, augmented)
    expect((await admin(both).diff()).tables).toEqual([])
    expect((await admin(both).conflicts()).count).toBe(0)
    expect(await admin(both).diffSql()).toEqual([])
    expect(await admin(both).promote({ to: 'copy' })).toMatchObject({ tables: [], conflicts: [] })
    await admin(both).reset()
    await admin(both).drop()
    expect(await both.localExists()).toBe(false)
  })

  it('is also SQL that makes the base what the shadow shows, in an order that keys allow', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, ...nastyOrder)
    const sql = await admin(both).diffSql()
    await play(both.copy, ...sql)
    expect(await rowsOf(both.copy, 'product', 'review')).toEqual(await rowsOf(both.shadow, 'product', 'review'))
  })

  it('refuses tables that it knows nothing of, and options that there are not', async () => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query('select 1 from product')
    await expect(admin(both).diff({ table: 'country' })).rejects.toThrow(
      'options.table: "dev" keeps no changes of "country". Allowed: product, review.',
    )
    await expect(admin(both).diff({ limit: 0 })).rejects.toThrow(/options.limit: 0 is not accepted/)
    await expect(admin(both).reset({ tabel: 'product' } as never)).rejects.toThrow(
      /options.tabel: There is no such option/,
    )
    expect(() => both.shadow.shadow('shop')).toThrow('alias: "shop" is no shadow. Allowed: "dev".')
  })
})

/** Unique values that go from row to row, also in a circle; parents and children that come and go together. */
const nastyOrder = [
  'delete from product where id = 1',
  "update product set sku = 's1' where id = 2",
  "update product set sku = 's2' where id = 7",
  "insert into product (id, name, price, sku) values (20, 'new', 1, 'n1')",
  'insert into review (id, product_id) values (5, 20)',
  'update review set product_id = 20 where id = 9',
  'delete from product where id = 3',
  "insert into product (id, name, price, sku) values (21, 'x', 1, 'c1'), (22, 'y', 1, 's3')",
  'update product set sku = null where id = 2',
  "update product set sku = 's1' where id = 7",
  "update product set sku = 's2' where id = 2",
]

describe('promoting the changes of a shadow', () => {
  it('makes another database what the shadow shows; again, it changes nothing', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, ...nastyOrder)
    const preview = await admin(both).promote({ to: 'copy', preview: true })
    expect(await rowsOf(both.copy, 'product', 'review')).toEqual(await rowsOf(both.base, 'product', 'review'))
    const promoted = await admin(both).promote({ to: 'copy' })
    expect(promoted).toEqual({ ...preview, preview: false })
    expect(promoted.tables).toEqual([
      { table: 'product', added: 3, changed: 1, deleted: 2 },
      { table: 'review', added: 1, changed: 1, deleted: 2 },
    ])
    expect(await rowsOf(both.copy, 'product', 'review')).toEqual(await rowsOf(both.shadow, 'product', 'review'))
    expect(await admin(both).promote({ to: 'copy' })).toMatchObject({ tables: [], alike: 10 })
    expect(await rowsOf(both.base, 'product', 'review')).not.toEqual(await rowsOf(both.shadow, 'product', 'review'))
  })

  it('exchanges the unique values of two rows', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      "update product set sku = 'x' where id = 1",
      "update product set sku = 's1' where id = 2",
      "update product set sku = 's2' where id = 1",
    )
    await admin(both).promote({ to: 'copy' })
    expect(await rowsOf(both.copy, 'product')).toEqual(await rowsOf(both.shadow, 'product'))
  })

  it('promotes rows that refer to each other in a circle', async () => {
    const people = [
      'create table person (id integer primary key, partner integer references person (id))',
      'insert into person values (1, null)',
    ]
    await using both = await shadowedShop(people, { person: 'augment' })
    await play(
      both.shadow,
      'insert into person values (2, null)',
      'insert into person values (3, 2)',
      'update person set partner = 3 where id < 3',
    )
    await admin(both).promote({ to: 'copy' })
    expect(await rowsOf(both.copy, 'person')).toEqual(await rowsOf(both.shadow, 'person'))
  })

  it('is refused as a whole where a row was changed there since, naming it', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, 'update product set price = 11 where id = 1', 'update product set price = 21 where id = 2')
    await both.copy.query("update product set name = 'theirs' where id = 1")
    const refused = await admin(both)
      .promote({ to: 'copy' })
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ShadowConflictError)
    expect(refused).toMatchObject({
      message: expect.stringContaining(
        '1 of the rows that were changed on the shadow "dev" are not, on "copy", as they were when they were changed: product (id 1).',
      ),
      conflicts: [
        {
          table: 'product',
          key: { id: 1 },
          columns: ['name'],
          was: { name: 'lamp' },
          ours: { price: 11 },
          theirs: { name: 'theirs' },
        },
      ],
    })
    expect((await both.copy.query('select price from product where id = 2')).rows).toEqual([{ price: 20.5 }])
  })

  const conflicting = async (both: ShadowedShop): Promise<void> => {
    await play(
      both.shadow,
      'update product set price = 11 where id < 3',
      'delete from review where id = 9',
      "insert into product (id, name) values (50, 'ours')",
      'update review set stars = 1 where id = 3',
    )
    await play(
      both.copy,
      "update product set name = 'theirs' where id = 1",
      'update review set stars = 0 where id = 9',
      "insert into product (id, name) values (50, 'theirs')",
      'delete from review where id = 3',
    )
  }

  it.each([
    [
      'ours',
      [
        { id: 1, name: 'theirs', price: 11 },
        { id: 2, name: 'chair', price: 11 },
        { id: 50, name: 'ours', price: null },
      ],
      [1, 2, 3],
    ],
    [
      'theirs',
      [
        { id: 1, name: 'theirs', price: 10 },
        { id: 2, name: 'chair', price: 11 },
        { id: 50, name: 'theirs', price: null },
      ],
      [1, 2, 9],
    ],
  ] as const)('settles conflicts by the policy %s', async (onConflict, products, reviews) => {
    await using both = await shadowedShop(shop, augmented)
    await conflicting(both)
    const report = await admin(both).promote({ to: 'copy', onConflict })
    expect(report.conflicts.map(({ table, key }) => `${table} ${String(key['id'])}`)).toEqual([
      'product 1',
      'product 50',
      'review 3',
      'review 9',
    ])
    expect(
      (await both.copy.query('select id, name, price from product where id in (1, 2, 50) order by id')).rows,
    ).toEqual(products)
    expect(
      (await both.copy.query<{ id: number }>('select id from review order by id')).rows.map(({ id }) => id),
    ).toEqual(reviews)
  })

  it('does not delete what refers to a deleted row unseen', async () => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query('delete from product where id = 1')
    await both.copy.query('insert into review values (77, 1, 1)')
    await expect(admin(both).promote({ to: 'copy' })).rejects.toThrow(
      'product (id 1) is gone on the shadow "dev", and 1 rows of review that "dev" does not know refer to it on "copy". Nothing was promoted.',
    )
    expect((await both.copy.query('select count(*) as n from review')).rows).toEqual([{ n: 5 }])
    await admin(both).promote({ to: 'copy', onConflict: 'ours' })
    expect((await both.copy.query('select count(*) as n from review where product_id = 1')).rows).toEqual([{ n: 0 }])
  })

  it('changes nothing if one statement fails', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      'update product set price = 11 where id = 1',
      "insert into product (name, price, sku) values ('n', 1, 'taken')",
    )
    await both.copy.query("insert into product (id, name, price, sku) values (99, 'n', 1, 'taken')")
    const before = await rowsOf(both.copy, 'product', 'review')
    await expect(admin(both).promote({ to: 'copy' })).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
    expect(await rowsOf(both.copy, 'product', 'review')).toEqual(before)
  })

  it('leaves replaced tables out, unless they are named', async () => {
    await using both = await shadowedShop(shop, { ...augmented, country: 'replace' })
    await play(both.shadow, "insert into country values ('it', 'Italy')", 'delete from review where id = 1')
    expect(await admin(both).promote({ to: 'copy' })).toMatchObject({
      tables: [{ table: 'review' }],
      leftOut: ['country'],
    })
    expect((await both.copy.query('select count(*) as n from country')).rows).toEqual([{ n: 2 }])
    await admin(both).promote({ to: 'copy', tables: ['country'] })
    expect(await rowsOf(both.copy, 'country')).toEqual([[{ code: 'it', name: 'Italy' }]])
  })

  it('to the base itself leaves no conflicts and shows each row once, and after a reset the base is shown alone', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(both.shadow, ...nastyOrder)
    const shown = await rowsOf(both.shadow, 'product', 'review')
    await admin(both).promote({ to: 'shop' })
    expect(await rowsOf(both.base, 'product', 'review')).toEqual(shown)
    expect(await rowsOf(both.shadow, 'product', 'review')).toEqual(shown)
    expect((await admin(both).conflicts()).count).toBe(0)
    await admin(both).reset()
    expect(await rowsOf(both.shadow, 'product', 'review')).toEqual(shown)
    expect((await admin(both).diff()).tables.map(({ added, changed, deleted }) => added + changed + deleted)).toEqual([
      0, 0,
    ])
  })

  it('refuses itself, and what is no database of one shard', async () => {
    await using both = await shadowedShop(shop, augmented)
    await expect(admin(both).promote({ to: 'dev' })).rejects.toThrow(/options.to: "dev" is the shadow itself/)
    await expect(admin(both).promote({ to: 'nowhere' })).rejects.toThrow(/There is no database "nowhere"/)
    await expect(admin(both).promote({ to: 'copy', onConflict: 'mine' as never })).rejects.toThrow(
      /"fail", "ours", "theirs"/,
    )
  })
})

describe('a database that takes no writes', () => {
  it('gets no changes promoted, and a shadow that takes none is not looked after', async () => {
    await using both = await shadowedShop(shop, augmented)
    await both.shadow.query('delete from product where id = 1')
    const databases = {
      dev: { shadow: { base: 'shop', local: both.local }, tables: augmented },
      shop: both.baseDsn,
    }
    await using guarded = await connect({ databases, noWritesTo: ['shop'] })
    await expect(guarded.shadow('dev').promote({ to: 'shop', preview: true })).rejects.toThrow(/"shop" takes no writes/)
    await guarded.shadow('dev').reset()
    await using still = await connect({ databases, noWritesTo: ['dev'] })
    for (const work of ['create', 'reset', 'drop'] as const)
      await expect(still.shadow('dev')[work]()).rejects.toThrow('"dev" takes no writes: `noWritesTo` names it.')
    expect((await still.shadow('dev').diff()).tables).toHaveLength(2)
  })
})

describe('shadowed()', () => {
  it('covers a database in one line: the application writes as ever, and the database is not written', async () => {
    await using both = await shadowedShop(shop, {})
    const config = defineConfig({ databases: { default: 'shop', shop: both.baseDsn } })
    const overlay = { shop: { local: both.local, tables: augmented } }
    await using client = await connect(process.env['PATH'] === undefined ? config : shadowed(config, overlay))
    await client.query('delete from product where id = 1')
    expect((await client.query('select count(*) as n from review')).rows).toEqual([{ n: 2 }])
    expect((await both.base.query('select count(*) as n from review')).rows).toEqual([{ n: 4 }])
    expect((await client.shadow('shop').diff()).tables.map(({ deleted }) => deleted)).toEqual([1, 2])
  })
})

describe('the conflicts of a shadow', () => {
  it('are local rows whose row of the base has changed or gone since, and rows that both have added', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      'update product set price = 11 where id in (1, 2)',
      'delete from review where id = 9',
      'insert into review values (30, 7, 1)',
      "insert into product (id, name) values (50, 'ours')",
    )
    await play(
      both.base,
      'update product set price = 12 where id = 1',
      'update product set price = 11 where id = 2',
      'update review set stars = 4 where id = 9',
      "update product set name = 'moved' where id = 7",
      "insert into product (id, name) values (50, 'theirs')",
    )
    const { count, rows } = await admin(both).conflicts()
    expect(count).toBe(4)
    expect(rows).toMatchObject([
      {
        table: 'product',
        key: { id: 1 },
        was: { price: 10 },
        ours: { price: 11 },
        theirs: { price: 12 },
        columns: ['price'],
      },
      {
        table: 'product',
        key: { id: 7 },
        was: { name: 'shelf' },
        ours: { name: 'shelf' },
        theirs: { name: 'moved' },
        columns: ['name'],
      },
      { table: 'product', key: { id: 50 }, was: null, ours: { name: 'ours' }, theirs: { name: 'theirs' } },
      { table: 'review', key: { id: 9 }, was: { stars: 1 }, ours: null, theirs: { stars: 4 }, columns: ['stars'] },
    ])
    await both.base.query('delete from product where id = 7')
    expect((await admin(both).conflicts({ table: 'product', limit: 2 })).rows[1]).toMatchObject({
      key: { id: 7 },
      theirs: null,
    })
  })
})

describe('resetting a shadow', () => {
  it('shows the base again, as it is now', async () => {
    await using both = await shadowedShop(shop, { ...augmented, country: 'replace' })
    await play(both.shadow, ...nastyOrder, "insert into country values ('it', 'Italy')")
    await both.base.query("update product set name = 'later' where id = 2")
    await admin(both).reset()
    expect(await rowsOf(both.shadow, 'product', 'review')).toEqual(await rowsOf(both.base, 'product', 'review'))
    expect(await rowsOf(both.shadow, 'country')).toEqual([[]])
    const { rows } = await both.shadow.query("insert into product (name) values ('next') returning id")
    expect(rows).toEqual([{ id: 8 }])
  })

  it('of one table keeps the rows that others refer to, and the changes of the others', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      'update product set price = 1',
      'insert into review (id, product_id) values (40, 7)',
      'delete from review where id = 2',
    )
    await both.base.query('update product set price = 5 where id = 7')
    await admin(both).reset({ table: 'product' })
    expect(await rowsOf(both.shadow, 'product')).toEqual(await rowsOf(both.base, 'product'))
    expect(
      (await both.shadow.query<{ id: number }>('select id from review order by id')).rows.map(({ id }) => id),
    ).toEqual([1, 3, 9, 40])
    await expect(both.shadow.query('update review set product_id = 99 where id = 40')).rejects.toThrow(/FOREIGN KEY/)
    await both.shadow.query('delete from product where id = 7')
    expect((await both.shadow.query('select 1 from review where id = 40')).rows).toEqual([])
  })

  it('of one table is refused where rows would refer to ones that are gone', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      "insert into product (id, name) values (20, 'n')",
      'insert into review (product_id) values (20)',
      'delete from product where id = 1',
    )
    const before = await rowsOf(both.shadow, 'product', 'review')
    await expect(admin(both).reset({ table: 'product' })).rejects.toThrow(
      '1 local rows of review on "dev" refer to rows of product that would be gone. Nothing was reset.',
    )
    await expect(admin(both).reset({ table: 'review' })).rejects.toThrow(
      '2 rows of review on "dev" would come back, and refer to rows of product that are deleted there. Nothing was reset.',
    )
    expect(await rowsOf(both.shadow, 'product', 'review')).toEqual(before)
  })
})

describe('creating and dropping a shadow', () => {
  it('makes what the first statement would make, and drops it all', async () => {
    await using both = await shadowedShop(shop, augmented)
    const created = await admin(both).create()
    expect(created).toEqual({
      shadow: 'dev',
      base: 'shop',
      tables: [
        { table: 'product', kind: 'augment', isNew: true },
        { table: 'review', kind: 'augment', isNew: true },
      ],
    })
    expect((await admin(both).create()).tables.map(({ isNew }) => isNew)).toEqual([false, false])
    await both.shadow.query('delete from product')
    await admin(both).drop()
    expect(await both.localTables()).toEqual([])
    expect(await rowsOf(both.shadow, 'product')).toEqual(await rowsOf(both.base, 'product'))
  })

  it('adds tables that were declared since, with their foreign keys', async () => {
    await using both = await shadowedShop(shop, { review: 'augment' })
    await both.shadow.query('update review set stars = 1 where id = 1')
    const more = await both.again({ review: 'augment', product: 'augment', country: 'replace' })
    await expect(more.query('select 1 from product')).rejects.toThrow(/made for other declarations.*create\(\)/s)
    expect((await more.shadow('dev').create()).tables).toEqual([
      { table: 'product', kind: 'augment', isNew: false },
      { table: 'review', kind: 'augment', isNew: false },
      { table: 'country', kind: 'replace', isNew: true },
    ])
    await play(more, 'delete from product where id = 1', "insert into country values ('it', 'Italy')")
    expect((await more.query('select count(*) as n from review')).rows).toEqual([{ n: 2 }])
    await expect(more.query('insert into review (product_id) values (1)')).rejects.toThrow(/FOREIGN KEY/)
  })

  it('lets foreign keys of a table that was added lead to one that was there', async () => {
    const tree = [
      'create table a (id integer primary key)',
      'create table b (id integer primary key)',
      'create table c (id integer primary key, a_id integer references a (id))',
      'insert into a values (1)',
      'insert into c values (1, 1)',
    ]
    await using both = await shadowedShop(tree, { a: 'augment', b: 'augment' })
    await both.shadow.query('insert into a values (5)')
    const more = await both.again({ a: 'augment', b: 'augment', c: 'replace' })
    expect((await more.shadow('dev').create()).tables).toContainEqual({ table: 'c', kind: 'replace', isNew: true })
    await play(more, 'insert into c values (1, 5)', 'insert into c values (2, 1)')
    await expect(more.query('insert into c values (3, 6)')).rejects.toThrow(/FOREIGN KEY/)
  })

  it('refuses what would lose changes, naming the tables; what has none may go', async () => {
    await using both = await shadowedShop(shop, { ...augmented, country: 'replace' })
    await play(both.shadow, "insert into country values ('it', 'Italy')", 'update product set price = 1 where id = 1')
    const other = await both.again({ country: 'augment' })
    await expect(other.shadow('dev').create()).rejects.toThrow(
      'The shadow "dev" has changes that what is declared now would lose: product (1 rows, now "base"), country (1 rows, now "augment"). Nothing was made.',
    )
    await admin(both).reset()
    expect((await other.shadow('dev').create()).tables).toEqual([{ table: 'country', kind: 'augment', isNew: true }])
    expect((await other.query('select count(*) as n from country')).rows).toEqual([{ n: 2 }])
  })
})

describe('random changes', () => {
  const id = fc.integer({ min: 1, max: 9 })
  const sku = fc.constantFrom("'s1'", "'s2'", "'s3'", "'n'", 'null')
  const statement = fc.oneof(
    fc
      .tuple(id, sku)
      .map(
        ([key, value]) => `insert or ignore into product (id, name, price, sku) values (${key}, 'new', 5, ${value})`,
      ),
    fc.tuple(id, sku).map(([key, value]) => `update or ignore product set sku = ${value} where id = ${key}`),
    fc.tuple(id, id).map(([key, to]) => `update or ignore product set id = ${to} where id = ${key}`),
    fc.tuple(id, id).map(([key, to]) => `update product set price = ${to} where id >= ${key}`),
    id.map((key) => `delete from product where id = ${key}`),
    fc
      .tuple(id, id)
      .map(([key, to]) => `insert or replace into review (id, product_id, stars) values (${key}, ${to}, ${key})`),
    fc.tuple(id, id).map(([key, to]) => `update review set product_id = ${to} where id = ${key}`),
    id.map((key) => `delete from review where id = ${key}`),
    fc.constantFrom(
      "alter table review add column tag text default 'none'",
      'alter table product add column stock integer not null default 4',
    ),
    id.map((key) => `update review set tag = 'new' where id <= ${key}`),
    fc.tuple(id, id).map(([key, to]) => `update product set stock = ${to} where id = ${key}`),
  )

  it('are promoted to a copy of the base, which then has what the shadow shows; the SQL of the diff does the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 12 }), async (statements) => {
        await using both = await shadowedShop(shop, augmented)
        for (const sql of statements) await both.shadow.query(sql).catch(() => undefined)
        const shown = await rowsOf(both.shadow, 'product', 'review')
        const before = await rowsOf(both.base, 'product', 'review')
        const sql = await admin(both).diffSql()
        for (const text of sql) if (text.startsWith('ALTER')) await both.copy.query(text)
        await admin(both).promote({ to: 'copy' })
        expect(await rowsOf(both.copy, 'product', 'review')).toEqual(shown)
        expect(await rowsOf(both.base, 'product', 'review')).toEqual(before)
        await both.base.transaction(async (tx) => {
          await tx.query('pragma defer_foreign_keys = on')
          for (const text of sql) await tx.query(text)
        })
        expect(await rowsOf(both.base, 'product', 'review')).toEqual(shown)
      }),
      { numRuns: 60 },
    )
  })
})
