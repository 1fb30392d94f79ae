import type { Suite } from '../suite.ts'
import { knexSuites } from './knex.ts'
import { kyselySuites } from './kysely.ts'
import { nodeMysql2Suites } from './node-mysql2.ts'
import { nodePostgresSuites } from './node-postgres.ts'

export const suites: readonly Suite[] = [...nodePostgresSuites, ...kyselySuites, ...knexSuites, ...nodeMysql2Suites]
