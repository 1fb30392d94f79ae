import type { ClientConfig, PoolConfig } from 'pg'
import {
  inRange,
  isGiven,
  longestConnectMs,
  mostConnections,
  type Identities,
  type OwnPool,
  type OwnServer,
} from '../own-server.ts'
import type { ClientParameters } from './behind.ts'
import type { Pg } from './native-pg.ts'

const defaultIdleMs = 10_000

/** Settings that each connection of a client begins with. */
const sessionParameters = [
  'application_name',
  'options',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'client_encoding',
] as const

/** Settings that only `pg` itself can make something of. */
const unspeakable = [
  'stream',
  'enableChannelBinding',
  'scramMaxIterations',
  'sslnegotiation',
  'keepAliveInitialDelayMillis',
] as const

/** Where a client's settings lead, as `pg` understands them. */
export function serverSettings(
  pg: Pg,
  parameters: ClientParameters,
  config: ClientConfig,
  identities: Identities,
): OwnServer {
  const given = config as Readonly<Record<string, unknown>>
  const { connectionTimeoutMillis: connectMs, idleTimeoutMillis: idleMs } = config as PoolConfig
  const connectTimeoutMs = inRange(connectMs, 1, 600_000) ?? longestConnectMs
  const idleTimeoutMs = inRange(idleMs, 0, 86_400_000) ?? defaultIdleMs
  const dsn = unspeakable.some((name) => isGiven(given[name])) ? undefined : dsnOf(parameters)
  // Of TLS, a connection string makes another object for each client.
  const ssl = config.connectionString ?? config.ssl
  const own = dsn === undefined ? [ssl, config.password, ...unspeakable.map((name) => given[name])] : []
  const { host, port, user, database, password } = parameters
  const named = [host, port, user, database, password, ...sessionParameters.map((name) => parameters[name])]
  const parts = [dsn, connectTimeoutMs, idleTimeoutMs, ...(dsn === undefined ? [...named, ...own] : [])]
  const limits = { connectTimeoutMs, idleTimeoutMs }
  return { key: identities.keyOf(parts), dsn, ...limits, pool: () => ownPool(pg, config, limits) }
}

function ownPool(
  pg: Pg,
  config: ClientConfig,
  { connectTimeoutMs, idleTimeoutMs }: { readonly connectTimeoutMs: number; readonly idleTimeoutMs: number },
): OwnPool {
  const { Client } = pg
  const pool = new pg.Pool({
    ...config,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    password: config.password,
    max: mostConnections,
    min: 0,
    allowExitOnIdle: true,
    Client,
  })
  return { handle: pool, end: async () => await pool.end() }
}

function dsnOf(parameters: ClientParameters): string | undefined {
  const { host, port, user, database, password, ssl } = parameters
  const sslMode = sslModeOf(ssl)
  if (sslMode === undefined || typeof password === 'function') return undefined
  // What connection strings decode in the names of databases leaves these out.
  if (/[;/?:@&=+$,#]/.test(database ?? '')) return undefined
  const query = new URLSearchParams({ sslmode: sslMode })
  for (const name of sessionParameters) {
    const value = parameters[name]
    if (typeof value === 'string' || (typeof value === 'number' && value > 0)) query.set(name, String(value))
  }
  // Otherwise Signalbox says its own.
  const { fallback_application_name: fallback } = parameters
  query.set('fallback_application_name', typeof fallback === 'string' ? fallback : '')
  const secret = typeof password === 'string' && password !== '' ? password : undefined
  const path = database === undefined ? '' : encodeURIComponent(database)
  if (host.startsWith('/')) {
    for (const [name, value] of Object.entries({ host, port: String(port), user, password: secret }))
      if (value !== undefined) query.set(name, value)
    return `postgres:///${path}?${query.toString()}`
  }
  const name = user === undefined ? '' : encodeURIComponent(user)
  const login = secret === undefined ? name : `${name}:${encodeURIComponent(secret)}`
  const at = host.includes(':') ? `[${host}]` : host
  return `postgres://${login === '' ? '' : `${login}@`}${at}:${port}/${path}?${query.toString()}`
}

/** The mode by which a connection string says what the settings say; `undefined` if none does. */
function sslModeOf(ssl: unknown): string | undefined {
  if (!isGiven(ssl)) return 'disable'
  if (ssl === true) return 'verify-full'
  if (typeof ssl !== 'object' || ssl === null) return undefined
  const [first, ...others] = Object.entries(ssl)
  if (first === undefined) return 'verify-full'
  return others.length === 0 && first[0] === 'rejectUnauthorized' && first[1] === false ? 'no-verify' : undefined
}
