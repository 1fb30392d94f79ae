import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { DataSource, EntitySchema } from 'typeorm'
import { runShop, type Product, type Review } from '../shop.ts'

const products = new EntitySchema<Product>({
  name: 'Product',
  tableName: 'product',
  columns: { id: { type: Number, primary: true }, name: { type: String }, stock: { type: Number } },
})

const reviews = new EntitySchema<Review>({
  name: 'Review',
  tableName: 'review',
  columns: {
    id: { type: Number, primary: true },
    productId: { name: 'product_id', type: Number },
    text: { type: String },
  },
})

await runShop(async (client) => {
  // The one line: `driver`. No `replication` beside it, and no host or password: the client of Signalbox has them.
  const place =
    client.engine === 'mysql'
      ? { type: 'mysql' as const, driver: mysql2For(client) }
      : { type: 'postgres' as const, driver: pgFor(client) }
  const source = new DataSource({ ...place, entities: [products, reviews] })
  await source.initialize()

  return {
    queries: {
      addProduct: (product) => source.getRepository(products).insert({ ...product }),
      product: (id) => source.getRepository(products).findOneBy({ id }),
      sell: (id) =>
        source.transaction(async (manager) => {
          const lock = { mode: 'pessimistic_write' as const }
          const { stock } = await manager.findOneOrFail(products, { where: { id }, lock })
          await manager.update(products, { id }, { stock: stock - 1 })
        }),
      addReview: (review) => source.getRepository(reviews).insert({ ...review }),
      reviews: (productId) => source.getRepository(reviews).findBy({ productId }),
    },
    close: () => source.destroy(),
  }
})
