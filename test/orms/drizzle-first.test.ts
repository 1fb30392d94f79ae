import { ormSuite } from './orm-suite.ts'
import { firstDrizzleTool } from './tools/drizzle.ts'

ormSuite(firstDrizzleTool)
