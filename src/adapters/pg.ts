import ownPg from 'pg'
import { SessionHost, type Bound } from './pg/session-host.ts'
import type { Pg } from './pg/native-pg.ts'
import { isServerOf } from './pg/known-servers.ts'
import { virtualClientClass, type LeadsElsewhere } from './pg/virtual-client.ts'
import { virtualPoolClass } from './pg/virtual-pool.ts'

export { signalboxErrorOf } from './driver-error.ts'
export type { Pg } from './pg/native-pg.ts'
export type { Bound } from './pg/session-host.ts'

/** How the façade is made. */
export interface PgOptions {
  /** The application's own copy of `pg`, where it has several: pools extend its `Pool`, so that `instanceof` holds. Default: the one that Signalbox finds. */
  readonly pg?: Pg
  /**
   * What a client is whose settings name a server that the Signalbox client does not have: `ignore` (default) takes it for one of Signalbox all the same, since
   * query tools fill in settings by themselves; `pg` makes it a client of `pg` itself, which goes to that server.
   */
  readonly elsewhere?: 'ignore' | 'pg'
}

/**
 * A module like `pg`, whose pools and clients run on a client of Signalbox: each statement goes where it belongs. For query tools that take
 * such a module, or a pool of it. What `pg` itself does above the wire (queues, callbacks, types, results, errors) is done by `pg`.
 *
 * Connection settings that are given to its pools and clients are not used, but for those of `pg` itself, such as `max`, `types` and `query_timeout`.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { pgFor } from 'signalbox/pg'
 *
 * const client = await connect('postgres://app@10.0.0.1/shop')
 * const { Pool } = pgFor(client)
 * const pool = new Pool({ max: 20 })
 * const { rows } = await pool.query('select name from product where id = $1', [7])
 * console.log(rows)
 * ```
 */
export function pgFor(bound: Bound, { pg = ownPg, elsewhere = 'ignore' }: PgOptions = {}): Pg {
  const isElsewhere: LeadsElsewhere = elsewhere === 'pg' ? (target) => !isServerOf(bound, target) : () => false
  const Client = virtualClientClass(pg, new SessionHost(bound), isElsewhere)
  const Pool = virtualPoolClass(pg, Client)
  const { Query, Connection, Result, DatabaseError, TypeOverrides, types, defaults, utils } = pg as Pg & {
    readonly utils: unknown
  }
  const { escapeIdentifier, escapeLiteral } = pg
  const parts = { Query, Connection, Result, DatabaseError, TypeOverrides, types, defaults, utils }
  const module = { ...parts, escapeIdentifier, escapeLiteral, Client, Pool, _pools: [] }
  // There is no façade of the native bindings; as in pg, whoever lists the module does not see them.
  return Object.defineProperty(module, 'native', { value: null, configurable: true }) as unknown as Pg
}
