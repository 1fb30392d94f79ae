import type { Driver, DriverPool, Lease, PoolOptions } from '../../drivers/driver.ts'
import { messageOf, QueryError, ShadowError } from '../../errors.ts'
import type { Shadow } from '../../topology/shadow.ts'
import type { Analysis } from '../../statement/analysis.ts'
import { ShadowCatalogue } from '../shadow-catalogue.ts'
import type { ShadowDialect } from '../shadow-dialect.ts'
import { alterShadow } from './alter-shadow.ts'
import { serverName } from './creation.ts'
import { foreignServer, optionsSql, type ForeignServer } from './foreign-server.ts'
import { makeShadow, proveReadOnly, type Making, type PostgresBase, type Run } from './make-shadow.ts'
import { calledBy, text } from './names.ts'
import { postgresShadowDialect } from './postgres-dialect.ts'
import { askBy, askOn, type Ask } from './read-base.ts'
import {
  isMade,
  keptTables,
  namesIn,
  recordedTables,
  shadowPlaces,
  type RecordedTable,
  type ShadowPlaces,
} from './shadow-record.ts'

/** What is known of a shadow on PostgreSQL. */
export interface OpenedPostgresShadow {
  readonly catalogue: ShadowCatalogue
  readonly dialect: ShadowDialect
  /** Names of the tables that were made now. */
  readonly made: readonly string[]
  /** The search path of the base, by which statements find the tables. */
  readonly path: readonly string[]
}

export interface PostgresShadowParts {
  readonly alias: string
  readonly shadow: Shadow
  readonly analyze: (sql: string) => Analysis
  /** What is declared otherwise than it was made, is made anew. */
  readonly alters?: boolean
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

async function prepare(lease: Lease, base: PostgresBase, parts: PostgresShadowParts): Promise<OpenedPostgresShadow> {
  const { alias, shadow } = parts
  const ask = askOn(lease)
  const run: Run = async (sql) => {
    await lease.query({ sql, params: [], access: 'write', prepare: false })
  }
  await run(`SELECT pg_advisory_xact_lock(hashtext('signalbox shadow'))`)
  const server = foreignServer(base.dsn)
  const making: Making = { ...parts, lease, ask, run, server, base }
  const isOld = await isMade(ask)
  if (isOld) await moveBase(ask, run, server, alias)
  const made = isOld ? (parts.alters === true ? await alterShadow(making) : []) : await makeShadow(making)
  const recorded = await recordedTables(ask)
  const places = await shadowPlaces(ask)
  compare(alias, recorded, shadow, places)
  const nameOf = namesIn(recorded, places)
  let keyed = keyedTables(recorded)
  return {
    made,
    path: places.path,
    dialect: postgresShadowDialect({
      schemas: new Set(places.schemas),
      isParted: places.version >= fromVersion,
      tableOf: (use) => keyed.get(nameOf(use)),
      learn: async (sent) => {
        keyed = keyedTables(await recordedTables(askBy(sent)))
      },
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

/** Before, PostgreSQL looks for each row through all keys that are left out, one by one. */
const fromVersion = 150_000

function keyedTables(recorded: readonly RecordedTable[]): ReadonlyMap<string, RecordedTable['facts']> {
  return new Map(recorded.filter(({ type }) => type === 'table').map(({ name, facts }) => [name, facts]))
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

function compare(alias: string, recorded: readonly RecordedTable[], { kinds }: Shadow, { main }: ShadowPlaces): void {
  const changed = recorded
    .filter(({ facts, type, kind }) => type === 'table' && kind !== (kinds.of(calledBy(facts, main)) ?? 'base'))
    .map(({ name }) => name)
  if (changed.length > 0)
    throw new ShadowError(
      `The shadow "${alias}" was made for other declarations: ${changed.join(', ')} differ. ` +
        `Declare them as before, or call client.shadow('${alias}').create(), which loses no changes.`,
    )
}

/** SQLSTATEs of lacking rights, and of an extension that is not installed. */
const lacksRights = new Set(['42501', '0A000', '58P01'])

function notMade(alias: string, error: QueryError): ShadowError {
  const help = lacksRights.has(error.engineCode ?? '')
    ? ' In the local database, have a superuser run: CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO the role of the shadow. The role must be allowed to create schemas, and views in the schema public: GRANT CREATE ON DATABASE, GRANT CREATE ON SCHEMA public.'
    : ''
  return new ShadowError(`The shadow "${alias}" could not be opened: ${messageOf(error).replace(/\.$/, '')}.${help}`, {
    cause: error,
  })
}
