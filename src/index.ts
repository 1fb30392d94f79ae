export { connect, type Client, type ClientEnvironment, type TableHomeAnswer } from './client.ts'
export { defineConfig } from './define-config.ts'
export type {
  AliasOf,
  CallOptions,
  ClientLimits,
  Config,
  DatabaseEntry,
  DatabaseInput,
  DiscoveryInput,
  FoundServer,
  Dsn,
  Handle,
  MysqlPoolHandle,
  PoolLimits,
  PostgresPoolHandle,
  ReadOptions,
  ScopeOptions,
  ServerInput,
  TokenInput,
  SqliteHandle,
  TableInput,
  UsingTarget,
} from './config.ts'
export type { Scope } from './scope.ts'
export type { ScopeWrapper } from './scope-wrapper.ts'
export type { Session, SessionOptions, SessionTokenOptions } from './sessions.ts'
export type { DiscoveryView, ServerView, ShardPrimary, ShardView } from './failover/shard-view.ts'
export type { Transaction, TransactionOptions } from './execution/transaction.ts'
export type { ReservedConnection } from './execution/reserved.ts'
export type { Result } from './execution/result.ts'
export type { Queryable } from './execution/queryable.ts'
export type { Related, RelatedOptions } from './execution/related.ts'
export { onQuery, type QueryEvent } from './execution/trace.ts'
export type { Engine, Field, Isolation, PoolStats } from './drivers/driver.ts'
export type { Effect, Reason, Route } from './routing/route.ts'
export { formatRoute } from './routing/format-route.ts'
export type { AnalysedStatement, Hints, PartialRoute, Router, Target } from './routing/router.ts'
export type { Permission } from './routing/migrate.ts'
export type { TableName } from './topology/table-map.ts'
export { comparePosition, formatPosition, parsePosition, type Position } from './topology/position.ts'
export type { Discovery, DiscoverySource } from './topology/discovery.ts'
export type { Balancer, Database, ReplicationOptions, Role, Server, Shard, Topology } from './topology/topology.ts'
export type { Dialect, Params } from './statement/statement.ts'
export type { Analysis, ColumnValues, FunctionUse, StatementKind, TableUse, ValueSource } from './statement/analysis.ts'
export * from './errors.ts'
