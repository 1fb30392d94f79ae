import type { FunctionUse } from '../statement/analysis.ts'
import type { TableMap } from '../topology/table-map.ts'
import { isSystemTable } from './home.ts'
import type { RoutedStatement } from './route-statement.ts'

/**
 * The tables that a statement reads or changes as far as its text tells, for sessions that wait only for what they wrote
 * (`replication.untouchedTables`): names without schema in lower case, so that two tables of one name count as one.
 * `undefined`: it may have to do with any. That is so for everything but plain reads and changes of rows which name their
 * tables and call nothing but the engine's own functions.
 */
export function touchedTables(
  { analysis, locations, route }: Pick<RoutedStatement, 'analysis' | 'locations' | 'route'>,
  tables: TableMap,
  isBuiltIn: (fn: FunctionUse) => boolean,
): readonly string[] | undefined {
  const isPlain = (analysis.kind === 'read' && route.effect === 'read') || analysis.kind === 'write'
  if (!isPlain || !analysis.complete || analysis.leavesState || locations.length === 0) return undefined
  if (analysis.tables.some((table) => isSystemTable(table, analysis.dialect, tables))) return undefined
  if (!analysis.functions.every(isBuiltIn)) return undefined
  return [...new Set(locations.map(({ table }) => table.name.toLowerCase()))]
}
