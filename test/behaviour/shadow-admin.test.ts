import { describe, expect, it } from 'vitest'
import type { Client, PromoteOptions } from '../../src/index.ts'
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

const admin = ({ shadow }: ShadowedShop) => shadow.shadow('dev')

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
    const { tables } = await admin(both).diff()
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
  })
  it('promotes', async () => {
    await using both = await shadowedShop(shop, augmented)
    await play(
      both.shadow,
      "insert into product (name, price) values ('stool', 5)",
      'insert into review (product_id) values (8)',
      "update product set price = 11, name = 'Lamp' where id = 1",
      "delete from product where id = 2",
      "update product set sku = 's2' where id = 3",
    )
    console.log(await admin(both).diffSql())
    console.dir(await admin(both).promote({ to: 'copy', preview: true }), { depth: 5 })
    console.dir(await admin(both).promote({ to: 'copy' }), { depth: 5 })
    expect(await rowsOf(both.copy, 'product', 'review')).toEqual(await rowsOf(both.shadow, 'product', 'review'))
    await both.base.query('update product set price = 3 where id < 4')
    console.dir(await admin(both).conflicts(), { depth: 5 })
    await admin(both).reset({table: 'review'}).catch(e => console.log(e.message))
    await admin(both).reset({table: 'product'}).catch(e => console.log(e.message))
    await admin(both).reset()
    expect(await rowsOf(both.base, 'product', 'review')).toEqual(await rowsOf(both.shadow, 'product', 'review'))
    await admin(both).drop()
    console.log(await admin(both).diff())
    console.log(await admin(both).create())
  })
})
void (0 as unknown as PromoteOptions)
