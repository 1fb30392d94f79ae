import { mysqlOrmSuite } from './orm-suite.ts'
import { mikroOrmMariadbTool } from './tools/mikro-orm.ts'

mysqlOrmSuite(mikroOrmMariadbTool)
