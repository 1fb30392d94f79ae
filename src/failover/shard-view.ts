import { bytesBetween, formatPosition } from '../topology/position.ts'
import type { Role, Server, Shard } from '../topology/topology.ts'
import type { Health } from './health.ts'
import type { WatchedServer } from './watched-server.ts'

/** Who takes the writes of a shard. The server is the configured object: its `role` may be another one by now. */
export type ShardPrimary =
  | { readonly kind: 'primary'; readonly server: Server }
  /** `none`: nobody; `split`: several would, so nobody may. */
  | { readonly kind: 'none' | 'split'; readonly why: string }

/** One server of a shard, for people. Plain data, which `JSON.stringify` takes. */
export interface ServerView {
  readonly id: string
  readonly address: string
  /** What it is now, whatever was configured. */
  readonly role: Role
  readonly state: Health['kind']
  /** Whether it said that it accepts writes; undefined if it has not answered, or not the last time. */
  readonly writable: boolean | undefined
  readonly version: string | undefined
  /** As `formatPosition` writes it: `lsn:1:0/16B3748`, `gtid:0-1-8`. `parsePosition` makes a position of it, to compare. */
  readonly position: string | undefined
  readonly lagMs: number | undefined
  /** PostgreSQL: bytes of log that it has yet to replay. */
  readonly bytesBehind: number | undefined
  /** Milliseconds since its last probe ended; undefined before the first. */
  readonly probeAgeMs: number | undefined
  /** Why it gets no statements; undefined if it does. */
  readonly out: string | undefined
  /** The id of the server that this one is, too, by another address; that one gets the statements. */
  readonly sameAs?: string | undefined
}

/** A shard, for people. Plain data, which `JSON.stringify` takes. */
export interface ShardView {
  readonly database: string
  readonly shard: string
  readonly primary: ShardPrimary
  readonly servers: readonly ServerView[]
  /** How the last look for further servers went, where the configuration names a source. */
  readonly discovery?: DiscoveryView | undefined
}

/** How the last look for servers went. */
export interface DiscoveryView {
  /** The source, for people. */
  readonly source: string
  /** Servers that it named when it last answered; undefined if it never has. */
  readonly found: number | undefined
  /** Why the last look failed; undefined if it did not. */
  readonly failed: string | undefined
}

export interface ShardViewParts {
  readonly database: string
  readonly shard: Shard
  readonly primary: ShardPrimary
  readonly servers: Iterable<WatchedServer>
  readonly outOf: (watched: WatchedServer) => string | undefined
  readonly twinOf: (id: string) => string | undefined
  readonly now: number
}

export function viewOf({ database, shard, primary, servers, outOf, twinOf, now }: ShardViewParts): ShardView {
  const watched = [...servers]
  const primaryId = primary.kind === 'primary' ? primary.server.id : undefined
  const ahead = watched.find(({ server }) => server.id === primaryId)?.position
  const views = watched.map((one): ServerView => ({
    id: one.server.id,
    address: one.server.address,
    role: one.server.id === primaryId ? 'primary' : 'replica',
    state: one.health.kind,
    writable: one.status?.writable,
    version: one.status?.version,
    position: one.position && formatPosition(one.position),
    lagMs: one.server.id === primaryId ? 0 : one.lagMs,
    bytesBehind: one.position && ahead && bytesBetween(one.position, ahead),
    probeAgeMs: one.outcome && now - one.outcome.at,
    out: outOf(one),
    sameAs: twinOf(one.server.id),
  }))
  return { database, shard: shard.name, primary, servers: views }
}
