import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { runShop, type Product } from '../shop.ts'

interface Tables {
  product: Product
  review: { id: number; product_id: number; text: string }
}

await runShop(async (client) => {
  // The one line: a pool of `pgFor(client)` in place of one of `pg`, or of `mysql2For(client)` in place of one of `mysql2`.
  const { Pool } = pgFor(client)
  const dialect =
    client.engine === 'mysql'
      ? new MysqlDialect({ pool: mysql2For(client).createPool({ connectionLimit: 20 }) })
      : new PostgresDialect({ pool: new Pool({ max: 20 }) })
  const db = new Kysely<Tables>({ dialect })

  return {
    queries: {
      addProduct: (product) => db.insertInto('product').values(product).execute(),
      product: (id) => db.selectFrom('product').selectAll().where('id', '=', id).executeTakeFirst(),
      sell: (id) =>
        db.transaction().execute(async (tx) => {
          const locked = tx.selectFrom('product').select('stock').where('id', '=', id).forUpdate()
          const { stock } = await locked.executeTakeFirstOrThrow()
          await tx
            .updateTable('product')
            .set({ stock: stock - 1 })
            .where('id', '=', id)
            .execute()
        }),
      addReview: ({ id, productId, text }) =>
        db.insertInto('review').values({ id, product_id: productId, text }).execute(),
      reviews: (productId) =>
        db
          .selectFrom('review')
          .select(['id', 'product_id as productId', 'text'])
          .where('product_id', '=', productId)
          .execute(),
    },
    close: () => db.destroy(),
  }
})
