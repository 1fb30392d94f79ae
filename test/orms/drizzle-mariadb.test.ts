import { mysqlOrmSuite } from './orm-suite.ts'
import { drizzleMysqlTool } from './tools/drizzle-mysql.ts'

mysqlOrmSuite(drizzleMysqlTool)
