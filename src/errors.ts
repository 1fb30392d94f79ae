/**
 * Every error that Signalbox throws, with its code. `docs/errors.md` explains each one; a test holds the two equal.
 *
 * A message says what happened, with the numbers, and what to do. No message, property or inspect output holds a
 * password: data source names are redacted before they come here.
 */

import type { ErrorCode } from './error-codes.ts'
import { messageOf, SignalboxError, type ErrorDetails, type Where } from './signalbox-error.ts'

export { errorCodes, type ErrorCode } from './error-codes.ts'
export { locate, messageOf, SignalboxError, type ErrorDetails, type Where } from './signalbox-error.ts'

/** What kind of failure a server or a connection reported. */
export type ErrorClass =
  | 'connection-lost'
  | 'read-only'
  | 'shutting-down'
  | 'starting-up'
  | 'serialization'
  | 'constraint'
  | 'syntax'
  | 'other'

/** A configuration is wrong: `path` names the place, `allowed` what would be right. */
export class ConfigError extends SignalboxError {
  readonly path: string
  readonly allowed: string
  constructor(path: string, message: string, allowed: string, code: ErrorCode = 'SIGNALBOX_CONFIG_INVALID') {
    super(code, `${path}: ${message} Allowed: ${allowed}.`)
    this.path = path
    this.allowed = allowed
  }
}

/** An alias that the configuration does not declare. `nearMatches`: declared ones that look like it. */
export class UnknownDatabaseError extends SignalboxError {
  readonly alias: string
  readonly nearMatches: readonly string[]
  constructor(alias: string, known: readonly string[], nearMatches: readonly string[], context = '') {
    const hint =
      nearMatches.length > 0
        ? `Did you mean ${nearMatches.map((name) => `"${name}"`).join(' or ')}?`
        : 'Add it to `databases`.'
    super(
      'SIGNALBOX_UNKNOWN_DATABASE',
      `${context}There is no database "${alias}". Declared: ${known.map((name) => `"${name}"`).join(', ') || 'none'}. ${hint}`,
    )
    this.alias = alias
    this.nearMatches = nearMatches
  }
}

/** No database was found for a statement: no home of its tables, no answer of a router, no `default`. Nothing was sent. */
export class NoRouteError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_NO_ROUTE', message)
  }
}

/** A router answered with something that is no database, shard or role. Nothing was sent. */
export class RouterAnswerError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_ROUTER_ANSWER', message)
  }
}

/** A table and the database it lives in. */
export interface TableHomeReport {
  readonly table: string
  readonly database: string
}

/** One statement names tables of several databases, which no server could join. Nothing was sent; `tables` has their homes. */
export class CrossDatabaseQueryError extends SignalboxError {
  readonly tables: readonly TableHomeReport[]
  constructor(message: string, tables: readonly TableHomeReport[]) {
    super('SIGNALBOX_CROSS_DATABASE_QUERY', message)
    this.tables = tables
  }
}

/** A statement of another database than the transaction runs on. Everything was rolled back; `tables` has the homes. */
export class CrossDatabaseTransactionError extends SignalboxError {
  readonly tables: readonly TableHomeReport[]
  constructor(message: string, tables: readonly TableHomeReport[]) {
    super('SIGNALBOX_CROSS_DATABASE_TRANSACTION', message)
    this.tables = tables
  }
}

/** A statement cannot be run on a shadow; or a shadow cannot be made, or is not what the configuration says. */
export class ShadowError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_SHADOW', message, details)
  }
}

/** A row that was changed on a shadow, and, since then, in the database whose data it shows. */
export interface ShadowConflict {
  readonly table: string
  /** The values of the primary key, by column. */
  readonly key: Readonly<Record<string, unknown>>
  /** The row as it was when it was first changed on the shadow; `null`: there was none. */
  readonly was: Readonly<Record<string, unknown>> | null
  /** As it is on the shadow; `null`: deleted. */
  readonly ours: Readonly<Record<string, unknown>> | null
  /** As it is in the other database now; `null`: there is none. */
  readonly theirs: Readonly<Record<string, unknown>> | null
  /** The columns in which `theirs` is not what it was, or, of a row that both have added, not `ours`. */
  readonly columns: readonly string[]
}

/** Nothing was promoted. `conflicts`: the first 100 of the rows that are to blame. */
export class ShadowConflictError extends SignalboxError {
  readonly conflicts: readonly ShadowConflict[]
  constructor(message: string, conflicts: readonly ShadowConflict[]) {
    super('SIGNALBOX_SHADOW_CONFLICT', message)
    this.conflicts = conflicts
  }
}

/** A statement, or a fragment of it, that was written for another engine than it would have to run on. Nothing was sent. */
export class CrossEngineError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_CROSS_ENGINE', message)
  }
}

/** A table that may not be used, or migrated, on the database that the statement goes to. Nothing was sent. */
export class TableNotAllowedError extends SignalboxError {
  readonly table: string
  constructor(table: string, message: string, where: Where) {
    super('SIGNALBOX_TABLE_NOT_ALLOWED', message, where)
    this.table = table
  }
}

/** `BEGIN`, `COMMIT` or the like as text, where a method does it. Nothing was sent. */
export class TransactionControlError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_TRANSACTION_CONTROL', message)
  }
}

/** A transaction, reserved connection or stream was used after its end, or around a nested one that is open. */
export class TransactionClosedError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_TRANSACTION_CLOSED', message, details)
  }
}

/** A statement that may write, in a transaction with `readOnly`. Nothing was sent. */
export class ReadOnlyTransactionError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_READ_ONLY_TRANSACTION', message, details)
  }
}

/** The connection was lost after `COMMIT` was sent: the transaction took effect, or not. Never `safeToRetry`. */
export class CommitUnknownError extends SignalboxError {
  constructor(message: string, details: ErrorDetails) {
    super('SIGNALBOX_COMMIT_UNKNOWN', message, { ...details, safeToRetry: false })
  }
}

/** The transaction is committed, and callbacks of `onCommit` have failed: `errors`, in the order of the callbacks. */
export class OnCommitError extends SignalboxError {
  readonly errors: readonly unknown[]
  constructor(errors: readonly unknown[], where: Where) {
    super(
      'SIGNALBOX_ON_COMMIT_FAILED',
      `The transaction is committed, but ${errors.length} of its onCommit callbacks failed: ${errors.map(messageOf).join('; ')}. ` +
        'Repeat what the callbacks do, not the transaction.',
      { ...where, cause: errors[0] },
    )
    this.errors = errors
  }
}

/** The npm package of a driver is not installed: `package` is its name, `cause` what importing it threw. */
export class DriverMissingError extends SignalboxError {
  readonly package: string
  constructor(packageName: string, purpose: string, cause: unknown) {
    super(
      'SIGNALBOX_DRIVER_MISSING',
      `${purpose} needs the npm package "${packageName}". Run: npm install ${packageName}`,
      {
        cause,
      },
    )
    this.package = packageName
  }
}

/** Nothing was sent: the value of a shard key leads to no shard. */
export class ShardKeyError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_SHARD_KEY', message)
  }
}

/** Which shard owns a key stands in a directory, and nobody was asked. */
export class OwnerUnknownError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_OWNER_UNKNOWN', message)
  }
}

/** A statement on sharded tables does not say which shard it means. Nothing was sent. */
export class ShardKeyMissingError extends SignalboxError {
  constructor(message: string, where: Where = {}) {
    super('SIGNALBOX_SHARD_KEY_MISSING', message, where)
  }
}

/** What belongs to several shards would have to be done on one. Nothing was sent, or all of it was rolled back. */
export class CrossShardError extends SignalboxError {
  constructor(message: string, where: Where = {}) {
    super('SIGNALBOX_CROSS_SHARD', message, where)
  }
}

/** A statement of another shard than the scope, call or transaction that it runs in. Nothing of it was sent. */
export class WrongShardError extends SignalboxError {
  constructor(message: string, where: Where = {}) {
    super('SIGNALBOX_WRONG_SHARD', message, where)
  }
}

/** A read of several shards cannot be put together from their answers: `construct` names what stands in the way. Nothing was sent. */
export class CannotScatterError extends SignalboxError {
  readonly construct: string
  constructor(construct: string, message: string, where: Where = {}) {
    super('SIGNALBOX_CANNOT_SCATTER', message, where)
    this.construct = construct
  }
}

/** Which shards have a change, and which do not. */
export interface PartialWrite {
  readonly done: readonly string[]
  readonly failed: string
  readonly notAsked: readonly string[]
}

/** A change that is made shard by shard took effect on the shards `done`, and failed on `failed` with `cause`. */
export class PartialWriteError extends SignalboxError implements PartialWrite {
  readonly done: readonly string[]
  readonly failed: string
  readonly notAsked: readonly string[]
  constructor(message: string, { done, failed, notAsked }: PartialWrite, details: ErrorDetails) {
    super('SIGNALBOX_PARTIAL_WRITE', message, details)
    this.done = done
    this.failed = failed
    this.notAsked = notAsked
  }
}

/** The parameters do not fit the engine or the statement. Nothing was sent. */
export class ParameterError extends SignalboxError {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('SIGNALBOX_PARAMETERS', message, options)
  }
}

/** The engine, the driver or this version of it cannot do what was asked. */
export class UnsupportedError extends SignalboxError {
  constructor(message: string, where: Where = {}) {
    super('SIGNALBOX_UNSUPPORTED', message, where)
  }
}

/** A statement had no answer within `timeoutMs` milliseconds, and was cancelled on its server. */
export class TimeoutError extends SignalboxError {
  readonly timeoutMs: number
  constructor(message: string, timeoutMs: number, details: ErrorDetails = {}) {
    super('SIGNALBOX_TIMEOUT', message, details)
    this.timeoutMs = timeoutMs
  }
}

/** `name` is `AbortError`, as everywhere in Node.js; `cause` is the signal's reason. */
export class AbortedError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_ABORTED', message, details)
    this.name = 'AbortError'
  }
}

/** Rows of several shards cannot be merged in order, because it is not known where one of their values belongs. */
export class MergeError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_MERGE', message, details)
  }
}

/** No connection became free within `acquireTimeoutMs`. Nothing was sent, so it is `safeToRetry`. */
export class PoolExhaustedError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_POOL_EXHAUSTED', message, { ...details, safeToRetry: true })
  }
}

/** A shard has no primary, and none appeared within `replication.holdMs`. Nothing of the statement was sent. */
export class NoPrimaryError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_NO_PRIMARY', message, { ...details, safeToRetry: true })
  }
}

/** Two servers of a shard take writes, so its writes are stopped. Nothing of the statement was sent. */
export class TwoPrimariesError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_TWO_PRIMARIES', message, { ...details, safeToRetry: true })
  }
}

/** No replica with the wanted tags can be used, and `replication.tagFallback` allows no other server. Nothing was sent. */
export class NoReplicaError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_NO_REPLICA', message, { ...details, safeToRetry: true })
  }
}

/** A source of servers could not be asked, or gave no list of them. The servers that were known before stay in use. */
export class DiscoveryError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_DISCOVERY', message, details)
  }
}

/** A session token was asked for, and the configuration has no `tokens.keys` to sign it with. */
export class TokenKeysError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_TOKEN_KEYS', message)
  }
}

/** The clock went back too far, stands still, or shows an impossible time. No id was made; a later call may succeed. */
export class ClockError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_CLOCK', message, { safeToRetry: true })
  }
}

/** The client was used after `close()`. Nothing was sent. */
export class ClientClosedError extends SignalboxError {
  constructor(message = 'The client is closed. Call connect() again for a new one.') {
    super('SIGNALBOX_CLIENT_CLOSED', message)
  }
}

const codeOfClass = {
  'connection-lost': 'SIGNALBOX_CONNECTION_LOST',
  'read-only': 'SIGNALBOX_READ_ONLY_SERVER',
  'shutting-down': 'SIGNALBOX_SHUTTING_DOWN',
  'starting-up': 'SIGNALBOX_STARTING_UP',
  serialization: 'SIGNALBOX_SERIALIZATION',
  constraint: 'SIGNALBOX_CONSTRAINT',
  syntax: 'SIGNALBOX_SYNTAX',
  other: 'SIGNALBOX_QUERY_FAILED',
} as const satisfies Record<ErrorClass, ErrorCode>

/** A server's or a connection's error, classified. `cause` is the driver's own error, untouched. */
export class QueryError extends SignalboxError {
  readonly errorClass: ErrorClass
  /** The engine's own code: an SQLSTATE on PostgreSQL, the symbolic name on MySQL, the result code on SQLite. */
  declare readonly engineCode?: string
  constructor(
    errorClass: ErrorClass,
    message: string,
    details: ErrorDetails & { readonly engineCode?: string | undefined } = {},
  ) {
    super(codeOfClass[errorClass], message, details)
    this.errorClass = errorClass
    if (details.engineCode !== undefined) this.engineCode = details.engineCode
  }
}

/** A server refused the settings that a statement is to run under, so that it did not run. Another server may know what this one does not. */
export class SettingsRefusedError extends QueryError {}

/** The test kit could not find, start, stop or reach a server. The message holds the end of the server's log. */
export class TestServerError extends SignalboxError {
  constructor(message: string, cause?: unknown) {
    super('SIGNALBOX_TEST_SERVER', message, { cause })
  }
}
