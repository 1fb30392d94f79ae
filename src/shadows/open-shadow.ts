import type { Driver, DriverPool, PoolOptions, ServerTarget } from '../drivers/driver.ts'
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
  if (base.from !== 'dsn')
    throw new ShadowError(`"${alias}" cannot be a shadow: its base is a handle. Give the base a data source name.`)
  const attach = attachBase(parseSqliteDsn(base.dsn).file)
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
  if (base.from !== 'dsn')
    throw new ShadowError(`"${alias}" cannot be a shadow: its base is a handle. Give the base a data source name.`)
  const pool = await driver.open(local, options)
  try {
    const readable = postgresBase(driver, base.dsn, options)
    const { catalogue, dialect } = await openPostgresShadow(pool, readable, { alias, shadow, analyze })
    return new ShadowPool(pool, { catalogue, dialect, analyze })
  } catch (error) {
    await pool.close()
    throw error
  }
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
