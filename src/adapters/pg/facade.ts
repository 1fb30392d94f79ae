import type { FindBehind } from './behind.ts'
import type { Pg } from './native-pg.ts'
import { virtualClientClass } from './virtual-client.ts'
import { virtualPoolClass } from './virtual-pool.ts'

/** A module like `pg`, made of a copy of it: its pools and clients are virtual, all else is `pg`'s own. */
export function facadeOf(pg: Pg, find: FindBehind): Pg {
  const Client = virtualClientClass(pg, find)
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
