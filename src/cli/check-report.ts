import type { Role } from '../index.ts'

/** What `check --json` prints. Fields are only ever added. */
export interface CheckReport {
  /** No finding is an error; under `--strict`, there is no finding at all. */
  readonly ok: boolean
  /** Processes of the application that the connections were counted for (`--processes`). */
  readonly processes: number
  readonly databases: readonly DatabaseReport[]
  readonly tables: readonly TableReport[]
  readonly findings: readonly Finding[]
}

/** One declared database. What could not be learnt is `null`. */
export interface DatabaseReport {
  readonly alias: string
  /** Other aliases that mean this database. */
  readonly aliases: readonly string[]
  readonly engine: 'postgres' | 'mysql' | 'sqlite'
  /** Without password. */
  readonly address: string
  readonly exclusive: boolean
  /** Only of a shadow: its base, whose server was looked at. The address is that of the local database, which was not. */
  readonly shadowOf?: string
  readonly reachable: boolean
  /** Why not, if it is not. */
  readonly failure: ReachFailure | null
  /** `PostgreSQL`, `MariaDB`, `MySQL` or `SQLite`, as the server says. */
  readonly product: string | null
  readonly version: string | null
  /** PostgreSQL: `replica` while it is in recovery; MySQL, MariaDB: while it is read-only. SQLite: `primary`. */
  readonly role: Role | null
  /** Whether writes would be taken: the server's setting, or the rights of the SQLite file. */
  readonly writable: boolean | null
  /** Milliseconds until the first answer, opening the connection included. */
  readonly connectMs: number | null
  /** Milliseconds of one round trip: the best of three. */
  readonly latencyMs: number | null
  /** How many connections the server takes; SQLite has no limit. */
  readonly serverMaxConnections: number | null
  /** How many connections one process of the application may open; `null` for a pool of the application's own. */
  readonly poolMaxConnections: number | null
  readonly tableCount: number | null
  /** Its declared replicas, in the order of the configuration. */
  readonly replicas: readonly ReplicaReport[]
  /**
   * Only if it has several. Then what is said above is that of the first one, but for `reachable` (whether all are), `failure` (the
   * first one's that is not), `replicas` (of all), and `tableCount` (of different names).
   */
  readonly shards?: readonly ShardCheckReport[]
}

/** One shard of a database. What could not be learnt is `null`. */
export interface ShardCheckReport extends Omit<
  DatabaseReport,
  'alias' | 'aliases' | 'engine' | 'exclusive' | 'shadowOf' | 'shards'
> {
  readonly shard: string
}

/** One declared replica. What could not be learnt is `null`. */
export interface ReplicaReport {
  /** `shop/main/replica-1` */
  readonly server: string
  /** Without password. */
  readonly address: string
  readonly reachable: boolean
  /** Why not, if it is not. */
  readonly failure: ReachFailure | null
  readonly product: string | null
  readonly version: string | null
  /** As of a database: `primary` is what a replica should not be. */
  readonly role: Role | null
  /** Whether it would take writes: of any account, or (MariaDB, MySQL) of this one in spite of `read_only`. */
  readonly writable: boolean | null
  /** Whether it receives from a primary now. */
  readonly receiving: boolean | null
  /** PostgreSQL: whether it is a copy of the cluster that its primary belongs to. */
  readonly sameCluster: boolean | null
  /** Milliseconds until the first answer, opening the connection included. */
  readonly connectMs: number | null
  /** Milliseconds of one round trip: the best of three. */
  readonly latencyMs: number | null
  readonly serverMaxConnections: number | null
  readonly poolMaxConnections: number | null
}

/** Why a database could not be reached, from the most particular. */
export const reachFailureKinds = [
  'timeout',
  'refused',
  'unknown-host',
  'unreachable-host',
  'authentication',
  'no-such-database',
  'no-such-file',
  'file',
  'too-many-connections',
  'tls',
  'starting-up',
  'shutting-down',
  'driver-missing',
  'connection-lost',
  'other',
] as const

export type ReachFailureKind = (typeof reachFailureKinds)[number]

export interface ReachFailure {
  readonly kind: ReachFailureKind
  /** The code of `docs/errors.md`, if it has one. */
  readonly code: string | null
  /** The engine's or the system's own code, if it has one. */
  readonly engineCode: string | null
  readonly message: string
}

/** One entry of `tables` in the configuration. */
export interface TableReport {
  readonly pattern: string
  readonly database: string
  readonly kind: 'name' | 'glob'
  /** `unknown`: its database could not be reached. `empty`: a glob that fits no table. */
  readonly state: 'found' | 'missing' | 'empty' | 'unknown'
  /** The tables and views of its database that it fits. */
  readonly found: readonly string[]
  /** The same names in other databases. */
  readonly elsewhere: readonly { readonly database: string; readonly table: string }[]
}

/** What may be found, each explained in `docs/cli.md`. */
export const findingCodes = [
  'unreachable',
  'tables-unreadable',
  'read-only-primary',
  'read-only-file',
  'replica-unreachable',
  'replica-takes-writes',
  'replica-of-another-cluster',
  'replica-not-receiving',
  'replica-account-can-write',
  'too-few-connections',
  'few-connections-left',
  'not-one-server',
  'table-missing',
  'table-only-elsewhere',
  'table-also-elsewhere',
  'table-undeclared-in-exclusive',
  'table-undeclared',
  'glob-empty',
  'table-missing-on-shard',
  'table-differs-on-shard',
  'column-order-differs',
  'shard-key-missing',
  'table-beside-its-shard',
  'table-undeclared-in-shards',
  'reference-rows-differ',
  'rows-on-wrong-shard',
  'rows-unreadable',
  'lookup-wrong',
  'lookup-not-filled',
  'lookup-unfit',
  'lookup-unreadable',
] as const

export type FindingCode = (typeof findingCodes)[number]

/** Something that is wrong (`error`) or may surprise (`warning`). */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: FindingCode
  readonly database: string
  /** The shard that it is about, of a database that has several. */
  readonly shard?: string
  /** The tables it is about, all of them; the message names the first few. */
  readonly tables: readonly string[]
  readonly message: string
}
