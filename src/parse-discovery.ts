import { discoveryOptions } from './config.ts'
import { ConfigError } from './errors.ts'
import { asRecord, readOptions, readStrings, refuseUnknownKeys, show } from './option.ts'
import type { Discovery, DiscoverySource } from './topology/discovery.ts'
import { defaultPorts } from './topology/dsn.ts'
import type { Engine } from './topology/server-target.ts'

/** The primary of the database: found servers are reached as it is. `dsn`: absent where it is a handle. */
export interface DiscoveryOf {
  readonly engine: Engine
  readonly dsn: string | undefined
}

const sources = ['patroni', 'dns', 'replicaHosts', 'find']

/** How the servers of a database are found; `undefined` if nothing looks for them. Throws {@link ConfigError}. */
export function parseDiscovery(value: unknown, path: string, { engine, dsn }: DiscoveryOf): Discovery | undefined {
  if (value === undefined) return undefined
  const record = asRecord(value, path)
  refuseUnknownKeys(record, [...sources, ...Object.keys(discoveryOptions)], path)
  const given = sources.filter((source) => record[source] !== undefined)
  if (given.length !== 1) {
    throw new ConfigError(
      path,
      `It names ${given.length === 0 ? 'no source' : given.join(' and ')}.`,
      `one of ${sources.join(', ')}`,
    )
  }
  if (dsn === undefined || engine === 'sqlite') {
    throw new ConfigError(
      path,
      `The primary is ${dsn === undefined ? 'a handle' : 'a file'}, so no other server can be reached as it is.`,
      'a database whose primary is a data source name of PostgreSQL, MySQL or MariaDB',
    )
  }
  const { patroni, dns, replicaHosts, find, ...numbers } = record
  const source =
    patroniOf(patroni, `${path}.patroni`) ??
    dnsOf(dns, `${path}.dns`, engine) ??
    replicaHostsOf(replicaHosts, `${path}.replicaHosts`, engine) ??
    functionOf(find, `${path}.find`)
  return Object.freeze({ source, ...readOptions(discoveryOptions, numbers, path) })
}

function patroniOf(value: unknown, path: string): DiscoverySource | undefined {
  if (value === undefined) return undefined
  const urls = typeof value === 'string' ? [value] : readStrings(value, path)
  const isUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
  // The texts may hold a password, and no message shows them.
  if (urls.length === 0 || !urls.every(isUrl))
    throw new ConfigError(path, 'It is not accepted.', 'one or more URLs, http:// or https://')
  return { kind: 'patroni', urls }
}

function dnsOf(value: unknown, path: string, engine: Exclude<Engine, 'sqlite'>): DiscoverySource | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string')
    throw new ConfigError(path, `${show(value)} is not accepted.`, `{ name: ${show(value)} }`)
  const record = asRecord(value, path)
  refuseUnknownKeys(record, ['name', 'port', 'srv', 'family'], path)
  const { name, port = defaultPorts[engine], srv = false, family } = record
  if (typeof name !== 'string' || name === '')
    throw new ConfigError(`${path}.name`, `${show(name)} is not accepted.`, 'a name')
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new ConfigError(`${path}.port`, `${show(port)} is not accepted.`, 'a port from 1 to 65535')
  if (typeof srv !== 'boolean')
    throw new ConfigError(`${path}.srv`, `${show(srv)} is not accepted.`, 'true or false; default false')
  if (family !== undefined && family !== 4 && family !== 6)
    throw new ConfigError(
      `${path}.family`,
      `${show(family)} is not accepted.`,
      '4 or 6; default that of the first address',
    )
  return { kind: 'dns', name, port, srv, family }
}

function replicaHostsOf(value: unknown, path: string, engine: Engine): DiscoverySource | undefined {
  if (value === undefined) return undefined
  if (value !== true) throw new ConfigError(path, `${show(value)} is not accepted.`, 'true')
  if (engine !== 'mysql') throw new ConfigError(path, `The database is ${engine}.`, 'a MySQL or MariaDB database')
  return { kind: 'replica-hosts' }
}

function functionOf(value: unknown, path: string): DiscoverySource {
  if (typeof value !== 'function') throw new ConfigError(path, `${show(value)} is not accepted.`, 'a function')
  return { kind: 'function', find: () => (value as () => unknown)() }
}
