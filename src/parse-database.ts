import { poolOptions, type Handle, type PoolLimits } from './config.ts'
import { parseSqliteDsn } from './drivers/sqlite/dsn.ts'
import { ConfigError } from './errors.ts'
import { asRecord, readOptions, readStrings, refuseUnknownKeys, show } from './option.ts'
import { parseDiscovery } from './parse-discovery.ts'
import { parseReplication } from './parse-replication.ts'
import { parseShadow } from './parse-shadow.ts'
import type { Discovery } from './topology/discovery.ts'
import { addressOfDsn, databaseNameOfDsn, dsnSchemes, engineOfDsn, faultOfDsn, redactDsn } from './topology/dsn.ts'
import { handleEngine } from './topology/handle.ts'
import type { Shadow } from './topology/shadow.ts'
import type { Engine, ServerTarget } from './topology/server-target.ts'
import { onlyShard, type Database, type ReplicationOptions, type Server, type Shard } from './topology/topology.ts'

/** What a data source name looks like, for messages. */
export const dsnForms = `a data source name (${dsnSchemes.map((scheme) => (scheme === 'sqlite' ? 'sqlite:file' : `${scheme}://…`)).join(', ')})`

const commonKeys = ['exclusive', 'schema', 'pool', 'replication']
const databaseKeys = ['primary', 'replicas', 'discovery', ...commonKeys]
const shardedKeys = ['shards', 'shardMap', 'scatter', ...commonKeys]

/** One entry of `databases` that is no alias of another. Throws {@link ConfigError}. */
export function parseDatabase(alias: string, entry: unknown, shared: SharedOptions): Database {
  const path = `databases.${alias}`
  if (typeof entry === 'string' || handleEngine(entry) !== undefined) {
    return singleServerDatabase(alias, parseTarget(entry, path), shared)
  }
  const record = asRecord(entry, path)
  if (record['shards'] !== undefined) return parseShardedDatabase(alias, record, path, shared)
  if (record['shadow'] !== undefined) return parseShadowDatabase(alias, record, path, shared)
  refuseUnknownKeys(record, databaseKeys, path)
  const shard = parseShard(record, path)
  const { engine } = shard.primary
  const target = shard.primary.target()
  const dsn = target.from === 'dsn' ? target.dsn : undefined
  return assembleDatabase(alias, new Map([[onlyShard, shard]]), {
    ...parseCommon(record, path, shared),
    discovery: parseDiscovery(record['discovery'], `${path}.discovery`, { engine, dsn }),
  })
}

/** A database that shows another one's. Whether there is such a base, is for those to check who know them all. */
function parseShadowDatabase(
  alias: string,
  record: Readonly<Record<string, unknown>>,
  path: string,
  shared: SharedOptions,
): Database {
  refuseUnknownKeys(record, ['shadow', 'tables', 'pool'], path)
  const { local, shadow } = parseShadow(record, path)
  return singleServerDatabase(alias, parseTarget(local, `${path}.shadow.local`), {
    ...parseCommon(record, path, shared),
    shadow,
  })
}

/** A database of several shards; one is allowed, for those who will have more. */
function parseShardedDatabase(
  alias: string,
  record: Readonly<Record<string, unknown>>,
  path: string,
  shared: SharedOptions,
): Database {
  refuseUnknownKeys(record, shardedKeys, path)
  const shards = new Map<string, ParsedShard>()
  for (const [name, value] of Object.entries(asRecord(record['shards'], `${path}.shards`))) {
    const place = `${path}.shards.${name}`
    if (!/^[\w-]+$/.test(name))
      throw new ConfigError(place, 'The name is not accepted.', 'letters, digits, "_" and "-"')
    const isServer = typeof value === 'string' || handleEngine(value) !== undefined
    if (!isServer) refuseUnknownKeys(asRecord(value, place), ['primary', 'replicas'], place)
    const shard = isServer
      ? { primary: parseTarget(value, place), replicas: [] }
      : parseShard(asRecord(value, place), place)
    const [first] = shards.values()
    if (first !== undefined && first.primary.engine !== shard.primary.engine) {
      throw new ConfigError(
        place,
        `It is ${shard.primary.engine}, and the first shard is ${first.primary.engine}.`,
        'shards of one engine',
      )
    }
    shards.set(name, shard)
  }
  if (shards.size === 0) throw new ConfigError(`${path}.shards`, 'It is empty.', 'at least one shard')
  const { scatter = 'allow' } = record
  if (scatter !== 'allow' && scatter !== 'refuse')
    throw new ConfigError(
      `${path}.scatter`,
      `${show(scatter)} is not accepted.`,
      "'allow' or 'refuse'; default 'allow'",
    )
  return assembleDatabase(alias, shards, {
    ...parseCommon(record, path, shared),
    refusesScatters: scatter === 'refuse',
  })
}

function parseCommon(
  record: Readonly<Record<string, unknown>>,
  path: string,
  shared: SharedOptions,
): DatabaseOptions & { readonly exclusive: boolean } {
  const { exclusive = false, schema } = record
  if (typeof exclusive !== 'boolean')
    throw new ConfigError(`${path}.exclusive`, `${show(exclusive)} is not accepted.`, 'true or false; default false')
  if (schema !== undefined && (typeof schema !== 'string' || schema === '')) {
    throw new ConfigError(`${path}.schema`, `${show(schema)} is not accepted.`, 'the name of a schema')
  }
  return {
    pool: readOptions(poolOptions, record['pool'], `${path}.pool`, shared.pool),
    replication: parseReplication(record['replication'], `${path}.replication`, shared.replication),
    exclusive,
    schema,
  }
}

function parseShard(record: Readonly<Record<string, unknown>>, path: string): ParsedShard {
  const primary = parseServer(record['primary'], `${path}.primary`)
  return { primary, replicas: parseReplicas(record['replicas'], `${path}.replicas`, primary.engine) }
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

interface ParsedShard {
  readonly primary: ParsedServer
  readonly replicas: readonly ParsedServer[]
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
  const tags = readStrings(record['tags'], `${path}.tags`)
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
  readonly discovery?: Discovery | undefined
  readonly refusesScatters?: boolean
  readonly shadow?: Shadow
}

/** A database of one shard and one server. */
export function singleServerDatabase(alias: string, parsed: ParsedTarget, options: DatabaseOptions): Database {
  return assembleDatabase(alias, new Map([[onlyShard, { primary: parsed, replicas: [] }]]), options)
}

function assembleDatabase(alias: string, parts: ReadonlyMap<string, ParsedShard>, options: DatabaseOptions): Database {
  const [first] = parts.values()
  const schema = options.schema ?? first?.primary.schema
  const shards = [...parts].map(([name, { primary, replicas }]): Shard =>
    Object.freeze({
      name,
      primary: serverOf(`${alias}/${name}/primary`, 'primary', primary),
      replicas: Object.freeze(
        replicas.map((replica, index) => serverOf(`${alias}/${name}/replica-${index + 1}`, 'replica', replica)),
      ),
    }),
  )
  return Object.freeze({
    alias,
    engine: first!.primary.engine,
    shards: Object.freeze(shards),
    exclusive: options.exclusive ?? false,
    ...(schema === undefined ? {} : { schema }),
    ...(options.discovery === undefined ? {} : { discovery: options.discovery }),
    ...(options.shadow === undefined ? {} : { shadow: options.shadow }),
    pool: options.pool,
    replication: options.replication,
    refusesScatters: options.refusesScatters ?? false,
  })
}

function serverOf(id: string, role: Server['role'], { address, weight = 1, tags = [], target }: ParsedServer): Server {
  return Object.freeze({ id, address, role, weight, tags: Object.freeze([...tags]), target })
}
