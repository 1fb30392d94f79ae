import { describe, expect, it } from 'vitest'
import { ShadowConflictError, type Client } from '../../src/index.ts'
import { shopOf } from '../support/shadow-cases.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'
import { testedEngines } from '../support/servers.ts'

const shop = [
  ...shopOf('postgres'),
  'create domain document as json',
  `create table event (id bigint generated always as identity primary key, at timestamptz, ok boolean, data json, code char(3), raw bytea,
    doc document, spot point, list json[])`,
  `insert into event (at, ok, data, code, raw) values ('2026-01-02 03:04:05.678901+00', true, '{"a": 1.10}', 'x', '\\x00ff'), (null, false, '[]', null, null)`,
]
const augmented = { product: 'augment', review: 'augment', note: 'augment', event: 'augment' } as const
const tables = ['product', 'review', 'note', 'event']

async function rowsOf(client: Client): Promise<unknown> {
  const found: unknown[] = []
  for (const table of tables)
    found.push((await client.query(`select * from ${table} order by id`)).rows.map((row) => ({ ...(row as object) })))
  return found
}

async function play(client: Client, ...statements: readonly string[]): Promise<void> {
  for (const sql of statements) await client.query(sql)
}

const changes = [
  "insert into product (id, name, price, sku) values (21, 'x', 1.50, 'c1')",
  "update product set sku = 'x' where id = 1",
  "update product set sku = 's1', price = 20.50 where id = 2",
  "update product set sku = 's2' where id = 1",
  'delete from product where id = 3',
  'insert into review (id, product_id, stars) values (30, 21, 2)',
  `update event set data = '{"a": 1.1}', ok = false where id = 1`,
  `insert into event (at, code, data) values (now(), 'y', '[1,  2]')`,
  `update event set doc = '{"b":  2}', spot = '(1,2)', list = array['[1]', '{}']::json[] where id = 2`,
]

describe.runIf(testedEngines.includes('postgres'))('what was changed on a shadow on PostgreSQL', () => {
  it('is told row by row, to the last letter', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await play(both.shadow, ...changes, 'update note set text = text')
    const { tables: found } = await both.shadow.shadow('dev').diff()
    expect(found.map(({ table, added, changed, deleted }) => [table, added, changed, deleted])).toEqual([
      ['product', 1, 2, 1],
      ['review', 1, 0, 1],
      ['note', 0, 0, 0],
      ['event', 1, 2, 0],
    ])
    expect(found[0]?.rows[1]).toMatchObject({
      change: 'changed',
      columns: ['price', 'sku'],
      before: { price: '20.5' },
    })
    expect(found[3]?.rows[0]).toMatchObject({ columns: ['ok', 'data'] })
  })

  it('is promoted to a copy, and is SQL that does the same', async () => {
    for (const way of ['promote', 'sql'] as const) {
      await using both = await shadowedShop(shop, augmented, 'postgres')
      await play(both.shadow, ...changes)
      if (way === 'sql') await play(both.copy, ...(await both.shadow.shadow('dev').diffSql()))
      else await both.shadow.shadow('dev').promote({ to: 'copy' })
      expect(await rowsOf(both.copy), way).toEqual(await rowsOf(both.shadow))
      expect(await both.shadow.shadow('dev').promote({ to: 'copy' }), way).toMatchObject({ alike: 9, tables: [] })
    }
  })

  it('meets changes of the base: they are conflicts, and a key that both have added is shown once', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await play(
      both.shadow,
      'update product set price = 11 where id in (1, 2)',
      "insert into product (id, name) values (50, 'ours')",
    )
    await play(
      both.base,
      'update product set price = 12 where id = 1',
      "insert into product (id, name) values (50, 'theirs')",
    )
    const { rows } = await both.shadow.shadow('dev').conflicts()
    expect(rows).toMatchObject([
      { key: { id: '1' }, was: { price: '10' }, ours: { price: '11' }, theirs: { price: '12' } },
      { key: { id: '50' }, was: null, ours: { name: 'ours' }, theirs: { name: 'theirs' } },
    ])
    expect((await both.shadow.query('select name from product where id = 50')).rows).toEqual([{ name: 'ours' }])
    await both.shadow.query("update product set name = 'still ours' where id = 50")
    await both.copy.query('update product set price = 13 where id = 1')
    await expect(both.shadow.shadow('dev').promote({ to: 'copy' })).rejects.toThrow(ShadowConflictError)
  })

  it('is reset, as a whole and table by table', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const admin = both.shadow.shadow('dev')
    await play(both.shadow, ...changes)
    await admin.reset()
    expect(await rowsOf(both.shadow)).toEqual(await rowsOf(both.base))
    await play(both.shadow, 'update product set price = 1', 'insert into review (id, product_id) values (40, 7)')
    await admin.reset({ table: 'product' })
    expect((await both.shadow.query('select price from product where id = 7')).rows).toEqual([{ price: '70' }])
    await both.shadow.query('delete from product where id = 7')
    expect((await both.shadow.query('select 1 from review where id = 40')).rows).toEqual([])
    await play(
      both.shadow,
      "insert into product (id, name) values (20, 'n')",
      'insert into review (id, product_id) values (41, 20)',
      'delete from product where id = 1',
    )
    await expect(admin.reset({ table: 'product' })).rejects.toThrow(
      '1 local rows of review on "dev" refer to rows of product that would be gone',
    )
    await expect(admin.reset({ table: 'review' })).rejects.toThrow(
      'rows of product that are deleted there. Nothing was reset',
    )
  })

  it('is made and dropped as a whole, and can be made again', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const admin = both.shadow.shadow('dev')
    expect((await admin.create()).tables.map(({ isNew }) => isNew)).toEqual([true, true, true, true])
    await play(both.shadow, ...changes)
    expect((await admin.create()).tables.map(({ isNew }) => isNew)).toEqual([false, false, false, false])
    await admin.drop()
    await using again = await both.again()
    expect(await rowsOf(again)).toEqual(await rowsOf(both.base))
  })
})
