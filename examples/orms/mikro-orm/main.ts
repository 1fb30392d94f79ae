import { MariaDbDriver } from '@mikro-orm/mariadb'
import { PostgreSqlDriver } from '@mikro-orm/postgresql'
import { EntitySchema, LockMode, MikroORM, type Options } from '@mikro-orm/sql'
import { MysqlDialect, PostgresDialect } from 'kysely'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { runShop, type Product, type Review } from '../shop.ts'

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

await runShop(async (client) => {
  const { Pool } = pgFor(client)
  const onMysql = client.engine === 'mysql'
  // As MikroORM would make it: it reads dates, JSON and big numbers out of texts.
  const texts = { dateStrings: true, jsonStrings: true, supportBigNumbers: true }
  const driver: NonNullable<Options['driver']> = onMysql ? MariaDbDriver : PostgreSqlDriver
  const orm = await MikroORM.init({
    driver,
    dbName: 'shop',
    // The one line: a pool of `pgFor(client)` in place of one of `pg`, or of `mysql2For(client)` in place of one of `mysql2`.
    driverOptions: onMysql
      ? new MysqlDialect({ pool: mysql2For(client).createPool({ connectionLimit: 20, ...texts }) })
      : new PostgresDialect({ pool: new Pool({ max: 20 }) }),
    // Which database there is says the client of Signalbox; MikroORM would create one that is called `dbName`.
    ensureDatabase: false,
    entities: [products, reviews],
  })

  return {
    queries: {
      addProduct: async (product) => {
        const em = orm.em.fork()
        await em.persist(em.create(products, product)).flush()
      },
      product: (id) => orm.em.fork().findOne(products, { id }),
      sell: (id) =>
        orm.em.fork().transactional(async (em) => {
          const { stock } = await em.findOneOrFail(products, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
          await em.nativeUpdate(products, { id }, { stock: stock - 1 })
        }),
      addReview: async (review) => {
        const em = orm.em.fork()
        await em.persist(em.create(reviews, review)).flush()
      },
      reviews: (productId) => orm.em.fork().find(reviews, { productId }),
    },
    close: () => orm.close(),
  }
})
