import type { FunctionUse } from './analysis.ts'
import { postgresSafeFunctions } from './postgres/functions.ts'

/** One name of a schema. `volatile`: at least one of its overloads may change something. */
export interface FunctionRow {
  readonly schema: string
  readonly name: string
  readonly volatile: boolean
}

/** `unknown`: no function of that name is known; it may have been made since the catalogue was read. */
export type FunctionSafety = 'safe' | 'volatile' | 'unknown'

/**
 * Reads what a {@link FunctionCatalogue} is built from: the functions and operators that are not PostgreSQL's own, by
 * schema and name. (Objects made after `initdb` have a number from 16384: FirstNormalObjectId of PostgreSQL's
 * transam.h.) Functions that a query cannot call are left out. An aggregate counts as volatile if one of the functions
 * that it is made of is, for its own entry says `immutable` whatever they are.
 */
export const functionCatalogueSql = `
  select n.nspname::text as schema, p.proname::text as name,
         bool_or(p.provolatile = 'v' or exists (
           select from pg_catalog.pg_aggregate a join pg_catalog.pg_proc step
             on step.oid in (a.aggtransfn, a.aggfinalfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
           where a.aggfnoid = p.oid and step.provolatile = 'v')) as volatile
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid >= 16384 and p.prokind <> 'p'
    and p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype,
                             'pg_catalog.internal'::pg_catalog.regtype)
    and not ('pg_catalog.internal'::pg_catalog.regtype::oid = any (p.proargtypes::oid[]))
  group by 1, 2
  union all
  select n.nspname::text, 'operator(' || o.oprname || ')', bool_or(p.provolatile = 'v')
  from pg_catalog.pg_operator o
  join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
  join pg_catalog.pg_proc p on p.oid = o.oprcode
  where o.oid >= 16384
  group by 1, 2`

/**
 * Says of the functions that a statement calls whether it may still count as a read.
 *
 * The search path is not known, so a name without a schema means every function of that name in any schema: one that
 * is volatile makes the name volatile. It holds no more than it was given; the caller reads the rows again when the
 * answer is `unknown`, since a function may be newer than the catalogue.
 */
export class FunctionCatalogue {
  /** By name; the values are by schema. */
  readonly #volatile = new Map<string, Map<string, boolean>>()

  /**
   * Without rows: only what PostgreSQL brings along is known. `rows` are {@link FunctionRow}s as a driver gives them;
   * a `TypeError` is thrown for anything else.
   */
  constructor(rows: Iterable<unknown> = []) {
    for (const row of rows) {
      if (!isFunctionRow(row)) throw new TypeError('A row of the function catalogue needs schema, name and volatile.')
      const { schema, name, volatile } = row
      const schemas = this.#volatile.get(name) ?? new Map<string, boolean>()
      schemas.set(schema, volatile || (schemas.get(schema) ?? false))
      this.#volatile.set(name, schemas)
    }
  }

  isSafe(fn: FunctionUse): FunctionSafety {
    const { name, schema } = fn
    const schemas = this.#volatile.get(name)
    const meant = [...(schemas ?? [])].filter(([each]) => schema === undefined || each === schema)
    if (meant.some(([, volatile]) => volatile)) return 'volatile'
    return isPostgresOwn(fn) || meant.length > 0 ? 'safe' : 'unknown'
  }

  /** Whether it can only be a function that PostgreSQL brings along, and is safe. */
  isBuiltIn(fn: FunctionUse): boolean {
    return isPostgresOwn(fn) && (fn.schema !== undefined || !this.#volatile.has(fn.name))
  }
}

function isPostgresOwn({ name, schema }: FunctionUse): boolean {
  return (schema === undefined || schema === 'pg_catalog') && postgresSafeFunctions.has(name)
}

function isFunctionRow(row: unknown): row is FunctionRow {
  if (typeof row !== 'object' || row === null) return false
  return (
    'schema' in row &&
    'name' in row &&
    'volatile' in row &&
    typeof row.schema === 'string' &&
    typeof row.name === 'string' &&
    typeof row.volatile === 'boolean'
  )
}
