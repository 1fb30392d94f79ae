import type { Bound } from './behind.ts'

/** Where settings of a driver lead, as far as they say it. */
export interface Target {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly user?: string | undefined
  readonly database?: string | undefined
  readonly ssl?: unknown
}

/** Whether a target is a server of the client's topology, as far as it says where it is, and the database and user there are those that it knows. */
export function isServerOf(bound: Bound, target: Target, usualPort: number): boolean {
  if (typeof target.ssl === 'object' && target.ssl !== null) return false
  if (!('topology' in bound)) return true
  for (const dsn of namesOf(bound)) if (dsn === undefined || isNamed(dsn, target, usualPort)) return true
  return false
}

/** The data source name by which the client reaches a target; `undefined` where it has none, or nobody knows. */
export function nameOfServer(bound: Bound, target: Target, usualPort: number): URL | undefined {
  if (!('topology' in bound)) return undefined
  for (const dsn of namesOf(bound)) if (dsn !== undefined && isNamed(dsn, target, usualPort)) return dsn
  return undefined
}

/** The data source names of all servers; `undefined` of those that are reached by a pool of the application's own. */
function* namesOf({ topology }: Extract<Bound, { readonly topology: unknown }>): Generator<URL | undefined> {
  for (const { shards } of topology.databases.values())
    for (const { primary, replicas } of shards)
      for (const server of [primary, ...replicas]) {
        const target = server.target()
        yield target.from === 'dsn' ? new URL(target.dsn) : undefined
      }
}

function isNamed(dsn: URL, { host, port, user, database }: Target, usualPort: number): boolean {
  return (
    (host === undefined || sameHost(decodeURIComponent(dsn.hostname), host)) &&
    (port === undefined || Number(dsn.port || usualPort) === port) &&
    (user === undefined || decodeURIComponent(dsn.username) === user) &&
    (database === undefined || decodeURIComponent(dsn.pathname.slice(1)) === database)
  )
}

/** Names of this machine. */
const local: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

export function sameHost(one: string, other: string): boolean {
  return one === other || (local.has(one) && local.has(other))
}
