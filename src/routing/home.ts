import type { Analysis } from '../statement/analysis.ts'
import type { TableMap, TableName } from '../topology/table-map.ts'
import type { Topology } from '../topology/topology.ts'

/** Where one table of a statement lives. */
export interface TableLocation {
  readonly table: TableName
  /** `undefined`: nothing is declared for it, and there is no default database. */
  readonly database: string | undefined
  /** How that is known, for reasons and messages. */
  readonly because: string
  readonly declared: boolean
}

const systemSchemas: ReadonlySet<string> = new Set([
  'information_schema',
  'pg_catalog',
  'pg_toast',
  'performance_schema',
  'sys',
  'mysql',
])
const systemTables =
  /^(?:sqlite_(?:master|schema|temp_master|temp_schema|sequence|stat\d)|pg_[a-z_]+|pragma_[a-z_]+|dual)$/i

/** Tables of the engine itself: every database has them, so they have no home. */
export function isSystemTable(table: TableName): boolean {
  return table.schema === undefined ? systemTables.test(table.name) : systemSchemas.has(table.schema.toLowerCase())
}

/** The name as written, for people. */
export function nameOf(table: TableName): string {
  return table.schema === undefined ? table.name : `${table.schema}.${table.name}`
}

/**
 * The tables of a statement, each once, declared views replaced by the tables they read, each with its home: as
 * declared; by its schema, where that is a declared database's on a shared server; else `default`.
 */
export function locateTables(analysis: Analysis, tables: TableMap, topology: Topology): readonly TableLocation[] {
  const seen = new Map<string, TableLocation>()
  for (const use of analysis.tables) {
    if (isSystemTable(use)) continue
    for (const table of tables.tablesOfView(use) ?? [use]) {
      const key = nameOf(table)
      if (!seen.has(key)) seen.set(key, locateTable(table, tables, topology))
    }
  }
  return [...seen.values()]
}

/** Where one table lives. */
export function locateTable(table: TableName, tables: TableMap, topology: Topology): TableLocation {
  const bySchema = databaseOfSchema(table, topology)
  if (bySchema !== undefined) {
    return { table, database: bySchema, because: `its schema is that of "${bySchema}"`, declared: true }
  }
  const home = tables.homeOf(table)
  if (home !== undefined) {
    const because = home.pattern === nameOf(table) ? 'declared' : `declared by "${home.pattern}"`
    return { table, database: home.database, because, declared: true }
  }
  const fallback = defaultDatabase(topology)
  return {
    table,
    database: fallback,
    because: 'the default, for no home is declared',
    declared: false,
  }
}

function databaseOfSchema(table: TableName, topology: Topology): string | undefined {
  if (table.schema === undefined) return undefined
  for (const group of topology.sharedServers) {
    const found = group.find((alias) => topology.databases.get(alias)?.schema === table.schema)
    if (found !== undefined) return found
  }
  return undefined
}

/** The database called `default`; where only one is declared, that one. */
export function defaultDatabase(topology: Topology): string | undefined {
  const named = topology.aliases.get('default')
  if (named !== undefined) return named
  return topology.databases.size === 1 ? topology.databases.keys().next().value : undefined
}
