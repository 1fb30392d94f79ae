import { DataSource, EntitySchema, type EntityManager } from 'typeorm'
import type { Calls, InTransaction, Orm, OrmUnderTest, Product, Review } from '../orm.ts'

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

export const typeormEntities = [products, reviews]

export const typeormTool: Orm = {
  name: 'TypeORM',
  open: async ({ pg, url }) =>
    await typeormShop(new DataSource({ type: 'postgres', driver: pg, url, entities: typeormEntities })),
}

export async function typeormShop(source: DataSource): Promise<OrmUnderTest> {
  await source.initialize()
  return {
    ...callsOf(source.manager),
    findAll: async () => await source.manager.find(products, { order: { id: 'asc' } }),
    addReview: async (review) => void (await source.manager.save(reviews, { ...review })),
    reviewsOf: async (productId) => await source.manager.findBy(reviews, { productId }),
    stream: async function* () {
      const builder = source.manager.createQueryBuilder(products, 'p').orderBy('p.id')
      for await (const row of await builder.stream()) {
        const { p_id: id, p_name: name, p_stock: stock } = row as { p_id: number; p_name: string; p_stock: number }
        yield { id, name, stock }
      }
    },
    transaction: async (work) => await source.transaction(async (manager) => await work(inTransaction(manager))),
    [Symbol.asyncDispose]: async () => await source.destroy(),
  }
}

const callsOf = (manager: EntityManager): Calls => ({
  insert: async (product) => await manager.save(products, { ...product }),
  find: async (id) => (await manager.findOneBy(products, { id })) ?? undefined,
  setStock: async (id, stock) => void (await manager.update(products, { id }, { stock })),
  raw: async <Row>(text: string) => await rowsOf<Row>(manager, text),
})

/** Of a text that changes something TypeORM gives the rows and their number. */
async function rowsOf<Row>(manager: EntityManager, text: string): Promise<readonly Row[]> {
  const answer: readonly unknown[] = await manager.query(text)
  return (Array.isArray(answer[0]) ? answer[0] : answer) as readonly Row[]
}

const inTransaction = (manager: EntityManager): InTransaction => ({
  ...callsOf(manager),
  lock: async (id) =>
    (await manager.findOne(products, { where: { id }, lock: { mode: 'pessimistic_write' } })) ?? undefined,
  savepoint: async (work) => await manager.transaction(async (inner) => await work(inTransaction(inner))),
})
