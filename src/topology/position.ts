import { formatGtidSet, hasGtids, parseGtidSet, uniteGtidSets, type GtidSet } from './gtid-set.ts'

/**
 * How far a server has come in the log of its shard. Comparable only within one timeline (PostgreSQL), for each
 * replication domain by its sequence number (MariaDB), and as the set of all its transactions (MySQL).
 */
export type Position =
  | { readonly kind: 'lsn'; readonly timeline: number; readonly lsn: bigint }
  /** Domain → the last transaction of it. */
  | { readonly kind: 'gtid'; readonly domains: ReadonlyMap<number, GtidEntry> }
  | { readonly kind: 'gtid-set'; readonly transactions: GtidSet }

/** The last transaction of a replication domain of MariaDB: the server that ran it, and its number. */
export interface GtidEntry {
  readonly server: number
  readonly sequence: bigint
}

const greatest32 = 0xffff_ffff
const greatest64 = 0xffff_ffff_ffff_ffffn

/**
 * Whether a server that is at `at` has `wanted` behind it. Positions of two kinds or of two timelines are incomparable:
 * neither proves anything about the other.
 *
 * GTIDs are compared by their sequences alone, because the server id of a domain changes with its primary (0-1-7, then
 * 0-2-8). A domain that `at` does not know is one of which nothing has arrived, so `at` is behind. A set of transactions
 * has reached another one if it contains it, gaps and all.
 */
export function comparePosition(at: Position, wanted: Position): 'reached' | 'behind' | 'incomparable' {
  if (at.kind === 'lsn') {
    if (wanted.kind !== 'lsn' || at.timeline !== wanted.timeline) return 'incomparable'
    return at.lsn >= wanted.lsn ? 'reached' : 'behind'
  }
  if (at.kind === 'gtid-set') {
    if (wanted.kind !== 'gtid-set') return 'incomparable'
    return hasGtids(at.transactions, wanted.transactions) ? 'reached' : 'behind'
  }
  if (wanted.kind !== 'gtid') return 'incomparable'
  for (const [domain, { sequence }] of wanted.domains) {
    const entry = at.domains.get(domain)
    if (entry === undefined || entry.sequence < sequence) return 'behind'
  }
  return 'reached'
}

/**
 * The least position that has reached both, or `undefined` if they are incomparable, or if it is a set of transactions
 * beyond `gtidSetLimits`.
 */
export function mergePositions(a: Position, b: Position): Position | undefined {
  if (a.kind === 'lsn') {
    if (b.kind !== 'lsn' || a.timeline !== b.timeline) return undefined
    return a.lsn >= b.lsn ? a : b
  }
  if (a.kind === 'gtid-set') {
    const transactions = b.kind === 'gtid-set' ? uniteGtidSets(a.transactions, b.transactions) : undefined
    return transactions && { kind: 'gtid-set', transactions }
  }
  if (b.kind !== 'gtid') return undefined
  const domains = new Map(a.domains)
  for (const [domain, entry] of b.domains) {
    const other = domains.get(domain)
    domains.set(domain, other === undefined ? entry : laterEntry(other, entry))
  }
  return { kind: 'gtid', domains }
}

/** Two servers with one sequence are two histories; the server id decides, so that merging does not depend on the order. */
function laterEntry(a: GtidEntry, b: GtidEntry): GtidEntry {
  if (a.sequence !== b.sequence) return a.sequence > b.sequence ? a : b
  return a.server >= b.server ? a : b
}

/**
 * Whether everything that a server had committed before `commit`, which is one commit's position, is at or before it: where
 * `log`, the whole server's position, has one replication domain only. In that commits have one order, and become visible
 * in it.
 */
export function coversLog(commit: Position, log: Position): boolean {
  if (commit.kind !== 'gtid' || log.kind !== 'gtid') return false
  const [domain] = commit.domains.keys()
  return domain !== undefined && commit.domains.size === 1 && log.domains.size === 1 && log.domains.has(domain)
}

/**
 * A position as text, the same for equal positions: `lsn:3:0/16B3748` (timeline 3), `gtid:0-1-8,1-2-77`,
 * `gtid-set:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77`.
 */
export function formatPosition(position: Position): string {
  if (position.kind === 'lsn') return `lsn:${position.timeline}:${formatLsn(position.lsn)}`
  if (position.kind === 'gtid-set') return `gtid-set:${formatGtidSet(position.transactions)}`
  const sorted = [...position.domains].toSorted(([a], [b]) => a - b)
  return `gtid:${sorted.map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`).join(',')}`
}

/** What `formatPosition` wrote, or `undefined` for every text that is none. */
export function parsePosition(text: string): Position | undefined {
  if (text.startsWith('gtid:')) {
    const domains = parseGtidList(text.slice('gtid:'.length))
    return domains === undefined ? undefined : { kind: 'gtid', domains }
  }
  if (text.startsWith('gtid-set:')) {
    const transactions = parseGtidSet(text.slice('gtid-set:'.length))
    return transactions && { kind: 'gtid-set', transactions }
  }
  const [, digits = '', rest = ''] = /^lsn:(0|[1-9]\d{0,9}):([^:]+)$/.exec(text) ?? []
  const timeline = Number(digits)
  const lsn = parseLsn(rest)
  return lsn === undefined || timeline > greatest32 ? undefined : { kind: 'lsn', timeline, lsn }
}

/** PostgreSQL's text of a log position (`0/16B3748`: the upper and the lower 32 bits), or `undefined` for anything else. */
export function parseLsn(text: string): bigint | undefined {
  const [, upper, lower] = /^([\dA-F]{1,8})\/([\dA-F]{1,8})$/i.exec(text) ?? []
  return upper === undefined || lower === undefined ? undefined : (BigInt(`0x${upper}`) << 32n) | BigInt(`0x${lower}`)
}

/** A log position as PostgreSQL writes it: upper case, without leading zeros. */
export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase()
}

/**
 * MariaDB's list of GTIDs (`0-1-8,1-2-77`: domain, server, sequence), which is empty on a server that has replicated
 * nothing. `undefined` for anything else, and for a list that names a domain twice: that is the state of a binary log
 * (`gtid_binlog_state`), not a position.
 */
export function parseGtidList(text: string): ReadonlyMap<number, GtidEntry> | undefined {
  const domains = new Map<number, GtidEntry>()
  if (text === '') return domains
  for (const item of text.split(',')) {
    const match = /^(0|[1-9]\d{0,9})-(0|[1-9]\d{0,9})-(0|[1-9]\d{0,19})$/.exec(item)
    if (match === null) return undefined
    const [domain, server, sequence] = [Number(match[1]), Number(match[2]), BigInt(match[3] ?? '')]
    if (domain > greatest32 || server > greatest32 || sequence > greatest64 || domains.has(domain)) return undefined
    domains.set(domain, { server, sequence })
  }
  return domains
}

/**
 * Bytes of log that a server at `behind` has yet to replay until it is at `ahead`; 0 if it has reached it. Exact up to
 * 8 PiB. `undefined` unless both are log positions of one timeline.
 */
export function bytesBetween(behind: Position, ahead: Position): number | undefined {
  if (behind.kind !== 'lsn' || ahead.kind !== 'lsn' || behind.timeline !== ahead.timeline) return undefined
  return ahead.lsn > behind.lsn ? Number(ahead.lsn - behind.lsn) : 0
}
