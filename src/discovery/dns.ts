import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { DiscoveryError, messageOf } from '../errors.ts'
import type { FindLimits, FoundServer, ServerSource } from './source.ts'

/** A name that stands for the servers of a shard. */
export interface DnsNames {
  readonly name: string
  /** The port of all the servers; records of services bring their own. */
  readonly port: number
  /** True: `name` has SRV records (`_postgresql._tcp.shop.example.com`). Default false: it has addresses. */
  readonly srv?: boolean | undefined
  /** Which addresses count. Default: those of the family that the system puts first. */
  readonly family?: 4 | 6 | undefined
}

/** An SRV record (RFC 2782). */
export interface ServiceRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** A name service. */
export interface NameResolver {
  /** All addresses of a name, the preferred one first. */
  addresses(name: string): Promise<readonly string[]>
  services(name: string, limits: FindLimits): Promise<readonly ServiceRecord[]>
}

/** The most that a server's weight may be. */
const mostWeight = 1000

/**
 * A name as a source of servers: each of its addresses is one, with the same port; or each of its SRV records.
 *
 * A server that has an address of both families must not count as two, which would look like two primaries: only addresses of one family
 * are taken. With SRV records the weights are shares of the reads, reduced in proportion if one is above 1,000; where all are
 * 0 they are equal. Records of a higher number than the lowest priority are spares, which are read only where no other replica can be.
 *
 * @param resolver Default: the system's (`getaddrinfo`, so `/etc/hosts` counts) for addresses, and its name servers for SRV.
 *
 * `find` rejects with a DiscoveryError if the name does not exist, or nobody says so in time.
 */
export function dnsSource(names: DnsNames, resolver: NameResolver = systemResolver): ServerSource {
  const { name, port, srv = false, family } = names
  const about = srv ? `SRV records of ${name}` : `addresses of ${name}`
  // One at a time: the system has few threads for look-ups, which files and cryptography need, too.
  let underWay: Promise<readonly string[]> | undefined
  const lookUp = (): Promise<readonly string[]> => {
    underWay ??= resolver.addresses(name).finally(() => (underWay = undefined))
    return underWay
  }
  return {
    about,
    find: async (limits) => {
      try {
        if (srv) return serversOf(await inTime(resolver.services(name, limits), limits))
        const addresses = await inTime(lookUp(), limits)
        return ofOneFamily(addresses, family).map((host) => ({ host, port }))
      } catch (error) {
        throw new DiscoveryError(`The ${about} could not be looked up: ${messageOf(error)}.`, { cause: error })
      }
    },
  }
}

const systemResolver: NameResolver = {
  addresses: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  services: async (name, { timeoutMs }) => new Resolver({ timeout: timeoutMs, tries: 1 }).resolveSrv(name),
}

function ofOneFamily(addresses: readonly string[], family = isIP(addresses[0] ?? '')): readonly string[] {
  return [...new Set(addresses.filter((address) => isIP(address) === family))]
}

function serversOf(records: readonly ServiceRecord[]): readonly FoundServer[] {
  // A single record with the root as its name says that there is no such service (RFC 2782).
  const servers = records.filter(({ name }) => name !== '' && name !== '.')
  const lowest = Math.min(...servers.map(({ priority }) => priority))
  const most = Math.max(0, ...servers.map(({ weight }) => weight))
  const scale = Math.min(1, mostWeight / most)
  return servers.map(({ name, port, priority, weight }) => ({
    host: name,
    port,
    ...(most === 0 ? {} : { weight: weight * scale }),
    ...(priority === lowest ? {} : { reads: false }),
  }))
}

/** The system's look-up knows no time limit of its own; its answer, if it comes later, is dropped. */
async function inTime<T>(answer: Promise<T>, { timeoutMs }: FindLimits): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
