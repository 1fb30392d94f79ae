import { clientOptions, poolOptions, type ClientLimits, type Config, type Handle, type PoolLimits } from './config.ts'
import { ConfigError, UnknownDatabaseError } from './errors.ts'
import { asRecord, readOptions, readStrings, refuseUnknownKeys, show } from './option.ts'
import { dsnForms, parseDatabase } from './parse-database.ts'
import { checkDirectory, parseShardMap } from './parse-shard-map.ts'
import { parseLookups } from './parse-lookups.ts'
import { checkShadows } from './parse-shadow.ts'
import { parseTables, parseViews, type TableSurroundings } from './parse-tables.ts'
import { parseReplication, parseTokens, type TokenOptions } from './parse-replication.ts'
import { parseTransactionLog } from './parse-transaction-log.ts'
import type { DeclaredLog } from './distributed/distributed.ts'
import type { LookupMap } from './routing/lookups/lookup.ts'
import type { Router } from './routing/router.ts'
import type { ShardMap } from './routing/shard-map.ts'
import { looksLikeDsn, redactDsn } from './topology/dsn.ts'
import { handleEngine } from './topology/handle.ts'
import { nearMatches } from './topology/near-match.ts'
import { TableMap } from './topology/table-map.ts'
import { hasReplicas, type Database, type ReplicationOptions, type Topology } from './topology/topology.ts'
import { WriteGuard } from './write-guard.ts'

/** A configuration that was found right, in the form that the rest works with. */
export interface ParsedConfig {
  readonly topology: Topology
  readonly tables: TableMap
  /** By the alias of the database. */
  readonly shardMaps: ReadonlyMap<string, ShardMap>
  readonly lookups: LookupMap
  readonly routers: readonly Router[]
  /** Whether comments of statements count. */
  readonly heedsComments: boolean
  readonly harmlessFunctions: ReadonlySet<string>
  readonly pool: PoolLimits
  readonly replication: ReplicationOptions
  readonly tokens: TokenOptions
  readonly transactionLog: DeclaredLog | undefined
  readonly limits: ClientLimits
  readonly writeGuard: WriteGuard
}

/** What counts besides the configuration. */
export interface ConfigSurroundings {
  /** The environment variable of the same name: databases that no client of the process writes to. */
  readonly noWritesTo?: string | undefined
}

const configKeys = [
  'databases',
  'tables',
  'views',
  'harmlessFunctions',
  'routers',
  'hints',
  'databasesShareServer',
  'noWritesTo',
  'transactionLog',
  'pool',
  'replication',
  'tokens',
  'limits',
]

/**
 * Validates everything before the first connection. A bare data source name is the simplest configuration: one
 * database, `default`. Throws {@link ConfigError} or {@link UnknownDatabaseError}, naming path, value and what is allowed.
 */
export function parseConfig(input: string | Handle | Config, surroundings: ConfigSurroundings = {}): ParsedConfig {
  const config = asRecord(wholeConfig(input), 'config')
  refuseUnknownKeys(config, configKeys, '')
  const pool = readOptions(poolOptions, config['pool'], 'pool')
  const replication = parseReplication(config['replication'], 'replication')
  const limits = readOptions(clientOptions, config['limits'], 'limits')
  const entries = asRecord(config['databases'], 'databases')
  if (Object.keys(entries).length === 0) throw new ConfigError('databases', 'It is empty.', 'at least one database')
  const aliases = resolveAliases(entries)
  const writeGuard = new WriteGuard(config['noWritesTo'], surroundings.noWritesTo, aliases)
  const declared = new Map<string, Database>()
  const shardMaps = new Map<string, ShardMap>()
  for (const [alias, entry] of Object.entries(entries)) {
    if (aliases.get(alias) !== alias) continue
    const database = parseDatabase(alias, entry, { pool, replication })
    declared.set(alias, database)
    const shardMap = parseShardMap(entry, database)
    if (shardMap !== undefined) shardMaps.set(alias, shardMap)
  }
  const databases = writeGuard.marked(declared)
  for (const [alias, { directory }] of shardMaps)
    if (directory !== undefined)
      checkDirectory(`databases.${alias}.shardMap.directory`, directory.alias, aliases, databases)
  checkShadows(databases, aliases)
  const topology: Topology = Object.freeze({
    version: 1,
    databases,
    aliases,
    sharedServers: parseSharedServers(config['databasesShareServer'], aliases, databases),
  })
  const tableSurroundings: TableSurroundings = {
    resolve: (alias, path) => resolveAlias(alias, aliases, path),
    databases,
    shardMaps,
  }
  const homes = parseTables(config['tables'], tableSurroundings)
  return {
    topology,
    tables: new TableMap(homes, parseViews(config['views'])),
    shardMaps,
    lookups: parseLookups(config['tables'], homes, tableSurroundings),
    routers: parseRouters(config['routers']),
    heedsComments: parseHints(config['hints']),
    harmlessFunctions: new Set(
      readStrings(config['harmlessFunctions'], 'harmlessFunctions').map((name) => name.toLowerCase()),
    ),
    pool,
    replication,
    tokens: parseTokens(config['tokens']),
    transactionLog: parseTransactionLog(config['transactionLog'], (alias) => {
      return databases.get(resolveAlias(alias, aliases, 'transactionLog'))!
    }),
    limits,
    writeGuard,
  }
}

function wholeConfig(input: string | Handle | Config): unknown {
  if (typeof input === 'string') return { databases: { default: bareDsn(input) } }
  return handleEngine(input) === undefined ? input : { databases: { default: input } }
}

function bareDsn(text: string): string {
  if (looksLikeDsn(text)) return text
  throw new ConfigError('config', `${show(text)} is no data source name.`, dsnForms)
}

/** Follows aliases of aliases to the database that they mean. */
function resolveAliases(entries: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const resolved = new Map<string, string>()
  for (const alias of Object.keys(entries)) {
    if (alias === '' || alias.includes(':'))
      throw new ConfigError(`databases.${redactDsn(alias)}`, 'The alias is not accepted.', 'a name without ":"')
    const path = [alias]
    let entry = entries[alias]
    while (typeof entry === 'string' && !looksLikeDsn(entry)) {
      if (!Object.hasOwn(entries, entry)) {
        const known = Object.keys(entries)
        throw new UnknownDatabaseError(redactDsn(entry), known, nearMatches(entry, known), `databases.${path.at(-1)}: `)
      }
      if (path.includes(entry)) {
        const circle = [...path.slice(path.indexOf(entry)), entry].join(' → ')
        throw new ConfigError(
          `databases.${alias}`,
          `The aliases go in a circle: ${circle}.`,
          'an alias that ends at a database',
          'SIGNALBOX_ALIAS_CYCLE',
        )
      }
      path.push(entry)
      entry = entries[entry]
    }
    resolved.set(alias, path.at(-1) ?? alias)
  }
  return resolved
}

function parseSharedServers(
  value: unknown,
  aliases: ReadonlyMap<string, string>,
  databases: ReadonlyMap<string, Database>,
): readonly (readonly string[])[] {
  if (value === undefined) return []
  if (!Array.isArray(value))
    throw new ConfigError('databasesShareServer', `${show(value)} is not accepted.`, 'a list of lists of aliases')
  return value.map((group: unknown, index) => {
    const path = `databasesShareServer[${index}]`
    const shared = readStrings(group, path).map((alias) => {
      const database = databases.get(resolveAlias(alias, aliases, path))
      if (database?.engine !== 'mysql' || database.schema === undefined) {
        throw new ConfigError(
          path,
          `${show(alias)} is no MySQL or MariaDB database with a known schema.`,
          'databases that are schemas of one MySQL or MariaDB server',
        )
      }
      return database
    })
    refuseMixedReplicas(shared, path)
    return shared.map(({ alias }) => alias)
  })
}

/** A session would not know what a write on one changes for joins on the replicas of another. */
function refuseMixedReplicas(shared: readonly Database[], path: string): void {
  const replicated = shared.find(hasReplicas)
  const single = shared.find((database) => !hasReplicas(database))
  if (replicated === undefined || single === undefined) return
  throw new ConfigError(
    path,
    `"${replicated.alias}" has replicas and "${single.alias}" has none, though they are on one server: a join on a replica could miss what was written to "${single.alias}".`,
    'databases that all have replicas (schemas of the same servers), or none of them',
  )
}

function parseHints(value: unknown = 'comments'): boolean {
  if (value === 'comments' || value === 'none') return value === 'comments'
  throw new ConfigError('hints', `${show(value)} is not accepted.`, '"comments" (default), "none"')
}

function parseRouters(value: unknown): readonly Router[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new ConfigError('routers', `${show(value)} is not accepted.`, 'a list of routers')
  const methods = ['route', 'allowRelation', 'allowMigrate']
  for (const [index, router] of value.entries()) {
    const path = `routers[${index}]`
    if (typeof router !== 'object' || router === null)
      throw new ConfigError(path, `${show(router)} is not accepted.`, 'an object with the methods of a router')
    const record = router as Record<string, unknown>
    for (const method of methods) {
      if (record[method] !== undefined && typeof record[method] !== 'function') {
        throw new ConfigError(`${path}.${method}`, `${show(record[method])} is not accepted.`, 'a function')
      }
    }
    if (!methods.some((method) => typeof record[method] === 'function')) {
      throw new ConfigError(path, 'It has none of the methods of a router.', methods.join(', '))
    }
  }
  return value as readonly Router[]
}

function resolveAlias(alias: string, aliases: ReadonlyMap<string, string>, path: string): string {
  const resolved = aliases.get(alias)
  if (resolved !== undefined) return resolved
  const known = [...aliases.keys()]
  throw new UnknownDatabaseError(redactDsn(alias), known, nearMatches(alias, known), `${path}: `)
}
