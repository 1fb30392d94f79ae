import { ormSuite } from './orm-suite.ts'
import { ownPoolKnexTool } from './tools/knex.ts'

ormSuite(ownPoolKnexTool)
