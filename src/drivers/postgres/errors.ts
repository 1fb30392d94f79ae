import { networkCodes } from '../network-codes.ts'
import { ParameterError, QueryError, SettingsRefusedError, type ErrorClass } from '../../errors.ts'
import type { Access, NamedSettings } from '../driver.ts'

/**
 * SQLSTATEs and what they mean to a caller. Source: PostgreSQL documentation, appendix A "PostgreSQL Error Codes".
 * Looked up whole first, then by class (the first two characters). What is not listed is `other`.
 */
const errorClasses: Readonly<Record<string, ErrorClass>> = {
  // Class 08, connection exception; 57P04 database dropped under us, 57P05 idle_session_timeout,
  // 25P03 idle_in_transaction_session_timeout, 57P02 crash_shutdown: the server has ended this connection.
  '08': 'connection-lost',
  '57P02': 'connection-lost',
  '57P04': 'connection-lost',
  '57P05': 'connection-lost',
  '25P03': 'connection-lost',
  // admin_shutdown: also pg_terminate_backend(), which nothing in the answer tells from a shutdown.
  '57P01': 'shutting-down',
  // cannot_connect_now: starting, in recovery, or shutting down; the message tells (see classify).
  '57P03': 'starting-up',
  '25006': 'read-only',
  '40001': 'serialization',
  '40P01': 'serialization',
  '40002': 'constraint',
  '23': 'constraint',
  '44': 'constraint',
  // Syntax error or access rule violation; lacking a privilege is neither.
  '42': 'syntax',
  '42501': 'other',
  // Invalid SQL statement name, invalid cursor name, invalid schema name, sql statement not yet complete.
  '26': 'syntax',
  '34': 'syntax',
  '3F': 'syntax',
  '03': 'syntax',
}

/** What `pg` and `pg-pool` say, without a code, when a connection breaks, times out while opening, or is used after its end. */
const lostMessage =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|timeout exceeded when trying to connect|Cannot use a pool after calling end|The server does not support SSL|There was an error establishing an SSL)/

/** What `pg` says of a statement that it did not even send. */
const unsentMessage = /^Client (?:has encountered a connection error|was closed)/

interface ServerError extends Error {
  readonly code?: string
  readonly severity?: string
  readonly hint?: string
  readonly position?: string
  readonly constraint?: string
  readonly routine?: string
  readonly errors?: readonly Error[]
}

/** Where and how a statement failed. */
export interface Circumstances {
  readonly access: Access
  /** False if nothing of the statement can have reached the server. */
  readonly sent: boolean
  /** Host and port, or socket, without user and password. */
  readonly address: string
}

/** Kind of an error of `pg`, and its SQLSTATE or system code if it has one. */
export function classify(error: unknown): { readonly errorClass: ErrorClass; readonly code: string | undefined } {
  const { code, message = '' } = (error ?? {}) as Partial<ServerError>
  if (code === undefined) return { errorClass: lostMessage.test(message) ? 'connection-lost' : 'other', code }
  if (networkCodes.has(code)) return { errorClass: 'connection-lost', code }
  // The message is in the server's language; anything but the English text counts as starting up.
  if (code === '57P03' && message.includes('shutting down')) return { errorClass: 'shutting-down', code }
  return { errorClass: errorClasses[code] ?? errorClasses[code.slice(0, 2)] ?? 'other', code }
}

/** Signalbox's error for what `pg` threw or answered; one that is Signalbox's already is handed through. */
export function queryError(error: unknown, circumstances: Circumstances): QueryError | ParameterError {
  if (error instanceof QueryError || error instanceof ParameterError) return error
  if (isWrongNumber(error as ServerError)) {
    const { message } = error as ServerError
    return new ParameterError(`The statement and its parameters do not fit: ${message}.`, { cause: error })
  }
  const { errorClass, code } = classify(error)
  const native = error as ServerError
  const sent = circumstances.sent && !unsentMessage.test(native.message)
  return new QueryError(errorClass, describe(native, errorClass, circumstances), {
    cause: error,
    engineCode: code,
    safeToRetry: safeToRetry(errorClass, circumstances.access, sent),
  })
}

/** The error of a statement whose settings could not be made; `cause` says why. */
export function settingsError(cause: unknown, address: string): QueryError {
  const { errorClass, code } = classify(cause)
  if (errorClass === 'connection-lost' || errorClass === 'shutting-down' || errorClass === 'starting-up')
    return queryError(cause, { access: 'read', sent: true, address }) as QueryError
  const text = errorText(cause as ServerError)
  return new SettingsRefusedError(
    errorClass,
    `${address} refused the settings of the session, so that the statement was not carried out: ${text}.`,
    { cause, engineCode: code, safeToRetry: true },
  )
}

const falses = /^(?:of|off|f|fa|fal|fals|false|n|no|0)$/i

/**
 * Whether the settings are such that their session writes nothing: then a refused write says nothing about the server's role.
 */
export function writesNothing(settings: NamedSettings | undefined): boolean {
  const value = settings?.values.get('default_transaction_read_only')
  return value !== undefined && !falses.test(value)
}

/** The error of a session that writes nothing by its own settings. */
export function ownRefusal(error: QueryError): QueryError {
  const { cause, engineCode } = error
  return new QueryError('other', error.message, { cause, engineCode })
}

/**
 * Too few or too many parameters: 42P02 undefined_parameter, or 08P01 protocol_violation of a Bind message, which the
 * place in the server's source tells from the protocol violations that break a connection (postgres.c).
 */
function isWrongNumber({ code, routine }: ServerError): boolean {
  return code === '42P02' || (code === '08P01' && routine === 'exec_bind_message')
}

/**
 * A serialization failure or a deadlock has rolled the whole transaction back, and a read-only server has refused before
 * it changed anything: nothing can happen twice. A lost connection tells nothing about a write that was on its way.
 */
function safeToRetry(errorClass: ErrorClass, access: Access, sent: boolean): boolean {
  if (access === 'read' || !sent) return true
  return errorClass === 'serialization' || errorClass === 'read-only'
}

/**
 * The server's message with what helps to find the place. Its `detail` is left out: it quotes whole rows
 * ("Failing row contains …"); it is on `cause`.
 */
function describe(error: ServerError, errorClass: ErrorClass, { sent, address }: Circumstances): string {
  const text = errorText(error)
  if (error.severity === undefined) {
    if (errorClass !== 'connection-lost') return text
    return sent ? `The connection to ${address} broke: ${text}.` : `Could not connect to ${address}: ${text}.`
  }
  const parts = [text]
  if (error.constraint !== undefined && !text.includes(error.constraint)) parts.push(`constraint "${error.constraint}"`)
  if (error.position !== undefined) parts.push(`at character ${error.position} of the statement`)
  if (error.hint !== undefined) parts.push(`hint: ${error.hint}`)
  return parts.join('; ')
}

/** Node.js reports a refused connection to a name with several addresses as an `AggregateError` without a message. */
function errorText(error: ServerError): string {
  if (error.message) return error.message.replace(/\.$/, '')
  const causes = error.errors?.map((each) => each.message).join(', ')
  return causes || error.code || String(error)
}

/**
 * The server takes no writes. It may be a demoted primary whose name or virtual address leads to the new one by now, so the
 * connection is closed rather than used for the next write.
 */
export function isRefusedAsReadOnly(error: unknown): boolean {
  return error != null && classify(error).errorClass === 'read-only'
}
