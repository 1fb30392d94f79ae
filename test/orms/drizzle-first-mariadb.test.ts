import { mysqlOrmSuite } from './orm-suite.ts'
import { firstDrizzleMysqlTool } from './tools/drizzle-mysql.ts'

mysqlOrmSuite(firstDrizzleMysqlTool)
