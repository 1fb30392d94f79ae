import type { Analyzer, AnalyzerLimits } from './analyzer.ts'
import type { Dialect } from './statement.ts'

/** Makes the analyzer of a dialect; PostgreSQL's grammar takes about 50 ms to load, so only who needs it loads it. */
export async function loadAnalyzer(dialect: Dialect, limits: AnalyzerLimits): Promise<Analyzer> {
  switch (dialect) {
    case 'postgres':
      return await (await import('./postgres.ts')).createPostgresAnalyzer(limits)
    case 'mysql':
      return (await import('./mysql.ts')).createMysqlAnalyzer(limits)
    case 'sqlite':
      return (await import('./sqlite.ts')).createSqliteAnalyzer(limits)
  }
}

/** Names of built-in functions that change nothing, for the dialects that have no catalogue of functions. */
export async function loadSafeFunctions(dialect: 'mysql' | 'sqlite'): Promise<ReadonlySet<string>> {
  return dialect === 'mysql'
    ? (await import('./mysql/functions.ts')).mysqlSafeFunctions
    : (await import('./sqlite/functions.ts')).sqliteSafeFunctions
}

/** Names of PostgreSQL's built-in functions, for where no server's catalogue was read. */
export async function loadPostgresBuiltIns(): Promise<ReadonlySet<string>> {
  return (await import('./postgres/built-ins.ts')).nonVolatileBuiltIns
}
