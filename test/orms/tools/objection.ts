import knex, { type Knex } from 'knex'
import { Model, snakeCaseMappers, type TransactionOrKnex } from 'objection'
import type { Calls, InTransaction, MysqlPlace, Orm, OrmUnderTest } from '../orm.ts'

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

export const objectionTool: Orm = {
  name: 'Objection',
  open: ({ pg, url }) => {
    const pool = new pg.Pool({ connectionString: url })
    return Promise.resolve(objectionShop(knex({ client: 'pg', connectionPool: pool }), async () => await pool.end()))
  },
}

export const objectionMysqlTool: Orm<MysqlPlace> = {
  name: 'Objection, on MariaDB',
  open: ({ mysql2, url }) => {
    const pool = mysql2.createPool(url)
    // Knex takes it, though its types do not: they want a callback's error to be null.
    const db = knex({ client: 'mysql2', connectionPool: pool as never })
    return Promise.resolve(objectionShop(db, async () => await pool.promise().end()))
  },
}

const objectionShop = (db: Knex, end: () => Promise<void>): OrmUnderTest => ({
  ...callsOf(db),
  findAll: async () => await Product.query(db).orderBy('id'),
  addReview: async (review) => void (await Review.query(db).insert({ ...review })),
  reviewsOf: async (productId) => await Review.query(db).where('product_id', productId),
  lock: async (id) => await Product.query(db).findById(id).forUpdate(),
  transaction: async (work) => await Product.transaction(db, async (tx) => await work(inTransaction(tx))),
  [Symbol.asyncDispose]: async () => {
    await db.destroy()
    await end()
  },
})

const callsOf = (db: TransactionOrKnex): Calls => ({
  insert: async (product) => await Product.query(db).insertAndFetch({ ...product }),
  find: async (id) => await Product.query(db).findById(id),
  setStock: async (id, stock) => void (await Product.query(db).findById(id).patch({ stock })),
  raw: async <Row>(text: string) => {
    const answer = await db.raw<{ readonly rows: Row[] } | readonly [Row[]]>(text)
    return 'rows' in answer ? answer.rows : answer[0]
  },
})

const inTransaction = (tx: TransactionOrKnex): InTransaction => ({
  ...callsOf(tx),
  lock: async (id) => await Product.query(tx).findById(id).forUpdate(),
  savepoint: async (work) => await Product.transaction(tx, async (inner) => await work(inTransaction(inner))),
})
