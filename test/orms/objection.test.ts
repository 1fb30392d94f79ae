import { ormSuite } from './orm-suite.ts'
import { objectionTool } from './tools/objection.ts'

ormSuite(objectionTool)
