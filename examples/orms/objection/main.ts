import knex from 'knex'
import { Model, snakeCaseMappers } from 'objection'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { runShop } from '../shop.ts'

class Product extends Model {
  static override readonly tableName = 'product'
  declare readonly id: number
  declare readonly name: string
  declare readonly stock: number
}

class Review extends Model {
  static override readonly tableName = 'review'
  static override readonly columnNameMappers = snakeCaseMappers()
  declare readonly id: number
  declare readonly productId: number
  declare readonly text: string
}

await runShop(async (client) => {
  // Objection runs on Knex, and Knex on a pool of `pgFor(client)`, or of `mysql2For(client)`: that is the one line.
  const { Pool } = pgFor(client)
  const onMysql = client.engine === 'mysql'
  const pool = onMysql ? mysql2For(client).createPool({ connectionLimit: 20 }) : new Pool({ max: 20 })
  // Knex takes that of mysql2, though its types do not.
  const db = knex({ client: onMysql ? 'mysql2' : 'pg', connectionPool: pool as never })

  return {
    queries: {
      addProduct: async (product) => await Product.query(db).insert({ ...product }),
      product: async (id) => await Product.query(db).findById(id),
      sell: (id) =>
        Product.transaction(db, async (tx) => {
          const product = await Product.query(tx).findById(id).forUpdate().throwIfNotFound()
          await product.$query(tx).patch({ stock: product.stock - 1 })
        }),
      addReview: async (review) => await Review.query(db).insert({ ...review }),
      reviews: async (productId) => await Review.query(db).where('product_id', productId),
    },
    close: async () => {
      await db.destroy()
      await pool.end()
    },
  }
})
