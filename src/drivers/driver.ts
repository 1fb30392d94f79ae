import type { Params } from '../statement/statement.ts'
import type { Position } from '../topology/position.ts'
import type { Engine, PoolOptions, ServerTarget } from '../topology/server-target.ts'

export type { Engine, PoolOptions, ServerTarget } from '../topology/server-target.ts'

/** What a statement may do to a connection and its data; decided by the analysis, never by the driver. */
export type Access =
  /** Reads only, locks nothing, calls nothing volatile: may share a connection, and may be sent a second time. */
  | 'read'
  /** May change data or take locks: has a connection of its own while it runs; is sent once. */
  | 'write'
  /** Changes the state of its connection, which is reset or closed before anybody else uses it. */
  | 'session'

/**
 * Settings of the session that hold for a statement or on a lease, whichever connection it has; those of nobody else do. Immutable. `key` is equal for
 * equal ones and for no others, and never empty; besides there is what the engine needs to make them.
 */
export type ConnectionSettings = NamedSettings | StatedSettings

/** PostgreSQL: by name and value, set in their order. */
export interface NamedSettings {
  readonly key: string
  /** By name in lower case. At least one. */
  readonly values: ReadonlyMap<string, string>
}

/** MySQL, whose statements say more than names and values. */
export interface StatedSettings {
  readonly key: string
  /** What sets it, in order. */
  readonly statements: readonly string[]
  /** The variables that are set, as the engine writes them. */
  readonly variables: readonly string[]
}

/** The form of the rows. */
export type RowMode = 'object' | 'array' | 'raw'

/** Sends statements as an application's own objects of a driver would, and takes their answers so. Of a façade of that driver. */
export interface NativeSender {
  /**
   * An object of the driver's own that sends `sql` with `params` on the connection that it is given to, once: a command of mysql2. `done`
   * gets mysql2's error, or its rows (or header) and fields.
   */
  command(sql: string, params: Params, done: (error: unknown, rows?: unknown, fields?: unknown) => void): object
}

/** One statement on its way to one server. */
export interface DriverRequest {
  readonly sql: string
  readonly params: Params
  readonly access: Access
  /**
   * `object` (default): a row is an object keyed by column name; `array`: an array in column order; `raw`: such an array of
   * values that have lost nothing and that no parser of the application's has seen. PostgreSQL: the server's text. MySQL:
   * text for decimals, dates, times and JSON, and for whole numbers that JavaScript cannot hold. SQLite: a `bigint` for
   * each INTEGER, so that it is told from a REAL.
   */
  readonly rowMode?: RowMode | undefined
  /** Milliseconds from the call to the answer, waiting for a connection included; 0 or absent = no limit. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** PostgreSQL: how values become those of the rows, as the option `types` of `pg`. */
  readonly types?: TypeParsers | undefined
  /** False: never as a named prepared statement. */
  readonly prepare?: boolean | undefined
  /** @internal The text is not expected to come again, and not worth remembering. Equal for texts that differ in their values alone, and so take about as long. */
  readonly oneOffLike?: string | undefined
  /** Streams: rows fetched at a time. */
  readonly fetchSize?: number | undefined
  /** @internal MySQL: sends it in place of the driver, so that values and rows are as its user wants them; `rowMode` counts for nothing then. */
  readonly sender?: NativeSender | undefined
  /**
   * @internal What holds while it runs; default: the settings of nobody. PostgreSQL: on a lease those hold with which it was taken. MySQL: `any` means that it says
   * the same under all settings, so that none are changed for it.
   */
  readonly settings?: ConnectionSettings | 'any' | undefined
  /** @internal PostgreSQL: these settings are all that it may change of its connection, besides those that end with its transaction. */
  readonly changes?: readonly string[] | undefined
  /**
   * @internal PostgreSQL: once it runs on a connection of its own, an abort has the server cancel it, and the call ends when the server is done with it, with what the
   * server says. Default false: the call ends at once, and the server is told meanwhile.
   */
  readonly untilEnded?: boolean | undefined
  /** Streams: told of the columns, before the first row or the end, where the driver knows them (PostgreSQL). */
  readonly described?: ((fields: readonly Field[]) => void) | undefined
}

/** Finds what makes a value out of a column's text. As the option `types` of `pg`. */
export interface TypeParsers {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown
}

/** A query object of the driver's own, to which an answer is brought, and who is to hear of that. Exactly one of the two methods is called, once. */
export interface Cargo {
  /** As the driver's module makes it for itself. It may take the answer itself as that comes in; nobody is told by it. */
  readonly query: object
  /** Sends later attempts, where the driver has it sent by others: see {@link DriverRequest.sender}. */
  readonly sender?: NativeSender | undefined
  /** `native`: the driver's own result object, which is the query's own if that has taken it. */
  answered(native: unknown): void
  failed(error: unknown): void
}

/** A statement on its way. */
export interface UnderWay {
  /** Its user does not want it any more: as an abort of a call that is `untilEnded`. Does nothing once it has ended. */
  stop(): void
}

/** What a connection tells without being asked; `pg` calls these events so. `lost`: it broke, with the error; nothing comes after that. */
export interface ConnectionEvents {
  emit(event: 'notice' | 'notification' | 'lost', message: unknown): boolean
}

/** What has become of an object that was submitted, as far as its connection has shown it. */
export interface SubmittedOutcome {
  /** Rows that were sent, or that the statement has changed or copied. */
  readonly rowCount: number
  /** If it failed: as `query` would have thrown it. */
  readonly error?: unknown
}

/** The server's word on the transaction of a connection: none, open, or failed. */
export type TransactionStatus = 'I' | 'T' | 'E'

/** A column of a result. `native` is the driver's own description, untouched. */
export interface Field {
  readonly name: string
  readonly native: unknown
}

/** The answer of a driver. Rows are the driver's own objects, untouched. */
export interface DriverResult {
  readonly rows: readonly unknown[]
  /** Rows returned by a read; rows changed by a write. */
  readonly rowCount: number
  readonly fields: readonly Field[]
  /** The id that the engine generated for an inserted row, where it says so (MySQL, SQLite). */
  readonly insertId?: number | bigint | undefined
  /**
   * Where an autocommit write stands in the log, if the server says so along with the answer (MariaDB, see
   * `PoolOptions.trackPositions`) and the answer has no rows: these could show more.
   */
  readonly position?: Position | undefined
  /** The driver's own result object. */
  readonly native: unknown
}

/** Isolation levels of the SQL standard. SQLite has only `serializable`. */
export type Isolation = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'

export interface BeginOptions {
  readonly isolation?: Isolation | undefined
  readonly readOnly?: boolean | undefined
  /** The next request is a read with a `sender`: the driver may have BEGIN wait for it, and send both in one go. */
  readonly ahead?: boolean | undefined
}

/** How a lease is given back: as found; with its session state reset; or closed because it is broken or uncertain. */
export type ReleaseMode = 'clean' | 'reset' | 'destroy'

/** What has become of a transaction whose COMMIT was not answered. */
export type CommitFate =
  | { readonly kind: 'committed' | 'rolled back' }
  /** Not known: `why`, for people; `final` if asking again cannot help. */
  | { readonly kind: 'open'; readonly why: string; readonly final: boolean }

/** A piece of the data of a bulk copy: bytes that begin and end anywhere, and how many rows have begun in them. */
export interface CopyBlock {
  readonly bytes: Uint8Array
  readonly rows: number
}

/**
 * A connection that belongs to one caller until released. Statements run in the order of the calls.
 * An abort or time-out cancels the statement on the server; the lease stays usable if the engine says so.
 */
export interface Lease {
  query(request: DriverRequest): Promise<DriverResult>
  /** Rows one by one with back-pressure; leaving the loop early closes the cursor. The lease is the caller's still. */
  stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined>
  /**
   * The data of a statement that is a bulk copy to the client (`COPY … TO STDOUT`), as the server sends it, with back-pressure; leaving the loop early cancels it.
   * Absent where the engine has none; so is `copyIn`.
   */
  copyOut?(request: DriverRequest): AsyncGenerator<CopyBlock, void, undefined>
  /** Feeds a statement that is a bulk copy from the client (`COPY … FROM STDIN`). If the blocks fail, so does the statement, with their error. The number of rows. */
  copyIn?(request: DriverRequest, blocks: AsyncIterable<Uint8Array>): Promise<number>
  /**
   * Runs an object of the driver's own that knows by itself what to send and takes the answer, such as a cursor (what `pg` calls a
   * submittable). Resolves when the server is ready again, whether the statement failed or not: that is told to the object. Rejects if the
   * connection is lost, or was. `events` gets what the connection tells from now on until it is given back. `hear` is told what has become of it
   * before that, if the driver can tell. Absent where drivers have no such thing.
   */
  submit?(
    request: DriverRequest,
    statement: object,
    events?: ConnectionEvents,
    hear?: (outcome: SubmittedOutcome) => void,
  ): Promise<TransactionStatus>
  /** As `DriverPool.carry`, on this connection. `undefined` too while anything else runs or waits there. Absent where the driver cannot do it. */
  carry?(request: DriverRequest, cargo: Cargo): UnderWay | undefined
  begin(options: BeginOptions): Promise<void>
  /** Throws `CommitUnknownError` if the connection was lost after COMMIT was sent. */
  commit(): Promise<void>
  /** Where the last transaction that `commit` has ended stands in the log; as `DriverResult.position`. */
  readonly committed?: Position | undefined
  /**
   * After `commit` threw `CommitUnknownError`: asks another connection, to the present primary, whether the transaction
   * took effect. May be called again, and after `release`. Absent where the engine cannot tell. Errors as `query`.
   */
  commitFate?(there: Lease): Promise<CommitFate>
  rollback(): Promise<void>
  savepoint(name: string): Promise<void>
  rollbackTo(name: string): Promise<void>
  releaseSavepoint(name: string): Promise<void>
  /** Gives the connection back. A second call throws `TransactionClosedError`. */
  release(mode: ReleaseMode): Promise<void>
}

/** Figures of one pool at this moment. */
export interface PoolStats {
  /** Connections that are open. */
  readonly total: number
  /** Of them, those that nobody uses. */
  readonly idle: number
  /** Callers that wait for a connection. */
  readonly waiting: number
  /** Connections shared by several statements at a time (PostgreSQL, and MySQL through `signalbox/mysql2`). */
  readonly shared: number
  /** Statements that are on shared connections now. */
  readonly sharedInFlight: number
}

/** What a server says of itself. */
export interface ServerStatus {
  /** False for a standby, a read_only server: takes no writes of ordinary accounts. */
  readonly writable: boolean
  /**
   * How far it has come: of a primary the end of its log, of a replica what reads there can see. `undefined` where the
   * engine has none (SQLite, MySQL without GTIDs or with too many gaps in them, MariaDB without a binary log), and where
   * the account cannot know it for certain: on a PostgreSQL standby that needs the role `pg_read_all_stats` and a receiver
   * at work, or luck (`postgres/server-status.ts`).
   */
  readonly position: Position | undefined
  /**
   * PostgreSQL, where `position` cannot be known: the position if the standby is on the timeline of its control file, which
   * an ordinary account may read. It is, unless the standby has followed a promotion since its last restartpoint.
   */
  readonly presumed?: Position | undefined
  /**
   * The cluster it belongs to, where known: PostgreSQL's system identifier; `undefined` elsewhere. Two servers with
   * different ones do not replicate each other.
   */
  readonly cluster: string | undefined
  /**
   * Equal for two addresses of the same database of one running server, different for different servers or databases;
   * `undefined` where unknown.
   */
  readonly instance?: string | undefined
  /** Whether a replica receives from its primary now; `undefined` for a primary or where it cannot be seen. */
  readonly receiving: boolean | undefined
  /**
   * Milliseconds since the last replayed transaction's commit if the replica has something left to replay, 0 if it has
   * replayed all that it received, `undefined` where unknown.
   */
  readonly lagMs: number | undefined
  /** For people: `15.18`, `10.11.19-MariaDB`. */
  readonly version: string
}

/** Limits of one call. */
export interface StatusOptions {
  /** Milliseconds from the call to the answer, waiting for a connection included; 0 or absent = no limit. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Limits and means of {@link DriverPool.showsAll}. */
export interface VisibilityOptions {
  /** The replica that showed something, if it can be asked: then only what it has shown is waited for. */
  readonly replica?: DriverPool | undefined
  /** Milliseconds until it is given up. */
  readonly timeoutMs: number
}

/**
 * Everything that one process keeps open to one server. Opens nothing until it is first used.
 *
 * Contract: errors are `SignalboxError`s (`QueryError` with the driver's error as `cause`, `TimeoutError`,
 * `AbortedError`, `PoolExhaustedError`, …) whose `safeToRetry` is true only if the statement cannot have taken effect
 * or was a read. A time-out or an abort never disturbs another caller's statement. A lost connection fails only what
 * was on it. No error holds a password.
 */
export interface DriverPool {
  readonly engine: Engine
  /** Runs one autocommit statement. SQLite answers at once, the others with a promise. */
  query(request: DriverRequest): DriverResult | Promise<DriverResult>
  /**
   * As `query`, without a promise, for a query object of the driver's own, which says by itself how its rows are to be; `rowMode` and `types` of the request say the same.
   * Absent where drivers have no such thing; `undefined` where that does not do for the request, and nothing was done.
   */
  carry?(request: DriverRequest, cargo: Cargo): UnderWay | undefined
  /** Streams one autocommit statement on a connection of its own. */
  stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined>
  /** A connection of one's own. `access: 'read'` promises that nothing but reads will run on it. */
  lease(options?: {
    readonly access?: Access | undefined
    readonly settings?: ConnectionSettings | 'any' | undefined
    readonly signal?: AbortSignal | undefined
    readonly timeoutMs?: number | undefined
  }): Promise<Lease>
  /** Asks the server for its role and position: one constant statement, sent like an autocommit read. Errors as `query`. */
  status(options?: StatusOptions): Promise<ServerStatus>
  /**
   * Of a primary: waits until a read that begins afterwards shows everything that its replicas can have shown before this
   * call. Engines show a commit on a replica before they show it on the primary: for a moment, and where commits wait for
   * replicas until the answer is in. `false` if that is not certain in time. Absent where the engine cannot tell. Errors as
   * `query`.
   */
  showsAll?(options: VisibilityOptions): Promise<boolean>
  stats(): PoolStats
  /**
   * The server does not answer, and nobody waits for it any more: every connection in use breaks at once. What runs there
   * fails as on a lost connection, and what waits for a connection, or comes later, with the same error, safe to retry.
   * `why`, for people, is part of the errors. `close` does the rest. Absent where there is no network in between.
   */
  sever?(why: string): void
  /**
   * How many established connections of this pool have been lost so far: broken, ended by the server, or given up
   * because an answer did not come; not those that the pool closed of itself. A server whose connection was lost may have
   * restarted, and may show an older state than before.
   */
  readonly losses: number
  /** Waits for what runs (at most `timeoutMs`), then closes every connection that it opened itself. Idempotent. */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<void>
}

/**
 * One driver. Importing its file loads no npm package; `open` does, and throws `DriverMissingError` if it cannot.
 *
 * @internal
 */
export interface Driver {
  readonly engine: Engine
  /** Prepares a pool; opens no connection. A pool made of a handle never closes the handle. */
  open(target: ServerTarget, options: PoolOptions): Promise<DriverPool>
}
