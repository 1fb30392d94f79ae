import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import type { Config } from '../config.ts'

const postgres = 'postgres://bob@db.example/shop'
const mysql = 'mysql://bob@db.example/shop'

const explained = async (config: Config, sql: string): Promise<ReturnType<Client['explain']>> => {
  await using client = await connect(config)
  return client.explain(sql, [1])
}

describe('a text of one of several dialects', () => {
  it('goes to the home of its table, in whatever order the databases are declared and without a default', async () => {
    const tables = { product: 'shop', review: 'reviews' } as const
    for (const databases of [
      { shop: postgres, reviews: mysql },
      { reviews: mysql, shop: postgres },
    ]) {
      const config = { databases, tables }
      expect((await explained(config, 'select * from `review` where id = ?')).database).toBe('reviews')
      expect((await explained(config, 'select * from product where id = $1::int')).database).toBe('shop')
      expect((await explained(config, 'select * from review where id = ?')).database).toBe('reviews')
    }
  })

  it('is refused for what is wrong with it in the dialect that it is written in', async () => {
    const config = {
      databases: { default: postgres, a: mysql, b: mysql },
      tables: { product: 'a', review: 'b' },
    } as const
    await expect(explained(config, 'select * from `product` join `review` on true')).rejects.toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
    })
  })

  it('meets the error of a router that only its own dialect’s reading provokes', async () => {
    const config = {
      databases: { default: postgres, a: mysql },
      tables: { product: 'a' },
      routers: [
        {
          route: ({ kind }: { readonly kind: string }) => {
            if (kind === 'write') throw new RangeError('no writes today')
            return undefined
          },
        },
      ],
    } as const
    await expect(explained(config, 'delete from `product` where id = ?')).rejects.toThrow('no writes today')
  })
})

describe('names of the engine’s own tables', () => {
  it('are those of the engine, and no table of the application that looks like them', async () => {
    const config = {
      databases: { default: 'shop', shop: postgres, reviews: 'postgres://bob@db.example/reviews' },
      tables: { pg_stuff: 'reviews', dual: 'reviews', 'sys.account': 'reviews', 'mysql.*': 'reviews' },
    } as const
    for (const table of ['pg_stuff', 'dual', 'sys.account', 'mysql.user'])
      expect((await explained(config, `select * from ${table}`)).database, table).toBe('reviews')
    await expect(explained(config, 'select * from product, pg_stuff')).rejects.toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
    })
    expect((await explained(config, 'select * from pg_stuff, pg_class, information_schema.tables')).database).toBe(
      'reviews',
    )
  })

  it('are known in every schema of SQLite', async () => {
    const config = { databases: { default: { primary: 'sqlite:shop.db', exclusive: true } } } as const
    expect((await explained(config, 'select * from main.sqlite_master')).database).toBe('default')
  })

  it('have no home, also where a glob says that everything has one', async () => {
    const config = {
      databases: { default: 'shop', shop: postgres, reviews: 'postgres://bob@db.example/reviews' },
      tables: { '*': 'reviews', product: 'shop' },
    } as const
    expect((await explained(config, 'select * from product, pg_class')).database).toBe('shop')
  })
})

describe('a declared view', () => {
  it('may be declared with its schema', async () => {
    const config = {
      databases: { default: postgres, reviews: 'postgres://bob@db.example/reviews' },
      tables: { review: 'reviews' },
      views: { 'report.top': ['review'], plain: ['review'] },
    } as const
    expect((await explained(config, 'select * from report.top')).database).toBe('reviews')
    expect((await explained(config, 'select * from report.plain')).database).toBe('reviews')
    expect((await explained(config, 'select * from top')).database).toBe('default')
  })
})

describe('a router', () => {
  it('that is asynchronous is refused: a promise is neither a database nor a permission', async () => {
    const shop = 'sqlite:shop.db'
    const answer = { code: 'SIGNALBOX_ROUTER_ANSWER' }
    const route = async (): Promise<string> => await Promise.reject(new Error('late'))
    await expect(
      explained({ databases: { default: shop }, routers: [{ route: route as never }] }, 'select 1'),
    ).rejects.toMatchObject(answer)
    const allowMigrate = async (): Promise<boolean> => await Promise.resolve(false)
    await using client = await connect({
      databases: { default: shop },
      routers: [{ allowMigrate: allowMigrate as never }],
    })
    expect(() => client.allowMigrate('default', 'product')).toThrow(expect.objectContaining(answer))
    await expect(client.query('create table product (id integer)')).rejects.toMatchObject(answer)
  })

  it('is told a value of a table only where the statement fixes it for that table', async () => {
    const seen: unknown[] = []
    await using client = await connect({
      databases: { default: postgres },
      routers: [{ route: (statement) => void seen.push(statement.valuesOf('customer_id', 'orders')) }],
    })
    client.explain('select * from orders where customer_id = 5')
    client.explain('select * from orders join customers on true where orders.customer_id = 5')
    client.explain('select * from orders join customers on true where customer_id = 5')
    expect(seen).toEqual([[5], [5], undefined])
  })
})

describe('a route', () => {
  it('is shared by all calls of its text, so nobody can change it', async () => {
    const route = await explained({ databases: { default: postgres } }, 'select * from product')
    for (const part of [route, route.reasons, route.shards, ...route.reasons]) expect(Object.isFrozen(part)).toBe(true)
  })
})

describe('databases of one server that are exclusive', () => {
  it('may be joined, and a table created from the other one’s rows is its own database’s', async () => {
    const config = {
      databases: {
        default: { primary: 'mysql://bob@db.example/shop', exclusive: true },
        reviews: { primary: 'mysql://bob@db.example/reviews', exclusive: true },
      },
      tables: { product: 'default', review: 'reviews', top_review: 'reviews' },
      databasesShareServer: [['default', 'reviews']],
    } as const
    for (const sql of [
      'select * from product join review on review.product_id = product.id',
      'create table top_review as select review.* from product join review on true',
    ])
      expect((await explained(config, sql)).reasons[0]?.rule, sql).toBe('shared-server')
    await expect(explained(config, 'select * from product, review, note')).rejects.toMatchObject({
      code: 'SIGNALBOX_TABLE_NOT_ALLOWED',
      table: 'note',
    })
  })
})
