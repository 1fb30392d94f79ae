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
import { quote, schemas, text } from './names.ts'
import { planRelations } from './plan-tables.ts'
import type { BaseSchema, PostgresFacts, PostgresTable } from './postgres-table.ts'
import { askOn, readBase, type Ask } from './read-base.ts'

/** What is known of a shadow on PostgreSQL. */
export interface OpenedPostgresShadow {
  readonly catalogue: ShadowCatalogue
  readonly dialect: ShadowDialect
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
  compare(alias, recorded, shadow)
  const [place] = await ask<{ shown: string }>(`SELECT shown FROM ${schemas.merged}.shadow`)
  return {
    dialect: postgresShadowDialect(
      place?.shown ?? 'public',
      new Map(recorded.filter(({ type }) => type === 'table').map(({ name, facts }) => [name, facts])),
    ),
    catalogue: new ShadowCatalogue({
      alias,
      base: shadow.base,
      tables: keptTables(recorded),
      baseNames: recorded.map(({ name }) => name),
      foldsNames: false,
    }),
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
  const read = await withPool(base, readBase)
  const planned = planRelations(read, shadow)
  await refuseOccupied(ask, alias, read)
  await run('CREATE EXTENSION IF NOT EXISTS postgres_fdw')
  for (const schema of Object.values(schemas)) await run(`CREATE SCHEMA ${schema}`)
  await run(`CREATE SERVER ${serverName} FOREIGN DATA WRAPPER postgres_fdw ${optionsSql(server.server)}`)
  await run(`CREATE USER MAPPING FOR CURRENT_USER SERVER ${serverName} ${optionsSql(server.user)}`)
  await run(`CREATE SCHEMA IF NOT EXISTS ${quote(read.name)}`)
  await run(
    `CREATE TABLE ${recordTable} (place int GENERATED ALWAYS AS IDENTITY, name text PRIMARY KEY, type text NOT NULL,
      kind text NOT NULL, facts json NOT NULL, awake text)`,
  )
  await run(
    `CREATE TABLE ${schemas.merged}.shadow AS SELECT ${text(read.name)} AS shown,
      ARRAY[${read.sequences.map(({ name }) => text(name)).join(', ')}]::text[] AS sequences`,
  )
  const creation = creationOf(read, planned)
  await run(`SET LOCAL search_path = ${quote(read.name)}`)
  await run('SET LOCAL check_function_bodies = off')
  const extensions = read.extensions.map((name) => `CREATE EXTENSION IF NOT EXISTS ${quote(name)}`)
  await runAll(lease, run, extensions)
  await runAll(lease, run, read.types)
  const left = await runAll(lease, run, creation.functions)
  // Tables that a constraint or an index calls are the stored ones.
  await run(`SET LOCAL search_path = ${schemas.local}, ${quote(read.name)}`)
  for (const sql of creation.statements) await run(sql)
  await run(`SET LOCAL search_path = ${quote(read.name)}`)
  const keyed = new Map(read.relations.map(({ name, facts }) => [name, facts]))
  const views = creation.views.map(
    ({ name, query }) =>
      `CREATE VIEW ${quote(read.name)}.${quote(name)} AS ${groupedText(query, analyze, (table) => keyed.get(table))}`,
  )
  await runAll(lease, run, [...left, ...views])
  for (const sql of creation.last) await run(sql)
  await proveReadOnly(ask, run, alias)
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

async function refuseOccupied(ask: Ask, alias: string, { name, relations }: BaseSchema): Promise<void> {
  const there = new Set(
    (
      await ask<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace(${text(quote(name))})`,
      )
    ).map((each) => each.name),
  )
  const taken = relations.map((relation) => relation.name).filter((relation) => there.has(relation))
  if (taken.length > 0)
    throw new ShadowError(
      `The local database of "${alias}" has tables of its own that a shadow would keep there: ${taken.join(', ')}. Give the shadow another database.`,
    )
}

function compare(alias: string, recorded: readonly RecordedTable[], { kinds }: Shadow): void {
  const changed = recorded
    .filter(({ name, type, kind }) => type === 'table' && kind !== (kinds.of({ name }) ?? 'base'))
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
