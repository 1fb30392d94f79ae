import { ormSuite } from './orm-suite.ts'
import { mikroOrmTool } from './tools/mikro-orm.ts'

ormSuite(mikroOrmTool)
