import type { CallOptions } from '../../index.ts'
import type { Pg, QueuedQuery } from './native-pg.ts'
import type { Stop } from './stop-text.ts'
import type { Answer } from './session-statement.ts'

/**
 * Whether a query takes its answer itself: a cursor, a stream, a copy; rows as events, in portions or in binary; or somebody listens to what
 * the server tells meanwhile.
 */
export function isNative(query: QueuedQuery, pg: Pg, hearsNotices: boolean): boolean {
  if (!((query as unknown) instanceof pg.Query)) return true
  const takesRows = (query.listenerCount?.('row') ?? 0) > 0 || typeof query.callback !== 'function'
  return takesRows || hearsNotices || Boolean(query.rows) || Boolean(query.binary)
}

/** Whether a query is no more than a text, with values perhaps: nothing of its own is prepared, checked or asked for before it is sent. */
export function isBare(query: QueuedQuery): query is QueuedQuery & BareQuery {
  const { text, values, name, queryMode } = query
  return (
    typeof text === 'string' &&
    text !== '' &&
    (values === undefined || values === null || Array.isArray(values)) &&
    !name &&
    queryMode === undefined
  )
}

/** See {@link isBare}. */
interface BareQuery {
  readonly text: string
  readonly values: readonly unknown[] | null | undefined
}

/** How the rows of a query are to come. */
interface RowForm {
  readonly rowMode: 'array' | 'object'
  /** `undefined`: those of everybody. */
  readonly types: CallOptions['types'] | undefined
}

/** Whoever stops a statement hears of it when the server is done with that. */
const asEver = { dialect: 'postgres', untilEnded: true } as const

/** The options with which the queries of one client are called: made once where they are the same each time. */
export class QueryCalls {
  readonly #pg: Pg
  #plain: CallOptions | undefined
  /** The form that the last query asked for its rows in, if another one than usual; and once it was asked for again, its options. */
  #last: (RowForm & { readonly signal: AbortSignal; call: CallOptions | undefined }) | undefined

  constructor(pg: Pg) {
    this.#pg = pg
  }

  of(query: QueuedQuery, signal: AbortSignal): CallOptions {
    const rowMode = query._rowMode === 'array' ? 'array' : 'object'
    const types = ownTypes(query._result?._types, this.#pg)
    if (rowMode === 'object' && types === undefined) {
      if (this.#plain?.signal !== signal) this.#plain = Object.freeze({ ...asEver, signal })
      return this.#plain
    }
    const last = this.#last
    const isAgain = last?.rowMode === rowMode && last.types === types && last.signal === signal
    if (isAgain && last.call !== undefined) return last.call
    const call: CallOptions = { ...asEver, rowMode, signal, ...(types === undefined ? {} : { types }) }
    // Many tools make new parsers for each query: those are not worth keeping.
    if (isAgain) last.call = Object.freeze(call)
    else this.#last = { rowMode, types, signal, call: undefined }
    return call
  }
}

/** Parsers that are not those of everybody. */
function ownTypes(types: unknown, pg: Pg): CallOptions['types'] {
  if (types === undefined || types === null || types === pg.types) return undefined
  const { text, binary, _types: below } = types as Readonly<Record<string, unknown>>
  const isPlain = types instanceof pg.TypeOverrides && below === pg.types && isEmpty(text) && isEmpty(binary)
  return isPlain ? undefined : (types as CallOptions['types'])
}

/** Asked for each statement, so without making anything. */
function isEmpty(object: unknown): boolean {
  for (const name in object as object) if (Object.hasOwn(object as object, name)) return false
  return true
}

/** What the server would say. */
export function stopResult(pg: Pg, { what }: Stop, done: boolean): Answer {
  const result = new pg.Result('', pg.types)
  Object.assign(result, { command: 'SELECT', rowCount: 1, rows: [{ [`pg_${what}_backend`]: done }] })
  return { kind: 'result', result }
}
