import { ormSuite } from './orm-suite.ts'
import { typeormTool } from './tools/typeorm.ts'

ormSuite(typeormTool)
