import { mysqlOrmSuite } from './orm-suite.ts'
import { nextSequelizeOnMariadb } from './tools/sequelize-next-mysql.ts'

mysqlOrmSuite(nextSequelizeOnMariadb)
