import { ConfigError } from './errors.ts'
import { asRecord, readStrings, refuseUnknownKeys, show } from './option.ts'
import type { ShardMap } from './routing/shard-map.ts'
import type { TableHome, TableKind, TableName } from './topology/table-map.ts'
import type { Database } from './topology/topology.ts'

/** What the homes of tables are checked against. */
export interface TableSurroundings {
  /** The alias of the database that an alias means in the end. */
  readonly resolve: (alias: string, path: string) => string
  readonly databases: ReadonlyMap<string, Database>
  readonly shardMaps: ReadonlyMap<string, ShardMap>
}

const kinds: readonly TableKind[] = ['unsharded', 'sharded', 'reference']

/** The declared homes of tables. Throws {@link ConfigError} or `UnknownDatabaseError`. */
export function parseTables(value: unknown, surroundings: TableSurroundings): readonly TableHome[] {
  if (value === undefined) return []
  return Object.entries(asRecord(value, 'tables')).map(([pattern, entry]) => parseTable(pattern, entry, surroundings))
}

function parseTable(pattern: string, entry: unknown, surroundings: TableSurroundings): TableHome {
  const path = `tables.${pattern}`
  const record = typeof entry === 'string' ? { database: entry } : asRecord(entry, path)
  refuseUnknownKeys(record, ['database', 'kind', 'shardKey', 'lookups'], path)
  const { database: alias, kind: said, shardKey } = record
  if (typeof alias !== 'string')
    throw new ConfigError(`${path}.database`, `${show(alias)} is not accepted.`, 'an alias')
  if (said !== undefined && !kinds.some((kind) => kind === said))
    throw new ConfigError(`${path}.kind`, `${show(said)} is not accepted.`, kinds.map(show).join(', '))
  const database = surroundings.resolve(alias, path)
  const kind = (said as TableKind | undefined) ?? (shardKey === undefined ? undefined : 'sharded')
  const isSpread = surroundings.shardMaps.has(database) || hasSeveralShards(surroundings.databases.get(database))
  if (kind === undefined && isSpread) {
    throw new ConfigError(
      path,
      `"${database}" has several shards, and it is not said how the table is spread over them.`,
      "a shardKey, or kind: 'reference' (all of it on each shard) or 'unsharded' (on the first shard)",
    )
  }
  if (kind === 'sharded')
    return { database, kind, shardKey: readShardKey(shardKey, path, database, surroundings), pattern }
  if (shardKey !== undefined)
    throw new ConfigError(`${path}.shardKey`, `A table of the kind ${show(kind)} has none.`, "only with kind 'sharded'")
  if (kind === 'reference' && !isSpread)
    throw new ConfigError(`${path}.kind`, `"${database}" has no shards.`, "'unsharded', or shards for the database")
  return { database, kind: kind ?? 'unsharded', pattern }
}

function hasSeveralShards(database: Database | undefined): boolean {
  return database !== undefined && database.shards.length > 1
}

function readShardKey(
  value: unknown,
  table: string,
  database: string,
  { shardMaps }: TableSurroundings,
): readonly string[] {
  const path = `${table}.shardKey`
  const columns = typeof value === 'string' ? [value] : readStrings(value, path)
  if (columns.length === 0 || columns.includes(''))
    throw new ConfigError(path, `${show(value)} is not accepted.`, 'the name of a column, or of several')
  const map = shardMaps.get(database)
  if (map === undefined) {
    throw new ConfigError(
      path,
      `"${database}" has no shard map, so that no shard can be found from a key.`,
      `a shardMap in databases.${database}, such as hashShards({ key: 'integer' })`,
    )
  }
  if (map.keyTypes.length === columns.length) return Object.freeze([...columns])
  throw new ConfigError(
    path,
    `It names ${columns.length} columns, and the key of the shard map of "${database}" has ${map.keyTypes.length}.`,
    `one column for each of: ${map.keyTypes.join(', ')}`,
  )
}

/** The tables that each declared view reads, views of views resolved. */
export function parseViews(value: unknown): ReadonlyMap<string, readonly TableName[]> {
  const declared = new Map<string, readonly string[]>()
  for (const [view, tables] of Object.entries(value === undefined ? {} : asRecord(value, 'views'))) {
    declared.set(view.toLowerCase(), readStrings(tables, `views.${view}`))
  }
  return new Map([...declared.keys()].map((view) => [view, flattenView(view, declared, [])]))
}

function flattenView(
  view: string,
  declared: ReadonlyMap<string, readonly string[]>,
  path: readonly string[],
): readonly TableName[] {
  if (path.includes(view)) {
    throw new ConfigError(
      `views.${view}`,
      `The views go in a circle: ${[...path, view].join(' → ')}.`,
      'views that end at tables',
    )
  }
  return (declared.get(view) ?? []).flatMap((name) =>
    declared.has(name.toLowerCase()) ? flattenView(name.toLowerCase(), declared, [...path, view]) : [tableName(name)],
  )
}

/** `schema.table` or `table`. */
export function tableName(text: string): TableName {
  const dot = text.indexOf('.')
  return dot === -1 ? { name: text } : { schema: text.slice(0, dot), name: text.slice(dot + 1) }
}
