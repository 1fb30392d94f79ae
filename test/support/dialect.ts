import type { Engine } from '../../src/topology/server-target.ts'

/** Rewrites `?` placeholders to those of the engine, so that a test can be written once. Not for texts with a quoted `?`. */
export function sqlFor(engine: Engine, sql: string): string {
  let number = 0
  return engine === 'postgres' ? sql.replace(/\?/g, () => `$${++number}`) : sql
}

/** The year of a date, as a whole number. */
export function yearOf(engine: Engine, column: string): string {
  return engine === 'sqlite' ? `cast(substr(${column}, 1, 4) as integer)` : `extract(year from ${column})`
}
