import { mysqlOrmSuite } from './orm-suite.ts'
import { prismaMariadbTool } from './tools/prisma.ts'

mysqlOrmSuite(prismaMariadbTool)
