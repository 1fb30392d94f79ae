import { type ControlledTransaction, Kysely, PostgresDialect, sql } from 'kysely'
import Cursor from 'pg-cursor'
import type { Calls, InTransaction, Orm, OrmUnderTest, Product } from '../orm.ts'

export interface Shop {
  product: Product
  review: { id: number; product_id: number; text: string }
}

/** Kysely with its own dialect of PostgreSQL. That of Signalbox, which knows several engines, is `signalbox/kysely`. */
export const kyselyTool: Orm = {
  name: 'Kysely',
  open: ({ pg, url }) => {
    const pool = new pg.Pool({ connectionString: url })
    return Promise.resolve(
      kyselyShop(new Kysely<Shop>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) }), true),
    )
  },
}

/** `returning`: whether a change can give back the rows that it made. */
export function kyselyShop(db: Kysely<Shop>, returning: boolean): OrmUnderTest {
  return {
    ...callsOf(db, returning),
    findAll: async () => await db.selectFrom('product').selectAll().orderBy('id').execute(),
    addReview: async ({ id, productId, text }) =>
      void (await db.insertInto('review').values({ id, product_id: productId, text }).execute()),
    reviewsOf: async (productId) =>
      await db
        .selectFrom('review')
        .select(['id', 'product_id as productId', 'text'])
        .where('product_id', '=', productId)
        .orderBy('id')
        .execute(),
    lock: async (id) => await lock(db, id),
    stream: () => db.selectFrom('product').selectAll().orderBy('id').stream(2),
    transaction: async (work) => await controlled(db, returning, work),
    readOnly: async (work) =>
      await db
        .transaction()
        .setAccessMode('read only')
        .execute(async (tx) => await work(callsOf(tx, returning))),
    [Symbol.asyncDispose]: async () => await db.destroy(),
  }
}

const callsOf = (db: Kysely<Shop>, returning: boolean): Calls => ({
  insert: async (product) => {
    const insert = db.insertInto('product').values(product)
    if (returning) return await insert.returningAll().executeTakeFirstOrThrow()
    await insert.execute()
    return product
  },
  find: async (id) => await db.selectFrom('product').selectAll().where('id', '=', id).executeTakeFirst(),
  setStock: async (id, stock) => void (await db.updateTable('product').set({ stock }).where('id', '=', id).execute()),
  raw: async <Row>(text: string) => (await sql.raw<Row>(text).execute(db)).rows,
})

const lock = async (db: Kysely<Shop>, id: number): Promise<Product | undefined> =>
  await db.selectFrom('product').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()

/** Kysely has savepoints in transactions that are ended by hand. */
async function controlled<T>(
  db: Kysely<Shop>,
  returning: boolean,
  work: (tx: InTransaction) => Promise<T>,
): Promise<T> {
  const tx = await db.startTransaction().execute()
  try {
    const result = await work(inTransaction(tx, returning))
    await tx.commit().execute()
    return result
  } catch (error) {
    await tx.rollback().execute()
    throw error
  }
}

const inTransaction = (tx: ControlledTransaction<Shop>, returning: boolean): InTransaction => ({
  ...callsOf(tx, returning),
  lock: async (id) => await lock(tx, id),
  savepoint: async (work) => {
    const inner = await tx.savepoint('inner').execute()
    try {
      const result = await work(inTransaction(inner, returning))
      await inner.releaseSavepoint('inner').execute()
      return result
    } catch (error) {
      await inner.rollbackToSavepoint('inner').execute()
      throw error
    }
  },
})
