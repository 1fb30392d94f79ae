import type { Driver, DriverPool, Lease, PoolOptions } from '../../drivers/driver.ts'
import { messageOf, QueryError, ShadowError } from '../../errors.ts'
import type { Shadow, ShadowKind } from '../../topology/shadow.ts'
import type { Analysis } from '../../statement/analysis.ts'
import { ShadowCatalogue } from '../shadow-catalogue.ts'
import type { ShadowDialect } from '../shadow-dialect.ts'
import { creationOf, recordTable, serverName } from './creation.ts'
import { groupedText } from './grouped-text.ts'
import { postgresShadowDialect } from './postgres-dialect.ts'
import { foreignServer, optionsSql, type ForeignServer } from './foreign-server.ts'
import type { TableName } from '../../topology/pattern-map.ts'
import { calledBy, keptSchemas, quote, schemas, text } from './names.ts'
import { planRelations } from './plan-tables.ts'
import type { BaseSchema, PostgresFacts, PostgresTable } from './postgres-table.ts'
import { askOn, readBase, type Ask } from './read-base.ts'

/** What is known of a shadow on PostgreSQL. */
export interface OpenedPostgresShadow {
  readonly catalogue: ShadowCatalogue
  readonly dialect: ShadowDialect
  /** The search path of the base, by which statements find the tables. */
  readonly path: readonly string[]
}

export interface PostgresShadowParts {
  readonly alias: string
  readonly shadow: Shadow
  readonly analyze: (sql: string) => Analysis
}

/** Where the base is, and how it is asked. */
export interface PostgresBase {
  /** As the local server finds it. */
  readonly dsn: string
  /** Opens connections to it that can only read; closed by whoever opens them. */
  readonly open: () => Promise<DriverPool>
}

export function postgresBase(driver: Driver, dsn: string, options: PoolOptions): PostgresBase {
  const reading = { ...options, traceCommits: false, readOnly: true }
  return { dsn, open: async () => await driver.open({ from: 'dsn', dsn }, reading) }
}

/**
 * Learns what the shadow keeps, and makes it if it is new: then the base is asked for its schema. `pool`: of the local database.
 *
 * Throws `ShadowError` where the shadow was made for other declarations, or cannot be made.
 */
export async function openPostgresShadow(
  pool: DriverPool,
  base: PostgresBase,
  parts: PostgresShadowParts,
): Promise<OpenedPostgresShadow> {
  const lease = await pool.lease({ access: 'write' })
  try {
    await lease.begin({})
    const opened = await prepare(lease, base, parts)
    await lease.commit()
    return opened
  } catch (error) {
    throw error instanceof QueryError && error.engineCode !== undefined ? notMade(parts.alias, error) : error
  } finally {
    // The search path of the transaction was its own.
    await lease.release('reset')
  }
}

export interface RecordedTable {
  readonly name: string
  readonly type: string
  readonly kind: ShadowKind
  readonly facts: PostgresTable | PostgresFacts
}

async function prepare(lease: Lease, base: PostgresBase, parts: PostgresShadowParts): Promise<OpenedPostgresShadow> {
  const { alias, shadow } = parts
  const ask = askOn(lease)
  const run: Run = async (sql) => {
    await lease.query({ sql, params: [], access: 'write', prepare: false })
  }
  await run(`SELECT pg_advisory_xact_lock(hashtext('signalbox shadow'))`)
  const server = foreignServer(base.dsn)
  const [found] = await ask<{ there: boolean }>(`SELECT to_regclass(${text(recordTable)}) IS NOT NULL AS there`)
  if (found?.there === true) await moveBase(ask, run, server, alias)
  else await make({ ...parts, lease, ask, run, server }, base)
  const recorded = await recordedTables(ask)
  const places = await shadowPlaces(ask)
  compare(alias, recorded, shadow, places)
  const nameOf = namesIn(recorded, places)
  const keyed = new Map(recorded.filter(({ type }) => type === 'table').map(({ name, facts }) => [name, facts]))
  return {
    path: places.path,
    dialect: postgresShadowDialect({
      schemas: new Set(places.schemas),
      tableOf: (use) => keyed.get(nameOf(use)),
    }),
    catalogue: new ShadowCatalogue({
      alias,
      base: shadow.base,
      tables: keptTables(recorded),
      baseNames: recorded.map(({ name }) => name),
      foldsNames: false,
      nameOf,
    }),
  }
}

/** Where the shadow shows what the base has, as it was when it was made. */
export interface ShadowPlaces {
  /** The first schema of the base's search path. */
  readonly main: string
  readonly path: readonly string[]
  /** All of the base's that are shown. */
  readonly schemas: readonly string[]
  /** Sequences that it has made in them. */
  readonly sequences: readonly string[]
}

export async function shadowPlaces(ask: Ask): Promise<ShadowPlaces> {
  const [found] = await ask<ShadowPlaces>(`SELECT main, path, schemas, sequences FROM ${schemas.merged}.shadow`)
  return found ?? { main: 'public', path: ['public'], schemas: ['public'], sequences: [] }
}

/** Names of the base's tables and views, by what statements call them. */
function namesIn(recorded: readonly RecordedTable[], { main, path }: ShadowPlaces): (use: TableName) => string {
  const known = new Map(
    recorded.map(({ name, facts }) => {
      const { schema, name: own } = calledBy(facts, main)
      return [`${schema} ${own}`, name]
    }),
  )
  return ({ schema, name }) => {
    for (const each of schema === undefined ? path : [schema]) {
      const found = known.get(`${each} ${name}`)
      if (found !== undefined) return found
    }
    return schema === undefined ? name : `${schema}.${name}`
  }
}

export async function recordedTables(ask: Ask): Promise<readonly RecordedTable[]> {
  return await ask(`SELECT name, type, kind, facts FROM ${recordTable} ORDER BY place`)
}

/** Those of which something is kept. */
export function keptTables(recorded: readonly RecordedTable[]): readonly PostgresTable[] {
  return recorded.flatMap(({ facts }) => ('storage' in facts ? facts : []))
}

type Run = (sql: string) => Promise<void>

interface Making extends PostgresShadowParts {
  readonly lease: Lease
  readonly ask: Ask
  readonly run: Run
  readonly server: ForeignServer
}

async function make({ lease, ask, run, server, alias, shadow, analyze }: Making, base: PostgresBase): Promise<void> {
  const read = await withPool(base, async (pool) => await readBase(pool, shadow.kinds.schemas()))
  const planned = planRelations(read, shadow)
  await refuseOccupied(ask, alias, read)
  await run('CREATE EXTENSION IF NOT EXISTS postgres_fdw')
  for (const each of read.schemas)
    for (const schema of keptSchemas(each === read.main ? undefined : each)) await run(`CREATE SCHEMA ${schema}`)
  await run(`CREATE SERVER ${serverName} FOREIGN DATA WRAPPER postgres_fdw ${optionsSql(server.server)}`)
  await run(`CREATE USER MAPPING FOR CURRENT_USER SERVER ${serverName} ${optionsSql(server.user)}`)
  const extended = read.extensions.map(({ schema }) => schema)
  for (const schema of new Set([...read.schemas, ...extended]))
    await run(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`)
  await run(
    `CREATE TABLE ${recordTable} (place int GENERATED ALWAYS AS IDENTITY, name text PRIMARY KEY, type text NOT NULL,
      kind text NOT NULL, facts json NOT NULL, awake text, mark text[])`,
  )
  await run(
    `CREATE TABLE ${schemas.merged}.shadow AS SELECT ${text(read.main)} AS main, ${textArray(read.path)} AS path,
      ${textArray(read.schemas)} AS schemas, ${textArray(read.sequences.map(({ name }) => name))} AS sequences`,
  )
  const creation = creationOf(read, planned)
  await run(`SET LOCAL search_path = ${read.path.map(quote).join(', ')}`)
  await run('SET LOCAL check_function_bodies = off')
  const extensions = read.extensions.map(
    ({ name, schema }) => `CREATE EXTENSION IF NOT EXISTS ${quote(name)} SCHEMA ${quote(schema)}`,
  )
  await runAll(lease, run, extensions)
  await runAll(lease, run, read.types)
  const left = await runAll(lease, run, creation.functions)
  for (const sql of creation.statements) await run(sql)
  const keyed = new Map(read.relations.map(({ facts }) => [facts.shown, facts]))
  const views = creation.views.map(
    ({ name, query }) =>
      `CREATE VIEW ${name} AS ${groupedText(query, analyze, (use) => keyed.get(`${quote(use.schema ?? read.main)}.${quote(use.name)}`))}`,
  )
  await runAll(lease, run, [...left, ...views])
  for (const sql of creation.last) await run(sql)
  await proveReadOnly(ask, run, alias)
}

function textArray(values: readonly string[]): string {
  return `ARRAY[${values.map(text).join(', ')}]::text[]`
}

async function withPool<T>(base: PostgresBase, work: (pool: DriverPool) => Promise<T>): Promise<T> {
  const pool = await base.open()
  try {
    return await work(pool)
  } finally {
    await pool.close()
  }
}

/** Runs statements that may need one another, in any order that works; gives those that do not work in any. */
async function runAll(lease: Lease, run: Run, statements: readonly string[]): Promise<readonly string[]> {
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
async function proveReadOnly(ask: Ask, run: Run, alias: string): Promise<void> {
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

/** The base may have another address or password than when the shadow was made. */
async function moveBase(ask: Ask, run: Run, server: ForeignServer, alias: string): Promise<void> {
  const [now] = await ask<{ server: readonly string[]; mapping: readonly string[] | null }>(
    `SELECT coalesce(s.srvoptions, '{}') AS server, (SELECT coalesce(m.umoptions, '{}') FROM pg_user_mappings m
        WHERE m.srvid = s.oid AND m.usename = current_user) AS mapping
      FROM pg_foreign_server s WHERE s.srvname = ${text(serverName)}`,
  )
  if (now === undefined)
    throw new ShadowError(
      `The shadow "${alias}" is damaged: its server "${serverName}" is gone. Drop it, and make it again.`,
    )
  const moved = changedOptions(now.server, server.server)
  if (moved !== '') await run(`ALTER SERVER ${serverName} OPTIONS (${moved})`)
  if (now.mapping === null)
    await run(`CREATE USER MAPPING FOR CURRENT_USER SERVER ${serverName} ${optionsSql(server.user)}`)
  else {
    const changed = changedOptions(now.mapping, server.user)
    if (changed !== '') await run(`ALTER USER MAPPING FOR CURRENT_USER SERVER ${serverName} OPTIONS (${changed})`)
  }
  if (moved !== '') await proveReadOnly(ask, run, alias)
}

function changedOptions(now: readonly string[], wanted: Readonly<Record<string, string>>): string {
  const there = new Map(now.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]))
  return [
    ...Object.entries(wanted).flatMap(([name, value]) =>
      there.get(name) === value ? [] : [`${there.has(name) ? 'SET' : 'ADD'} ${name} ${text(value)}`],
    ),
    ...[...there.keys()].filter((name) => !(name in wanted)).map((name) => `DROP ${name}`),
  ].join(', ')
}

async function refuseOccupied(ask: Ask, alias: string, { relations }: BaseSchema): Promise<void> {
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

function compare(alias: string, recorded: readonly RecordedTable[], { kinds }: Shadow, { main }: ShadowPlaces): void {
  const changed = recorded
    .filter(({ facts, type, kind }) => type === 'table' && kind !== (kinds.of(calledBy(facts, main)) ?? 'base'))
    .map(({ name }) => name)
  if (changed.length > 0)
    throw new ShadowError(
      `The shadow "${alias}" was made for other declarations: ${changed.join(', ')} differ. ` +
        'Declare them as before, or give the shadow another database (or drop it).',
    )
}

/** SQLSTATEs of lacking rights, and of an extension that is not installed. */
const lacksRights = new Set(['42501', '0A000', '58P01'])

function notMade(alias: string, error: QueryError): ShadowError {
  const help = lacksRights.has(error.engineCode ?? '')
    ? ' In the local database, have a superuser run: CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO the role of the shadow. It must be allowed to create schemas.'
    : ''
  return new ShadowError(`The shadow "${alias}" could not be opened: ${messageOf(error).replace(/\.$/, '')}.${help}`, {
    cause: error,
  })
}
