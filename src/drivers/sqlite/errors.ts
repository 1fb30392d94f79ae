import { resolve } from 'node:path'
import { messageOf, ParameterError, QueryError, type ErrorClass } from '../../errors.ts'
import type { Access } from '../driver.ts'

/**
 * Result codes by number, with the class of failure they mean. A code that is missing here is looked up by its low
 * byte, its primary code. Source: https://www.sqlite.org/rescode.html
 */
const resultCodes: Readonly<Record<number, readonly [name: string, errorClass: ErrorClass]>> = {
  1: ['SQLITE_ERROR', 'other'],
  2: ['SQLITE_INTERNAL', 'other'],
  3: ['SQLITE_PERM', 'connection-lost'],
  4: ['SQLITE_ABORT', 'other'],
  5: ['SQLITE_BUSY', 'serialization'],
  6: ['SQLITE_LOCKED', 'serialization'],
  7: ['SQLITE_NOMEM', 'other'],
  8: ['SQLITE_READONLY', 'read-only'],
  9: ['SQLITE_INTERRUPT', 'other'],
  10: ['SQLITE_IOERR', 'connection-lost'],
  11: ['SQLITE_CORRUPT', 'other'],
  12: ['SQLITE_NOTFOUND', 'other'],
  13: ['SQLITE_FULL', 'other'],
  14: ['SQLITE_CANTOPEN', 'connection-lost'],
  15: ['SQLITE_PROTOCOL', 'serialization'],
  17: ['SQLITE_SCHEMA', 'other'],
  18: ['SQLITE_TOOBIG', 'other'],
  19: ['SQLITE_CONSTRAINT', 'constraint'],
  20: ['SQLITE_MISMATCH', 'constraint'],
  21: ['SQLITE_MISUSE', 'other'],
  23: ['SQLITE_AUTH', 'other'],
  25: ['SQLITE_RANGE', 'other'],
  26: ['SQLITE_NOTADB', 'other'],
  261: ['SQLITE_BUSY_RECOVERY', 'serialization'],
  262: ['SQLITE_LOCKED_SHAREDCACHE', 'serialization'],
  275: ['SQLITE_CONSTRAINT_CHECK', 'constraint'],
  517: ['SQLITE_BUSY_SNAPSHOT', 'serialization'],
  531: ['SQLITE_CONSTRAINT_COMMITHOOK', 'constraint'],
  773: ['SQLITE_BUSY_TIMEOUT', 'serialization'],
  787: ['SQLITE_CONSTRAINT_FOREIGNKEY', 'constraint'],
  // The file was moved or deleted under the connection: the place is gone, not write-protected.
  1032: ['SQLITE_READONLY_DBMOVED', 'connection-lost'],
  1299: ['SQLITE_CONSTRAINT_NOTNULL', 'constraint'],
  1555: ['SQLITE_CONSTRAINT_PRIMARYKEY', 'constraint'],
  1811: ['SQLITE_CONSTRAINT_TRIGGER', 'constraint'],
  2067: ['SQLITE_CONSTRAINT_UNIQUE', 'constraint'],
  2579: ['SQLITE_CONSTRAINT_ROWID', 'constraint'],
  3091: ['SQLITE_CONSTRAINT_DATATYPE', 'constraint'],
}

/**
 * Where a failure came up. A name or word that SQLite does not know is found when a statement is prepared; of a
 * script, earlier statements may have taken effect already.
 */
export type Phase = 'open' | 'prepare' | 'run' | 'script'

/** Turns what node:sqlite threw into an error of ours, with the original as `cause`. */
export function sqliteError(error: unknown, phase: Exclude<Phase, 'open'>, access: Access): Error {
  return errorOf(error, phase, access)
}

/** The same of a file that could not be opened. */
export function openError(error: unknown, file: string): Error {
  return errorOf(error, 'open', 'read', file)
}

function errorOf(error: unknown, phase: Phase, access: Access, file = ''): Error {
  const code = property(error, 'code')
  const errcode = property(error, 'errcode')
  const message = messageOf(error)
  if (typeof errcode === 'number') return resultCodeError(error, errcode, phase, access, file)
  if (code === 'ERR_OUT_OF_RANGE') {
    return new QueryError(
      'other',
      `${message}. Add "?integers=bigint" to the data source name to get integers as bigint, or cast the column to text.`,
      { cause: error, safeToRetry: access === 'read' },
    )
  }
  if (code === 'ERR_INVALID_STATE' && /finalized|not open/.test(message)) {
    return new QueryError('connection-lost', `The SQLite database was closed: ${message}.`, {
      cause: error,
      safeToRetry: true,
    })
  }
  if (code === 'ERR_INVALID_ARG_VALUE' && phase === 'prepare') return noStatement(error)
  if (typeof code === 'string' && /^ERR_INVALID_(?:ARG|STATE)/.test(code)) return new ParameterError(message)
  return new QueryError('other', message, { cause: error, safeToRetry: access === 'read' })
}

/** A text of nothing but spaces and comments. */
export function noStatement(cause?: unknown): QueryError {
  return new QueryError('syntax', 'The text holds no statement.', { cause })
}

function resultCodeError(error: unknown, errcode: number, phase: Phase, access: Access, file: string): QueryError {
  const [name, listed] = resultCodes[errcode] ?? resultCodes[errcode & 0xff] ?? [`SQLITE_${errcode}`, 'other' as const]
  const errorClass = phase === 'prepare' && errcode === 1 ? 'syntax' : listed
  const hint = phase === 'open' ? openHint(file) : hintFor(errorClass, access)
  return new QueryError(errorClass, `SQLite: ${messageOf(error)}.${hint}`, {
    cause: error,
    engineCode: name,
    safeToRetry: phase !== 'script' && (access === 'read' || phase !== 'run' || harmless.has(errorClass)),
  })
}

function property(of: unknown, name: 'code' | 'errcode'): unknown {
  return of instanceof Error ? Reflect.get(of, name) : undefined
}

function openHint(file: string): string {
  return ` The file is ${JSON.stringify(resolve(file))}: is the path right, and may this process read and write there?`
}

function hintFor(errorClass: ErrorClass, access: Access): string {
  if (errorClass === 'read-only' && access === 'read')
    return ' It was sent as a read, so a read-only connection ran it.'
  return ''
}

/** Classes of failure that come before a statement changes anything. */
const harmless: ReadonlySet<ErrorClass> = new Set(['serialization', 'read-only'])

/** True if another connection's lock was in the way and nothing has been done. */
export function isBusy(error: unknown): error is QueryError {
  return error instanceof QueryError && error.safeToRetry && error.engineCode?.startsWith('SQLITE_BUSY') === true
}
