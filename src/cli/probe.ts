import { existsSync } from 'node:fs'
import type { Client, Database, Scope, Server, Shard } from '../index.ts'
import type { ReachFailure, ReplicaReport, ShardCheckReport } from './check-report.ts'
import { questions, type FoundColumn, type FoundTable, type ServerFacts } from './inventory.ts'
import { mostConnections } from './most-connections.ts'
import { probingAlias } from './probing-config.ts'
import { reachFailure } from './reach-failure.ts'
import { replicationFacts, type ReplicationFacts } from './replication-facts.ts'

/** What was learnt of one shard of a database; of most databases, the only one. */
export interface Probe {
  readonly database: Database
  readonly shard: Shard
  readonly report: ShardCheckReport
  readonly facts: ServerFacts | undefined
  /** Of the primary; `undefined` if there are no replicas. */
  readonly replication: ReplicationFacts | undefined
  /** `undefined` if they could not be read. */
  readonly tables: readonly FoundTable[] | undefined
  /** Of a database with several shards, where they must be the same; else `undefined`, as where they could not be read. */
  readonly columns?: readonly FoundColumn[] | undefined
  /** Why the tables of a database that answers could not be read. */
  readonly tablesFailure: ReachFailure | undefined
  readonly replicas: readonly ReplicaProbe[]
}

/** What was learnt of one replica. */
export interface ReplicaProbe {
  readonly server: Server
  readonly report: ReplicaReport
  readonly facts: ServerFacts | undefined
  readonly replication: ReplicationFacts | undefined
}

const pings = 3

/** Looks at all servers of one shard; never throws. `probing` is made for it: see `probingConfig`. */
export async function probe(probing: Client, database: Database, shard: Shard, timeoutMs: number): Promise<Probe> {
  const isReplicated = shard.replicas.length > 0
  const [primary, ...answers] = await Promise.all([
    askPrimary(probing, database, shard, isReplicated, timeoutMs),
    ...shard.replicas.map(async (server) => {
      const alias = probingAlias(database, server)
      return await ask(probing.using(alias), probedAs(probing, database, alias), true, timeoutMs)
    }),
  ])
  const replicas = shard.replicas.map((server, index) =>
    replicaProbe(database, server, answers[index], primary.replication?.cluster),
  )
  const base = { ...baseReport(database, shard), replicas: replicas.map(({ report }) => report) }
  if ('error' in primary) {
    const failure = describe(primary.error, database, shard.primary)
    const unknown = { facts: undefined, replication: undefined, tables: undefined, tablesFailure: undefined }
    return { database, shard, report: { ...base, failure }, replicas, ...unknown }
  }
  const { facts, replication, tables, columns, tablesError } = primary
  const report: ShardCheckReport = {
    ...base,
    ...answered(primary),
    writable: facts.writable && !isReadOnlyByName(database, shard),
    tableCount: tables?.filter(({ isView }) => !isView).length ?? null,
  }
  const tablesFailure = tablesError === undefined ? undefined : reachFailure(tablesError)
  return { database, shard, report, facts, replication, tables, columns, tablesFailure, replicas }
}

/** Whether the database has several shards. */
export function isSpread({ shards }: Database): boolean {
  return shards.length > 1
}

/** How messages call what was probed: the database, and, if it has several, the shard. */
export function probedName({ database, shard }: Pick<Probe, 'database' | 'shard'>): string {
  return isSpread(database) ? `"${database.alias}" (shard ${shard.name})` : `"${database.alias}"`
}

interface Answer {
  readonly facts: ServerFacts
  readonly replication: ReplicationFacts | undefined
  readonly connectMs: number
  readonly latencyMs: number
}

export interface NoAnswer {
  readonly error: unknown
  readonly replication?: undefined
}

interface Tables {
  readonly tables: readonly FoundTable[] | undefined
  readonly columns?: readonly FoundColumn[] | undefined
  readonly tablesError: unknown
}

async function askPrimary(
  probing: Client,
  database: Database,
  shard: Shard,
  isReplicated: boolean,
  timeoutMs: number,
): Promise<(Answer & Tables) | NoAnswer> {
  const alias = probingAlias(database, shard.primary)
  const [scope, probed] = [probing.using(alias), probedAs(probing, database, alias)]
  return await inTime(timeoutMs, async () => {
    const answer = await lookInto(scope, probed, isReplicated)
    try {
      const tables = (await questions[database.engine].tables(scope, probed)).filter(({ name }) => !isOwn(name))
      const columns = isSpread(database) ? await questions[database.engine].columns(scope, probed) : undefined
      return { ...answer, tables, columns, tablesError: undefined }
    } catch (error) {
      return { ...answer, tables: undefined, tablesError: error }
    }
  })
}

/** What the server of a scope says of itself; never throws. */
export async function ask(
  scope: Scope,
  database: Database,
  isReplicated: boolean,
  timeoutMs: number,
): Promise<Answer | NoAnswer> {
  return await inTime(timeoutMs, async () => await lookInto(scope, database, isReplicated))
}

/** Also what no signal reaches, such as the opening of a connection, must not outlast the time limit. */
export async function inTime<T>(timeoutMs: number, look: () => Promise<T>): Promise<T | NoAnswer> {
  try {
    return await Promise.race([look(), expiry(AbortSignal.timeout(timeoutMs), timeoutMs)])
  } catch (error) {
    return { error }
  }
}

async function lookInto(scope: Scope, database: Database, isReplicated: boolean): Promise<Answer> {
  const { engine } = database
  const begun = performance.now()
  const facts = await questions[engine].facts(scope, database)
  const connectMs = performance.now() - begun
  let latencyMs = Number.POSITIVE_INFINITY
  for (let ping = 0; ping < pings; ping += 1) {
    const sent = performance.now()
    await scope.query('select 1 as one')
    latencyMs = Math.min(latencyMs, performance.now() - sent)
  }
  const replication = isReplicated ? await replicationFacts(scope, engine, facts) : undefined
  return { facts, replication, connectMs, latencyMs }
}

/** The database that an alias of the probing configuration means: a further shard may be in a schema of another name. */
export function probedAs(probing: Client, database: Database, alias: string): Database {
  return probing.topology.databases.get(alias) ?? database
}

/** What a server that gives no answer is known by. */
const nothingLearnt = {
  reachable: false,
  failure: null,
  product: null,
  version: null,
  role: null,
  writable: null,
  connectMs: null,
  latencyMs: null,
} as const

function replicaProbe(
  database: Database,
  server: Server,
  answer: Answer | NoAnswer | undefined,
  cluster: string | null | undefined,
): ReplicaProbe {
  const base: ReplicaReport = {
    server: server.id,
    address: server.address,
    ...nothingLearnt,
    receiving: null,
    sameCluster: null,
    serverMaxConnections: null,
    poolMaxConnections: mostConnections(database, server),
  }
  if (answer === undefined || 'error' in answer) {
    const report = { ...base, failure: describe(answer?.error, database, server) }
    return { server, report, facts: undefined, replication: undefined }
  }
  const { facts, replication } = answer
  const its = replication?.cluster ?? null
  const report: ReplicaReport = {
    ...base,
    ...answered(answer),
    // Every SQLite file takes writes: there the configuration alone says who is what.
    role: database.engine === 'sqlite' ? 'replica' : facts.role,
    writable: facts.writable,
    receiving: replication?.receiving ?? null,
    sameCluster: its === null || cluster == null ? null : its === cluster,
  }
  return { server, report, facts, replication }
}

function answered({ facts, connectMs, latencyMs }: Answer): {
  readonly reachable: true
} & Pick<ShardCheckReport, 'product' | 'version' | 'role' | 'connectMs' | 'latencyMs' | 'serverMaxConnections'> {
  return {
    reachable: true,
    product: facts.product,
    version: facts.version,
    role: facts.role,
    connectMs: rounded(connectMs),
    latencyMs: rounded(latencyMs),
    serverMaxConnections: facts.maxConnections,
  }
}

async function expiry(signal: AbortSignal, timeoutMs: number): Promise<never> {
  return await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      const error = new Error(`There was no answer within ${timeoutMs} ms (--timeout).`)
      reject(Object.assign(error, { code: 'ETIMEDOUT' }))
    })
  })
}

function baseReport(database: Database, { name, primary }: Shard): ShardCheckReport {
  return {
    shard: name,
    address: primary.address,
    ...nothingLearnt,
    serverMaxConnections: null,
    poolMaxConnections: mostConnections(database, primary),
    tableCount: null,
    replicas: [],
  }
}

/** Why a server did not answer. */
export function describe(error: unknown, { engine }: Database, server: Server | undefined): ReachFailure {
  const failure = reachFailure(error)
  const file = failure.kind === 'file' && engine === 'sqlite' ? fileOf(server) : undefined
  if (file === undefined || existsSync(file)) return failure
  const hint = isCreatedWhenMissing(server) ? ' The application would create it, empty.' : ''
  return { ...failure, kind: 'no-such-file', message: `There is no file ${file}.${hint}` }
}

function fileOf(server: Server | undefined): string | undefined {
  const target = server?.target()
  if (target?.from !== 'dsn') return undefined
  const path = target.dsn.slice(target.dsn.indexOf(':') + 1).split('?', 1)[0] ?? ''
  return decodeURIComponent(path.startsWith('///') ? path.slice(2) : path)
}

function isCreatedWhenMissing(server: Server | undefined): boolean {
  const target = server?.target()
  return target?.from === 'dsn' && !/[?&]mode=r[ow](?:&|$)/.test(target.dsn)
}

/** Whether the data source name itself asks for reading only, which is then no surprise. */
export function isReadOnlyByName(database: Database, { primary }: Shard): boolean {
  const target = primary.target()
  return target.from === 'dsn' && database.engine === 'sqlite' && /[?&]mode=ro(?:&|$)/.test(target.dsn)
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}

/** The tables of lookup indexes: no statement of the application names them. */
function isOwn(table: string): boolean {
  return /^signalbox_lookup(?:_claim)?$/i.test(table)
}
