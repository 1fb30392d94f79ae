import { describe, expect, it } from 'vitest'
import { ConfigError, connect, CopyError } from '../../src/index.ts'
import { fill, marks, pairs, shop } from '../support/two-shops.ts'
import { testedEngines } from '../support/servers.ts'

interface Product {
  readonly id: unknown
  readonly name: string
}

describe.each(pairs)('presence of rows of %s on %s', (...pair) => {
  it('says what is missing, the same, or different in which columns', async () => {
    await using there = await shop(pair)
    await fill(there, 6)
    const { client } = there
    await client.copyRows({ from: 'here', to: 'there', table: 'product', where: 'id <> 2' })
    const other = client.using('there')
    await other.query("update product set name = 'other', price = 12.51 where id = 3")
    await other.query('update product set made = null where id = 4')
    await other.query(`update product set photo = ${marks(pair[1], 1)} where id = 6`, [Buffer.from([0, 6, 254])])
    const { rows } = await client.using('here').query<Product>('select id, name from product order by id desc')
    const found = await client.presence(rows, { in: 'there', table: 'product' })
    expect(found.map(({ row, state, columns }) => [Number(row.id), state, ...columns])).toEqual([
      [6, 'different', 'photo'],
      [5, 'same'],
      [4, 'different', 'made'],
      [3, 'different', 'name', 'price'],
      [2, 'missing'],
      [1, 'same'],
    ])
    expect(found[0]?.row).toBe(rows[0])
    // Keys under other names, and rows that are gone by now where they were from.
    await client.using('here').query('delete from review where product_id = 5')
    await client.using('here').query('delete from product where id = 5')
    const by = await client.presence([{ product: 5 }, { product: 2 }, { product: 77 }], {
      from: 'here',
      in: 'there',
      table: 'product',
      key: 'product',
    })
    expect(by).toEqual([
      { row: { product: 5 }, state: 'different', columns: ['id', 'name', 'price', 'sold', 'made', 'photo'] },
      { row: { product: 2 }, state: 'missing', columns: [] },
      { row: { product: 77 }, state: 'missing', columns: [] },
    ])
    const reviews = await client.using('here').query('select product_id, number from review')
    const none = await client.presence(reviews.rows, { in: 'there', table: 'review' })
    expect(new Set(none.map(({ state }) => state))).toEqual(new Set(['missing']))
    expect(await client.presence([], { from: 'here', in: 'there', table: 'review' })).toEqual([])
  })
})

describe('presence is refused', () => {
  it('for rows without a key, and options that say too little', async () => {
    await using client = await connect({ databases: { here: 'sqlite::memory:', there: 'sqlite::memory:' } })
    await client.using('here').query('create table product (id integer primary key)')
    await expect(client.presence([{ id: 1 }], { from: 'here', in: 'there', table: 'product' })).rejects.toThrow(
      CopyError,
    )
    await client.using('there').query('create table product (id integer primary key)')
    await expect(client.presence([{ no: 1 }], { from: 'here', in: 'there', table: 'product' })).rejects.toThrow(
      /rows\[0\]: It has no id/,
    )
    for (const [options, message] of [
      [{ table: 'product', from: 'here' }, /options\.in/],
      [{ in: 'there', from: 'here' }, /options\.table/],
      [{ in: 'there', table: 'product' }, /options\.from/],
      [{ in: 'there', from: 'here', table: 'product', keys: [1] }, /options\.keys/],
    ] as const) {
      const refused = client.presence([{ id: 1 }], options as never)
      await expect(refused).rejects.toThrow(ConfigError)
      await expect(refused).rejects.toThrow(message)
    }
  })
})

describe.each(testedEngines)('many rows on %s', (engine) => {
  it('take few statements', async () => {
    await using there = await shop([engine, engine])
    const { client } = there
    const rows = Array.from({ length: 1_200 }, (_, index) => ({ id: index }))
    const found = await client.presence(rows, { from: 'here', in: 'there', table: 'product' })
    expect(found.map(({ state }) => state)).toEqual(rows.map(() => 'missing'))
  })
})
