import type { MysqlPlace, Orm } from '../orm.ts'
import { drizzleMysqlTool, firstDrizzleMysqlTool } from './drizzle-mysql.ts'
import { drizzleTool, firstDrizzleTool } from './drizzle.ts'
import { knexTool, ownPoolKnexTool } from './knex.ts'
import { kyselyTool } from './kysely.ts'
import { mikroOrmMariadbTool, mikroOrmTool } from './mikro-orm.ts'
import { mysqlTools } from './mysql.ts'
import { objectionMysqlTool, objectionTool } from './objection.ts'
import { prismaMariadbTool, prismaTool } from './prisma.ts'
import { nextSequelizeOnMariadb } from './sequelize-next-mysql.ts'
import { nextSequelizeTool } from './sequelize-next.ts'
import { sequelizeTool } from './sequelize.ts'
import { slonikTool } from './slonik.ts'
import { typeormTool } from './typeorm.ts'

export const allTools: readonly Orm[] = [
  kyselyTool,
  drizzleTool,
  firstDrizzleTool,
  prismaTool,
  typeormTool,
  sequelizeTool,
  nextSequelizeTool,
  knexTool,
  ownPoolKnexTool,
  objectionTool,
  mikroOrmTool,
  slonikTool,
]

export const allMariadbTools: readonly Orm<MysqlPlace>[] = [
  mysqlTools.kysely,
  drizzleMysqlTool,
  firstDrizzleMysqlTool,
  prismaMariadbTool,
  mysqlTools.typeorm,
  mysqlTools.sequelize,
  nextSequelizeOnMariadb,
  mysqlTools.knex,
  objectionMysqlTool,
  mikroOrmMariadbTool,
]
