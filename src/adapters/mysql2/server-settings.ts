import {
  inRange,
  isGiven,
  longestConnectMs,
  mostConnections,
  type Identities,
  type OwnPool,
  type OwnServer,
} from '../own-server.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { withoutOwn, type GivenSettings } from './given-settings.ts'
import type { Mysql2 } from './native-mysql2.ts'

/** mysql2's own, of pools that close idle connections. */
const defaultIdleMs = 60_000

/** Settings of a connection that only `mysql2` itself can make something of. */
const unspeakable = [
  'stream',
  'authPlugins',
  'authSwitchHandler',
  'password1',
  'password2',
  'password3',
  'passwordSha1',
] as const

/** Settings of a connection that a data source name says, too. Those that say what values and rows are like belong to who asks. */
const speakable = [
  'flags',
  'insecureAuth',
  'enableCleartextPlugin',
  'connectAttributes',
  'enableKeepAlive',
  'keepAliveInitialDelay',
  'compress',
] as const

/** Where a connection's settings lead, as `mysql2` understands them. */
export function serverSettings(
  mysql2: Mysql2,
  config: ConnectionSettings,
  given: GivenSettings,
  identities: Identities,
): OwnServer {
  const connectTimeoutMs = inRange(config.connectTimeout, 1, 600_000) ?? longestConnectMs
  const idleTimeoutMs = inRange(given['idleTimeout'], 1, 86_400_000) ?? defaultIdleMs
  const dsn = unspeakable.some((name) => isGiven(given[name])) ? undefined : dsnOf(config, given)
  const { host, port, user, password, database, socketPath, charsetNumber } = config
  const named = [host, port, user, password, database, socketPath, charsetNumber]
  const own = [given['ssl'], ...unspeakable.map((name) => given[name]), ...speakable.map((name) => textOf(given[name]))]
  const parts = [dsn, connectTimeoutMs, idleTimeoutMs, ...(dsn === undefined ? [...named, ...own] : [])]
  const pool = (): OwnPool => ownPool(mysql2, given, idleTimeoutMs)
  return { key: identities.keyOf(parts), dsn, connectTimeoutMs, idleTimeoutMs, pool }
}

function ownPool({ createPool }: Mysql2, given: GivenSettings, idleTimeout: number): OwnPool {
  const { uri: _, ...settings } = withoutOwn(given) as GivenSettings
  const limits = { connectionLimit: mostConnections, maxIdle: 1, idleTimeout, queueLimit: 0, waitForConnections: true }
  const pool = createPool({ ...settings, ...limits })
  const end = async (): Promise<void> =>
    await new Promise((resolve, reject) => pool.end((error) => (error ? reject(error) : resolve())))
  return { handle: pool, end }
}

function dsnOf(config: ConnectionSettings, given: GivenSettings): string | undefined {
  const { host, port, user, password, database, socketPath, charsetNumber } = config
  const ssl = given['ssl']
  const tls = isGiven(ssl) ? spokenTls(ssl) : ''
  if (tls === undefined) return undefined
  const query = new URLSearchParams()
  if (tls !== '') query.set('ssl', tls)
  if (socketPath !== undefined && socketPath !== '') query.set('socketPath', socketPath)
  if (charsetNumber !== undefined) query.set('charsetNumber', String(charsetNumber))
  for (const name of speakable) if (given[name] !== undefined) query.set(name, textOf(given[name]))
  const name = encodeURIComponent(user ?? '')
  const login = password ? `${name}:${encodeURIComponent(password)}` : name
  const at = host.includes(':') ? `[${host}]` : host
  const path = encodeURIComponent(database ?? '')
  const dsn = `mysql://${login === '' ? '' : `${login}@`}${at}:${port}/${path}?${query.toString()}`
  return URL.canParse(dsn) ? dsn : undefined
}

/** Settings of TLS as a data source name says them: a profile's name, or an object without secrets; `undefined` where it cannot. */
function spokenTls(ssl: unknown): string | undefined {
  if (typeof ssl === 'string') return ssl
  if (typeof ssl !== 'object' || ssl === null) return undefined
  const entries = Object.entries(ssl).filter(([, value]) => value !== undefined)
  const isPlain = entries.every(
    ([name, value]) => !/^(?:key|pfx|passphrase)$/.test(name) && /^(?:string|boolean|number)$/.test(typeof value),
  )
  return isPlain ? JSON.stringify(Object.fromEntries(entries)) : undefined
}

/** As mysql2 reads it out of a data source name. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
