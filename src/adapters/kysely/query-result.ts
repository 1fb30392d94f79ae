import type { QueryResult } from 'kysely'
import type { Engine, Result } from '../../index.ts'

/** The answer in Kysely's shape, with the figures that Kysely's own dialect for the engine gives. */
export function queryResult<R>(result: Result<R>): QueryResult<R> {
  return { ...figures[result.route.engine](result.native), rows: result.rows }
}

type Figures = Omit<QueryResult<unknown>, 'rows'>

const figures = {
  postgres: postgresFigures,
  mysql: mysqlFigures,
  sqlite: sqliteFigures,
} as const satisfies Record<Engine, (native: unknown) => Figures>

const changing: ReadonlySet<unknown> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

function postgresFigures(native: unknown): Figures {
  // Of a text with several statements the last one counts, as for the rows.
  const answer: unknown = Array.isArray(native) ? native.at(-1) : native
  const count = changing.has(property(answer, 'command')) ? bigintOf(property(answer, 'rowCount')) : undefined
  return count === undefined ? {} : { numAffectedRows: count }
}

function mysqlFigures(native: unknown): Figures {
  const header: unknown = Array.isArray(native) ? native[0] : native
  const affected = bigintOf(property(header, 'affectedRows'))
  if (affected === undefined) return {}
  const insertId = bigintOf(property(header, 'insertId'))
  const changed = bigintOf(property(header, 'changedRows'))
  return {
    numAffectedRows: affected,
    ...(changed === undefined ? {} : { numChangedRows: changed }),
    ...(insertId === undefined || insertId === 0n ? {} : { insertId }),
  }
}

function sqliteFigures(native: unknown): Figures {
  const changes = bigintOf(property(native, 'changes'))
  const insertId = bigintOf(property(native, 'lastInsertRowid'))
  return {
    ...(changes === undefined ? {} : { numAffectedRows: changes }),
    ...(insertId === undefined ? {} : { insertId }),
  }
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && !Array.isArray(of) ? Reflect.get(of, name) : undefined
}

function bigintOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  // mysql2 gives ids beyond 2^53 as text.
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : undefined
}
