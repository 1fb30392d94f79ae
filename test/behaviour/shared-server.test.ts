import { describe, expect, it } from 'vitest'
import { connect } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

describe.runIf(testedEngines.includes('mysql'))('databases that are schemas of one MariaDB server', () => {
  it('are joined in one statement, with their tables qualified; without the declaration they are not', async () => {
    await using shop = await freshDatabase('mysql')
    await using reviews = await freshDatabase('mysql')
    const databases = { default: shop.dsn, reviews: reviews.dsn }
    const tables = { review: 'reviews', 'note_*': 'reviews' } as const
    await using client = await connect({ databases, tables, databasesShareServer: [['default', 'reviews']] })
    await client.query('create table product (id integer primary key, name varchar(40))')
    await client.query('create table review (id integer primary key, product_id integer)')
    await client.query('create table note_1 (review_id integer)')
    await client.query("insert into product (id, name) values (1, 'chair'), (2, 'desk')")
    await client.query('insert into review (id, product_id) values (1, 1), (2, 1)')
    await client.query('insert into note_1 (review_id) values (2)')

    const join = await client.query<{ name: string; reviews: number }>(
      'select p.name, count(r.id) as reviews from product p left join `review` r on r.product_id = p.id where p.id in (select product_id from review) group by p.name',
    )
    expect(join.rows.map((row) => ({ ...row }))).toEqual([{ name: 'chair', reviews: 2 }])
    expect(join.route.database).toBe('default')
    expect(join.route.reasons[0]?.rule).toBe('shared-server')
    expect(join.route.sql).toMatch(/from `[^`]+`\.product p left join `[^`]+`\.`review` r .* from `[^`]+`\.review/)

    const mixed =
      'select * from product, review, note_1 where review.id = note_1.review_id and product.id = review.product_id'
    expect((await client.query(mixed)).rowCount).toBe(1)
    expect(
      (
        await client.query('update product set name = concat(name, ?) where id in (select product_id from review)', [
          '!',
        ])
      ).rowCount,
    ).toBe(1)
    expect((await client.query('insert into note_1 (review_id) select id from product')).rowCount).toBe(2)
    expect(
      (await client.query('delete r from review r join product p on p.id = r.product_id where p.id = 1')).rowCount,
    ).toBe(2)

    await client.using('reviews').query('create view reviewed as select distinct product_id from review')
    const views = { reviewed: ['review'] }
    await using viewing = await connect({ databases, tables, views, databasesShareServer: [['default', 'reviews']] })
    expect((await viewing.query('select * from product p left join reviewed r on r.product_id = p.id')).rowCount).toBe(
      2,
    )

    await using apart = await connect({ databases, tables })
    await expect(apart.query('select * from product, review')).rejects.toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
    })
  })
})
