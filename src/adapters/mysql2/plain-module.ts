import * as found from 'mysql2'
import type { Bound } from '../behind.ts'
import { facadeOf } from './facade.ts'
import { mysql2Find, mysql2Finder } from './find-behind.ts'
import type { Mysql2 } from './native-mysql2.ts'
import { promiseModule, type Mysql2Promise } from './promise-module.ts'

/**
 * `mysql2` itself. Where its name is an alias of `signalbox-mysql2`, that has it under a name of its own; and since that loads this file, too, it is
 * loaded first, wherever one begins: nothing else of it is there yet when this line runs.
 */
const ownMysql2 = (Reflect.get(found, 'signalboxTrueMysql2') ?? Reflect.get(found, 'default')) as Mysql2
const finder = mysql2Finder(ownMysql2)

/** The module that finds what stands behind each of its connections by itself. */
export const plainMysql2: Mysql2 = facadeOf(ownMysql2, mysql2Find(ownMysql2, finder))

/** How a declared client is used. */
export interface UseOptions {
  /**
   * What pools and connections are whose settings name a server that the declared client does not have: `open` (default) has Signalbox go to that server, with
   * these settings; `ignore` takes the declared client all the same.
   */
  readonly elsewhere?: 'open' | 'ignore'
}

/**
 * Declares the client that stands behind every pool and connection of `signalbox/mysql2`, `signalbox/mysql2/promise` and `signalbox/mariadb` which names none
 * itself, from now on: those that connect later, also of pools that were made before. `undefined` takes it back. The client stays open when they end.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { useClient } from 'signalbox/mysql2'
 * import { createPool } from 'signalbox/mysql2/promise'
 *
 * useClient(await connect({ databases: { default: 'mysql://app@10.0.0.1/shop' } }))
 * const pool = createPool({ connectionLimit: 20 })
 * const [rows] = await pool.query('select name from product where id = ?', [7])
 * console.log(rows)
 * ```
 */
export function useClient(bound: Bound | undefined, { elsewhere = 'open' }: UseOptions = {}): void {
  finder.declared = bound === undefined ? undefined : { bound, elsewhere }
}

/** How the façade is made. */
export interface Mysql2Options {
  /** The application's own copy of `mysql2`, where it has several: pools extend its `Pool`, so that `instanceof` holds. Default: the one that Signalbox finds. */
  readonly mysql2?: Mysql2
  /**
   * What a connection or a pool is whose settings name a server that the Signalbox client does not have: `ignore` (default) takes it for one of Signalbox
   * all the same, since query tools fill in settings by themselves; `mysql2` makes it one of `mysql2` itself, which goes to that server; `open` has
   * Signalbox go there.
   */
  readonly elsewhere?: 'ignore' | 'mysql2' | 'open'
}

/**
 * A module like `mysql2`, whose pools and connections run on a client of Signalbox: each statement goes where it belongs. For query tools
 * that take such a module, or a pool of it. What `mysql2` itself does above the wire (queues, callbacks, values, rows, errors) is done by `mysql2`.
 *
 * Connection settings that are given to its pools and connections (`host`, `user`, `ssl`, …) are not used; those that say what values and
 * rows are like (`typeCast`, `timezone`, `dateStrings`, …), and the limits of pools, are. A pool or connection with a `signalbox` of its own runs on that.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { mysql2For } from 'signalbox/mysql2'
 *
 * const client = await connect('mysql://app@10.0.0.1/shop')
 * const pool = mysql2For(client).createPool({ connectionLimit: 20 })
 * pool.query('select name from product where id = ?', [7], (error, rows) => {
 *   console.log(error ?? rows)
 * })
 * ```
 */
export function mysql2For(bound: Bound, { mysql2 = ownMysql2, elsewhere = 'ignore' }: Mysql2Options = {}): Mysql2 {
  const declared = { bound, elsewhere: elsewhere === 'mysql2' ? ('driver' as const) : elsewhere }
  return facadeOf(mysql2, mysql2Find(mysql2, mysql2Finder(mysql2, declared)))
}

/**
 * A module like `mysql2/promise`, as {@link mysql2For} makes one like `mysql2`.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { mysql2PromiseFor } from 'signalbox/mysql2/promise'
 *
 * const client = await connect('mysql://app@10.0.0.1/shop')
 * const pool = mysql2PromiseFor(client).createPool({ connectionLimit: 20 })
 * const [rows] = await pool.query('select name from product where id = ?', [7])
 * console.log(rows)
 * ```
 */
export function mysql2PromiseFor(bound: Bound, options: Mysql2Options = {}): Mysql2Promise {
  return promiseModule(mysql2For(bound, options))
}
