import type { Analysis } from '../statement/analysis.ts'
import type { Dialect } from '../statement/statement.ts'
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

const systemSchemas: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ['information_schema', 'pg_catalog', 'pg_toast'],
  mysql: ['information_schema', 'performance_schema', 'sys', 'mysql'],
  sqlite: [],
}
const systemTables: Readonly<Record<Dialect, RegExp>> = {
  postgres: /^pg_[a-z_]+$/i,
  mysql: /^dual$/i,
  sqlite: /^(?:sqlite_(?:master|schema|temp_master|temp_schema|sequence|stat\d)|pragma_[a-z_]+)$/i,
}

/**
 * Tables of the engine itself: every database has them, so they have no home. A table that is declared by its full name
 * is the application's, whatever it is called.
 */
export function isSystemTable(table: TableName, dialect: Dialect, tables: TableMap): boolean {
  // Schemas of SQLite are files, and each has its own.
  const looksLikeOne =
    table.schema === undefined || dialect === 'sqlite'
      ? systemTables[dialect].test(table.name)
      : systemSchemas[dialect].includes(table.schema.toLowerCase())
  return looksLikeOne && !tables.isNamed(table)
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
    if (isSystemTable(use, analysis.dialect, tables)) continue
    for (const table of tables.tablesOfView(use) ?? [use]) {
      const key = JSON.stringify([table.schema, table.name])
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
