import type { Bound } from './session-host.ts'
import type { ClientTarget } from './virtual-client.ts'

/** Whether a target is a server of the client's topology, and the database and user there are those that it knows. */
export function isServerOf(bound: Bound, { host, port, user, database, ssl }: ClientTarget): boolean {
  if (typeof ssl === 'object' && ssl !== null) return false
  if (!('topology' in bound)) return true
  for (const { shards } of bound.topology.databases.values())
    for (const { primary, replicas } of shards)
      for (const server of [primary, ...replicas]) {
        const target = server.target()
        if (target.from !== 'dsn') return true
        const url = new URL(target.dsn)
        const isSame =
          sameHost(decodeURIComponent(url.hostname), host) &&
          Number(url.port || 5432) === port &&
          (user === undefined || decodeURIComponent(url.username) === user) &&
          (database === undefined || decodeURIComponent(url.pathname.slice(1)) === database)
        if (isSame) return true
      }
  return false
}

const local: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

function sameHost(one: string, other: string): boolean {
  return one === other || (local.has(one) && local.has(other))
}
