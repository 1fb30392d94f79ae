import type mysql2 from 'mysql2'
import type { PoolOptions } from '../mysql2/module-options.ts'
import type { MariadbPoolConfig } from './pool.ts'
import type { ValueOptions } from './values.ts'

/** Settings that `mysql2` calls by the same names. */
const same = [
  'signalbox',
  'host',
  'port',
  'user',
  'password',
  'database',
  'socketPath',
  'connectTimeout',
  'connectionLimit',
  'timezone',
  'multipleStatements',
] as const

/** What a pool of `mysql2` is made with for settings of `mariadb`, and what these say of values and rows. */
export function mariadbSettings(config: string | MariadbPoolConfig): {
  readonly core: mysql2.PoolOptions
  readonly values: ValueOptions
} {
  const given: MariadbPoolConfig = typeof config === 'string' ? settingsOfUri(config) : config
  const core: Record<string, unknown> = {}
  for (const name of same) if (given[name] !== undefined) core[name] = given[name]
  // The one has seconds, the other milliseconds.
  if (given.idleTimeout !== undefined && given.idleTimeout > 0) core['idleTimeout'] = given.idleTimeout * 1_000
  if (given.ssl !== undefined && given.ssl !== false) core['ssl'] = given.ssl === true ? {} : given.ssl
  // As texts nothing is lost; what becomes of them is decided by column.
  const raw: PoolOptions = { supportBigNumbers: true, bigNumberStrings: true, jsonStrings: true }
  const own = new Set<string>([...same, 'idleTimeout', 'ssl'])
  const values = Object.fromEntries(Object.entries(given).filter(([name]) => !own.has(name)))
  return { core: { ...core, ...raw }, values }
}

function settingsOfUri(text: string): MariadbPoolConfig {
  const { hostname, port, username, password, pathname, searchParams } = new URL(text)
  const options = Object.fromEntries([...searchParams].map(([name, value]) => [name, valueOf(value)]))
  return {
    ...options,
    ...textIn('host', hostname.replace(/^\[(.*)\]$/, '$1')),
    ...(port === '' ? {} : { port: Number(port) }),
    ...textIn('user', decodeURIComponent(username)),
    ...textIn('password', decodeURIComponent(password)),
    ...textIn('database', decodeURIComponent(pathname.slice(1))),
  }
}

function textIn(name: string, text: string): object {
  return text === '' ? {} : { [name]: text }
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^\d+$/.test(text) ? Number(text) : text
}
