import knex from 'knex'
import { Kysely, MysqlDialect } from 'kysely'
import { DataTypes, Sequelize } from 'sequelize'
import { DataSource } from 'typeorm'
import type { MysqlPlace, Orm } from '../orm.ts'
import { knexShop } from './knex.ts'
import { kyselyShop, type Shop } from './kysely.ts'
import { sequelizeShop } from './sequelize.ts'
import { typeormEntities, typeormShop } from './typeorm.ts'

/** The same tools on MariaDB, whose changes give no rows back. */
export const mysqlTools = {
  kysely: {
    name: 'Kysely, on MariaDB',
    open: ({ mysql2, url }) => {
      const pool = mysql2.createPool(url)
      return Promise.resolve(kyselyShop(new Kysely<Shop>({ dialect: new MysqlDialect({ pool }) }), false))
    },
  },
  knex: {
    name: 'Knex, on MariaDB',
    open: ({ mysql2, url }) => {
      const pool = mysql2.createPool(url)
      // Knex takes it, though its types do not: they want a callback's error to be null.
      const db = knex({ client: 'mysql2', connectionPool: pool as never })
      return Promise.resolve({
        ...knexShop(db, false),
        [Symbol.asyncDispose]: async () => {
          await db.destroy()
          await pool.promise().end()
        },
      })
    },
  },
  sequelize: {
    name: 'Sequelize 6, on MariaDB',
    open: ({ mysql2, url }) => {
      const sequelize = new Sequelize(url, { dialect: 'mysql', dialectModule: mysql2, logging: false })
      return Promise.resolve(
        sequelizeShop(
          sequelize,
          DataTypes,
          async (transaction, work) => await sequelize.transaction({ transaction }, work),
        ),
      )
    },
  },
  typeorm: {
    name: 'TypeORM, on MariaDB',
    open: async ({ mysql2, url }) =>
      await typeormShop(new DataSource({ type: 'mysql', driver: mysql2, url, entities: typeormEntities })),
  },
} satisfies Record<string, Orm<MysqlPlace>>
