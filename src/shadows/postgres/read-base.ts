import type { DriverPool, Lease } from '../../drivers/driver.ts'
import type { ForeignKey } from '../shadow-table.ts'
import { names, quote, text, type Named } from './names.ts'
import { isOpaque, underlyingType } from './opaque-types.ts'
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

/** Asks by statements whose rows are objects. */
export function askBy(run: (sql: string) => Promise<{ readonly rows: readonly unknown[] }>): Ask {
  return async <T>(sql: string) => {
    const { rows } = await run(`SELECT coalesce(json_agg(q), '[]')::text AS found FROM (${sql}) AS q`)
    return JSON.parse(String((rows[0] as { readonly found: unknown }).found)) as readonly T[]
  }
}

/**
 * Reads the schemas in which the base's statements find their tables, those that are `named`, and those that foreign keys connect with them.
 * Changes nothing.
 */
export async function readBase(pool: DriverPool, named: ReadonlySet<string>): Promise<BaseSchema> {
  const lease = await pool.lease({ access: 'read' })
  try {
    await lease.begin({ isolation: 'repeatable read', readOnly: true })
    const ask = askOn(lease)
    const places = await readSchemas(ask, named)
    // All names are written with their schemas, and mean the same whatever the search path is.
    const sql = `SELECT set_config('search_path', '', true)`
    await lease.query({ sql, params: [], access: 'read', prepare: false })
    return await readSchema(ask, places)
  } finally {
    await lease.release('destroy')
  }
}

type BasePlaces = Pick<BaseSchema, 'version' | 'main' | 'path' | 'schemas'>

/** A schema is shown as a whole. What foreign keys lead to or come from must be there, too: they hold over both. */
async function readSchemas(ask: Ask, named: ReadonlySet<string>): Promise<BasePlaces> {
  const [found] = await ask<Pick<BaseSchema, 'version' | 'path' | 'schemas'>>(
    `WITH RECURSIVE path AS (
        SELECT ARRAY(SELECT s FROM unnest(current_schemas(false)) WITH ORDINALITY AS u (s, place)
          WHERE s !~ '^pg_' AND s <> 'information_schema' ORDER BY place)::text[] AS names),
      shown (id) AS (
        SELECT n.oid FROM pg_namespace n, path WHERE n.nspname = ANY (path.names || ARRAY[${[...named].map(text).join(', ')}]::text[])
          AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        UNION SELECT CASE WHEN c.relnamespace = shown.id THEN p.relnamespace ELSE c.relnamespace END
          FROM shown, pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
          WHERE k.contype = 'f' AND c.relnamespace <> p.relnamespace AND shown.id IN (c.relnamespace, p.relnamespace))
    SELECT path.names AS path, ARRAY(SELECT n.nspname FROM pg_namespace n JOIN shown ON shown.id = n.oid
      WHERE has_schema_privilege(n.oid, 'USAGE') ORDER BY n.nspname)::text[] AS schemas, current_setting('server_version_num')::int AS version FROM path`,
  )
  const { path = [], schemas = [], version = 0 } = found ?? {}
  const main = path[0] ?? 'public'
  return { version, main, path: path.length === 0 ? [main] : path, schemas: [...new Set([main, ...path, ...schemas])] }
}

/** That a catalogue's schema is one of those that are shown. */
const isIn = ({ schemas }: BasePlaces, oid: string): string =>
  `${oid} IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname IN (${schemas.map(text).join(', ')}))`
/** Whether an extension has made an object, which then comes with the extension. */
const extended = (catalogue: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`

interface RelationRow {
  readonly id: string
  readonly schema: string
  readonly name: string
  readonly relkind: string
  readonly query: string | null
  readonly triggers: readonly string[]
  readonly inherits: boolean
}

async function readSchema(ask: Ask, places: BasePlaces): Promise<BaseSchema> {
  const relations = await ask<RelationRow>(
    `SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS name, c.relkind::text AS relkind,
      CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS query,
      ARRAY(SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal ORDER BY 1) AS triggers,
      c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)) AS inherits
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${isIn(places, 'c.relnamespace')} AND c.relkind IN ('r', 'p', 'f', 'm', 'v') AND NOT c.relispartition
      AND NOT ${extended('pg_class', 'c.oid')} ORDER BY c.oid`,
  )
  const columns = Map.groupBy(await readColumns(ask, places), ({ table }) => table)
  const constraints = Map.groupBy(await readConstraints(ask, places), ({ table }) => table)
  const indexes = Map.groupBy(await readIndexes(ask, places), ({ table }) => table)
  const numbered = await readNumbers(ask, places)
  const numbers = Map.groupBy(numbered, ({ table }) => table)
  const nameOf = ({ schema, name }: RelationRow): string => (schema === places.main ? name : `${schema}.${name}`)
  const nameOfId = new Map(relations.map((row) => [row.id, nameOf(row)]))
  return {
    ...places,
    relations: relations.map((row) =>
      relationOf(row, {
        named: {
          name: nameOf(row),
          ...(row.schema === places.main ? {} : { place: { schema: row.schema, name: row.name } }),
        },
        nameOfId,
        columns: columns.get(row.id) ?? [],
        constraints: constraints.get(row.id) ?? [],
        indexes: indexes.get(row.id) ?? [],
        numbers: numbers.get(row.id) ?? [],
      }),
    ),
    sequences: (await readSequences(ask, places)).map((sequence) => behindRows(sequence, numbered)),
    types: await readTypes(ask, places),
    extensions: await ask(
      `SELECT e.extname AS name, n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
      WHERE e.extname <> 'plpgsql' ORDER BY e.oid`,
    ),
    functions: (
      await ask<{ sql: string }>(
        `SELECT pg_get_functiondef(p.oid) AS sql FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE ${isIn(places, 'p.pronamespace')} AND p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql')
          AND NOT ${extended('pg_proc', 'p.oid')} ORDER BY p.oid`,
      )
    ).map(({ sql }) => sql),
  }
}

interface Parts {
  readonly named: Named
  /** Names of all relations that are shown. */
  readonly nameOfId: ReadonlyMap<string, string>
  readonly columns: readonly PostgresColumn[]
  readonly constraints: readonly ConstraintRow[]
  readonly indexes: readonly IndexRow[]
  readonly numbers: readonly NumberedColumn[]
}

function relationOf(
  row: RelationRow,
  { named, nameOfId, columns, constraints, indexes, numbers }: Parts,
): BaseRelation {
  const primary = constraints.find(({ type }) => type === 'p')
  const ofType = (type: string): readonly ConstraintRow[] => constraints.filter((each) => each.type === type)
  const facts: PostgresFacts = {
    ...named,
    shown: `${quote(row.schema)}.${quote(row.name)}`,
    columns: columns.map(({ name, type, isGenerated, preset, underlying }) => ({
      name,
      type,
      isGenerated,
      ...(isOpaque(underlying) ? { isOpaque: true as const } : {}),
      ...(preset === null || isGenerated ? {} : { preset }),
    })),
    primaryKey: (primary?.columns ?? []).map((name) => ({ name })),
    uniqueKeys: indexes
      .filter(({ unique, primary: isPrimary }) => unique && !isPrimary)
      .map(({ columns: key }) => key.map((name) => ({ name: name ?? '' }))),
    foreignKeys: ofType('f').map((key): ForeignKey => ({
      columns: key.columns,
      table: nameOfId.get(key.other ?? '') ?? '',
      referenced: key.referenced ?? [],
    })),
    declared: columns,
    keys: indexes
      .filter(({ unique }) => unique)
      .map(({ expressions, predicate, primary: isPrimary }) => ({ expressions, predicate, isPrimary })),
    numbers,
    constraints: ['p', 'u', 'c'].flatMap((type) => ofType(type).map(({ sql }) => sql)),
    foreignConstraints: ofType('f').map(({ name, sql, behind, deferrable, deferred }) => ({
      name,
      before: sql,
      behind: deferrable ? (behind ?? '') : `${behind ?? ''} DEFERRABLE`,
      isDeferrable: deferrable,
      isDeferred: deferred,
    })),
    indexes: indexes.filter(({ constrained }) => !constrained).map(({ before, behind }) => ({ before, behind })),
    obstacles: obstaclesOf(row, constraints, indexes, nameOfId),
  }
  const kind = row.relkind === 'v' ? 'view' : row.relkind === 'r' || row.relkind === 'p' ? 'table' : 'other'
  return { kind, query: row.query, facts }
}

function obstaclesOf(
  { triggers, inherits, relkind }: RelationRow,
  constraints: readonly ConstraintRow[],
  indexes: readonly IndexRow[],
  nameOfId: ReadonlyMap<string, string>,
): readonly string[] {
  const exclusion = constraints.find(({ type }) => type === 'x')
  const foreign = constraints.find(({ type, other }) => type === 'f' && !nameOfId.has(other ?? ''))
  return [
    ...(relkind === 'f' ? ['it is a foreign table itself'] : []),
    ...(inherits ? ['it inherits from a table, or another one from it'] : []),
    ...(triggers.length > 0 ? [`it has triggers (${triggers.join(', ')}), which would see its local rows alone`] : []),
    ...(exclusion === undefined ? [] : [`it has an exclusion constraint (${exclusion.name})`]),
    ...(foreign === undefined ? [] : [`its foreign key ${foreign.name} leads to a table that is not shown`]),
    ...(indexes.some(({ nullsSame }) => nullsSame) ? ['it has a unique index with NULLS NOT DISTINCT'] : []),
  ]
}

async function readColumns(
  ask: Ask,
  places: BasePlaces,
): Promise<readonly (PostgresColumn & { readonly table: string })[]> {
  return await ask(
    `SELECT a.attrelid::text AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
        THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname) FROM pg_collation l
          JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) END AS collation,
      a.attnotnull AS "notNull", ${underlyingType('a.atttypid')} AS underlying, a.attidentity::text AS identity, a.attgenerated::text <> '' AS "isGenerated",
      pg_get_expr(f.adbin, f.adrelid, true) AS preset
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    WHERE ${isIn(places, 'c.relnamespace')} AND c.relkind IN ('r', 'p', 'f', 'm', 'v') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum`,
  )
}

interface ConstraintRow {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly columns: readonly string[]
  /** The id of the table that a foreign key refers to. */
  readonly other: string | null
  readonly referenced: readonly string[] | null
  readonly deferrable: boolean
  readonly deferred: boolean
  /** Of a foreign key: as far as the name of that table. */
  readonly sql: string
  /** Of a foreign key: what stands behind that name. */
  readonly behind: string | null
}

async function readConstraints(ask: Ask, places: BasePlaces): Promise<readonly ConstraintRow[]> {
  const columnsOf = (table: string, key: string): string =>
    `(SELECT array_agg(a.attname ORDER BY u.place) FROM unnest(${key}) WITH ORDINALITY AS u (number, place)
      JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = u.number)`
  return await ask(
    `SELECT k.conrelid::text AS "table", k.conname AS name, k.contype::text AS type,
      coalesce(${columnsOf('k.conrelid', 'k.conkey')}, '{}') AS columns, p.oid::text AS other,
      ${columnsOf('k.confrelid', 'k.confkey')} AS referenced,
      k.condeferrable AS deferrable, k.condeferred AS deferred,
      'CONSTRAINT ' || quote_ident(k.conname) || ' ' ||
        CASE k.contype WHEN 'f' THEN left(d.sql, strpos(d.sql, r.sql) + 11) ELSE d.sql END AS sql,
      CASE k.contype WHEN 'f' THEN substr(d.sql, strpos(d.sql, r.sql) + length(r.sql) - 1) END AS behind
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_class p ON p.oid = k.confrelid,
      LATERAL (SELECT pg_get_constraintdef(k.oid, true)) AS d (sql),
      LATERAL (SELECT ' REFERENCES ' || k.confrelid::regclass::text || '(') AS r (sql)
    WHERE ${isIn(places, 'c.relnamespace')} AND k.contype IN ('p', 'u', 'c', 'f', 'x') AND k.conparentid = 0 ORDER BY k.oid`,
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
  /** Its definition, as far as the name of the table, and from there on. */
  readonly before: string
  readonly behind: string
}

async function readIndexes(ask: Ask, places: BasePlaces): Promise<readonly IndexRow[]> {
  return await ask(
    `SELECT i.indrelid::text AS "table", i.indisunique AS "unique", i.indisprimary AS "primary",
      EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AS constrained,
      coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS "nullsSame",
      ARRAY(SELECT (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[n - 1])
        FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n) AS columns,
      ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n) AS expressions,
      pg_get_expr(i.indpred, i.indrelid, true) AS predicate, h.sql AS before,
      substr(pg_get_indexdef(i.indexrelid, 0, true),
        length(h.sql) + length(CASE x.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END || i.indrelid::regclass) + 1) AS behind
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid,
      LATERAL (SELECT format('CREATE %sINDEX %I ON ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, x.relname)) AS h (sql)
    WHERE ${isIn(places, 'c.relnamespace')} AND c.relkind IN ('r', 'p') AND i.indisvalid ORDER BY i.indexrelid`,
  )
}

/** Columns that take the next number of a sequence, with the highest number that is taken. */
async function readNumbers(
  ask: Ask,
  places: BasePlaces,
): Promise<readonly (NumberedColumn & { readonly table: string })[]> {
  const rows = await ask<
    NumberedColumn & Readonly<Record<'table' | 'name' | 'from' | 'most', string>> & { readonly readable: boolean }
  >(
    `SELECT c.oid::text AS "table", c.oid::regclass::text AS name, a.attname AS "column",
      CASE WHEN d.deptype = 'a' THEN s.oid::regclass::text END AS sequence, q.last_value::text AS last,
      coalesce(q.last_value, q.start_value)::text AS "from", q.max_value::text AS most,
      a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND q.increment_by > 0 AS counts,
      has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_class c ON c.oid = d.refobjid
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
      JOIN pg_namespace n ON n.oid = s.relnamespace
      JOIN pg_sequences q ON q.schemaname = n.nspname AND q.sequencename = s.relname
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND ${isIn(places, 'c.relnamespace')} AND ${isIn(places, 's.relnamespace')} ORDER BY c.oid, a.attnum`,
  )
  const found = []
  for (const { name, last, from, most, readable, ...row } of rows) {
    const [taken] =
      row.counts && readable
        ? await ask<{ last: string | null }>(
            `SELECT (SELECT least(highest, ${most}) WHERE highest >= ${from})::text AS last
            FROM (SELECT max(${names([row.column])}) AS highest FROM ${name}) taken`,
          )
        : []
    found.push({ ...row, last: taken?.last ?? last })
  }
  return found
}

/** A sequence of a column goes on behind the highest number that a row has, also where nothing but the sequence is kept. */
function behindRows(sequence: BaseSequence, numbered: readonly NumberedColumn[]): BaseSequence {
  const last = numbered.find(({ sequence: name }) => name === sequence.name)?.last ?? sequence.last
  return { ...sequence, last }
}

async function readSequences(ask: Ask, places: BasePlaces): Promise<readonly BaseSequence[]> {
  return await ask(
    `SELECT s.oid::regclass::text AS name, q.last_value::text AS last,
      format('AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s %s', q.data_type, q.increment_by, q.min_value,
        q.max_value, q.start_value, q.cache_size, CASE WHEN q.cycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options
    FROM pg_sequences q JOIN pg_namespace n ON n.nspname = q.schemaname
      JOIN pg_class s ON s.relname = q.sequencename AND s.relnamespace = n.oid AND s.relkind = 'S'
    WHERE ${isIn(places, 'n.oid')} AND NOT ${extended('pg_class', 's.oid')}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'i')
    ORDER BY s.oid`,
  )
}

async function readTypes(ask: Ask, places: BasePlaces): Promise<readonly string[]> {
  const rows = await ask<{ sql: string }>(
    `SELECT t.sql FROM (
      SELECT t.oid, CASE t.typtype
        WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,
          (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
        WHEN 'd' THEN format('CREATE DOMAIN %I.%I AS %s%s%s%s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod),
          ' DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN ' NOT NULL' END,
          (SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid, true)), '')
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
        WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname,
          (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
        END AS sql
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
      WHERE ${isIn(places, 't.typnamespace')} AND (t.typtype IN ('e', 'd') OR t.typtype = 'c' AND c.relkind = 'c')
        AND NOT ${extended('pg_type', 't.oid')}) AS t ORDER BY t.oid`,
  )
  return rows.map(({ sql }) => sql)
}
