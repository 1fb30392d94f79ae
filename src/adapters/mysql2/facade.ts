import type { FindBehind } from './behind.ts'
import { withoutOwn } from './given-settings.ts'
import { classesOf, commandClasses, type Mysql2 } from './native-mysql2.ts'
import { promisedBy } from './promise-module.ts'
import { virtualClusterClass } from './virtual-cluster.ts'
import { virtualConnectionClass } from './virtual-connection.ts'
import { poolConfigOf, virtualPoolClass } from './virtual-pool.ts'

/** A module like `mysql2`, made of a copy of it: its pools and connections are virtual, all else is `mysql2`'s own. */
export function facadeOf(mysql2: Mysql2, find: FindBehind): Mysql2 {
  const natives = classesOf(mysql2)
  const terms = { mysql2, classes: commandClasses(mysql2), find }
  const Connection = virtualConnectionClass(natives.Connection, 'Connection', terms)
  const PoolConnection = virtualConnectionClass(natives.PoolConnection, 'PoolConnection', terms)
  const Pool = virtualPoolClass(mysql2, PoolConnection, find)
  const createPool = (options: unknown): unknown => {
    const config = poolConfigOf(mysql2, withoutOwn(options))
    const behind = (): ReturnType<FindBehind> => find(config.connectionConfig, options)
    return behind() === undefined ? mysql2.createPool(options as never) : new Pool({ config, behind })
  }
  const PoolCluster = virtualClusterClass(mysql2, createPool)
  const createConnection = (options: unknown): unknown => {
    const config = new natives.ConnectionConfig(withoutOwn(options))
    const behind = find(config, options)
    return behind === undefined ? mysql2.createConnection(options as never) : new Connection({ config, behind })
  }
  const own: Record<string, unknown> = {
    createConnection,
    connect: createConnection,
    Connection,
    createPool,
    createPoolCluster: (config?: unknown) => new PoolCluster(config),
    Pool,
    PoolCluster,
    PoolConnection,
  }
  const module = Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(mysql2),
      ...Object.getOwnPropertyDescriptors(own),
    },
  ) as unknown as Mysql2
  const { createConnection: one, createPool: many, createPoolCluster: several } = promisedBy(module)
  const promised = { createConnectionPromise: one, createPoolPromise: many, createPoolClusterPromise: several }
  return Object.defineProperties(module, Object.getOwnPropertyDescriptors(promised))
}
