import type { DriverPool, Lease } from '../../drivers/driver.ts'
import type { ForeignKey } from '../shadow-table.ts'
import { names, quote } from './names.ts'
import type {
  BaseRelation,
  BaseSchema,
  BaseSequence,
  NumberedColumn,
  PostgresColumn,
  PostgresFacts,
} from './postgres-table.ts'

/** Asks one connection for rows. They come as JSON, whatever parsers the application has set. */
export type Ask = <T>(sql: string) => Promise<readonly T[]>

export function askOn(lease: Lease): Ask {
  return async <T>(sql: string) => {
    const asked = `SELECT coalesce(json_agg(q), '[]')::text FROM (${sql}) AS q`
    const { rows } = await lease.query({ sql: asked, params: [], access: 'read', rowMode: 'raw', prepare: false })
    return JSON.parse(String((rows[0] as readonly unknown[])[0])) as readonly T[]
  }
}

/** Reads the schema in which the base's statements find their tables. Changes nothing. */
export async function readBase(pool: DriverPool): Promise<BaseSchema> {
  const lease = await pool.lease({ access: 'read' })
  try {
    await lease.begin({ isolation: 'repeatable read', readOnly: true })
    // What is in this schema is written without its name, and is then found wherever the local database has it.
    const sql = `SELECT set_config('search_path', quote_ident(current_schema()), true)`
    await lease.query({ sql, params: [], access: 'read', prepare: false })
    return await readSchema(askOn(lease))
  } finally {
    await lease.release('destroy')
  }
}

const inSchema = `(SELECT oid FROM pg_namespace WHERE nspname = current_schema())`
/** Whether an extension has made an object, which then comes with the extension. */
const extended = (catalogue: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`

interface RelationRow {
  readonly id: string
  readonly name: string
  readonly relkind: string
  readonly query: string | null
  readonly triggers: readonly string[]
  readonly inherits: boolean
}

async function readSchema(ask: Ask): Promise<BaseSchema> {
  const [schema] = await ask<{ name: string }>('SELECT current_schema() AS name')
  const relations = await ask<RelationRow>(
    `SELECT c.oid::text AS id, c.relname AS name, c.relkind::text AS relkind,
      CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS query,
      ARRAY(SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal ORDER BY 1) AS triggers,
      c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)) AS inherits
    FROM pg_class c WHERE c.relnamespace = ${inSchema} AND c.relkind IN ('r', 'p', 'f', 'm', 'v') AND NOT c.relispartition
      AND NOT ${extended('pg_class', 'c.oid')} ORDER BY c.oid`,
  )
  const columns = Map.groupBy(await readColumns(ask), ({ table }) => table)
  const constraints = Map.groupBy(await readConstraints(ask), ({ table }) => table)
  const indexes = Map.groupBy(await readIndexes(ask), ({ table }) => table)
  const numbers = Map.groupBy(await readNumbers(ask), ({ table }) => table)
  return {
    name: schema?.name ?? 'public',
    relations: relations.map((row) =>
      relationOf(row, {
        columns: columns.get(row.id) ?? [],
        constraints: constraints.get(row.id) ?? [],
        indexes: indexes.get(row.id) ?? [],
        numbers: numbers.get(row.id) ?? [],
      }),
    ),
    sequences: await readSequences(ask),
    types: await readTypes(ask),
    extensions: (
      await ask<{ name: string }>(`SELECT extname AS name FROM pg_extension WHERE extname <> 'plpgsql'`)
    ).map(({ name }) => name),
    functions: (
      await ask<{ sql: string }>(
        `SELECT pg_get_functiondef(p.oid) AS sql FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = ${inSchema} AND p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql')
          AND NOT ${extended('pg_proc', 'p.oid')} ORDER BY p.oid`,
      )
    ).map(({ sql }) => sql),
  }
}

interface Parts {
  readonly columns: readonly PostgresColumn[]
  readonly constraints: readonly ConstraintRow[]
  readonly indexes: readonly IndexRow[]
  readonly numbers: readonly NumberedColumn[]
}

function relationOf(row: RelationRow, { columns, constraints, indexes, numbers }: Parts): BaseRelation {
  const primary = constraints.find(({ type }) => type === 'p')
  const ofType = (type: string): readonly ConstraintRow[] => constraints.filter((each) => each.type === type)
  const facts: PostgresFacts = {
    name: row.name,
    columns: columns.map(({ name, type, isGenerated, preset }) => ({
      name,
      type,
      isGenerated,
      ...(preset === null || isGenerated ? {} : { preset }),
    })),
    primaryKey: (primary?.columns ?? []).map((name) => ({ name })),
    uniqueKeys: indexes
      .filter(({ unique, primary: isPrimary }) => unique && !isPrimary)
      .map(({ columns: key }) => key.map((name) => ({ name: name ?? '' }))),
    foreignKeys: ofType('f').map((key): ForeignKey => ({
      columns: key.columns,
      table: key.other ?? '',
      referenced: key.referenced ?? [],
    })),
    declared: columns,
    keys: indexes
      .filter(({ unique }) => unique)
      .map(({ expressions, predicate, primary: isPrimary }) => ({ expressions, predicate, isPrimary })),
    numbers,
    constraints: ['p', 'u', 'c'].flatMap((type) => ofType(type).map(({ sql }) => sql)),
    foreignConstraints: ofType('f').map(({ name, sql, deferrable, deferred }) => ({
      name,
      sql: deferrable ? sql : `${sql} DEFERRABLE`,
      isDeferred: deferred,
    })),
    indexes: indexes.filter(({ constrained }) => !constrained).map(({ sql }) => sql),
    obstacles: obstaclesOf(row, constraints, indexes),
  }
  const kind = row.relkind === 'v' ? 'view' : row.relkind === 'r' || row.relkind === 'p' ? 'table' : 'other'
  return { name: row.name, kind, query: row.query, facts }
}

function obstaclesOf(
  { triggers, inherits, relkind }: RelationRow,
  constraints: readonly ConstraintRow[],
  indexes: readonly IndexRow[],
): readonly string[] {
  const exclusion = constraints.find(({ type }) => type === 'x')
  const foreign = constraints.find(({ type, abroad }) => type === 'f' && abroad)
  return [
    ...(relkind === 'f' ? ['it is a foreign table itself'] : []),
    ...(inherits ? ['it inherits from a table, or another one from it'] : []),
    ...(triggers.length > 0 ? [`it has triggers (${triggers.join(', ')}), which would see its local rows alone`] : []),
    ...(exclusion === undefined ? [] : [`it has an exclusion constraint (${exclusion.name})`]),
    ...(foreign === undefined ? [] : [`its foreign key ${foreign.name} leads to another schema`]),
    ...(indexes.some(({ nullsSame }) => nullsSame) ? ['it has a unique index with NULLS NOT DISTINCT'] : []),
  ]
}

async function readColumns(ask: Ask): Promise<readonly (PostgresColumn & { readonly table: string })[]> {
  return await ask(
    `SELECT a.attrelid::text AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
        THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname) FROM pg_collation l
          JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) END AS collation,
      a.attnotnull AS "notNull", a.attidentity::text AS identity, a.attgenerated::text <> '' AS "isGenerated",
      pg_get_expr(f.adbin, f.adrelid, true) AS preset
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    WHERE c.relnamespace = ${inSchema} AND c.relkind IN ('r', 'p', 'f', 'm', 'v') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum`,
  )
}

interface ConstraintRow {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly columns: readonly string[]
  readonly other: string | null
  readonly referenced: readonly string[] | null
  /** A foreign key that leads to another schema. */
  readonly abroad: boolean
  readonly deferrable: boolean
  readonly deferred: boolean
  readonly sql: string
}

async function readConstraints(ask: Ask): Promise<readonly ConstraintRow[]> {
  const columnsOf = (table: string, key: string): string =>
    `(SELECT array_agg(a.attname ORDER BY u.place) FROM unnest(${key}) WITH ORDINALITY AS u (number, place)
      JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = u.number)`
  return await ask(
    `SELECT k.conrelid::text AS "table", k.conname AS name, k.contype::text AS type,
      coalesce(${columnsOf('k.conrelid', 'k.conkey')}, '{}') AS columns, p.relname AS other,
      ${columnsOf('k.confrelid', 'k.confkey')} AS referenced, coalesce(p.relnamespace <> c.relnamespace, false) AS abroad,
      k.condeferrable AS deferrable, k.condeferred AS deferred,
      'CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid, true) AS sql
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_class p ON p.oid = k.confrelid
    WHERE c.relnamespace = ${inSchema} AND k.contype IN ('p', 'u', 'c', 'f', 'x') AND k.conparentid = 0 ORDER BY k.oid`,
  )
}

interface IndexRow {
  readonly table: string
  readonly unique: boolean
  readonly primary: boolean
  readonly constrained: boolean
  readonly nullsSame: boolean
  /** `null` for an expression. */
  readonly columns: readonly (string | null)[]
  readonly expressions: readonly string[]
  readonly predicate: string | null
  readonly sql: string
}

async function readIndexes(ask: Ask): Promise<readonly IndexRow[]> {
  return await ask(
    `SELECT i.indrelid::text AS "table", i.indisunique AS "unique", i.indisprimary AS "primary",
      EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AS constrained,
      coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS "nullsSame",
      ARRAY(SELECT (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[n - 1])
        FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n) AS columns,
      ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n) AS expressions,
      pg_get_expr(i.indpred, i.indrelid, true) AS predicate, pg_get_indexdef(i.indexrelid, 0, true) AS sql
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = ${inSchema} AND c.relkind IN ('r', 'p') AND i.indisvalid ORDER BY i.indexrelid`,
  )
}

/** Columns that take the next number of a sequence, with the highest number that is taken. */
async function readNumbers(ask: Ask): Promise<readonly (NumberedColumn & { readonly table: string })[]> {
  const rows = await ask<NumberedColumn & { readonly table: string; readonly name: string }>(
    `SELECT c.oid::text AS "table", c.relname AS name, a.attname AS "column",
      CASE WHEN d.deptype = 'a' THEN s.relname END AS sequence, q.last_value::text AS last,
      a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND q.increment_by > 0 AS counts
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_class c ON c.oid = d.refobjid
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
      JOIN pg_namespace n ON n.oid = s.relnamespace
      JOIN pg_sequences q ON q.schemaname = n.nspname AND q.sequencename = s.relname
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND c.relnamespace = ${inSchema} AND s.relnamespace = ${inSchema} ORDER BY c.oid, a.attnum`,
  )
  const found = []
  for (const { name, last, ...row } of rows) {
    const [highest] = row.counts
      ? await ask<{ last: string | null }>(
          `SELECT greatest(max(${names([row.column])}), ${last ?? 'NULL'})::text AS last FROM ${quote(name)}`,
        )
      : []
    found.push({ ...row, last: highest?.last ?? last })
  }
  return found
}

async function readSequences(ask: Ask): Promise<readonly BaseSequence[]> {
  return await ask(
    `SELECT q.sequencename AS name, q.last_value::text AS last,
      format('AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s %s', q.data_type, q.increment_by, q.min_value,
        q.max_value, q.start_value, q.cache_size, CASE WHEN q.cycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options
    FROM pg_sequences q JOIN pg_class s ON s.relname = q.sequencename AND s.relnamespace = ${inSchema} AND s.relkind = 'S'
    WHERE q.schemaname = current_schema() AND NOT ${extended('pg_class', 's.oid')}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'i')
    ORDER BY s.oid`,
  )
}

async function readTypes(ask: Ask): Promise<readonly string[]> {
  const rows = await ask<{ sql: string }>(
    `SELECT t.sql FROM (
      SELECT t.oid, CASE t.typtype
        WHEN 'e' THEN format('CREATE TYPE %I AS ENUM (%s)', t.typname,
          (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
        WHEN 'd' THEN format('CREATE DOMAIN %I AS %s%s%s%s', t.typname, format_type(t.typbasetype, t.typtypmod),
          ' DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN ' NOT NULL' END,
          (SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid, true)), '')
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
        WHEN 'c' THEN format('CREATE TYPE %I AS (%s)', t.typname,
          (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
        END AS sql
      FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
      WHERE t.typnamespace = ${inSchema} AND (t.typtype IN ('e', 'd') OR t.typtype = 'c' AND c.relkind = 'c')
        AND NOT ${extended('pg_type', 't.oid')}) AS t ORDER BY t.oid`,
  )
  return rows.map(({ sql }) => sql)
}
