import { ormSuite } from './orm-suite.ts'
import { nextSequelizeTool } from './tools/sequelize-next.ts'

ormSuite(nextSequelizeTool)
