import { join } from 'node:path'

const variable = 'NODE_COMPILE_CACHE'

/**
 * Where Node.js keeps what it has compiled, so that programs which tests start from their TypeScript need a third of the time to start
 * (0.23 s of CPU in place of 0.70 s for the command line).
 */
export const compileCache = {
  [variable]: process.env[variable] ?? join(import.meta.dirname, '../../node_modules/.cache/compiled'),
}
