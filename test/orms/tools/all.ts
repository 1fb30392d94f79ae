import type { Orm } from '../orm.ts'
import { drizzleTool, firstDrizzleTool } from './drizzle.ts'
import { knexTool, ownPoolKnexTool } from './knex.ts'
import { kyselyTool } from './kysely.ts'
import { mikroOrmTool } from './mikro-orm.ts'
import { objectionTool } from './objection.ts'
import { prismaTool } from './prisma.ts'
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
