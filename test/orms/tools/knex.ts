import { createRequire } from 'node:module'
import knex, { type Knex } from 'knex'
import type { Pg } from '../../../src/adapters/pg.ts'
import type { Calls, InTransaction, Orm, OrmUnderTest, Product, Review } from '../orm.ts'

/** Knex on a pool of the module. */
export const knexTool: Orm = {
  name: 'Knex on a pool',
  open: ({ pg, url }) => {
    const pool = new pg.Pool({ connectionString: url })
    const db = knex({ client: 'pg', connectionPool: pool })
    return Promise.resolve({
      ...knexShop(db, true),
      // Knex 3.3 gives the client of a stream back twice, to any pool that is handed to it, and `pg.Pool` throws then.
      stream: undefined,
      [Symbol.asyncDispose]: async () => {
        await db.destroy()
        await pool.end()
      },
    })
  },
}

/** Knex with its own pool, of clients of the module. */
export const ownPoolKnexTool: Orm = {
  name: 'Knex with its own pool',
  open: ({ pg, url }) => {
    const db = knex({ client: clientOf(pg), connection: url })
    return Promise.resolve({ ...knexShop(db, true), [Symbol.asyncDispose]: async () => await db.destroy() })
  },
}

/** What Knex has for PostgreSQL, without types. */
const PostgresClient = createRequire(import.meta.url)('knex/lib/dialects/postgres/index.js') as typeof Knex.Client

function clientOf(pg: Pg): typeof Knex.Client {
  return class extends PostgresClient {
    _driver(): Pg {
      return pg
    }
  }
}

const columns = ['id', 'product_id as productId', 'text']

/** `returning`: whether a change can give back the rows that it made. */
export function knexShop(db: Knex, returning: boolean): Omit<OrmUnderTest, typeof Symbol.asyncDispose> {
  return {
    ...callsOf(db, returning),
    findAll: async () => await db<Product>('product').orderBy('id'),
    addReview: async ({ id, productId, text }) => void (await db('review').insert({ id, product_id: productId, text })),
    reviewsOf: async (id) => await db('review').where('product_id', id).select<Review[]>(columns),
    lock: async (id) => await db<Product>('product').where({ id }).forUpdate().first(),
    stream: () => db<Product>('product').orderBy('id').stream({ highWaterMark: 2 }),
    transaction: async (work) => await db.transaction(async (tx) => await work(inTransaction(tx, returning))),
    readOnly: async (work) =>
      await db.transaction(async (tx) => await work(callsOf(tx, returning)), { readOnly: true }),
  }
}

const callsOf = (db: Knex, returning: boolean): Calls => ({
  insert: async (product) => {
    const insert = db<Product>('product').insert(product)
    if (returning) return (await insert.returning('*'))[0]!
    await insert
    return product
  },
  find: async (id) => await db<Product>('product').where({ id }).first(),
  setStock: async (id, stock) => void (await db<Product>('product').where({ id }).update({ stock })),
  raw: async <Row>(text: string) => {
    const answer = await db.raw<{ readonly rows: Row[] } | readonly [Row[]]>(text)
    return 'rows' in answer ? answer.rows : answer[0]
  },
})

const inTransaction = (tx: Knex.Transaction, returning: boolean): InTransaction => ({
  ...callsOf(tx, returning),
  lock: async (id) => await tx<Product>('product').where({ id }).forUpdate().first(),
  savepoint: async (work) => await tx.transaction(async (inner) => await work(inTransaction(inner, returning))),
})
