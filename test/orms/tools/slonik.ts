import {
  createPool,
  sql,
  type CommonQueryMethods,
  type DatabaseTransactionConnection,
  type QuerySqlToken,
} from 'slonik'
import { PassThrough } from 'node:stream'
import { driverFactoryFor } from '../../../examples/orms/slonik/driver.ts'
import type { Calls, InTransaction, Orm, Product, Review } from '../orm.ts'

export const slonikTool: Orm = {
  name: 'Slonik',
  open: async ({ pg, url }) => {
    const pool = await createPool(url, {
      driverFactory: driverFactoryFor(pg),
      // The suite looks from outside into a transaction.
      dangerouslyAllowForeignConnections: true,
    })
    return {
      ...callsOf(pool),
      findAll: async () => await rowsOf<Product>(pool, sql.unsafe`select * from product order by id`),
      addReview: async ({ id, productId, text }) =>
        void (await pool.query(
          sql.unsafe`insert into review (id, product_id, text) values (${id}, ${productId}, ${text})`,
        )),
      reviewsOf: async (productId) =>
        await rowsOf<Review>(
          pool,
          sql.unsafe`select id, product_id as "productId", text from review where product_id = ${productId}`,
        ),
      lock: async (id) => await lock(pool, id),
      stream: async function* () {
        const rows = new PassThrough({ objectMode: true })
        const query = sql.unsafe`select * from product order by id`
        const done = pool.stream(query, (stream) => void stream.pipe(rows)).catch((error: Error) => rows.destroy(error))
        for await (const { data } of rows as AsyncIterable<{ readonly data: Product }>) yield data
        await done
      },
      transaction: async (work) => await pool.transaction(async (tx) => await work(inTransaction(tx))),
      [Symbol.asyncDispose]: async () => await pool.end(),
    }
  },
}

const callsOf = (db: CommonQueryMethods): Calls => ({
  insert: async ({ id, name, stock }) => {
    const query = sql.unsafe`insert into product (id, name, stock) values (${id}, ${name}, ${stock}) returning *`
    return (await rowsOf<Product>(db, query))[0]!
  },
  find: async (id) => (await rowsOf<Product>(db, sql.unsafe`select * from product where id = ${id}`))[0],
  setStock: async (id, stock) =>
    void (await db.query(sql.unsafe`update product set stock = ${stock} where id = ${id}`)),
  raw: async (text) => await rowsOf(db, sql.unsafe(Object.assign([text], { raw: Object.freeze([text]) }))),
})

/** Slonik knows what rows are like by the schemas that it is given; here it has none. */
const rowsOf = async <Row>(db: CommonQueryMethods, query: QuerySqlToken): Promise<readonly Row[]> =>
  (await db.any(query)) as readonly Row[]

const lock = async (db: CommonQueryMethods, id: number): Promise<Product | undefined> =>
  (await rowsOf<Product>(db, sql.unsafe`select * from product where id = ${id} for update`))[0]

const inTransaction = (tx: DatabaseTransactionConnection): InTransaction => ({
  ...callsOf(tx),
  lock: async (id) => await lock(tx, id),
  savepoint: async (work) => await tx.transaction(async (inner) => await work(inTransaction(inner))),
})
