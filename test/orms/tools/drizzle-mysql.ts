import { eq, sql } from 'drizzle-orm'
import * as core from 'drizzle-orm/mysql-core'
import { drizzle } from 'drizzle-orm/mysql2'
import * as firstRoot from 'drizzle-orm-1'
import * as firstCore from 'drizzle-orm-1/mysql-core'
import { drizzle as firstDrizzle } from 'drizzle-orm-1/mysql2'
import type { Calls, InTransaction, MysqlPlace, Orm, OrmUnderTest } from '../orm.ts'

/** What is used of Drizzle: the same in both versions, whose types have nothing in common. */
interface Drizzle {
  readonly eq: typeof eq
  readonly sql: typeof sql
  readonly drizzle: typeof drizzle
  readonly core: Pick<typeof core, 'mysqlTable' | 'int' | 'varchar'>
}

const tablesOf = ({ core: { mysqlTable, int, varchar } }: Drizzle) => ({
  products: mysqlTable('product', {
    id: int().primaryKey(),
    name: varchar({ length: 100 }).notNull(),
    stock: int().notNull(),
  }),
  reviews: mysqlTable('review', {
    id: int().primaryKey(),
    productId: int('product_id').notNull(),
    text: varchar({ length: 200 }).notNull(),
  }),
})

type Database = Pick<ReturnType<typeof drizzle>, 'select' | 'insert' | 'update' | 'execute' | 'transaction'>

function toolOf(name: string, module: Drizzle, canLeaveStreams: boolean): Orm<MysqlPlace> {
  const { eq, sql, drizzle } = module
  const { products, reviews } = tablesOf(module)
  const callsOf = (db: Database): Calls => ({
    insert: async (product) => {
      await db.insert(products).values(product)
      return product
    },
    find: async (id) => (await db.select().from(products).where(eq(products.id, id)))[0],
    setStock: async (id, stock) => void (await db.update(products).set({ stock }).where(eq(products.id, id))),
    raw: async <Row>(text: string) => (await db.execute(sql.raw(text)))[0] as unknown as Row[],
  })
  const lock = async (db: Database, id: number) =>
    (await db.select().from(products).where(eq(products.id, id)).for('update'))[0]
  const inTransaction = (tx: Database): InTransaction => ({
    ...callsOf(tx),
    lock: async (id) => await lock(tx, id),
    savepoint: async (work) => await tx.transaction(async (inner) => await work(inTransaction(inner))),
  })
  return {
    name,
    open: ({ mysql2, url }) => {
      const pool = mysql2.createPool(url)
      const db: Database = drizzle({ client: pool })
      const shop: OrmUnderTest = {
        ...callsOf(db),
        findAll: async () => await db.select().from(products).orderBy(products.id),
        addReview: async (review) => void (await db.insert(reviews).values(review)),
        reviewsOf: async (id) => await db.select().from(reviews).where(eq(reviews.productId, id)),
        lock: async (id) => await lock(db, id),
        stream: () => db.select().from(products).orderBy(products.id).iterator(),
        transaction: async (work) => await db.transaction(async (tx) => await work(inTransaction(tx))),
        readOnly: async (work) =>
          await db.transaction(async (tx) => await work(callsOf(tx)), {
            isolationLevel: 'repeatable read',
            accessMode: 'read only',
          }),
        [Symbol.asyncDispose]: async () => await pool.promise().end(),
      }
      return Promise.resolve({ ...shop, canLeaveStreams })
    },
  }
}

// Version 0.45 gives the connection of a stream that is left back to its pool as it is: paused, for whoever gets it next.
export const drizzleMysqlTool = toolOf('Drizzle 0.45, on MariaDB', { eq, sql, drizzle, core }, false)

const first = { eq: firstRoot.eq, sql: firstRoot.sql, drizzle: firstDrizzle, core: firstCore }
export const firstDrizzleMysqlTool = toolOf('Drizzle 1.0, on MariaDB', first as unknown as Drizzle, true)
