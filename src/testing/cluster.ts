import type { Dsn } from '../config.ts'
import type { TestServer, TestServerOptions } from './test-server.ts'

/** What all clusters of real servers take. */
export interface ClusterOptions extends TestServerOptions {
  /** Default 2. */
  readonly replicas?: number
}

/** An empty database on all servers of a cluster. */
export interface ClusterDatabase {
  readonly name: string
  /** On the server that was the primary when the database was created. */
  readonly primary: Dsn
  /** On the servers that were its replicas when the database was created. */
  readonly replicas: readonly Dsn[]
  /** On one of the cluster's servers, whatever its role. */
  dsnOf(server: TestServer): Dsn
}

/** One primary and its replicas, real servers with real replication. */
export interface TestCluster extends AsyncDisposable {
  readonly engine: 'postgres' | 'mysql'
  /** Changes with `promote()`. */
  readonly primary: TestServer
  /** The servers that follow the primary, dead or alive. An old primary is not among them until it has rejoined. */
  readonly replicas: readonly TestServer[]
  /** All of them, in the order they were made; never changes. */
  readonly servers: readonly TestServer[]

  /** Creates an empty database on the primary, and waits until every running, unpaused replica has it. */
  createDatabase(name?: string): Promise<ClusterDatabase>
  /**
   * Resolves when every running, unpaused replica follows the primary and has replayed all that the primary has now.
   *
   * @throws TestServerError after `timeoutMs` (default 10,000), saying which replica is behind and why.
   */
  caughtUp(options?: { readonly timeoutMs?: number }): Promise<void>
  /** The replica goes on receiving and shows nothing new until resumed. A restart resumes it, too. */
  pauseReplay(replica: TestServer): Promise<void>
  resumeReplay(replica: TestServer): Promise<void>
  /**
   * The replica replays every transaction `delayMs` milliseconds after its commit; 0 ends the delay. MariaDB knows whole
   * seconds only: rounded up, and then up to a second less, since it also cuts the time of the commit.
   */
  delayReplay(replica: TestServer, delayMs: number): Promise<void>
  /**
   * The replica receives nothing new, as where the wire to its primary is cut, until it may receive again, or follows another
   * primary. What it has received it goes on replaying.
   */
  stopReceiving(replica: TestServer): Promise<void>
  startReceiving(replica: TestServer): Promise<void>
  /**
   * The running replica that has received most: it has every commit that a replica acknowledged, so it is the one to promote.
   *
   * @throws TestServerError if no replica runs.
   */
  mostAdvanced(): Promise<TestServer>
  /**
   * Makes a replica the primary, after it has replayed all that it had received, and has the other running replicas
   * follow it. The old primary is left as it is, dead or alive: alive it goes on taking writes. A replica that has
   * received more than the new primary can't follow, and gets a new copy as by `rejoin()`; one that is down or frozen
   * meanwhile is left alone: call `rejoin()` when its time has come. One that is paused, or waits for its delay, follows
   * when it replays again (PostgreSQL).
   */
  promote(replica: TestServer): Promise<void>
  /**
   * Exchanges the roles of the primary and a replica in order: the primary takes no more writes, the replica replays all
   * that were taken, takes writes, and the old primary follows it, as do the others. Nothing is lost, whatever the
   * replication. On MariaDB all servers go on running, and the connections of `dsn()` to the old primary are broken if its
   * statements do not end within half a second; on PostgreSQL, where a primary can't become a standby without,
   * the old one is restarted. For that it waits for its replicas: freeze none of them.
   *
   * @throws TestServerError if the replica has not replayed all within 10 seconds (MariaDB).
   */
  switchOver(replica: TestServer): Promise<void>
  /**
   * Makes a server, dead or alive, a replica of the present primary, with a new copy of the primary's data: what it had
   * written on its own is gone. The primary stands still while it is copied, 100 ms or so for a small one. Resolves when
   * the server has caught up.
   */
  rejoin(server: TestServer): Promise<void>
  /** Stops all servers and removes their folders. May be called in every state, and again. */
  stop(): Promise<void>
}
