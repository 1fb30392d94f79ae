import { ormSuite } from './orm-suite.ts'
import { drizzleTool } from './tools/drizzle.ts'

ormSuite(drizzleTool)
