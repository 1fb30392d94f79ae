import { ormSuite } from './orm-suite.ts'
import { slonikTool } from './tools/slonik.ts'

ormSuite(slonikTool)
