/** The SQL dialects that Signalbox understands. MariaDB is of the dialect `mysql`. */
export type Dialect = 'postgres' | 'mysql' | 'sqlite'

/** Positional parameters (`$1`, `?`), or, where the engine has them, named ones (`:name`). */
export type Params = readonly unknown[] | Readonly<Record<string, unknown>>

/** One SQL text with its parameters: what goes into the analysis and the router, and later to a driver. */
export interface Statement {
  readonly sql: string
  readonly params: Params
}
