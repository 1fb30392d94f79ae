import knex from 'knex'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { runShop, type Product, type Review } from '../shop.ts'

await runShop(async (client) => {
  // The one line: `connectionPool`, a pool of `pgFor(client)`, or of `mysql2For(client)`.
  const { Pool } = pgFor(client)
  const onMysql = client.engine === 'mysql'
  const pool = onMysql ? mysql2For(client).createPool({ connectionLimit: 20 }) : new Pool({ max: 20 })
  // Knex takes that of mysql2, though its types do not.
  const db = knex({ client: onMysql ? 'mysql2' : 'pg', connectionPool: pool as never })

  return {
    queries: {
      addProduct: async (product) => await db<Product>('product').insert(product),
      product: async (id) => await db<Product>('product').where({ id }).first(),
      sell: (id) =>
        db.transaction(async (tx) => {
          const product = await tx<Product>('product').where({ id }).forUpdate().first()
          await tx<Product>('product')
            .where({ id })
            .update({ stock: product!.stock - 1 })
        }),
      addReview: async ({ id, productId, text }) => await db('review').insert({ id, product_id: productId, text }),
      reviews: async (productId) =>
        await db('review').where('product_id', productId).select<Review[]>('id', 'product_id as productId', 'text'),
    },
    close: async () => {
      await db.destroy()
      // It is ours: Knex does not end it.
      await pool.end()
    },
  }
})
