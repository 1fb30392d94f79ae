import type { FoundServer } from '../topology/discovery.ts'
import { addressOfDsn, dsnAt, endpointOfDsn } from '../topology/dsn.ts'
import type { Server, Shard } from '../topology/topology.ts'

/** The most servers that one look may add to a shard: more are somebody's mistake. */
export const mostFound = 100

/** A server that was found is kept until so many looks in a row have missed it: name services leave some out at times. */
const missesBeforeGone = 3

/** What was found lately. */
export class FoundServers {
  #kept = new Map<string, { readonly server: FoundServer; readonly misses: number }>()

  /** Takes in what a look found; what was found lately. */
  update(found: readonly FoundServer[]): readonly FoundServer[] {
    const kept = new Map(found.map((server) => [endpoint(server), { server, misses: 0 }]))
    for (const [key, { server, misses }] of this.#kept)
      if (!kept.has(key) && misses + 1 < missesBeforeGone) kept.set(key, { server, misses: misses + 1 })
    this.#kept = kept
    return [...kept.values()].map(({ server }) => server)
  }
}

/**
 * The replicas of a shard after a look: those of the configuration, which stay whether they were found or not, then those
 * that were found besides. What the source says of a configured server's tags and reads is taken over. Pure.
 *
 * The same server under another name is not known here; the monitor finds that out (see `twinsOf`).
 */
export function replicasWith(shard: Shard, found: readonly FoundServer[], prefix: string): readonly Server[] {
  const { primary, replicas } = shard
  const template = dsnOf(primary)
  if (template === undefined) return replicas
  const byEndpoint = new Map(found.map((one) => [endpoint(one), one]))
  const known = new Set([primary, ...replicas].map(endpointOf))
  const configured = replicas.map((server) => {
    const one = byEndpoint.get(endpointOf(server) ?? '')
    return one === undefined ? server : merged(server, one)
  })
  const added = [...byEndpoint].filter(([key]) => !known.has(key)).slice(0, mostFound)
  return [...configured, ...added.map(([key, one]) => serverAt(`${prefix}/${key}`, template, one))]
}

function serverAt(
  id: string,
  template: string,
  { host, port, tags = [], weight = 1, reads = true }: FoundServer,
): Server {
  const dsn = dsnAt(template, host, port)
  return Object.freeze({
    id,
    address: addressOfDsn(dsn),
    role: 'replica',
    weight: reads ? weight : 0,
    tags: Object.freeze([...tags]),
    target: () => ({ from: 'dsn', dsn }) as const,
  })
}

function merged(server: Server, { tags = [], reads = true }: FoundServer): Server {
  const all = [...new Set([...server.tags, ...tags])]
  return Object.freeze({ ...server, weight: reads ? server.weight : 0, tags: Object.freeze(all) })
}

function dsnOf({ target }: Server): string | undefined {
  const where = target()
  return where.from === 'dsn' ? where.dsn : undefined
}

function endpointOf(server: Server): string | undefined {
  const at = endpointOfDsn(dsnOf(server) ?? '')
  return at && endpoint(at)
}

function endpoint({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host.toLowerCase()}:${port}`
}
