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
export function isServerOf(bound: Bound, { host, port, user, database, ssl }: Target, usualPort: number): boolean {
  if (typeof ssl === 'object' && ssl !== null) return false
  if (!('topology' in bound)) return true
  for (const { shards } of bound.topology.databases.values())
    for (const { primary, replicas } of shards)
      for (const server of [primary, ...replicas]) {
        const target = server.target()
        if (target.from !== 'dsn') return true
        const url = new URL(target.dsn)
        const isSame =
          (host === undefined || sameHost(decodeURIComponent(url.hostname), host)) &&
          (port === undefined || Number(url.port || usualPort) === port) &&
          (user === undefined || decodeURIComponent(url.username) === user) &&
          (database === undefined || decodeURIComponent(url.pathname.slice(1)) === database)
        if (isSame) return true
      }
  return false
}

/** Names of this machine. */
const local: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

export function sameHost(one: string, other: string): boolean {
  return one === other || (local.has(one) && local.has(other))
}
