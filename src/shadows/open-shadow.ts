import type { Driver, DriverPool, PoolOptions, ServerTarget } from '../drivers/driver.ts'
import { searchPathDsn } from '../drivers/postgres/connect.ts'
import { parseSqliteDsn } from '../drivers/sqlite/dsn.ts'
import { ShadowError } from '../errors.ts'
import type { Analysis } from '../statement/analysis.ts'
import type { Shadow } from '../topology/shadow.ts'
import { openReplaced } from './mysql/create-replaced.ts'
import { SplitPool } from './mysql/split-pool.ts'
import { openPostgresShadow, postgresBase } from './postgres/postgres-shadow.ts'
import { ShadowPool } from './shadow-pool.ts'
import { sqliteShadowDialect } from './sqlite/sqlite-dialect.ts'
import { attachBase, openSqliteShadow } from './sqlite/sqlite-shadow.ts'

export interface ShadowPlace {
  /** The alias of the shadow. */
  readonly alias: string
  readonly shadow: Shadow
  readonly local: ServerTarget
  /** The server of the base that is read. */
  readonly base: ServerTarget
}

/**
 * Opens the local database of a shadow so that it shows the base, and keeps the base from being written. Makes what the shadow keeps there
 * if it is new. Throws `ShadowError`.
 */
export async function openShadow(
  driver: Driver,
  { alias, shadow, local, base }: ShadowPlace,
  options: PoolOptions,
  analyze: (sql: string) => Analysis,
): Promise<DriverPool> {
  if (driver.engine === 'mysql') return await openSplit(driver, { alias, shadow, local, base }, options, analyze)
  if (driver.engine === 'postgres') return await openLaid(driver, { alias, shadow, local, base }, options, analyze)
  const attach = attachBase(parseSqliteDsn(baseDsn(alias, base)).file)
  const plain = await driver.open(local, { ...options, setup: [attach] })
  try {
    const { setup, catalogue } = await openSqliteShadow(plain, alias, shadow)
    const pool = await driver.open(local, { ...options, setup: [attach, ...setup] })
    return new ShadowPool(pool, { catalogue, dialect: sqliteShadowDialect, analyze })
  } finally {
    await plain.close()
  }
}

/** PostgreSQL: the local server reads the base itself, and lays local rows over it. */
async function openLaid(
  driver: Driver,
  { alias, shadow, local, base }: ShadowPlace,
  options: PoolOptions,
  analyze: (sql: string) => Analysis,
): Promise<DriverPool> {
  const readable = postgresBase(driver, baseDsn(alias, base), options)
  const pool = await driver.open(local, options)
  try {
    const { catalogue, dialect, path } = await openPostgresShadow(pool, readable, { alias, shadow, analyze })
    const target = await targetWithPath(local, pool, path)
    if (target === undefined) return new ShadowPool(pool, { catalogue, dialect, analyze })
    const laid = new ShadowPool(await driver.open(target, options), { catalogue, dialect, analyze })
    await pool.close()
    return laid
  } catch (error) {
    await pool.close()
    throw error
  }
}

/** The local server reads the base itself, and so has to know how. */
function baseDsn(alias: string, base: ServerTarget): string {
  if (base.from === 'dsn') return base.dsn
  throw new ShadowError(`"${alias}" cannot be a shadow: its base is a handle. Give the base a data source name.`)
}

/** How to reach the local database so that statements find the tables as in the base; `undefined`: as it is reached already. */
async function targetWithPath(
  local: ServerTarget,
  pool: DriverPool,
  path: readonly string[],
): Promise<ServerTarget | undefined> {
  const { rows } = await pool.query({
    sql: 'SELECT unnest(current_schemas(false))',
    params: [],
    access: 'read',
    rowMode: 'raw',
  })
  const own = (rows as readonly (readonly string[])[]).map(([schema = '']) => schema)
  const found = own.filter((schema) => path.includes(schema))
  if (local.from !== 'dsn' || found.join('\0') === path.join('\0')) return undefined
  const all = [...new Set([...path, ...own])]
  return { ...local, dsn: searchPathDsn(local.dsn, all, process.env['PGOPTIONS']) }
}

async function openSplit(
  driver: Driver,
  place: ShadowPlace,
  options: PoolOptions,
  analyze: (sql: string) => Analysis,
): Promise<DriverPool> {
  const local = await driver.open(place.local, options)
  const base = await driver.open(place.base, { ...options, readOnly: true })
  try {
    return new SplitPool({
      local,
      base,
      catalogue: await openReplaced(local, base, place.alias, place.shadow),
      analyze,
    })
  } catch (error) {
    await Promise.all([local.close(), base.close()])
    throw error
  }
}
