import { ormSuite } from './orm-suite.ts'
import { knexTool } from './tools/knex.ts'

ormSuite(knexTool)
