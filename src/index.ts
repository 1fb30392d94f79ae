// oxlint-disable-next-line import/no-unassigned-import -- what it does is done while it is loaded
import './node-version.ts'
export { connect, type ClientEnvironment } from './connect.ts'
export type { Client } from './client.ts'
export type { ShardScopeOptions } from './shard-client.ts'
export type { MoveOwnerOptions, ShardMapChoice } from './shard-keys.ts'
export type { MoveShards, MoveWork } from './directory/move-owner.ts'
export type { ShadowKind } from './topology/shadow.ts'
export { shadowed, type ShadowOverlay } from './shadowed.ts'
export type { ShadowAdmin } from './shadow-admin.ts'
export type { PromoteOptions, ShadowLookOptions, ShadowTableOptions } from './shadow-options.ts'
export type { PromotionReport, ShadowConflicts, ShadowDiff, ShadowReport, TableDiff } from './shadow-reports.ts'
export type { PromotionPolicy } from './shadows/changes/promote-changes.ts'
export type { ChangeCounts } from './shadows/changes/read-changes.ts'
export type { ChangedRow } from './shadows/changes/row-report.ts'
export type { TableHomeAnswer } from './table-home.ts'
export { defineConfig } from './define-config.ts'
export type {
  AliasOf,
  CallOptions,
  CommonDatabaseInput,
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
  ShardInput,
  ShadowDatabaseInput,
  ShardedDatabaseInput,
  TokenInput,
  TransactionLogInput,
  SqliteHandle,
  TableInput,
  UsingTarget,
} from './config.ts'
export type { Scope } from './scope.ts'
export type { ScopeWrapper } from './scope-wrapper.ts'
export type { Session, SessionOptions, SessionTokenOptions } from './sessions.ts'
export type { Health } from './failover/health.ts'
export type { DiscoveryView, ServerView, ShardPrimary, ShardView } from './failover/shard-view.ts'
export type { Transaction, TransactionOptions } from './execution/transaction.ts'
export type { DistributedTransaction, DistributedWork } from './distributed/distributed-transaction.ts'
export type { DistributedOptions, LogOptions, LogTarget, RecoverOptions } from './distributed/options.ts'
export type { MovedRow, MoveOptions, RowMove, RowValues } from './distributed/moves/row-move.ts'
export type { PendingBranch } from './distributed/coordinator.ts'
export type { RecoveredBranch, RecoveryReport, UnreachablePlace } from './distributed/recovery.ts'
export type { RecoveryEvent } from './distributed/standing-recovery.ts'
export type { DistributedEvent, DistributedStep } from './distributed/steps.ts'
export type { ReservedConnection } from './execution/reserved.ts'
export type { Result } from './execution/result.ts'
export type { Queryable } from './execution/queryable.ts'
export type { Page, PageOptions } from './execution/pages/read-page.ts'
export type { Related, RelatedOptions } from './execution/related.ts'
export { onQuery, type QueryEvent } from './execution/trace.ts'
export type { Engine, Field, Isolation, PoolStats, TypeParsers } from './drivers/driver.ts'
export type { Effect, Reason, Route } from './routing/route.ts'
export type {
  HotKey,
  OneShardStats,
  ScatteredText,
  ShardFigures,
  ShardStats,
  ShardUse,
} from './execution/shard-stats.ts'
export type { ScatterEvent } from './execution/scatter/scatter-watch.ts'
export type { RoutePreview } from './execution/route-preview.ts'
export type { Destination } from './routing/shards/preview-shards.ts'
export type { ScatterOutline } from './routing/scatter/scatter-outline.ts'
export { splitStatements, type SplitStatement } from './statement/split-statements.ts'
export { formatRoute } from './routing/format-route.ts'
export type { AnalysedStatement, Hints, PartialRoute, Router, Target } from './routing/router.ts'
export { hashShards, type HashOptions, type HashShardMap } from './routing/shard-maps/hash-shards.ts'
export { rangeShards, type RangeOptions } from './routing/shard-maps/range-shards.ts'
export { listShards, type ListOptions } from './routing/shard-maps/list-shards.ts'
export { moduloShards, type ModuloOptions } from './routing/shard-maps/modulo-shards.ts'
export { customShards, type CustomOptions } from './routing/shard-maps/custom-shards.ts'
export { directoryShards, type DirectoryOptions } from './routing/shard-maps/directory-shards.ts'
export { storedShardMap } from './routing/shard-maps/stored-shard-map.ts'
export { shardMoves } from './routing/shard-maps/shard-moves.ts'
export type { KeyOption } from './routing/shard-maps/map-options.ts'
export type { KeyType } from './routing/shard-maps/key-type.ts'
export type {
  BucketRun,
  CanonicalKey,
  DeclaredShardMap,
  KeyBound,
  KeyRange,
  MovedPart,
  OwnerDirectory,
  RangeData,
  ShardKey,
  ShardMap,
  ShardMapData,
  ShardMove,
} from './routing/shard-map.ts'
export {
  ids,
  type ShardedSnowflakeIds,
  type ShardedSnowflakeOptions,
  type SnowflakeFields,
  type SnowflakeId,
  type SnowflakeIds,
  type SnowflakeOptions,
  type TicketClient,
  type TicketDatabase,
  type TicketIds,
  type TicketOptions,
  type Uuidv7Ids,
  type Uuidv7Options,
} from './ids/ids.ts'
export type { Permission } from './routing/migrate.ts'
export type { TableKind, TableName } from './topology/table-map.ts'
export type { GtidInterval, GtidSet } from './topology/gtid-set.ts'
export { comparePosition, formatPosition, type GtidEntry, parsePosition, type Position } from './topology/position.ts'
export type { Discovery, DiscoverySource } from './topology/discovery.ts'
export type { PoolOptions, ServerTarget } from './topology/server-target.ts'
export type { Shadow } from './topology/shadow.ts'
export type { Balancer, Database, ReplicationOptions, Role, Server, Shard, Topology } from './topology/topology.ts'
export type { Dialect, Params } from './statement/statement.ts'
export type {
  Analysis,
  AppearanceCondition,
  AppearanceEquality,
  AppearanceRange,
  AssignedValue,
  ColumnValues,
  FunctionUse,
  RangeBound,
  Span,
  StatementKind,
  TableAppearance,
  TableUse,
  TakenColumn,
  TransactionVerb,
  ValueSource,
} from './statement/analysis.ts'
export * from './errors.ts'
export { HintError } from './routing/hints/hint-error.ts'
export { CursorError, PageOrderError } from './execution/pages/errors.ts'
export { ShardMapChangedError } from './map-records/errors.ts'
export type { VerifiedShardMap, VerifyShardMapsOptions } from './map-records/verify-shard-maps.ts'
export { InDoubtError, MoveRowError, TransactionGivenUpError } from './distributed/errors.ts'
export { DirectoryError } from './directory/errors.ts'
export { OwnerMovedError } from './execution/owner-check.ts'
export { NoWritesError } from './routing/write-guard.ts'
export {
  CopyConflictError,
  CopyError,
  CopyMismatchError,
  CopyValueError,
  DeleteIncompleteError,
} from './workflows/copy/errors.ts'
export type {
  CopiedTable,
  CopiedTableReport,
  CopyOptions,
  CopyPolicy,
  CopyProgress,
  CopyReport,
} from './workflows/copy/options.ts'
export type { DeleteOptions, DeleteReport } from './workflows/copy/delete-from-all.ts'
export type { Presence, PresenceOptions } from './workflows/copy/presence.ts'
export { LookupBusyError, LookupWriteError } from './routing/lookups/lookup-error.ts'
export type { LookupType } from './routing/lookups/lookup.ts'
export type { LookupInput } from './parse-lookups.ts'
export type { LookupIndexes } from './lookups/lookup-indexes.ts'
export type { LookupTarget } from './lookups/lookups.ts'
export type { LookupReport } from './lookups/check.ts'
export type { BackfillReport } from './lookups/backfill.ts'
