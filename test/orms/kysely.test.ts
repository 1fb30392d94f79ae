import { ormSuite } from './orm-suite.ts'
import { kyselyTool } from './tools/kysely.ts'

ormSuite(kyselyTool)
