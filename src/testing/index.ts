/**
 * `signalbox/testing`: private database servers, a faulty network and a clock of one's own, for the tests of
 * applications that use Signalbox, and for Signalbox's own.
 */
// oxlint-disable-next-line import/no-unassigned-import -- what it does is done while it is loaded
import '../node-version.ts'
export type { Access, DriverRequest, RowMode, ServerStatus } from '../drivers/driver.ts'
export type { Clock } from '../failover/clock.ts'
export type { ClusterDatabase, ClusterOptions, TestCluster } from './cluster.ts'
export type { CutMoment, Direction, Fault } from './fault.ts'
export type { FaultConnection } from './fault-connection.ts'
export { type FaultProxy, type ProxyTarget, startFaultProxy } from './fault-proxy.ts'
export { freePort } from './free-port.ts'
export { type MariadbClusterOptions, startMariadbCluster } from './mariadb-cluster.ts'
export { type CheckOptions, checkHistory, describeReport, type Report } from './history/check.ts'
export { readHistory } from './history/history-file.ts'
export {
  type AppliedIncrement,
  type FinalState,
  type History,
  initialOpId,
  type KeyValue,
  type Operation,
  type Outcome,
  type ReadOperation,
  type WriteOperation,
} from './history/operation.ts'
export { Random } from './history/random.ts'
export {
  HistoryRecorder,
  type HistoryRecorderOptions,
  type ReadAnswer,
  type SessionRecorder,
  type WriteAnswer,
} from './history/recorder.ts'
export type { SessionChances } from './history/session-check.ts'
export type { Violation, ViolationKind } from './history/violation.ts'
export {
  runWorkload,
  type SessionIo,
  type SessionStart,
  type WorkloadDatabase,
  type WorkloadMix,
  type WorkloadOptions,
} from './history/workload.ts'
export { createMariadbTemplate, type MariadbOptions, startMariadb } from './mariadb-server.ts'
export { startPostgresCluster } from './postgres-cluster.ts'
export { createPostgresTemplate, startPostgres } from './postgres-server.ts'
export { type SqliteCluster, type SqliteClusterOptions, type SqliteFile, startSqliteCluster } from './sqlite-cluster.ts'
export {
  createDatabase,
  dropDatabase,
  dsnOf,
  type FreshDatabase,
  type ServerAddress,
  uniqueDatabaseName,
} from './test-database.ts'
export type { ServerSettings, ServerTemplate, TestServer, TestServerOptions } from './test-server.ts'
export { VirtualClock, type VirtualTimer } from './virtual-clock.ts'
export {
  connectionLost,
  simulateDrivers,
  type SimulatedAnswer,
  type SimulatedDrivers,
  type SimulatedServer,
  type SimulatedStep,
} from './simulated-driver.ts'
