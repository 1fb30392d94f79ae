import { promise } from './promise-names.ts'

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
  type ConnectionFactory,
  type PoolFactory,
  type Mysql2PromiseModule,
} from './promise-names.ts'
export type { ClassOf, ConnectionOptions, PoolOptions, Signalbox } from './module-options.ts'
export { mysql2PromiseFor, useClient, type Mysql2Options, type UseOptions } from './plain-module.ts'
export type { Mysql2Promise } from './promise-module.ts'
export { signalboxErrorOf } from '../driver-error.ts'
export type { Bound } from '../behind.ts'
export default promise
