import type { Engine } from '../../src/topology/server-target.ts'

/** Rewrites `?` placeholders to those of the engine, so that a test can be written once. Not for texts with a quoted `?`. */
export function sqlFor(engine: Engine, sql: string): string {
  let number = 0
  return engine === 'postgres' ? sql.replace(/\?/g, () => `$${++number}`) : sql
}
