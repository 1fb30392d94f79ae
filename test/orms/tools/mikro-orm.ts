import { MariaDbDriver } from '@mikro-orm/mariadb'
import { PostgreSqlDriver } from '@mikro-orm/postgresql'
import {
  EntitySchema,
  LockMode,
  MikroORM,
  type AbstractSqlDriver,
  type Configuration,
  type EntityManager,
} from '@mikro-orm/sql'
import { MysqlDialect, PostgresDialect, type Dialect } from 'kysely'
import Cursor from 'pg-cursor'
import type { Calls, InTransaction, MysqlPlace, Orm, OrmUnderTest, Product, Review } from '../orm.ts'

const products = new EntitySchema<Product>({
  name: 'Product',
  tableName: 'product',
  properties: { id: { type: 'integer', primary: true }, name: { type: 'string' }, stock: { type: 'integer' } },
})

const reviews = new EntitySchema<Review>({
  name: 'Review',
  tableName: 'review',
  properties: { id: { type: 'integer', primary: true }, productId: { type: 'integer' }, text: { type: 'string' } },
})

export const mikroOrmTool: Orm = {
  name: 'MikroORM',
  open: async ({ pg, url }) => {
    const pool = new pg.Pool({ connectionString: url })
    return await mikroOrmShop(PostgreSqlDriver, new PostgresDialect({ pool, cursor: Cursor }))
  },
}

export const mikroOrmMariadbTool: Orm<MysqlPlace> = {
  name: 'MikroORM, on MariaDB',
  open: async ({ mysql2, url }) => {
    // As MikroORM makes its own: it reads dates, JSON and big numbers out of texts.
    const pool = mysql2.createPool({ uri: url, dateStrings: true, jsonStrings: true, supportBigNumbers: true })
    return await mikroOrmShop(MariaDbDriver, new MysqlDialect({ pool }))
  },
}

async function mikroOrmShop(
  driver: new (config: Configuration) => AbstractSqlDriver,
  driverOptions: Dialect,
): Promise<OrmUnderTest> {
  const orm = await MikroORM.init({
    driver,
    dbName: 'shop',
    // Otherwise it would create a database of that name.
    ensureDatabase: false,
    driverOptions,
    entities: [products, reviews],
  })
  // An identity map for each call, as for each request of an application.
  const fork = (): EntityManager => orm.em.fork()
  return {
    insert: async (product) => await callsOf(fork()).insert(product),
    find: async (id) => await callsOf(fork()).find(id),
    setStock: async (id, stock) => await callsOf(fork()).setStock(id, stock),
    raw: async (text) => await callsOf(fork()).raw(text),
    findAll: async () => await fork().findAll(products, { orderBy: { id: 'asc' } }),
    addReview: async (review) => {
      const em = fork()
      await em.persist(em.create(reviews, review)).flush()
    },
    reviewsOf: async (productId) => await fork().find(reviews, { productId }),
    stream: () => fork().stream(products, { orderBy: { id: 'asc' } }),
    transaction: async (work) => await fork().transactional(async (em) => await work(inTransaction(em))),
    readOnly: async (work) => await fork().transactional(async (em) => await work(callsOf(em)), { readOnly: true }),
    [Symbol.asyncDispose]: async () => await orm.close(),
  }
}

const callsOf = (em: EntityManager): Calls => ({
  insert: async (product) => {
    const created = em.create(products, product)
    await em.persist(created).flush()
    return created
  },
  find: async (id) => (await em.findOne(products, { id })) ?? undefined,
  setStock: async (id, stock) => void (await em.nativeUpdate(products, { id }, { stock })),
  raw: async <Row>(text: string) => (await em.execute(text)) as unknown as Row[],
})

const inTransaction = (em: EntityManager): InTransaction => ({
  ...callsOf(em),
  lock: async (id) =>
    (await em.findOne(products, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })) ?? undefined,
  savepoint: async (work) => await em.transactional(async (inner) => await work(inTransaction(inner))),
})
