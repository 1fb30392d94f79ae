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

/** How the rows of a query are to come. */
export interface RowForm {
  readonly rowMode: 'array' | 'object'
  /** `undefined`: those of everybody. */
  readonly types: CallOptions['types'] | undefined
}

export function formOf({ _rowMode: rowMode, _result: result }: QueuedQuery, pg: Pg): RowForm {
  return { rowMode: rowMode === 'array' ? 'array' : 'object', types: ownTypes(result?._types, pg) }
}

/** Parsers that are not those of everybody. */
function ownTypes(types: unknown, pg: Pg): CallOptions['types'] {
  if (types === undefined || types === null || types === pg.types) return undefined
  const { text, binary, _types: below } = types as Readonly<Record<string, unknown>>
  const isPlain =
    types instanceof pg.TypeOverrides &&
    below === pg.types &&
    Object.keys(text as object).length === 0 &&
    Object.keys(binary as object).length === 0
  return isPlain ? undefined : (types as CallOptions['types'])
}

/** What the server would say. */
export function stopResult(pg: Pg, { what }: Stop, done: boolean): Answer {
  const result = new pg.Result('', pg.types)
  Object.assign(result, { command: 'SELECT', rowCount: 1, rows: [{ [`pg_${what}_backend`]: done }] })
  return { kind: 'result', result }
}
