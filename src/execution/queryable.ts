import type { CallOptions } from '../config.ts'
import type { Route } from '../routing/route.ts'
import type { Params } from '../statement/statement.ts'
import type { Result } from './result.ts'

/** What clients, scopes, transactions and reserved connections have in common. */
export interface Queryable {
  /** Runs one statement and gives all its rows. */
  query<Row = Record<string, unknown>>(sql: string, params?: Params, options?: CallOptions): Promise<Result<Row>>
  /** Runs one statement and gives its rows one by one, with back-pressure; leaving the loop early ends it. */
  stream<Row = Record<string, unknown>>(
    sql: string,
    params?: Params,
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined>
  /** The route that `query` would take, with every reason. Runs nothing. */
  explain(sql: string, params?: Params, options?: CallOptions): Route
}
