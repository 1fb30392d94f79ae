import { Client } from './client.ts'
import type { AliasOf, Config, DatabaseEntry, Handle } from './config.ts'
import { CommentHints } from './comment-hints.ts'
import { Databases } from './databases.ts'
import { Decider } from './decider.ts'
import { drivers } from './drivers/all.ts'
import type { Driver, Engine } from './drivers/driver.ts'
import type { Decision } from './execution/decision.ts'
import { Executor } from './execution/execute.ts'
import { FunctionCatalogues } from './execution/function-catalogues.ts'
import { PoolRegistry } from './execution/pool-registry.ts'
import { Reservations } from './execution/reservations.ts'
import { ShardAnswerers } from './execution/shard-answerers.ts'
import { ShardCounters } from './execution/shard-counters.ts'
import { ShardWatches } from './execution/shard-watches.ts'
import { makeDirectories } from './shard-directories.ts'
import type { ClientParts } from './client-parts.ts'
import { Lookups } from './lookups/lookups.ts'
import { parseConfig } from './parse-config.ts'
import { shadowOpener, shadowStores } from './shadow-opener.ts'
import { replicatedExecution, sessionParts } from './replication.ts'
import { dialectsOf } from './routing/route-statement.ts'
import { Sessions } from './sessions.ts'
import { AnalysisCache } from './statement/analysis-cache.ts'
import { TopologyStore } from './topology/topology-store.ts'
import { hasReplicas, type Server } from './topology/topology.ts'
import { noWritesVariable } from './write-guard.ts'

/** Replacements for what the client takes from outside; for tests with a simulated driver and a virtual clock. */
export interface ClientEnvironment {
  readonly drivers?: Readonly<Record<Engine, () => Promise<Driver>>>
  /** Milliseconds since any fixed moment. */
  readonly now?: () => number
  /** @internal For clients in whose place something else keeps the process alive: connections that do nothing do not. Default false. */
  readonly exitOnIdle?: boolean
}

/** Makes a client of one database, called `default`, from its data source name, or from a pool or handle of one's own. */
export async function connect(database: string | Handle, environment?: ClientEnvironment): Promise<Client<'default'>>
// The configuration comes last because compilers explain the last one: a misspelt alias is then shown at its place.
/**
 * Makes a client. Validates the whole configuration and connects to nothing: connections are opened when statements
 * need them, or a declared `transactionLog` is recovered. A bare data source name is the simplest configuration, one database called `default`.
 *
 * The environment variable `SIGNALBOX_NO_WRITES_TO` counts as well as `noWritesTo` of the configuration.
 *
 * Throws `ConfigError`, `UnknownDatabaseError` or `UnsupportedError`, naming path, value and what is allowed.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 *
 * const client = await connect({
 *   databases: { default: 'shop', shop: 'sqlite:./shop.db', reviews: 'sqlite:./reviews.db' },
 *   tables: { review: 'reviews' },
 * })
 * console.log(client.explain('select * from review where product_id = ?', [7]).database) // reviews
 * await client.close()
 * ```
 */
export async function connect<const D extends Readonly<Record<string, DatabaseEntry>>>(
  config: Config<D>,
  environment?: ClientEnvironment,
): Promise<Client<AliasOf<D>>>
export async function connect(input: string | Handle | Config, environment: ClientEnvironment = {}): Promise<Client> {
  const config = parseConfig(input, { noWritesTo: process.env[noWritesVariable] })
  const { limits, topology } = config
  const analyses = new AnalysisCache(limits.analysisCacheSize, limits.analysisCacheLength)
  const pools = new PoolRegistry(
    environment.drivers ?? drivers,
    shadowOpener(topology, analyses),
    environment.exitOnIdle,
  )
  const databases = new Databases(topology, config, limits.adHocDatabases)
  const catalogues = new FunctionCatalogues(environment.now ?? (() => performance.now()), limits.catalogueRefreshMs)
  const store = new TopologyStore(topology)
  const watches = new ShardWatches(pools, environment.drivers ?? drivers, store)
  const serversOf = (decision: Decision): readonly Server[] =>
    hasReplicas(decision.database) ? watches.serversOf(decision) : [decision.server]
  const answerers = new ShardAnswerers()
  const dialects = dialectsOf(topology)
  const hints = new CommentHints(config.heedsComments, dialects, limits)
  const decider = new Decider({ config, analyses, catalogues, pools, databases, hints, serversOf, answerers })
  // The first statement need not wait for their code to be read; what is missing is told there.
  for (const engine of new Set([...topology.databases.values()].map((database) => database.engine)))
    void (environment.drivers ?? drivers)[engine]().catch(() => undefined)
  for (const dialect of dialects) await decider.prepare(dialect)
  const directories = makeDirectories(config, databases, () => parts, environment.now)
  directories.registerAt(answerers)
  const counters = new ShardCounters(topology.databases.values(), limits.countedKeys, Date.now)
  const executor = new Executor(pools, limits, replicatedExecution(watches, topology), counters, directories.check)
  const sessions = new Sessions(sessionParts(config, watches))
  const lookups = new Lookups({
    lookups: config.lookups,
    mapOf: (database) => config.shardMaps.get(database),
    executor,
    anywhere: (alias) => decider.decide('select 1', [], undefined, alias, 'transaction'),
    answerers,
  })
  const life = { closed: false }
  const shadowStore = shadowStores(topology, environment.drivers ?? drivers, analyses)
  const parts: ClientParts = {
    config,
    databases,
    decider,
    hints,
    executor,
    counters,
    reservations: new Reservations(),
    sessions,
    directories,
    lookups,
    shadowStore,
    life,
  }
  return new Client(parts, pools, watches, store)
}
