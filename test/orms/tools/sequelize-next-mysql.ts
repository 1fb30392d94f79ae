import { DataTypes, Sequelize, TransactionNestMode, type Transaction } from '@sequelize/core'
import { MySqlDialect } from '@sequelize/mysql'
import type { MysqlPlace, Orm } from '../orm.ts'
import { sequelizeShop, type Kinds } from './sequelize.ts'

export const nextSequelizeOnMariadb: Orm<MysqlPlace> = {
  name: 'Sequelize 7, on MariaDB',
  open: ({ mysql2, url }) => {
    const sequelize = new Sequelize({
      dialect: MySqlDialect,
      mysql2Module: mysql2,
      url,
      logging: false,
      noTypeValidation: true,
      disableClsTransactions: true,
    })
    const nest = async <T>(transaction: unknown, work: (inner: never) => Promise<T>): Promise<T> =>
      await sequelize.transaction(
        { transaction: transaction as Transaction, nestMode: TransactionNestMode.savepoint },
        async (inner) => await work(inner as never),
      )
    return Promise.resolve(
      sequelizeShop(sequelize as unknown as Parameters<typeof sequelizeShop>[0], DataTypes as unknown as Kinds, nest),
    )
  },
}
