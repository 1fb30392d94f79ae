/**
 * `signalbox/testing`: private database servers, a faulty network and a clock of one's own, for the tests of
 * applications that use Signalbox, and for Signalbox's own.
 */
export type { CutMoment, Direction, Fault } from './fault.ts'
export type { FaultConnection } from './fault-connection.ts'
export { type FaultProxy, type ProxyTarget, startFaultProxy } from './fault-proxy.ts'
export { freePort } from './free-port.ts'
export { createMariadbTemplate, type MariadbOptions, startMariadb } from './mariadb-server.ts'
export { createPostgresTemplate, startPostgres } from './postgres-server.ts'
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
