import type { Driver, PoolOptions } from '../drivers/driver.ts'
import { ShadowError } from '../errors.ts'
import type { ShadowStore } from './changes/shadow-store.ts'
import type { ShadowPlace } from './open-shadow.ts'
import type { Analysis } from '../statement/analysis.ts'
import { PostgresShadowStore } from './postgres/postgres-store.ts'
import { SqliteShadowStore } from './sqlite/sqlite-store.ts'

/** What a shadow keeps, for those who look after it. Opens nothing. Throws `ShadowError` where its engine has none. */
export function shadowStore(
  driver: Driver,
  place: ShadowPlace,
  options: PoolOptions,
  analyze: (sql: string) => Analysis,
): ShadowStore {
  const { local, base } = place
  if (driver.engine === 'sqlite' && local.from === 'dsn' && base.from === 'dsn')
    return new SqliteShadowStore(driver, place, options, { local: local.dsn, base: base.dsn })
  if (driver.engine === 'postgres' && base.from === 'dsn')
    return new PostgresShadowStore(driver, place, options, { base: base.dsn, analyze })
  throw new ShadowError(
    `What "${place.alias}" keeps cannot be looked at: that is for shadows on SQLite and PostgreSQL, of data source names.`,
  )
}
