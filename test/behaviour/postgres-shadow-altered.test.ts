import { describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { shopOf } from '../support/shadow-cases.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'
import { testedEngines } from '../support/servers.ts'

const shop = shopOf('postgres')

async function play(client: Client, ...statements: readonly string[]): Promise<void> {
  for (const sql of statements) await client.query(sql)
}

async function rowsOf(client: Client, sql: string): Promise<readonly unknown[]> {
  return (await client.query(sql)).rows.map((row) => ({ ...(row as object) }))
}

describe.runIf(testedEngines.includes('postgres'))('a shadow on PostgreSQL that is declared otherwise', () => {
  it('gets the tables that were declared since, with their foreign keys, and keeps its changes', async () => {
    await using both = await shadowedShop(shop, { review: 'augment' }, 'postgres')
    await play(
      both.shadow,
      'update review set stars = 1 where id = 1',
      'delete from review where id = 9',
      'insert into review (product_id, stars) values (7, 5)',
    )
    const more = await both.again({ review: 'augment', product: 'augment', country: 'replace' })
    await expect(more.query('select 1 from product')).rejects.toThrow(/made for other declarations.*create\(\)/s)
    expect((await more.shadow('dev').create()).tables).toEqual([
      { table: 'product', kind: 'augment', isNew: false },
      { table: 'review', kind: 'augment', isNew: false },
      { table: 'note', kind: 'base', isNew: true },
      { table: 'country', kind: 'replace', isNew: true },
    ])
    const played = [
      'update review set stars = 1 where id = 1',
      'delete from review where id = 9',
      'insert into review (product_id, stars) values (7, 5)',
      'delete from country',
    ]
    await play(both.copy, ...played)
    const then = [
      'update product set price = 3 where id = 2',
      'insert into review (product_id) values (2)',
      "insert into country values ('it', 'Italy')",
    ]
    for (const client of [more, both.copy]) await play(client, ...then)
    for (const sql of ['product', 'review', 'country', 'rated'].map((table) => `select * from ${table} order by 1`))
      expect(await rowsOf(more, sql), sql).toEqual(await rowsOf(both.copy, sql))
    await expect(more.query('insert into review (product_id) values (99)')).rejects.toThrow(/foreign key/)
    const { tables } = await more.shadow('dev').diff({ table: 'review' })
    expect(tables[0]).toMatchObject({ added: 2, changed: 1, deleted: 1 })
    expect((await more.shadow('dev').create()).tables.filter(({ isNew }) => isNew)).toEqual([])
  })

  it('keeps rows of replaced tables, and what the local database has made of the views', async () => {
    await using both = await shadowedShop(shop, { note: 'replace', product: 'replace' }, 'postgres')
    await play(
      both.shadow,
      "insert into product values (1, 'mine', 2, null)",
      "insert into note (product_id, text) values (1, 'first')",
      'create view local_names as select name from country',
    )
    const more = await both.again({ note: 'replace', product: 'replace', country: 'augment' })
    await more.shadow('dev').create()
    await play(more, "insert into country values ('it', 'Italy')", 'insert into note (product_id) values (1)')
    expect(await rowsOf(more, 'select id, text from note order by id')).toEqual([
      { id: 3, text: 'first' },
      { id: 4, text: null },
    ])
    expect(await rowsOf(more, 'select count(*)::int as n from local_names')).toEqual([{ n: 3 }])
    await expect(more.query('insert into note (product_id) values (2)')).rejects.toThrow(/foreign key/)
  })

  it('shows what the base has got since', async () => {
    await using both = await shadowedShop(shop, { '*': 'augment' }, 'postgres')
    await both.shadow.query('update note set text = null where id = 1')
    await play(
      both.base,
      'create table part (id serial primary key, product_id int references product on delete cascade)',
      'insert into part (product_id) values (1), (2)',
      'create view parts as select p.name, count(*)::int as n from part join product p on p.id = product_id group by p.id order by p.id',
    )
    const report = await both.shadow.shadow('dev').create()
    expect(report.tables.filter(({ isNew }) => isNew)).toEqual([{ table: 'part', kind: 'augment', isNew: true }])
    await both.shadow.query('delete from product where id = 1')
    expect(await rowsOf(both.shadow, 'select * from parts')).toEqual([{ name: 'chair', n: 1 }])
    expect(await rowsOf(both.shadow, 'select text from note where id = 1')).toEqual([{ text: null }])
  })

  it('is refused what would lose changes, naming the tables; what has none may go', async () => {
    const augmented = { product: 'augment', review: 'augment', note: 'augment' } as const
    await using both = await shadowedShop(shop, { ...augmented, country: 'replace' }, 'postgres')
    await play(both.shadow, "insert into country values ('it', 'Italy')", 'update product set price = 1 where id = 1')
    const other = await both.again({ country: 'augment' })
    await expect(other.shadow('dev').create()).rejects.toThrow(
      'The shadow "dev" has changes that what is declared now would lose: product (1 rows, now "base"), country (1 rows, now "augment"). Nothing was made.',
    )
    expect(await rowsOf(both.shadow, 'select price from product where id = 1')).toEqual([{ price: '1' }])
    await both.shadow.shadow('dev').reset()
    await both.shadow.query('create view local_countries as select * from country')
    await expect(other.shadow('dev').create()).rejects.toThrow(
      /other views or tables of the local database need what would go \(DROP TABLE IF EXISTS "public"."country"\)/,
    )
    await both.shadow.query('drop view local_countries')
    expect((await other.shadow('dev').create()).tables).toEqual([{ table: 'country', kind: 'augment', isNew: true }])
    expect(await rowsOf(other, 'select count(*)::int as n from country')).toEqual([{ n: 2 }])
    await expect(other.query('update product set price = 1')).rejects.toThrow(/product is shown as "shop" has it/)
    await using plain = await connect(both.local)
    expect(await rowsOf(plain, "select 1 from pg_namespace where nspname like '%hold'")).toEqual([])
  })
})
