import { clientOptions, poolOptions, type ClientLimits, type Config, type Handle, type PoolLimits } from './config.ts'
import { parseReplication, parseTokens, type TokenOptions } from './parse-replication.ts'
import { parseSqliteDsn } from './drivers/sqlite/dsn.ts'
import { ConfigError, UnknownDatabaseError, UnsupportedError } from './errors.ts'
import { handleEngine } from './topology/handle.ts'
import { asRecord, readOptions, refuseUnknownKeys, show } from './option.ts'
import type { Router } from './routing/router.ts'
import {
  addressOfDsn,
  databaseNameOfDsn,
  dsnSchemes,
  engineOfDsn,
  faultOfDsn,
  looksLikeDsn,
  redactDsn,
} from './topology/dsn.ts'
import { nearMatches } from './topology/near-match.ts'
import type { Engine, ServerTarget } from './topology/server-target.ts'
import { TableMap, type TableHome, type TableName } from './topology/table-map.ts'
import { onlyShard, type Database, type ReplicationOptions, type Server, type Topology } from './topology/topology.ts'

/** A configuration that was found right, in the form that the rest works with. */
export interface ParsedConfig {
  readonly topology: Topology
  readonly tables: TableMap
  readonly routers: readonly Router[]
  readonly harmlessFunctions: ReadonlySet<string>
  readonly pool: PoolLimits
  readonly replication: ReplicationOptions
  readonly tokens: TokenOptions
  readonly limits: ClientLimits
}

const configKeys = [
  'databases',
  'tables',
  'views',
  'harmlessFunctions',
  'routers',
  'databasesShareServer',
  'pool',
  'replication',
  'tokens',
  'limits',
]
const databaseKeys = ['primary', 'replicas', 'shards', 'shardMap', 'exclusive', 'schema', 'pool', 'replication']

/**
 * Validates everything before the first connection. A bare data source name is the simplest configuration: one
 * database, `default`. Throws {@link ConfigError} or {@link UnknownDatabaseError}, naming path, value and what is allowed.
 */
export function parseConfig(input: string | Handle | Config): ParsedConfig {
  const config = asRecord(wholeConfig(input), 'config')
  refuseUnknownKeys(config, configKeys, '')
  const pool = readOptions(poolOptions, config['pool'], 'pool')
  const replication = parseReplication(config['replication'], 'replication')
  const limits = readOptions(clientOptions, config['limits'], 'limits')
  const entries = asRecord(config['databases'], 'databases')
  if (Object.keys(entries).length === 0) throw new ConfigError('databases', 'It is empty.', 'at least one database')
  const aliases = resolveAliases(entries)
  const databases = new Map<string, Database>()
  for (const [alias, entry] of Object.entries(entries)) {
    if (aliases.get(alias) === alias) databases.set(alias, parseDatabase(alias, entry, { pool, replication }))
  }
  const topology: Topology = Object.freeze({
    version: 1,
    databases,
    aliases,
    sharedServers: parseSharedServers(config['databasesShareServer'], aliases, databases),
  })
  return {
    topology,
    tables: new TableMap(parseTables(config['tables'], aliases), parseViews(config['views'])),
    routers: parseRouters(config['routers']),
    harmlessFunctions: new Set(
      parseStrings(config['harmlessFunctions'], 'harmlessFunctions').map((name) => name.toLowerCase()),
    ),
    pool,
    replication,
    tokens: parseTokens(config['tokens']),
    limits,
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

const dsnForms = `a data source name (${dsnSchemes.map((scheme) => (scheme === 'sqlite' ? 'sqlite:file' : `${scheme}://…`)).join(', ')})`

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

function parseDatabase(alias: string, entry: unknown, shared: SharedOptions): Database {
  const path = `databases.${alias}`
  if (typeof entry === 'string' || handleEngine(entry) !== undefined) {
    return singleServerDatabase(alias, parseTarget(entry, path), shared)
  }
  const record = asRecord(entry, path)
  refuseUnknownKeys(record, databaseKeys, path)
  for (const later of ['shards', 'shardMap']) {
    if (record[later] === undefined) continue
    throw new UnsupportedError(
      `${path}.${later}: not available in this version. Leave it out; the database then has one shard.`,
    )
  }
  const { exclusive = false, schema } = record
  if (typeof exclusive !== 'boolean')
    throw new ConfigError(`${path}.exclusive`, `${show(exclusive)} is not accepted.`, 'true or false; default false')
  if (schema !== undefined && (typeof schema !== 'string' || schema === '')) {
    throw new ConfigError(`${path}.schema`, `${show(schema)} is not accepted.`, 'the name of a schema')
  }
  const primary = parseServer(record['primary'], `${path}.primary`)
  const replicas = parseReplicas(record['replicas'], `${path}.replicas`, primary.engine)
  return assembleDatabase(alias, primary, replicas, {
    pool: readOptions(poolOptions, record['pool'], `${path}.pool`, shared.pool),
    replication: parseReplication(record['replication'], `${path}.replication`, shared.replication),
    exclusive,
    schema,
  })
}

interface ParsedTarget {
  readonly engine: Engine
  readonly address: string
  readonly schema?: string | undefined
  readonly target: () => ServerTarget
}

interface ParsedServer extends ParsedTarget {
  readonly weight?: number
  readonly tags?: readonly string[]
}

/** What the databases of a configuration share where they do not say it themselves. */
export interface SharedOptions {
  readonly pool: PoolLimits
  readonly replication: ReplicationOptions
}

function parseReplicas(value: unknown, path: string, engine: Engine): readonly ParsedServer[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new ConfigError(path, `${show(value)} is not accepted.`, 'a list of servers')
  return value.map((entry: unknown, index) => {
    const server = parseServer(entry, `${path}[${index}]`)
    if (server.engine === engine) return server
    throw new ConfigError(
      `${path}[${index}]`,
      `It is ${server.engine}, and the primary is ${engine}.`,
      'replicas of the same engine as their primary',
    )
  })
}

function parseServer(value: unknown, path: string): ParsedServer {
  if (typeof value === 'string' || handleEngine(value) !== undefined) return parseTarget(value, path)
  const record = asRecord(value, path)
  refuseUnknownKeys(record, ['url', 'weight', 'tags'], path)
  const tags = parseStrings(record['tags'], `${path}.tags`)
  const { weight = 1 } = record
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1_000)) {
    throw new ConfigError(`${path}.weight`, `${show(weight)} is not accepted.`, 'a number from 0 to 1000; default 1')
  }
  return { ...parseTarget(record['url'], `${path}.url`), weight, tags }
}

/** A data source name or a handle, checked. */
export function parseTarget(value: unknown, path: string): ParsedTarget {
  const engine = handleEngine(value)
  if (engine !== undefined) {
    const handle = value as Handle
    return { engine, address: `${engine} handle`, target: () => ({ from: 'handle', handle }) }
  }
  if (typeof value !== 'string') {
    throw new ConfigError(
      path,
      `${show(value)} is not accepted.`,
      `${dsnForms}, or a pg.Pool, mysql2 pool or DatabaseSync`,
    )
  }
  const fault = faultOfDsn(value)
  const dsnEngine = engineOfDsn(value)
  if (fault !== undefined || dsnEngine === undefined) {
    throw new ConfigError(path, `"${redactDsn(value)}" cannot be used: ${fault ?? 'the scheme is unknown'}.`, dsnForms)
  }
  if (dsnEngine === 'sqlite') parseSqliteDsn(value, path)
  return {
    engine: dsnEngine,
    address: addressOfDsn(value),
    schema: dsnEngine === 'mysql' ? databaseNameOfDsn(value) : undefined,
    target: () => ({ from: 'dsn', dsn: value }),
  }
}

interface DatabaseOptions extends SharedOptions {
  readonly exclusive?: boolean
  readonly schema?: string | undefined
}

/** A database of one shard and one server. */
export function singleServerDatabase(alias: string, parsed: ParsedTarget, options: DatabaseOptions): Database {
  return assembleDatabase(alias, parsed, [], options)
}

function assembleDatabase(
  alias: string,
  primary: ParsedServer,
  replicas: readonly ParsedServer[],
  options: DatabaseOptions,
): Database {
  const schema = options.schema ?? primary.schema
  const shard = Object.freeze({
    name: onlyShard,
    primary: serverOf(`${alias}/${onlyShard}/primary`, 'primary', primary),
    replicas: Object.freeze(
      replicas.map((replica, index) => serverOf(`${alias}/${onlyShard}/replica-${index + 1}`, 'replica', replica)),
    ),
  })
  return Object.freeze({
    alias,
    engine: primary.engine,
    shards: Object.freeze([shard]),
    exclusive: options.exclusive ?? false,
    ...(schema === undefined ? {} : { schema }),
    pool: options.pool,
    replication: options.replication,
  })
}

function serverOf(id: string, role: Server['role'], { address, weight = 1, tags = [], target }: ParsedServer): Server {
  return Object.freeze({ id, address, role, weight, tags: Object.freeze([...tags]), target })
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
    return parseStrings(group, path).map((alias) => {
      const database = databases.get(resolveAlias(alias, aliases, path))
      if (database?.engine !== 'mysql' || database.schema === undefined) {
        throw new ConfigError(
          path,
          `${show(alias)} is no MySQL or MariaDB database with a known schema.`,
          'databases that are schemas of one MySQL or MariaDB server',
        )
      }
      return database.alias
    })
  })
}

function parseTables(value: unknown, aliases: ReadonlyMap<string, string>): readonly TableHome[] {
  if (value === undefined) return []
  return Object.entries(asRecord(value, 'tables')).map(([pattern, entry]) => {
    const path = `tables.${pattern}`
    if (typeof entry === 'string') return { database: resolveAlias(entry, aliases, path), kind: 'unsharded', pattern }
    const record = asRecord(entry, path)
    refuseUnknownKeys(record, ['database', 'kind', 'shardKey'], path)
    const { database, kind = 'unsharded', shardKey } = record
    if (kind === 'sharded' || kind === 'reference' || shardKey !== undefined) {
      throw new UnsupportedError(`${path}: sharded and reference tables are not available in this version.`)
    }
    if (kind !== 'unsharded') throw new ConfigError(`${path}.kind`, `${show(kind)} is not accepted.`, '"unsharded"')
    if (typeof database !== 'string')
      throw new ConfigError(`${path}.database`, `${show(database)} is not accepted.`, 'an alias')
    return { database: resolveAlias(database, aliases, path), kind, pattern }
  })
}

function parseViews(value: unknown): ReadonlyMap<string, readonly TableName[]> {
  const declared = new Map<string, readonly string[]>()
  for (const [view, tables] of Object.entries(value === undefined ? {} : asRecord(value, 'views'))) {
    declared.set(view.toLowerCase(), parseStrings(tables, `views.${view}`))
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

function parseStrings(value: unknown, path: string): readonly string[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new ConfigError(path, `${show(value)} is not accepted.`, 'a list of names')
}

function resolveAlias(alias: string, aliases: ReadonlyMap<string, string>, path: string): string {
  const resolved = aliases.get(alias)
  if (resolved !== undefined) return resolved
  const known = [...aliases.keys()]
  throw new UnknownDatabaseError(redactDsn(alias), known, nearMatches(alias, known), `${path}: `)
}
