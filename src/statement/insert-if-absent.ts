import type { Dialect } from './statement.ts'

/** Adds rows whose keys are not there; what is there stays. `rows`: `table (columns) values (…)`. */
export function insertIfAbsent(dialect: Dialect, rows: string): string {
  return dialect === 'mysql' ? `insert ignore into ${rows}` : `insert into ${rows} on conflict do nothing`
}
