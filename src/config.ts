import type { ClientLimits, PoolLimits } from './config-options.ts'
import type { Hints, Router } from './routing/router.ts'
import type { LookupInput } from './parse-lookups.ts'
import type { DeclaredShardMap } from './routing/shard-map.ts'
import type { FoundServer } from './topology/discovery.ts'
import type { ConnectionSettings, NativeSender, TypeParsers } from './drivers/driver.ts'
import type { Dsn, Handle } from './topology/server-target.ts'
import type { ShadowKind } from './topology/shadow.ts'
import type { TableKind } from './topology/table-map.ts'
import type { ReplicationOptions } from './topology/topology.ts'

/** One server of a database. */
export interface ServerInput {
  /** A data source name. */
  readonly url: string
  /** Share of the reads that a replica gets, relative to the others. Default 1; 0 to 1,000. */
  readonly weight?: number
  /** Marks of a purpose-built replica. Default none. */
  readonly tags?: readonly string[]
}

/**
 * What finds the servers of a database besides those named in its configuration: exactly one of `patroni`, `dns`,
 * `replicaHosts` and `find`. A server that is found gets the primary's data source name with its own host and port. Roles
 * are not taken from here: each server is asked itself.
 */
export interface DiscoveryInput {
  /** URLs of Patroni's REST interface on one or more members: `http://10.0.0.1:8008`. One that answers is enough. */
  readonly patroni?: string | readonly string[]
  /**
   * Every address of a name, or with `srv` every target of its SRV records. `port` defaults to the engine's own. Addresses of one
   * `family` count, 4 or 6; by default that of the address which the system puts first.
   */
  readonly dns?: { readonly name: string; readonly port?: number; readonly srv?: boolean; readonly family?: 4 | 6 }
  /** MariaDB and MySQL: what the present primary says to SHOW REPLICA HOSTS. MySQL needs `report_host` on the replicas. */
  readonly replicaHosts?: true
  /** Code of the application's own. */
  readonly find?: () => readonly FoundServer[] | Promise<readonly FoundServer[]>
  /** Milliseconds from one look to the next, 100 to 3,600,000; default 5,000. Without a primary it looks at once. */
  readonly intervalMs?: number
  /** Milliseconds until a look without an answer has failed, 10 to 60,000; default 1,000. */
  readonly timeoutMs?: number
}

/** The servers of one shard. */
export interface ShardInput {
  /** A data source name, never an alias; any text compiles, since most come from the environment. */
  readonly primary: string | ServerInput | Handle
  /** Copies of the primary that reads may use. */
  readonly replicas?: readonly (string | ServerInput | Handle)[]
}

/** A database with more to say than its data source name. */
export interface DatabaseInput extends ShardInput, CommonDatabaseInput {
  /** What finds further servers while the application runs. Needs a primary with a data source name. */
  readonly discovery?: DiscoveryInput
}

/** A database whose rows are spread over several shards. */
export interface ShardedDatabaseInput extends CommonDatabaseInput {
  /** The shards by name: a data source name, a pool or handle, or a primary with its replicas. All of one engine. */
  readonly shards: Readonly<Record<string, string | ShardInput | Handle>>
  /** From the key of a row to its shard: `hashShards({ key: 'integer' })`, … Needed as soon as a table has a shard key. */
  readonly shardMap?: DeclaredShardMap
  /** `refuse`: a read without its shard key is refused, unless the call says `{ allShards: true }`. Default `allow`. */
  readonly scatter?: 'allow' | 'refuse'
}

/** A database that shows another one's data, with local changes laid over it. The other one is never written. */
export interface ShadowDatabaseInput {
  /**
   * `base`: the alias of the database whose data it shows; if it has replicas, the first one is read. `local`: a database of the same
   * engine that keeps the changes. What it needs there is made when it is first used.
   */
  readonly shadow: { readonly base: string; readonly local: string }
  /**
   * How tables are shown, by name or glob: `augment` (the base's rows with the local ones laid over them), `replace` (the local table
   * alone), `base` (default: as the base has it; writing it is refused).
   */
  readonly tables?: Readonly<Record<string, ShadowKind>>
  /** Limits of this database's connections; what is left out is taken from `pool` of the whole configuration. */
  readonly pool?: Partial<PoolLimits>
}

/** What every database may say. */
export interface CommonDatabaseInput {
  /** Only tables whose declared home is this database may be used and migrated on it. Default false. */
  readonly exclusive?: boolean
  /** MySQL/MariaDB: the schema that holds the tables. Default: the name in the data source name. */
  readonly schema?: string
  /** Limits of this database's connections; what is left out is taken from `pool` of the whole configuration. */
  readonly pool?: Partial<PoolLimits>
  /** How reads use the replicas; what is left out is taken from `replication` of the whole configuration. */
  readonly replication?: Partial<ReplicationOptions>
}

/** A table's home with more to say than the database's alias. */
export interface TableInput<A extends string = string> {
  readonly database: A
  /**
   * How its rows are spread over the shards of the database. `sharded` (default with a `shardKey`): by their key. `reference`: all
   * of them on each shard. `unsharded`: on the first shard. Must be said of a database with several shards; elsewhere
   * everything is `unsharded`.
   */
  readonly kind?: TableKind
  /** The column or columns by whose value the shard of a row is found, in the order of the shard map's `key`. */
  readonly shardKey?: string | readonly string[]
  /** Columns that are unique over all shards, and lead to the shard key without asking every shard: docs/lookup-indexes.md. */
  readonly lookups?: Readonly<Record<string, LookupInput<A>>>
}

/** What {@link connect} takes. `D` is what `databases` declares; its keys are the aliases that other options may name. */
export interface Config<D extends Readonly<Record<string, DatabaseEntry>> = Readonly<Record<string, DatabaseEntry>>> {
  /** Alias → data source name, another alias, an object, or a pool or handle of the application's own. */
  readonly databases: D
  /** Table (name or glob, with or without schema) → the alias of its home. Undeclared tables live in `default`. */
  readonly tables?: Readonly<Record<string, AliasOf<D> | TableInput<AliasOf<D>>>>
  /** View → the tables it reads, so that routing knows where it must run. */
  readonly views?: Readonly<Record<string, readonly string[]>>
  /** Functions that a read may call although the catalogue calls them volatile, or does not know them. */
  readonly harmlessFunctions?: readonly string[]
  /** Code that decides where declarations do not reach; asked in order, first answer wins. */
  readonly routers?: readonly Router[]
  /** MySQL/MariaDB: groups of databases that are schemas of one server, so that one statement may join them. */
  readonly databasesShareServer?: readonly (readonly AliasOf<D>[])[]
  /**
   * Databases that this client only reads: what may write is refused before it is sent, and their servers are told to refuse it, too.
   * Aliases, or `*` for every database, also those named at a call. The environment variable `SIGNALBOX_NO_WRITES_TO=production,other`
   * says the same for each client of the process. Default none.
   */
  readonly noWritesTo?: readonly (AliasOf<D> | '*')[]
  /**
   * Where decisions about distributed transactions are written, for calls that name no `log`: an alias, or an object. The client then also
   * recovers by itself, when it starts and regularly: it ends what processes that died, and servers that were gone, have left prepared.
   */
  readonly transactionLog?: AliasOf<D> | TransactionLogInput<AliasOf<D>>
  /**
   * `comments` (default): a comment `signalbox: using=archive` at the start or at the end of a statement says what the options of its call
   * do not say. `none`: comments say nothing, for processes that run texts which others write.
   */
  readonly hints?: 'comments' | 'none'
  /** Limits of the connections to every server that does not state its own. */
  readonly pool?: Partial<PoolLimits>
  /** How reads use replicas, for every database that does not say it itself. */
  readonly replication?: Partial<ReplicationOptions>
  /** Tokens that carry what a session must remember to another request, process or job. */
  readonly tokens?: TokenInput
  /** Limits of the client. */
  readonly limits?: Partial<ClientLimits>
}

/** Where decisions about distributed transactions are written, and how often what was left prepared is looked for. */
export interface TransactionLogInput<A extends string = string> {
  /** On PostgreSQL, MySQL or MariaDB, and not sharded. */
  readonly database: A
  /** Default `signalbox_transaction`; perhaps with a schema. */
  readonly table?: string
  /**
   * Milliseconds from one recovery to the next, 1,000 to 86,400,000; default 60,000. While something is left that cannot be ended yet, the
   * next one comes after 10 s at most. 0: none by itself, also not when the client starts.
   */
  readonly recoverEveryMs?: number
  /** These recoveries roll undecided transactions of this age back: milliseconds from 0 to 86,400,000; default 60,000. */
  readonly olderThanMs?: number
}

/** How session tokens are signed. */
export interface TokenInput {
  /** Secrets of at least 16 bytes, the same in every process. The first signs, all are accepted: put a new one first. */
  readonly keys: readonly string[]
  /** Older tokens are ignored. Milliseconds from 1,000 to 86,400,000; default 60,000. */
  readonly maxAgeMs?: number
}

/** What an alias may stand for. */
export type DatabaseEntry = string | DatabaseInput | ShardedDatabaseInput | ShadowDatabaseInput | Handle

/** The aliases of a `databases` object. */
export type AliasOf<D> = keyof D & string

/** Where a statement may be sent explicitly: a declared alias, a data source name, or a pool or handle. */
export type UsingTarget<A extends string> = A | Dsn | Handle

/** What may be asked of the servers that answer reads; what may write runs on the primary whatever it says. */
export interface ReadOptions {
  /** `primary`: a read must not go to a replica. `replica`: it may, and waits for nothing the session wrote. */
  readonly role?: 'primary' | 'replica'
  /** Only replicas that have all these tags; what happens where none can be used says `replication.tagFallback`. */
  readonly tags?: readonly string[]
  /** The rows may be this old at most, in milliseconds; else the primary is read. 0 to 86,400,000. */
  readonly maxStalenessMs?: number
  /**
   * A token of `session.token()`: the rows must show at least what that session wrote or saw, and, with `role:
   * 'replica'` too, what the present one did. Until a replica does the read waits, up to `replication.waitMs`, then the
   * primary is read. In a session later reads show it as well. A token that cannot be used asks for nothing and is
   * counted in `client.ignoredTokens`; tokens count up to an age of 24 hours here.
   */
  readonly atLeast?: string | undefined
}

/** What `client.within()` asks for; what is left out stays as it is around the call. */
export interface ScopeOptions extends ReadOptions {
  /** True: each call is a session of its own, which begins with what the one around it remembers. Default false. */
  readonly session?: boolean
}

/** What may be said about one call. */
export interface CallOptions extends ReadOptions {
  /** Cancels the statement on the server. */
  readonly signal?: AbortSignal
  /** Milliseconds from the call to the answer, of a stream to its first row; 0 = none. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
  /** `object` (default) or `array`. */
  readonly rowMode?: 'object' | 'array'
  /** PostgreSQL: how values become those of the rows, as the option `types` of `pg`. */
  readonly types?: TypeParsers
  /** False: not as a named prepared statement. */
  readonly prepare?: boolean
  /** For routers. */
  readonly hints?: Hints
  /** The dialect that the text is written in. Default: that of the database it goes to. */
  readonly dialect?: 'postgres' | 'mysql' | 'sqlite'
  /** Streams: rows fetched at a time, at least 1. Default: `pool.fetchSize` of the database. */
  readonly fetchSize?: number
  /**
   * As `client.using(target)`, for this call only. For adapters, which cannot choose the scope beforehand: unlike there,
   * a misspelt alias is found only when the call is made.
   */
  readonly using?: UsingTarget<string>
  /**
   * A key of the shard that the statement is for, as `client.shard(key, fn)`: it goes there, also where nothing in its text says
   * so. Refused if its text leads to another shard.
   */
  readonly shardKey?: unknown
  /**
   * A write without a shard key is sent to all shards, each of which commits by itself; a read of a database with `scatter: 'refuse'`
   * may ask all of them. Default false.
   */
  readonly allShards?: boolean
  /**
   * A read of several shards leaves out those that cannot be reached; `result.missingShards` names them. Default false: then it
   * fails. Groups and aggregates are then those of the shards that are there. Not for streams, which fail.
   */
  readonly partial?: boolean
  /** @internal For adapters. MySQL: see `DriverRequest.sender`. */
  readonly sender?: NativeSender
  /** @internal For adapters. Settings under which the statement runs; PostgreSQL: in a transaction those of its first statement count. */
  readonly settings?: ConnectionSettings | undefined
  /** @internal For adapters. The statement changes these settings and nothing else: whoever makes the call keeps them in `settings` from then on. */
  readonly changes?: readonly string[] | undefined
  /** @internal For adapters. PostgreSQL: see `DriverRequest.untilEnded`. */
  readonly untilEnded?: boolean
}

export * from './config-options.ts'
export type { FoundServer } from './topology/discovery.ts'
export type { Dsn, Handle, MysqlPoolHandle, PostgresPoolHandle, SqliteHandle } from './topology/server-target.ts'
