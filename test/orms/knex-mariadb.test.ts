import { mysqlOrmSuite } from './orm-suite.ts'
import { mysqlTools } from './tools/mysql.ts'

mysqlOrmSuite(mysqlTools.knex)
