import type { ParsedConfig } from './parse-config.ts'
import { tableName } from './parse-tables.ts'
import { locateTable } from './routing/home.ts'
import type { TableKind, TableName } from './topology/table-map.ts'

/** What `client.homeOf()` answers. */
export interface TableHomeAnswer {
  /** `undefined`: nothing is declared for the table, and there is no default database. */
  readonly database: string | undefined
  readonly declared: boolean
  /** How that is known, for people. */
  readonly because: string
  /** The key in `tables` that applies, if one does. */
  readonly pattern?: string
  /** How its rows are spread over the shards of the database; absent where the table is not declared. */
  readonly kind?: TableKind
  /** The columns by which the shard of a row is found, of a table of the kind `sharded`. */
  readonly shardKey?: readonly string[]
}

/** Where a table lives as declared, or by default. */
export function tableHome(table: string | TableName, { tables, topology }: ParsedConfig): TableHomeAnswer {
  const name = typeof table === 'string' ? tableName(table) : table
  const { database, declared, because } = locateTable(name, tables, topology)
  const home = tables.homeOf(name)
  if (home === undefined) return { database, declared, because }
  const { pattern, kind, shardKey } = home
  return { database, declared, because, pattern, kind, ...(shardKey === undefined ? {} : { shardKey }) }
}
