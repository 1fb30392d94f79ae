import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, varchar } from 'drizzle-orm/pg-core'
import { pgFor } from 'signalbox/pg'
import { runShop } from '../shop.ts'

const products = pgTable('product', {
  id: integer().primaryKey(),
  name: varchar().notNull(),
  stock: integer().notNull(),
})

const reviews = pgTable('review', {
  id: integer().primaryKey(),
  productId: integer('product_id').notNull(),
  text: varchar().notNull(),
})

await runShop(async (client) => {
  // The one line: a pool of `pgFor(client)` in place of one of `pg`. No `withReplicas` beside it.
  const { Pool } = pgFor(client)
  const pool = new Pool({ max: 20 })
  const db = drizzle({ client: pool })

  return {
    queries: {
      addProduct: (product) => db.insert(products).values(product).returning(),
      product: async (id) => (await db.select().from(products).where(eq(products.id, id)))[0],
      sell: (id) =>
        db.transaction(async (tx) => {
          const [product] = await tx.select().from(products).where(eq(products.id, id)).for('update')
          const stock = product!.stock - 1
          await tx.update(products).set({ stock }).where(eq(products.id, id))
        }),
      addReview: (review) => db.insert(reviews).values(review),
      reviews: (productId) => db.select().from(reviews).where(eq(reviews.productId, productId)),
    },
    close: () => pool.end(),
  }
})
