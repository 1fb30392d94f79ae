import { ParameterError, QueryError, SignalboxError } from '../index.ts'

/** The error of Signalbox that each error of a driver came in. Weak: it holds an entry as long as the error lives. */
const origins = new WeakMap<object, SignalboxError>()

/**
 * The error as users of a driver expect it: of what a server or a connection reported, the driver's own error, with the
 * callers of the query added to its stack, as drivers and query tools do; what Signalbox itself refused or gave up stays as it is.
 */
export function driverError(error: unknown): unknown {
  if (!(error instanceof QueryError || error instanceof ParameterError)) return error
  const { cause } = error
  if (typeof cause !== 'object' || cause === null) return error
  if (!origins.has(cause)) addCallers(cause)
  noteOrigin(cause, error)
  return cause
}

/** `error` is what users get instead of `origin`. */
export function noteOrigin(error: object, origin: SignalboxError): void {
  origins.set(error, origin)
}

/** A driver makes its errors where the answer arrives, so that nothing in them says which query it was. */
function addCallers(error: object): void {
  const callers = new Error('callers').stack?.split('\n').slice(3) ?? []
  if (!(error instanceof Error) || typeof error.stack !== 'string' || Object.isFrozen(error)) return
  error.stack = [error.stack, ...callers].join('\n')
}

/**
 * What Signalbox knows about an error that came out of a query: its class, whether it is safe to retry, and on which
 * database, server and role it happened. `undefined` for errors that are not of a Signalbox client.
 *
 * The errors that servers report reach users of Kysely as the driver threw them (`error.code === '23505'`), and this
 * is how to ask for the rest.
 *
 * @example
 * ```ts
 * import { signalboxErrorOf } from 'signalbox/kysely'
 *
 * await db.insertInto('review').values({ id: 1, product_id: 7 }).execute().catch((error: unknown) => {
 *   console.error('failed on', signalboxErrorOf(error)?.database)
 *   throw error
 * })
 * ```
 */
export function signalboxErrorOf(error: unknown): SignalboxError | undefined {
  if (error instanceof SignalboxError) return error
  return typeof error === 'object' && error !== null ? origins.get(error) : undefined
}
