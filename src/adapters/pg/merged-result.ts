import type pg from 'pg'
import type { Result } from '../../index.ts'
import type { QueuedQuery } from './native-pg.ts'

/** The parts of the result object of `pg` that it fills in itself. */
interface FillableResult {
  command: string
  rowCount: number
  rows: unknown[]
  addFields(fields: unknown): void
}

/**
 * The driver's own result object of a query, for an answer that was put together from those of several shards: the one that the query has made for
 * itself, with its row mode and its parsers.
 */
export function mergedResult(query: QueuedQuery, { rows, rowCount, fields, native }: Result): unknown {
  const result = query._result as unknown as FillableResult
  result.addFields(fields.map((field) => field.native))
  return Object.assign(result, { command: commandOf(native), rowCount, rows })
}

/** What the server has called the statement: of several answers, which are to the same one, the first. */
export function commandOf(native: unknown): string {
  const [one] = (Array.isArray(native) ? native : [native]) as readonly (pg.QueryResult | undefined)[]
  return one?.command ?? 'SELECT'
}
