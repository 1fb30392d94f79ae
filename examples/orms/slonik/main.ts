import { pgFor } from 'signalbox/pg'
import { createPool, sql } from 'slonik'
import { runShop, type Product, type Review } from '../shop.ts'
import { driverFactoryFor } from './driver.ts'

await runShop(async (client) => {
  // The one line: `driverFactory`. The address is not used; the client of Signalbox has those of its servers.
  const pool = await createPool('postgres://signalbox', {
    driverFactory: driverFactoryFor(pgFor(client)),
  })

  return {
    queries: {
      addProduct: ({ id, name, stock }) =>
        pool.one(sql.unsafe`insert into product (id, name, stock) values (${id}, ${name}, ${stock}) returning *`),
      product: async (id) =>
        (await pool.maybeOne(sql.unsafe`select * from product where id = ${id}`)) as Product | null,
      sell: (id) =>
        pool.transaction(async (tx) => {
          const found = await tx.one(sql.unsafe`select stock from product where id = ${id} for update`)
          const { stock } = found as Pick<Product, 'stock'>
          await tx.query(sql.unsafe`update product set stock = ${stock - 1} where id = ${id}`)
        }),
      addReview: ({ id, productId, text }) =>
        pool.query(sql.unsafe`insert into review (id, product_id, text) values (${id}, ${productId}, ${text})`),
      reviews: async (productId) =>
        (await pool.any(
          sql.unsafe`select id, product_id as "productId", text from review where product_id = ${productId}`,
        )) as readonly Review[],
    },
    close: () => pool.end(),
  }
})
