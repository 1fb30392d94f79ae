import { networkCodes } from '../network-codes.ts'
import { messageOf, ParameterError, QueryError, type ErrorClass } from '../../errors.ts'
import type { Access } from '../driver.ts'

/**
 * Error numbers with the class of failure they mean. Sources: https://mariadb.com/kb/en/mariadb-error-codes/ and
 * https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
 */
const classOfErrno: Readonly<Record<number, ErrorClass>> = {
  1022: 'constraint', // duplicate key on write
  1048: 'constraint', // column cannot be null
  1052: 'syntax', // ambiguous column
  1053: 'shutting-down',
  1054: 'syntax', // unknown column
  1062: 'constraint', // duplicate entry
  1064: 'syntax',
  1079: 'shutting-down', // shutdown complete
  1109: 'syntax', // unknown table
  1136: 'syntax', // column count does not match
  1146: 'syntax', // no such table
  1158: 'connection-lost', // error reading packets
  1159: 'connection-lost', // time-out reading packets
  1160: 'connection-lost', // error writing packets
  1161: 'connection-lost', // time-out writing packets
  1169: 'constraint', // unique constraint on write
  1205: 'serialization', // lock wait time-out: the statement is rolled back
  1213: 'serialization', // deadlock: the transaction is rolled back
  1216: 'constraint', // foreign key: no parent
  1217: 'constraint', // foreign key: has children
  1290: 'read-only', // --read-only (and other server options)
  1305: 'syntax', // no such function or procedure
  1364: 'constraint', // no default value
  1451: 'constraint', // foreign key: has children
  1452: 'constraint', // foreign key: no parent
  1557: 'constraint', // foreign key: duplicate in child
  1586: 'constraint', // duplicate entry, with key name
  1614: 'serialization', // XA: deadlock
  1615: 'serialization', // statement must be prepared again
  1792: 'read-only', // read-only transaction
  1836: 'read-only', // read-only mode
  1927: 'connection-lost', // connection was killed (MariaDB)
  3024: 'other', // max_execution_time
  3101: 'serialization', // group replication rolled the transaction back
  3572: 'serialization', // NOWAIT: lock not available
  3819: 'constraint', // check (MySQL)
  4025: 'constraint', // check (MariaDB)
  4031: 'connection-lost', // closed for inactivity (MySQL 8)
}

/** Codes of mysql2 and of the network; what is a broken connection whatever the server may have done. */
const lostCodes: ReadonlySet<string> = new Set([
  ...networkCodes,
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_UNEXPECTED_PACKET',
])

/** Refusals that say how busy the server is, not that it is gone: nothing ran, and another server may answer. */
const refused: ReadonlySet<number> = new Set([1040, 1203, 1226])

/** Numbers that mean: this text or server does not take the prepared protocol, and nothing has run. */
const unprepared: ReadonlySet<number> = new Set([
  1243, // the statement is unknown, as behind a proxy that changes servers
  1295, // not supported in the prepared protocol
  1390, // too many placeholders
  1461, // max_prepared_stmt_count is reached
])

/** How far a statement had come: a failure to connect is a failure before anything was sent. */
export type Phase = 'connect' | 'run'

/** What mysql2 throws, as far as it is read here. */
export interface RawError {
  readonly errno: number | undefined
  readonly code: string | undefined
  readonly fatal: boolean
  readonly message: string
}

export function readError(error: unknown): RawError {
  const of = (name: string): unknown => (error instanceof Error ? Reflect.get(error, name) : undefined)
  const errno = of('errno')
  const code = of('code')
  return {
    // Node.js's own errors have negative numbers.
    errno: typeof errno === 'number' && errno > 0 ? errno : undefined,
    code: typeof code === 'string' ? code : undefined,
    fatal: of('fatal') === true,
    message: messageOf(error),
  }
}

/** True if the connection may serve others: the server answered, with an error or not, and keeps the connection. */
export function isAnswer(error: unknown): boolean {
  if (error instanceof ParameterError) return true
  const { errno, fatal } = readError(error)
  if (errno === undefined || fatal) return false
  const errorClass = classOfErrno[errno]
  // A connection to a server that turned read-only may lead to the old primary for ever: a new one looks again.
  return errorClass !== 'connection-lost' && errorClass !== 'shutting-down' && errno !== 1290 && errno !== 1836
}

/** True if the connection was lost: it broke, or the server ended it. */
export function isLoss(error: unknown): boolean {
  if (error instanceof ParameterError) return false
  const errorClass = classify(readError(error))
  return errorClass === 'connection-lost' || errorClass === 'shutting-down'
}

/** True if the statement did not run and may be sent again in the text protocol. */
export function isUnprepared(error: unknown): boolean {
  return unprepared.has(readError(error).errno ?? 0)
}

/** True if what was prepared is not on the server any more, or its tables change again and again: the statement did not run. */
export function isStale(error: unknown): boolean {
  const { errno } = readError(error)
  return errno === 1243 || errno === 1615
}

/** Turns what mysql2 threw into an error of ours, with the original as `cause`. */
export function mysqlError(error: unknown, phase: Phase, access: Access): Error {
  if (error instanceof ParameterError) return error
  const raw = readError(error)
  if (raw.errno === 1210 || raw.errno === 1835) {
    return new ParameterError(`The number of parameters does not fit the statement (${raw.message}).`, {
      cause: error,
    })
  }
  const errorClass = classify(raw)
  return new QueryError(errorClass, `MySQL: ${raw.message}`, {
    cause: error,
    engineCode: raw.code,
    safeToRetry:
      access === 'read' ||
      phase === 'connect' ||
      isNeverSent(raw) ||
      errorClass === 'serialization' ||
      errorClass === 'read-only' ||
      refused.has(raw.errno ?? 0),
  })
}

function classify(raw: RawError): ErrorClass {
  if (raw.errno !== undefined) return classOfErrno[raw.errno] ?? 'other'
  if (raw.fatal || isNeverSent(raw) || (raw.code !== undefined && lostCodes.has(raw.code))) return 'connection-lost'
  return 'other'
}

/** mysql2 refuses a command on a connection that it knows to be closed; there is no code for it. */
export function isNeverSent(raw: RawError): boolean {
  return raw.code === undefined && /in closed state|Pool is closed/.test(raw.message)
}
