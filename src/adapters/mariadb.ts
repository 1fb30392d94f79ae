// oxlint-disable-next-line import/no-unassigned-import -- it is loaded first, see mysql2/plain-module.ts
import 'mysql2'
import { MariadbPool, type MariadbPoolConfig } from './mariadb/pool.ts'
import { mariadbSettings } from './mariadb/settings.ts'
import type { Bound } from './behind.ts'
import type { Mysql2 } from './mysql2/native-mysql2.ts'
import { mysql2For, plainMysql2 } from './mysql2/plain-module.ts'

export { signalboxErrorOf } from './driver-error.ts'
export { MariadbConnection, type Asked } from './mariadb/connection.ts'
export { MariadbPool, type MariadbPoolConfig } from './mariadb/pool.ts'
export { OkPacket } from './mariadb/results.ts'
export type { CastField, TypeCast, ValueOptions } from './mariadb/values.ts'
export { useClient, type UseOptions } from './mysql2/plain-module.ts'
export type { Signalbox } from './mysql2/module-options.ts'
export type { Bound } from './behind.ts'

/** The part of `mariadb` that there is. */
export interface Mariadb {
  /** A pool. */
  readonly createPool: (config?: string | MariadbPoolConfig) => MariadbPool
}

/**
 * The part of the module `mariadb` that query tools use (Prisma's adapter above all), on a client of Signalbox: pools and their connections, with
 * promises, `query` and `execute`. Answers have its shapes: rows with `meta`, BIGINT as `bigint`, `OkPacket`. Values are written, and
 * rows read, by `mysql2`, whose errors are those of the server; there is no `batch`, no `queryStream`, and no API with callbacks. Settings that say where
 * connections lead are not used.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { mariadbFor } from 'signalbox/mariadb'
 *
 * const client = await connect('mysql://app@10.0.0.1/shop')
 * const pool = mariadbFor(client).createPool({ connectionLimit: 20 })
 * const rows = await pool.execute('select name from product where id = ?', [7])
 * console.log(rows)
 * ```
 */
export function mariadbFor(bound: Bound): Mariadb {
  return mariadbOver(mysql2For(bound))
}

/**
 * A pool that finds its client as those of `signalbox/mysql2` do: by `signalbox` among its settings, by {@link useClient}, or by the server that the settings name.
 *
 * @example
 * ```ts
 * import { createPool } from 'signalbox/mariadb'
 *
 * const pool = createPool('mysql://app@10.0.0.1/shop')
 * const rows = await pool.query('select name from product where id = ?', [7])
 * console.log(rows)
 * await pool.end()
 * ```
 */
export const createPool: Mariadb['createPool'] = mariadbOver(plainMysql2).createPool

function mariadbOver({ createPool: createCore }: Mysql2): Mariadb {
  return {
    createPool: (config = {}) => {
      const { core, values } = mariadbSettings(config)
      return new MariadbPool(createCore(core), values)
    },
  }
}
