import { mysqlOrmSuite } from './orm-suite.ts'
import { objectionMysqlTool } from './tools/objection.ts'

mysqlOrmSuite(objectionMysqlTool)
