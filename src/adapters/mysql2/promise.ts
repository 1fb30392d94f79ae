// oxlint-disable-next-line import/no-unassigned-import -- it is loaded first, see plain-module.ts
import 'mysql2'

export type * from 'mysql2/promise'
export {
  createConnection,
  createPool,
  createPoolCluster,
  Connection,
  PoolConnection,
  PromisePool,
  PromiseConnection,
  PromisePoolConnection,
  type ConnectionFactory,
  type PoolFactory,
  type Mysql2PromiseModule,
} from './promise-names.ts'
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
} from './common-names.ts'
export type { ClassOf, ConnectionOptions, PoolOptions, Signalbox } from './module-options.ts'
export { mysql2PromiseFor, useClient, type Mysql2Options, type UseOptions } from './plain-module.ts'
export type { Mysql2Promise } from './promise-module.ts'
export { signalboxErrorOf } from '../driver-error.ts'
export type { Bound } from '../behind.ts'
export { promise as default } from './promise-names.ts'
