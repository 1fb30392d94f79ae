import { ShadowError } from '../../errors.ts'
import type { AddedColumn, AddedColumns } from '../../statement/shape/added-columns.ts'
import { refusal } from '../refusal.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'
import type { Perform, ShadowStep } from '../shadow-dialect.ts'
import type { ShadowTable } from '../shadow-table.ts'
import { isShown, touchSql } from './copies.ts'
import { typed } from './creation.ts'
import { keysOf } from './deferral.ts'
import { functionOf, markOf, names, quote, text, within } from './names.ts'
import { isOpaque, underlyingType } from './opaque-types.ts'
import { copyFunction, viewSql } from './overlay.ts'
import type { OwnColumn, PostgresColumn, PostgresTable } from './postgres-table.ts'
import { askBy, type Ask } from './read-base.ts'
import { keptTables, recordedTables, recordTable } from './shadow-record.ts'

/**
 * `ALTER TABLE … ADD COLUMN` of an augmented table: the local table gets the columns, and rows of the base show what the engine would have
 * stored in them. Whether a column can be added depends on the rows, so the engine is asked with a row of the base beside the local ones
 * first; and again with a row that breaks a CHECK, if the base has one.
 */
export function addingStep(
  sql: string,
  added: AddedColumns,
  { name }: ShadowTable,
  catalogue: ShadowCatalogue,
): ShadowStep {
  const referring = added.columns.find(({ references }) => references.length > 0)
  if (referring !== undefined)
    throw refusal(
      catalogue,
      `${referring.name} would refer to another table, which columns that are added to ${name} cannot. Add it without REFERENCES, or declare ${name} "replace".`,
    )
  const perform: Perform = async (run) => {
    const ask = askBy(run)
    // Nobody else replaces the view meanwhile.
    await run(`SELECT pg_advisory_xact_lock(hashtext(${text(`signalbox wakes ${name}`)}))`)
    const kept = keptTables(await recordedTables(ask))
    const facts = kept.find((each) => each.name === name)
    if (facts === undefined) throw new ShadowError(`The shadow "${catalogue.alias}" does not keep ${name} any more.`)
    const alter = sql.slice(0, added.target.start) + facts.stored + sql.slice(added.target.end)
    const trial = async (copy: string): Promise<void> => {
      await run('SAVEPOINT signalbox_trial')
      // What is copied here is undone, and no reason to read the table otherwise.
      await run(`ALTER TABLE ${facts.stored} DISABLE TRIGGER awake`)
      await run(copy)
      // The proofs of that copy; what others wait for is the application's.
      const keys = keysOf(facts)
      if (keys.length > 0) await run(`SET CONSTRAINTS ${keys.join(', ')} IMMEDIATE`)
      await run(alter)
      await run('ROLLBACK TO SAVEPOINT signalbox_trial')
    }
    await trial(touchSql(facts, oneRow(facts)))
    await run('SAVEPOINT signalbox_adding')
    const before = await stateOf(facts, ask)
    const answer = await run(alter)
    const columns = await newColumns(facts, before, ask, catalogue.alias)
    const now = withColumns(facts, columns, sql, added.columns)
    for (const each of keepingSql(now, columns, kept, await isAsleep(facts, ask))) await run(each)
    const broken = await brokenKey(now, sql, added.columns, ask)
    if (broken !== undefined) {
      await run('ROLLBACK TO SAVEPOINT signalbox_adding')
      await trial(`SELECT ${functionOf('collided', facts)}(${text(JSON.stringify([broken]))})`)
      throw new ShadowError(
        `A row of ${name} with the key ${JSON.stringify(broken)} breaks the CHECK of a column that would be added.`,
      )
    }
    return answer
  }
  return { sql, touches: [], perform }
}

/** The key of a row of the base that is shown, if there is one. */
function oneRow(table: PostgresTable): string {
  return `SELECT ${names(table.primaryKey, 'b.')} FROM ${within('base', table)} AS b WHERE ${isShown(table, 'b')} LIMIT 1`
}

async function isAsleep(table: PostgresTable, ask: Ask): Promise<boolean> {
  const [schema, name] = markOf(table)
  const [found] = await ask<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${text(schema)} AND c.relname = ${text(name)}) AS there`,
  )
  return found?.there === true
}

interface TableState {
  /** The number of its last column. */
  readonly last: number
  /** The file of its rows: another one if they were written anew. */
  readonly file: string
}

async function stateOf({ stored }: PostgresTable, ask: Ask): Promise<TableState> {
  const [found] = await ask<TableState>(
    `SELECT max(attnum) AS last, pg_relation_filenode(${text(stored)}::regclass)::text AS file
    FROM pg_attribute WHERE attrelid = ${text(stored)}::regclass`,
  )
  return found ?? { last: 0, file: '' }
}

interface MadeColumn extends PostgresColumn {
  /** What rows have that were there; `null`: NULL, or each one something else. */
  readonly fill: string | null
  readonly constraints: readonly { readonly type: string; readonly sql: string }[]
}

/** What the engine has made. Rows that were there got one value, or the engine has written each one anew. */
async function newColumns(
  table: PostgresTable,
  before: TableState,
  ask: Ask,
  alias: string,
): Promise<readonly MadeColumn[]> {
  // Names are written with their schemas, and mean the same whatever the search path is.
  const [{ path }] = (await ask<{ path: string }>(`SELECT current_setting('search_path') AS path`)) as [
    { path: string },
  ]
  await ask(`SELECT set_config('search_path', '', true)`)
  const columns = await ask<MadeColumn>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
        THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname) FROM pg_collation l
          JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) END AS collation,
      a.attnotnull AS "notNull", ${underlyingType('a.atttypid')} AS underlying, a.attidentity::text AS identity, a.attgenerated::text <> '' AS "isGenerated",
      pg_get_expr(f.adbin, f.adrelid, true) AS preset,
      CASE WHEN a.atthasmissing THEN array_to_string(a.attmissingval, '') END AS fill,
      (SELECT coalesce(json_agg(json_build_object('type', k.contype,
          'sql', 'CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid, true))), '[]')
        FROM pg_constraint k WHERE k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey) AND k.contype <> 'n') AS constraints
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    WHERE a.attrelid = ${text(table.stored)}::regclass AND a.attnum > ${before.last} AND NOT a.attisdropped ORDER BY a.attnum`,
  )
  await ask(`SELECT set_config('search_path', ${text(path)}, true)`)
  const { file } = await stateOf(table, ask)
  for (const column of columns) {
    const why = unfit(column, file !== before.file)
    if (why !== undefined)
      throw new ShadowError(
        `"${alias}" is a shadow: ${column.name} cannot be added to ${table.name}, ${why}. Add it without that, or declare ${table.name} "replace". Nothing was changed.`,
      )
  }
  return columns
}

/** Why a column cannot be shown with rows of the base. */
function unfit(
  { identity, isGenerated, preset, fill, constraints }: MadeColumn,
  isRewritten: boolean,
): string | undefined {
  if (identity !== '') return 'since rows of the base cannot be given numbers'
  if (isGenerated) return 'since it would be calculated from values of two databases'
  if (constraints.some(({ type }) => type !== 'c')) return 'since a key of it could not be looked up in the base'
  if (isRewritten && preset !== null && fill === null)
    return 'since its default has to be calculated for each row of the base'
  return undefined
}

function withColumns(
  table: PostgresTable,
  made: readonly MadeColumn[],
  sql: string,
  given: readonly AddedColumn[],
): PostgresTable {
  const own = made.map(({ fill, constraints: _constraints, ...column }): OwnColumn => ({
    ...column,
    fill: fill === null ? 'NULL' : text(fill).trimStart(),
  }))
  const definitionOf = (name: string): string => {
    const found = given.find((each) => each.name === name || each.name.toLowerCase() === name)
    return found === undefined ? quote(name) : sql.slice(found.definition.start, found.definition.end)
  }
  return {
    ...table,
    columns: [
      ...table.columns,
      ...own.map(({ name, type, fill, underlying }) => ({
        name,
        type,
        isGenerated: false,
        ...(isOpaque(underlying) ? ({ isOpaque: true } as const) : {}),
        preset: fill,
        definition: definitionOf(name),
      })),
    ],
    own: [...(table.own ?? []), ...own],
    constraints: [...table.constraints, ...made.flatMap(({ constraints }) => constraints.map((each) => each.sql))],
  }
}

/** The table of originals gets the columns, too: what rows of the base have shown in them. Copies get them from there. */
function keepingSql(
  table: PostgresTable,
  made: readonly MadeColumn[],
  kept: readonly PostgresTable[],
  asleep: boolean,
): readonly string[] {
  const own = (table.own ?? []).slice(-made.length)
  if (made.length === 0) return []
  const laidOver = new Map(kept.filter(({ storage }) => storage !== 'replace').map((each) => [each.name, each]))
  return [
    ...own.map(
      (column) =>
        `ALTER TABLE ${within('original', table)} ADD COLUMN ${typed(column)} DEFAULT CAST(${column.fill} AS ${column.type})`,
    ),
    ...copyFunction(table, laidOver),
    viewSql(table, !asleep),
    `UPDATE ${recordTable} SET facts = ${text(JSON.stringify(table))}, awake = ${text(viewSql(table, true))} WHERE name = ${text(table.name)}`,
  ]
}

/** The key of a row that breaks a CHECK of the new columns, as JSON. Local ones have been looked at by the engine. */
async function brokenKey(
  table: PostgresTable,
  sql: string,
  given: readonly AddedColumn[],
  ask: Ask,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const checks = given.flatMap((each) => each.checks.map(({ start, end }) => `NOT (${sql.slice(start, end)})`))
  if (checks.length === 0) return undefined
  const called = quote(table.place?.name ?? table.name)
  const [found] = await ask<Readonly<Record<string, unknown>>>(
    `SELECT ${names(table.primaryKey, `${called}.`)} FROM ${table.shown} AS ${called} WHERE ${checks.join(' OR ')} LIMIT 1`,
  )
  return found
}
