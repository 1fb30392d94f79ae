import { ConfigError } from './errors.ts'
import { asRecord, readOptions, refuseUnknownKeys, show, type OptionTable } from './option.ts'
import { tableName, type TableSurroundings } from './parse-tables.ts'
import { LookupMap, lookupTypes, type Lookup, type LookupType } from './routing/lookups/lookup.ts'
import type { TableHome } from './topology/table-map.ts'

/** A column of a sharded table that is unique over all shards, and for whose values the shard key is kept in an index. */
export interface LookupInput<A extends string = string> {
  /** The alias of the database that has the index: a declared one that is not sharded. */
  readonly in: A
  /**
   * What the column holds, and so which values are equal: `integer`, `text` (equality is exact, but for blanks at the end), `caseless-text`
   * (`citext`, `NOCASE`, MySQL's `_ci` collations; printable ASCII only), `uuid`, `bytes`. At most 255 characters.
   */
  readonly type: LookupType
  /** `null`: an INSERT that does not name the column stores NULL in it, as nothing else is its default. Otherwise it must name it. */
  readonly default?: null
  /** How long a write waits for the transactions of others on the same value: 10 to 600,000 ms, default 5,000. */
  readonly waitMs?: number
}

/** The numbers of a lookup, each with its default and range. */
export const lookupOptions = {
  waitMs: {
    default: 5_000,
    min: 10,
    max: 600_000,
    unit: 'ms',
    about: 'How long a write waits for the transactions of others on the same value.',
  },
} as const satisfies OptionTable

/** The declared lookups of all tables. Throws {@link ConfigError} or `UnknownDatabaseError`. */
export function parseLookups(tables: unknown, homes: readonly TableHome[], surroundings: TableSurroundings): LookupMap {
  if (tables === undefined) return new LookupMap([])
  const all = homes.flatMap((home) => {
    const entry = asRecord(tables, 'tables')[home.pattern]
    const lookups = typeof entry === 'string' ? undefined : asRecord(entry, `tables.${home.pattern}`)['lookups']
    if (lookups === undefined) return []
    const path = `tables.${home.pattern}.lookups`
    checkTable(home, path, surroundings)
    return Object.entries(asRecord(lookups, path)).map(([column, given]) => ({
      ...parseLookup(column, given, home, `${path}.${column}`, surroundings),
      pattern: home.pattern,
    }))
  })
  return new LookupMap(all)
}

function checkTable(
  { pattern, kind, database }: TableHome,
  path: string,
  { databases, shardMaps }: TableSurroundings,
): void {
  const isSpread = (databases.get(database)?.shards.length ?? 0) > 1
  if (kind !== 'sharded' || !isSpread)
    throw new ConfigError(
      path,
      'Only one with several shards needs lookups.',
      'a table with a shardKey, of a database with two shards or more',
    )
  if (/[*?]/.test(pattern))
    throw new ConfigError(path, `${show(pattern)} may be several tables.`, 'the name of one table')
  if (shardMaps.get(database)?.keyTypes.includes('instant') === true)
    throw new ConfigError(path, 'A shard key of the type instant cannot be kept in an index.', 'a key of another type')
}

function parseLookup(
  column: string,
  given: unknown,
  { pattern, database, shardKey = [] }: TableHome,
  path: string,
  { resolve, databases }: TableSurroundings,
): Lookup {
  const record = asRecord(given, path)
  refuseUnknownKeys(record, ['in', 'type', 'default', 'waitMs'], path)
  const { in: alias, type, default: absent, waitMs: wait } = record
  if (column === '' || shardKey.some((name) => name.toLowerCase() === column.toLowerCase()))
    throw new ConfigError(path, 'It is part of the shard key, or has no name.', 'another column of the table')
  if (typeof alias !== 'string') throw new ConfigError(`${path}.in`, `${show(alias)} is not accepted.`, 'an alias')
  const control = resolve(alias, `${path}.in`)
  if (databases.get(control)?.shards.length !== 1)
    throw new ConfigError(`${path}.in`, `"${control}" has several shards.`, 'a database that is not sharded')
  const known = lookupTypes.find((each) => each === type)
  // A wrong guess would not find rows that are there.
  if (known === undefined)
    throw new ConfigError(`${path}.type`, `${show(type)} is not accepted.`, lookupTypes.map(show).join(', '))
  if (absent !== undefined && absent !== null)
    throw new ConfigError(`${path}.default`, `${show(absent)} is not accepted.`, 'null, or nothing')
  const name = `${pattern}.${column}`
  if (name.length > longestName)
    throw new ConfigError(path, `The name ${show(name)} is too long.`, `at most ${longestName} characters`)
  const lookup = { name, table: tableName(pattern), column, database, control, type: known, shardKey }
  const { waitMs } = readOptions(lookupOptions, { waitMs: wait }, path)
  return Object.freeze({ ...lookup, absentIsNull: absent === null, waitMs })
}

/** Of the column in the tables of the index. */
const longestName = 128
