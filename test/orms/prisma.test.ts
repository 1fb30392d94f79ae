import { ormSuite } from './orm-suite.ts'
import { prismaTool } from './tools/prisma.ts'

ormSuite(prismaTool)
