import {
  comparePosition,
  parsePosition,
  type Database,
  type Role,
  type Server,
  type ServerView,
  type ShardView,
} from '../index.ts'
import { positionText } from './position.ts'
import type { ConnectionsReport } from './server-connections.ts'

/** What `status --json` prints. Fields are only ever added. */
export interface StatusReport {
  /** Every shard has exactly one primary, and all servers may be used. */
  readonly ok: boolean
  /** When this was so: ISO 8601. */
  readonly at: string
  readonly shards: readonly ShardReport[]
  readonly problems: readonly Problem[]
}

export interface ShardReport {
  readonly database: string
  readonly shard: string
  readonly engine: Database['engine']
  /** The id of the server that takes the writes; `null` if there is none, or more than one. */
  readonly primary: string | null
  readonly servers: readonly ServerReport[]
  /** What looks for further servers; `null` if nothing does. */
  readonly discovery: DiscoveryReport | null
}

export interface DiscoveryReport {
  /** `Patroni at http://10.0.0.1:8008` */
  readonly source: string
  /** Servers that it named when it last answered. */
  readonly found: number | null
  /** Why the last look failed. */
  readonly failed: string | null
}

/** One server. What is not known is `null`. */
export interface ServerReport {
  /** `shop/main/replica-1` */
  readonly server: string
  /** Without password. */
  readonly address: string
  /** What it is, as it says itself. */
  readonly role: Role | null
  /** What the configuration says. */
  readonly declaredRole: Role
  readonly state: ServerView['state']
  /** PostgreSQL: timeline and log position, `1:0/16B3748`; MariaDB and MySQL: GTIDs, `0-1-8`. Of servers of replicated databases. */
  readonly position: string | null
  /** Milliseconds behind the primary. */
  readonly lagMs: number | null
  /** It was behind already in the first picture, so the lag is at least that. */
  readonly isLagLonger: boolean
  /** PostgreSQL: bytes of log that it has yet to replay. */
  readonly bytesBehind: number | null
  /** Milliseconds since it was last asked. */
  readonly probeAgeMs: number | null
  /** `null` of SQLite, too. */
  readonly connections: ConnectionsReport | null
  readonly version: string | null
  /** Why it gets no statements; `null` if it does. */
  readonly out: string | null
  /** The server that it is, too, by another address. */
  readonly sameAs: string | null
}

/** `no-primary`, `two-primaries`, `discovery`: of a shard, `server` is `null`. `out`: of a server. */
export interface Problem {
  readonly code: 'no-primary' | 'two-primaries' | 'out' | 'discovery'
  readonly database: string
  readonly shard: string
  readonly server: string | null
  readonly message: string
}

/** The time of a picture, and the first picture: lag is known only as far back as that. */
export interface Moment {
  readonly at: Date
  readonly first: readonly ShardView[]
  /** Milliseconds since the first picture. */
  readonly sinceFirstMs: number
}

/** Puts together what is known of all shards, in the order of the configuration. `connections`: by server. Pure. */
export function statusReport(
  databases: Iterable<Database>,
  views: readonly ShardView[],
  connections: ReadonlyMap<string, ConnectionsReport>,
  moment: Moment,
): StatusReport {
  const shards: ShardReport[] = []
  const problems: Problem[] = []
  for (const database of databases) {
    for (const { name, primary, replicas } of database.shards) {
      const view = views.find((each) => each.database === database.alias && each.shard === name)
      if (view === undefined) continue
      const declared = new Map([primary, ...replicas].map((server) => [server.id, server]))
      const lagOf = lagSince(moment, view)
      const servers = view.servers.map((server) => {
        const counted = connections.get(server.id) ?? null
        return serverReport(server, declared.get(server.id), lagOf(server), counted)
      })
      const taker = view.primary.kind === 'primary' ? servers.find(({ role }) => role === 'primary') : undefined
      shards.push({
        database: database.alias,
        shard: name,
        engine: database.engine,
        primary: taker?.server ?? null,
        servers,
        discovery: discoveryReport(view),
      })
      problems.push(...problemsOf(view, servers))
    }
  }
  return { ok: problems.length === 0, at: moment.at.toISOString(), shards, problems }
}

type Lag = Pick<ServerReport, 'lagMs' | 'isLagLonger'>

/** A server that lacks something of what the primary had in the first picture has been behind since, or for longer. */
function lagSince(
  { first, sinceFirstMs }: Moment,
  { database, shard, primary }: ShardView,
): (server: ServerView) => Lag {
  const then = first.find((each) => each.database === database && each.shard === shard)
  const id = primary.kind === 'primary' ? primary.server.id : undefined
  const wanted = parsePosition(then?.servers.find((server) => server.id === id)?.position ?? '')
  return ({ lagMs, position, probeAgeMs = 0, writable }) => {
    if (lagMs === undefined || writable === undefined) return { lagMs: null, isLagLonger: false }
    const at = parsePosition(position ?? '')
    const isLagLonger = at !== undefined && wanted !== undefined && comparePosition(at, wanted) === 'behind'
    const leastMs = isLagLonger ? sinceFirstMs - probeAgeMs : 0
    return { lagMs: Math.round(Math.max(lagMs, leastMs)), isLagLonger }
  }
}

function serverReport(
  view: ServerView,
  declared: Server | undefined,
  lag: Lag,
  connections: ConnectionsReport | null,
): ServerReport {
  const { id, address, state, writable, position, bytesBehind, probeAgeMs, version, out, sameAs } = view
  return {
    server: id,
    address,
    role: writable === undefined ? null : writable ? 'primary' : 'replica',
    declaredRole: declared?.role ?? view.role,
    state,
    position: position === undefined ? null : positionText(position),
    ...lag,
    bytesBehind: bytesBehind ?? null,
    probeAgeMs: probeAgeMs === undefined ? null : Math.round(probeAgeMs),
    connections,
    version: version ?? null,
    out: out ?? (state === 'unknown' ? 'it has not answered yet' : null),
    sameAs: sameAs ?? null,
  }
}

function discoveryReport({ discovery }: ShardView): DiscoveryReport | null {
  if (discovery === undefined) return null
  const { source, found = null, failed = null } = discovery
  return { source, found, failed }
}

function problemsOf(
  { database, shard, primary, discovery }: ShardView,
  servers: readonly ServerReport[],
): readonly Problem[] {
  const problems: Problem[] = []
  if (primary.kind !== 'primary') {
    const isSplit = primary.kind === 'split'
    const what = isSplit ? 'has more than one primary' : 'has no primary'
    problems.push({
      code: isSplit ? 'two-primaries' : 'no-primary',
      database,
      shard,
      server: null,
      message: `"${database}" (shard ${shard}) ${what}: ${primary.why}`,
    })
  }
  if (discovery?.failed !== undefined) {
    const message = `"${database}" (shard ${shard}): servers were looked for in vain: ${discovery.failed.replace(/\.$/, '')}`
    problems.push({ code: 'discovery', database, shard, server: null, message })
  }
  for (const { server, out, sameAs } of servers) {
    // Its other address gets them.
    if (out === null || sameAs !== null) continue
    problems.push({ code: 'out', database, shard, server, message: `${server} gets no statements: ${out}` })
  }
  return problems
}
