// oxlint-disable-next-line import/no-unassigned-import -- it is loaded first, see mysql2/plain-module.ts
import 'mysql2'

export type * from 'mysql2'
export {
  connect,
  createConnection,
  createPool,
  createPoolCluster,
  createConnectionPromise,
  createPoolPromise,
  createPoolClusterPromise,
  Connection,
  PoolConnection,
  Pool,
  PoolCluster,
  ConnectionConfig,
  createQuery,
  createServer,
  authPlugins,
  type ConnectionFactory,
  type PoolFactory,
  type Mysql2Module,
} from './mysql2/module.ts'
export {
  escape,
  escapeId,
  format,
  raw,
  Types,
  TypedParameter,
  Charsets,
  CharsetToEncoding,
  setMaxParserCache,
  clearParserCache,
} from './mysql2/common-names.ts'
export type { ClassOf, ConnectionOptions, PoolOptions, Signalbox } from './mysql2/module-options.ts'
export { mysql2For, mysql2PromiseFor, useClient, type Mysql2Options, type UseOptions } from './mysql2/plain-module.ts'
export { signalboxErrorOf } from './driver-error.ts'
export type { Mysql2 } from './mysql2/native-mysql2.ts'
export type { Mysql2Promise } from './mysql2/promise-module.ts'
export type { Bound } from './behind.ts'
export { mysql2 as default } from './mysql2/module.ts'
