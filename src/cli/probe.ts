import { existsSync } from 'node:fs'
import type { Client, Config, Database, DatabaseEntry, Dsn } from '../index.ts'
import type { DatabaseReport, ReachFailure } from './check-report.ts'
import { calledFunctions, questions, type FoundTable, type ServerFacts } from './inventory.ts'
import { reachFailure } from './reach-failure.ts'

/** What was learnt of one database. */
export interface Probe {
  readonly database: Database
  readonly report: DatabaseReport
  readonly facts: ServerFacts | undefined
  /** `undefined` if they could not be read. */
  readonly tables: readonly FoundTable[] | undefined
  /** Why the tables of a database that answers could not be read. */
  readonly tablesFailure: ReachFailure | undefined
}

const pings = 3

/**
 * The configuration to look at its databases with: connects as slowly as the time limit allows and no slower, keeps one
 * connection to each, never creates or changes a SQLite file, and asks no router.
 */
export function probingConfig(config: string | Config, timeoutMs: number): Config {
  const full: Config = typeof config === 'string' ? { databases: { default: config } } : config
  const databases = Object.entries(full.databases).map(([alias, entry]) => [alias, lookOnly(entry)] as const)
  return {
    ...full,
    databases: Object.fromEntries(databases),
    harmlessFunctions: calledFunctions,
    routers: [],
    pool: {
      ...full.pool,
      maxConnections: 1,
      multiplexConnections: 0,
      connectTimeoutMs: timeoutMs,
      acquireTimeoutMs: timeoutMs,
    },
    limits: { ...full.limits, readAttempts: 1, queryTimeoutMs: timeoutMs, closeTimeoutMs: 200 },
  }
}

/** A database's entry with what would write to a SQLite file, and its own pool limits, taken out. Handles stay. */
function lookOnly(entry: DatabaseEntry): DatabaseEntry {
  if (typeof entry === 'string') return readOnlyDsn(entry)
  if (!('primary' in entry)) return entry
  const { pool: _ownLimits, primary, ...rest } = entry
  if (typeof primary === 'string') return { ...rest, primary: readOnlyDsn(primary) }
  return { ...rest, primary: 'url' in primary ? { ...primary, url: readOnlyDsn(primary.url) } : primary }
}

/** Opening a file for writing would create it, or change its journal. */
function readOnlyDsn<D extends string>(dsn: D): D | Dsn {
  const [, file, query = ''] = /^sqlite:([^?]*)(?:\?(.*))?$/is.exec(dsn) ?? []
  if (file === undefined || file === ':memory:') return dsn
  const options = new URLSearchParams(query)
  options.set('mode', 'ro')
  return `sqlite:${file}?${options.toString()}`
}

/** Looks at one database; never throws. `declared` knows the configuration as written, `probing` connects. */
export async function probe(declared: Client, probing: Client, database: Database, timeoutMs: number): Promise<Probe> {
  const signal = AbortSignal.timeout(timeoutMs)
  const base = baseReport(declared, database)
  let answer: Awaited<ReturnType<typeof lookInto>>
  try {
    // Also what no signal reaches, such as the opening of a connection, must not outlast the time limit.
    answer = await Promise.race([lookInto(probing, database), expiry(signal, timeoutMs)])
  } catch (error) {
    const failure = describe(error, database)
    return {
      database,
      report: { ...base, failure },
      facts: undefined,
      tables: undefined,
      tablesFailure: undefined,
    }
  }
  const { facts, connectMs, latencyMs, tables, tablesError } = answer
  const report: DatabaseReport = {
    ...base,
    reachable: true,
    product: facts.product,
    version: facts.version,
    role: facts.role,
    writable: facts.writable && !isReadOnlyByName(database),
    connectMs: rounded(connectMs),
    latencyMs: rounded(latencyMs),
    serverMaxConnections: facts.maxConnections,
    tableCount: tables?.filter(({ isView }) => !isView).length ?? null,
  }
  const tablesFailure = tablesError === undefined ? undefined : reachFailure(tablesError)
  return { database, report, facts, tables, tablesFailure }
}

interface Answer {
  readonly facts: ServerFacts
  readonly connectMs: number
  readonly latencyMs: number
  readonly tables: readonly FoundTable[] | undefined
  readonly tablesError: unknown
}

async function lookInto(probing: Client, database: Database): Promise<Answer> {
  const scope = probing.using(database.alias)
  const ask = questions[database.engine]
  const begun = performance.now()
  const facts = await ask.facts(scope, database)
  const connectMs = performance.now() - begun
  let latencyMs = Number.POSITIVE_INFINITY
  for (let ping = 0; ping < pings; ping += 1) {
    const sent = performance.now()
    await scope.query('select 1 as one')
    latencyMs = Math.min(latencyMs, performance.now() - sent)
  }
  try {
    return { facts, connectMs, latencyMs, tables: await ask.tables(scope, database), tablesError: undefined }
  } catch (error) {
    return { facts, connectMs, latencyMs, tables: undefined, tablesError: error }
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

function baseReport(declared: Client, database: Database): DatabaseReport {
  const { alias, engine, exclusive, pool } = database
  const server = database.shards[0]?.primary
  const aliases = [...declared.topology.aliases].filter(([name, meant]) => meant === alias && name !== alias)
  const isOwnPool = server?.target().from === 'handle'
  return {
    alias,
    aliases: aliases.map(([name]) => name),
    engine,
    address: server?.address ?? '',
    exclusive,
    reachable: false,
    failure: null,
    product: null,
    version: null,
    role: null,
    writable: null,
    connectMs: null,
    latencyMs: null,
    serverMaxConnections: null,
    poolMaxConnections: isOwnPool
      ? null
      : pool.maxConnections + (engine === 'postgres' ? pool.multiplexConnections : 0),
    tableCount: null,
  }
}

function describe(error: unknown, database: Database): ReachFailure {
  const failure = reachFailure(error)
  const file = failure.kind === 'file' ? fileOf(database) : undefined
  if (file === undefined || existsSync(file)) return failure
  const hint = isCreatedWhenMissing(database) ? ' The application would create it, empty.' : ''
  return { ...failure, kind: 'no-such-file', message: `There is no file ${file}.${hint}` }
}

function fileOf(database: Database): string | undefined {
  const target = database.shards[0]?.primary.target()
  if (target?.from !== 'dsn' || database.engine !== 'sqlite') return undefined
  const path = target.dsn.slice(target.dsn.indexOf(':') + 1).split('?', 1)[0] ?? ''
  return decodeURIComponent(path.startsWith('///') ? path.slice(2) : path)
}

function isCreatedWhenMissing(database: Database): boolean {
  const target = database.shards[0]?.primary.target()
  return target?.from === 'dsn' && !/[?&]mode=r[ow](?:&|$)/.test(target.dsn)
}

/** Whether the data source name itself asks for reading only, which is then no surprise. */
export function isReadOnlyByName(database: Database): boolean {
  const target = database.shards[0]?.primary.target()
  return target?.from === 'dsn' && database.engine === 'sqlite' && /[?&]mode=ro(?:&|$)/.test(target.dsn)
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
