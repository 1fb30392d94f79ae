import { pg } from './pg/module.ts'

export type * from 'pg'
export {
  Client,
  Connection,
  DatabaseError,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  native,
  pgFor,
  Pool,
  Query,
  Result,
  TypeOverrides,
  types,
  useClient,
  type ClientClass,
  type ClientConfig,
  type PgModule,
  type PgOptions,
  type PoolClass,
  type PoolConfig,
  type Signalbox,
  type UseOptions,
} from './pg/module.ts'
export { signalboxErrorOf } from './driver-error.ts'
export type { Pg } from './pg/native-pg.ts'
export type { Bound } from './behind.ts'
export default pg
