import type { ServerStatus } from '../drivers/driver.ts'
import type { Server } from '../topology/topology.ts'

export type ServerId = Server['id']

/** What came of asking one server how it is; `at` is when that was known. */
export type ProbeOutcome =
  { readonly at: number; readonly status: ServerStatus } | { readonly at: number; readonly failed: string }

/** What `decide` looks at besides the probes. */
export interface DecidedShard {
  /** As configured. */
  readonly primary: ServerId
  readonly replicas: readonly ServerId[]
  /** What earlier decisions have shown; see `decide`. */
  readonly known?: ShardHistory | undefined
}

export interface ShardHistory {
  /** The cluster of the last primary. */
  readonly cluster?: string | undefined
  /** PostgreSQL: the highest timeline that a primary was on. */
  readonly timeline?: number | undefined
  /** The last primary. */
  readonly primary?: ServerId | undefined
}

export type Decision =
  | { readonly kind: 'primary'; readonly id: ServerId }
  | { readonly kind: 'none'; readonly why: string }
  /** `newest`: the one that was promoted last, where timelines tell (PostgreSQL); the others then are old primaries. */
  | {
      readonly kind: 'split'
      readonly ids: readonly ServerId[]
      readonly newest?: ServerId | undefined
      readonly why: string
    }

/**
 * Who takes the writes of a shard. Pure: the same input gives an equal answer.
 *
 * The only server that answers and can be written to is the primary, whatever was configured: roles are followed, not
 * elected. None means no primary, several mean a split, in which nobody may write: every row written to the wrong one
 * is lost when that one is made a replica again.
 *
 * - A split stays one though the timelines tell which server was promoted: other processes, and the old primary's own
 *   jobs, may still write to it, and whoever runs the servers has to know. It ends when only one of them answers and can
 *   be written to. A hung old primary counts as not answering; its return is a split again.
 * - An old primary that is left alone after a split is not chosen: with `known.timeline`, a server of a lower timeline
 *   than the shard has been on lacks what was written since.
 * - A server that is reached by two addresses counts once; see `twinsOf`.
 * - A server of another cluster than the shard's is a stranger: it is never chosen, whatever it says of itself.
 * - Before the configured primary has been asked for the first time, no other server is chosen in its place.
 */
export function decide(shard: DecidedShard, probes: ReadonlyMap<ServerId, ProbeOutcome>): Decision {
  const strangers = strangersOf(shard, probes)
  const twins = twinsOf(shard, probes)
  const counts = (id: ServerId): boolean => !strangers.has(id) && !twins.has(id)
  const writable = idsOf(shard).filter((id) => statusOf(probes, id)?.writable === true && counts(id))
  const [id, second] = writable
  if (id === undefined && !probes.has(shard.primary)) return { kind: 'primary', id: shard.primary }
  if (id === undefined) return { kind: 'none', why: reasons(shard, probes, strangers) }
  if (second !== undefined) return split(writable, probes, strangers)
  if (id !== shard.primary && !probes.has(shard.primary))
    return { kind: 'none', why: `${id} accepts writes, and ${shard.primary} has not answered yet` }
  if (isOutdated(shard, statusOf(probes, id)))
    return { kind: 'none', why: reasons(shard, probes, strangers, outdatedText(shard)) }
  return { kind: 'primary', id }
}

/**
 * The servers that answer and belong to another cluster than the shard's. A server that does not tell its cluster
 * belongs. The shard's cluster is, in this order: the one that it was known to be, while one of its servers still has
 * it; the one of more than half of the configured servers; the configured primary's; the only one there is. Once a
 * cluster was known and is gone, the last of these no longer counts: what is left when the shard's own servers are down
 * could be somebody else's.
 */
export function strangersOf(
  shard: DecidedShard,
  probes: ReadonlyMap<ServerId, ProbeOutcome>,
): ReadonlyMap<ServerId, string> {
  const clusters = new Map<ServerId, string>()
  for (const id of idsOf(shard)) {
    const cluster = statusOf(probes, id)?.cluster
    if (cluster !== undefined) clusters.set(id, cluster)
  }
  const own = ownCluster(shard, clusters)
  const strange = [...clusters].filter(([, cluster]) => cluster !== own)
  return new Map(
    strange.map(([id, cluster]) => [
      id,
      own === undefined ? `its cluster ${cluster} may be another one` : `belongs to cluster ${cluster}, not to ${own}`,
    ]),
  )
}

/**
 * Servers that are another one of the shard by a second address, for instance a name that always leads to the primary,
 * to the one that stands for both: the last primary, so that a promotion is followed once and not twice, else the first.
 */
export function twinsOf(
  shard: DecidedShard,
  probes: ReadonlyMap<ServerId, ProbeOutcome>,
): ReadonlyMap<ServerId, ServerId> {
  const twins = new Map<ServerId, ServerId>()
  const byInstance = new Map<string, ServerId>()
  const last = shard.known?.primary
  const ids = idsOf(shard)
  for (const id of last !== undefined && ids.includes(last) ? [last, ...ids] : ids) {
    const instance = statusOf(probes, id)?.instance
    if (instance === undefined) continue
    const first = byInstance.get(instance)
    if (first === undefined) byInstance.set(instance, id)
    else if (first !== id) twins.set(id, first)
  }
  return twins
}

function ownCluster(shard: DecidedShard, clusters: ReadonlyMap<ServerId, string>): string | undefined {
  const votes = Map.groupBy(clusters.values(), (cluster) => cluster)
  const known = shard.known?.cluster
  if (known !== undefined && votes.has(known)) return known
  for (const [cluster, { length }] of votes) if (length * 2 > shard.replicas.length + 1) return cluster
  const configured = clusters.get(shard.primary)
  if (configured !== undefined) return configured
  const [only, another] = votes.keys()
  return known === undefined && another === undefined ? only : undefined
}

function split(
  ids: readonly ServerId[],
  probes: ReadonlyMap<ServerId, ProbeOutcome>,
  strangers: ReadonlyMap<ServerId, string>,
): Decision {
  const timelines = ids.map((id) => timelineOf(statusOf(probes, id)))
  const highest = timelines.every((timeline) => timeline !== undefined) ? Math.max(...timelines) : undefined
  const onHighest = ids.filter((_, i) => timelines[i] === highest)
  const newest = highest !== undefined && onHighest.length === 1 ? onHighest[0] : undefined
  const others = ids.filter((id) => id !== newest)
  const why = [
    `${ids.join(' and ')} all accept writes, so nothing is written until all but one are stopped or read-only`,
    ...(newest === undefined
      ? []
      : [`${newest} was promoted last (timeline ${highest}), so ${others.join(' and ')} must not come back as it is`]),
    ...[...strangers].map(([id, text]) => `${id} ${text}`),
  ]
  return { kind: 'split', ids, newest, why: why.join('; ') }
}

/** What keeps each server from being the primary. */
function reasons(
  shard: DecidedShard,
  probes: ReadonlyMap<ServerId, ProbeOutcome>,
  strangers: ReadonlyMap<ServerId, string>,
  ifWritable = 'accepts writes',
): string {
  const told = idsOf(shard).map((id) => {
    const outcome = probes.get(id)
    if (outcome === undefined) return `${id} has not answered yet`
    if ('failed' in outcome) return `${id} cannot be reached: ${outcome.failed}`
    return `${id} ${strangers.get(id) ?? (outcome.status.writable ? ifWritable : 'is read-only')}`
  })
  return told.join('; ')
}

function isOutdated(shard: DecidedShard, status: ServerStatus | undefined): boolean {
  const { cluster, timeline } = shard.known ?? {}
  const now = timelineOf(status)
  // A new cluster (an upgrade by dump or pg_upgrade) counts its timelines anew.
  return timeline !== undefined && now !== undefined && now < timeline && status?.cluster === cluster
}

function outdatedText(shard: DecidedShard): string {
  return `is an old primary: it accepts writes on a lower timeline than ${shard.known?.timeline}, on which the shard was`
}

export function timelineOf(status: ServerStatus | undefined): number | undefined {
  return status?.position?.kind === 'lsn' ? status.position.timeline : undefined
}

function statusOf(probes: ReadonlyMap<ServerId, ProbeOutcome>, id: ServerId): ServerStatus | undefined {
  const outcome = probes.get(id)
  return outcome !== undefined && 'status' in outcome ? outcome.status : undefined
}

function idsOf(shard: DecidedShard): readonly ServerId[] {
  return [shard.primary, ...shard.replicas]
}
