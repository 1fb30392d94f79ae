import { ormSuite } from './orm-suite.ts'
import { sequelizeTool } from './tools/sequelize.ts'

ormSuite(sequelizeTool)
