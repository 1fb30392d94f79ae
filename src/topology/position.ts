/**
 * How far a server has come in the log of its shard. Comparable only within one timeline (PostgreSQL), and for each
 * replication domain by its sequence number (MariaDB).
 */
export type Position =
  | { readonly kind: 'lsn'; readonly timeline: number; readonly lsn: bigint }
  /** Domain → the last transaction of it. */
  | { readonly kind: 'gtid'; readonly domains: ReadonlyMap<number, GtidEntry> }

export interface GtidEntry {
  readonly server: number
  readonly sequence: bigint
}
