import type { ExecuteCommand, QueryCommandOptions } from './native-mysql2.ts'

/** What mysql2's connections have besides its types: what is prepared there, under keys that it makes of texts and the options that rows are made by. */
interface Prepares {
  readonly _statements?: { get(key: string): ExecuteCommand['statement'] }
  readonly constructor: { readonly statementKey?: (options: QueryCommandOptions) => string }
}

/** The statement that mysql2 would execute without preparing it again. */
export function preparedOn(connection: object, options: QueryCommandOptions): ExecuteCommand['statement'] {
  const { _statements: statements, constructor } = connection as Prepares
  return statements !== undefined && constructor.statementKey !== undefined
    ? statements.get(constructor.statementKey(options))
    : undefined
}
