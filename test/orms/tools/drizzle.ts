import { eq, sql } from 'drizzle-orm'
import * as core from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/node-postgres'
import * as firstRoot from 'drizzle-orm-1'
import * as firstCore from 'drizzle-orm-1/pg-core'
import { drizzle as firstDrizzle } from 'drizzle-orm-1/node-postgres'
import type { Calls, InTransaction, Orm } from '../orm.ts'

/** What is used of Drizzle: the same in both versions, whose types have nothing in common. */
interface Drizzle {
  readonly eq: typeof eq
  readonly sql: typeof sql
  readonly drizzle: typeof drizzle
  readonly core: Pick<typeof core, 'pgTable' | 'integer' | 'varchar'>
}

const tablesOf = ({ core: { pgTable, integer, varchar } }: Drizzle) => ({
  products: pgTable('product', {
    id: integer().primaryKey(),
    name: varchar().notNull(),
    stock: integer().notNull(),
  }),
  reviews: pgTable('review', {
    id: integer().primaryKey(),
    productId: integer('product_id').notNull(),
    text: varchar().notNull(),
  }),
})

type Database = Pick<ReturnType<typeof drizzle>, 'select' | 'insert' | 'update' | 'execute' | 'transaction'>

function toolOf(name: string, module: Drizzle): Orm {
  const { eq, sql, drizzle } = module
  const { products, reviews } = tablesOf(module)
  const callsOf = (db: Database): Calls => ({
    insert: async (product) => (await db.insert(products).values(product).returning())[0]!,
    find: async (id) => (await db.select().from(products).where(eq(products.id, id)))[0],
    setStock: async (id, stock) => void (await db.update(products).set({ stock }).where(eq(products.id, id))),
    raw: async <Row>(text: string) => (await db.execute(sql.raw(text))).rows as Row[],
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
    open: ({ pg, url }) => {
      const pool = new pg.Pool({ connectionString: url })
      const db = drizzle({ client: pool })
      return Promise.resolve({
        ...callsOf(db),
        findAll: async () => await db.select().from(products).orderBy(products.id),
        addReview: async (review) => void (await db.insert(reviews).values(review)),
        reviewsOf: async (id) => await db.select().from(reviews).where(eq(reviews.productId, id)),
        lock: async (id) => await lock(db, id),
        transaction: async (work) => await db.transaction(async (tx) => await work(inTransaction(tx))),
        readOnly: async (work) =>
          await db.transaction(async (tx) => await work(callsOf(tx)), { accessMode: 'read only' }),
        [Symbol.asyncDispose]: async () => await pool.end(),
      })
    },
  }
}

export const drizzleTool = toolOf('Drizzle 0.45', { eq, sql, drizzle, core })

const first = { eq: firstRoot.eq, sql: firstRoot.sql, drizzle: firstDrizzle, core: firstCore }
export const firstDrizzleTool = toolOf('Drizzle 1.0', first as unknown as Drizzle)
