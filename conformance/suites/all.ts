import type { Suite } from '../suite.ts'
import { nodePostgresSuites } from './node-postgres.ts'

export const suites: readonly Suite[] = [...nodePostgresSuites]
