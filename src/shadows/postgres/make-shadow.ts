import type { DriverPool, Lease } from '../../drivers/driver.ts'
import { QueryError, ShadowError } from '../../errors.ts'
import type { Analysis } from '../../statement/analysis.ts'
import type { Shadow } from '../../topology/shadow.ts'
import { creationOf, serverName } from './creation.ts'
import { optionsSql, type ForeignServer } from './foreign-server.ts'
import { groupedText } from './grouped-text.ts'
import { keptSchemas, quote, schemas, text } from './names.ts'
import { planRelations, type PlannedRelation } from './plan-tables.ts'
import type { BaseRelation, BaseSchema } from './postgres-table.ts'
import { readBase, type Ask } from './read-base.ts'
import { recordTable } from './shadow-record.ts'

/** Sends a statement. */
export type Run = (sql: string) => Promise<void>

/** Where the base is, and how it is asked. */
export interface PostgresBase {
  /** As the local server finds it. */
  readonly dsn: string
  /** Opens connections to it that can only read; closed by whoever opens them. */
  readonly open: () => Promise<DriverPool>
}

/** What a shadow is made with: one transaction on the local database. */
export interface Making {
  readonly alias: string
  readonly shadow: Shadow
  readonly analyze: (sql: string) => Analysis
  readonly lease: Lease
  readonly ask: Ask
  readonly run: Run
  readonly server: ForeignServer
  readonly base: PostgresBase
}

/** What is there already when a shadow is made once more. */
export interface Staying {
  /** Names of replaced tables. */
  readonly tables: ReadonlySet<string>
  /** Sequences of the base, as SQL. */
  readonly sequences: ReadonlySet<string>
  /** Puts rows back into the tables that were made, before anything looks at them. */
  readonly restore: () => Promise<void>
}

const nothing: Staying = { tables: new Set(), sequences: new Set(), restore: async () => {} }

/** Makes a shadow in a local database that has none. Gives the names of its tables. Throws `ShadowError`. */
export async function makeShadow(making: Making): Promise<readonly string[]> {
  const { ask, run, server, alias, shadow } = making
  const read = await readSchemaOf(making)
  const planned = planRelations(read, shadow)
  await refuseOccupied(ask, alias, read.relations)
  await run('CREATE EXTENSION IF NOT EXISTS postgres_fdw')
  await run(`CREATE SERVER ${serverName} FOREIGN DATA WRAPPER postgres_fdw ${optionsSql(server.server)}`)
  await run(`CREATE USER MAPPING FOR CURRENT_USER SERVER ${serverName} ${optionsSql(server.user)}`)
  await buildShadow(making, read, planned)
  await proveReadOnly(ask, run, alias)
  return planned.flatMap(({ table }) => table?.name ?? [])
}

/** What the base has now. */
export async function readSchemaOf({ base, shadow }: Making): Promise<BaseSchema> {
  const pool = await base.open()
  try {
    return await readBase(pool, shadow.kinds.schemas())
  } finally {
    await pool.close()
  }
}

/** Makes all that a shadow keeps. The server of postgres_fdw is there. */
export async function buildShadow(
  { lease, run, analyze }: Making,
  read: BaseSchema,
  planned: readonly PlannedRelation[],
  staying: Staying = nothing,
): Promise<void> {
  for (const each of read.schemas)
    for (const schema of keptSchemas(each === read.main ? undefined : each)) await run(`CREATE SCHEMA ${schema}`)
  const extended = read.extensions.map(({ schema }) => schema)
  for (const schema of new Set([...read.schemas, ...extended]))
    await run(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`)
  await run(
    `CREATE TABLE ${recordTable} (place int GENERATED ALWAYS AS IDENTITY, name text PRIMARY KEY, type text NOT NULL,
      kind text NOT NULL, facts json NOT NULL, awake text, mark text[])`,
  )
  await run(
    `CREATE TABLE ${schemas.merged}.shadow AS SELECT ${read.version} AS version, ${text(read.main)} AS main, ${textArray(read.path)} AS path,
      ${textArray(read.schemas)} AS schemas, ${textArray(read.sequences.map(({ name }) => name))} AS sequences`,
  )
  const creation = creationOf(read, planned, staying)
  await run(`SET LOCAL search_path = ${read.path.map(quote).join(', ')}`)
  await run('SET LOCAL check_function_bodies = off')
  const extensions = read.extensions.map(
    ({ name, schema }) => `CREATE EXTENSION IF NOT EXISTS ${quote(name)} SCHEMA ${quote(schema)}`,
  )
  await runAll(lease, run, extensions)
  await runAll(lease, run, read.types)
  const left = await runAll(lease, run, creation.functions)
  for (const sql of creation.tables) await run(sql)
  await staying.restore()
  for (const sql of creation.rules) await run(sql)
  const keyed = new Map(read.relations.map(({ facts }) => [facts.shown, facts]))
  const views = creation.views.map(
    ({ name, query }) =>
      `CREATE VIEW ${name} AS ${groupedText(query, analyze, (use) => keyed.get(`${quote(use.schema ?? read.main)}.${quote(use.name)}`))}`,
  )
  await runAll(lease, run, [...left, ...views])
  for (const sql of creation.last) await run(sql)
}

function textArray(values: readonly string[]): string {
  return `ARRAY[${values.map(text).join(', ')}]::text[]`
}

/** Runs statements that may need one another, in any order that works; gives those that do not work in any. */
export async function runAll(lease: Lease, run: Run, statements: readonly string[]): Promise<readonly string[]> {
  const left: string[] = []
  for (const sql of statements) {
    await lease.savepoint('signalbox_made')
    try {
      await run(sql)
    } catch (error) {
      if (!(error instanceof QueryError) || error.errorClass === 'connection-lost') throw error
      await lease.rollbackTo('signalbox_made')
      left.push(sql)
    }
    await lease.releaseSavepoint('signalbox_made')
  }
  return left.length === 0 || left.length === statements.length ? left : await runAll(lease, run, left)
}

/** What stands between the servers (a pooler) may have left out what keeps the base from being written. */
export async function proveReadOnly(ask: Ask, run: Run, alias: string): Promise<void> {
  const settings = `${schemas.merged}.base_settings`
  await run(
    `CREATE FOREIGN TABLE ${settings} (name text, setting text) SERVER ${serverName}
      OPTIONS (schema_name 'pg_catalog', table_name 'pg_settings')`,
  )
  const [found] = await ask<{ setting: string }>(
    `SELECT setting FROM ${settings} WHERE name = 'default_transaction_read_only'`,
  )
  await run(`DROP FOREIGN TABLE ${settings}`)
  if (found?.setting !== 'on')
    throw new ShadowError(
      `"${alias}" cannot be a shadow: the connections to its base are not read-only there, though they ask for it by the startup parameter "options" ` +
        '(a connection pooler may leave that out). Name the server itself.',
    )
}

/** Throws `ShadowError` where the local database has something by these names. */
export async function refuseOccupied(ask: Ask, alias: string, relations: readonly BaseRelation[]): Promise<void> {
  const names = relations.map(({ facts }) => text(facts.shown))
  const taken = (
    await ask<{ name: string }>(
      `SELECT name FROM unnest(ARRAY[${names.join(', ')}]::text[]) AS name WHERE to_regclass(name) IS NOT NULL`,
    )
  ).map(({ name }) => name)
  if (taken.length > 0)
    throw new ShadowError(
      `The local database of "${alias}" has tables of its own that a shadow would keep there: ${taken.join(', ')}. Give the shadow another database.`,
    )
}
