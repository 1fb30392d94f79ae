import type { ClientParts } from './client-parts.ts'
import type { CallOptions } from './config.ts'
import { ConfigError } from './errors.ts'
import type { Decision } from './execution/decision.ts'
import { fetchRelated, type Related, type RelatedOptions } from './execution/related.ts'
import type { Result } from './execution/result.ts'
import { tableName } from './parse-tables.ts'
import { locateTable } from './routing/home.ts'
import type { Params } from './statement/statement.ts'

/** What is asked for. */
export interface RelatedCall<Row extends object> {
  readonly rows: readonly Row[]
  readonly options: RelatedOptions<Row>
  readonly callOptions: CallOptions | undefined
  readonly using: unknown
}

/** How the scope decides about statements, and runs them. */
export interface RelatedScope {
  decide(sql: string, params: Params, options: CallOptions | undefined): Decision | Promise<Decision>
  query(sql: string, params: Params, options: CallOptions): Promise<Result>
}

/** Finds the engine of the table that the rows refer to, and fetches its rows. Throws `ConfigError` for options that say too little. */
export async function relatedRows<Row extends object, Other extends object>(
  { rows, options, callOptions, using }: RelatedCall<Row>,
  { config, databases }: Pick<ClientParts, 'config' | 'databases'>,
  scope: RelatedScope,
): Promise<Related<Row, Other>> {
  if (typeof options?.table !== 'string' || typeof options.key !== 'string') {
    throw new ConfigError(
      'options',
      'related() is not told what belongs together.',
      '{ key, table } and perhaps { column, columns }',
    )
  }
  const home = locateTable(tableName(options.table), config.tables, config.topology).database
  const likely = using ?? home ?? config.topology.databases.keys().next().value
  let { engine } = databases.resolve(likely)
  return await fetchRelated<Row, Other>(rows, options, {
    run: async (textIn) => {
      if (using === undefined && config.routers.length > 0) {
        // A router may lead to another engine, whose names are quoted in another way.
        const decision = await scope.decide(...textIn(engine), { ...callOptions, dialect: engine })
        engine = decision.database.engine
      }
      return await scope.query(...textIn(engine), { ...callOptions, rowMode: 'object', dialect: engine })
    },
    chunk: config.limits.relatedChunk,
  })
}
