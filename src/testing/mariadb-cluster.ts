import { setTimeout as delay } from 'node:timers/promises'
import { TestServerError } from '../errors.ts'
import { type AdminSession, type AdminRow, askAdmin } from './admin-session.ts'
import type { ClusterOptions, TestCluster } from './cluster.ts'
import { createMariadbTemplate, launchMariadb, type MariadbOptions } from './mariadb-server.ts'
import { type Progress, replicaCount, type Replication, RunningCluster, withTemplate } from './running-cluster.ts'
import type { RunningServer } from './running-server.ts'
import type { ServerAddress } from './test-database.ts'
import type { ServerSettings } from './test-server.ts'

/** Of every server: each may become the primary. */
const replicated: ServerSettings = {
  'log-bin': 'binlog',
  'relay-log': 'relay',
  'binlog-format': 'ROW',
  'log-slave-updates': '1',
  'gtid-strict-mode': '1',
}
const semiSync = 'rpl-semi-sync-master-enabled'

/** How long a promotion waits for what the replica has received and not yet replayed. */
const replayLimitSeconds = 10

/** How long a demotion waits for statements before it ends their connections. */
const demotionMs = 500

/** What {@link startMariadbCluster} takes. */
export interface MariadbClusterOptions extends ClusterOptions, MariadbOptions {}

/**
 * Starts a MariaDB primary and its replicas (GTID, row format), as `startMariadb` starts a server: about two seconds,
 * half of it with a template. Replicas are read-only for the account of `dsn()`; the one of `adminDsn()` could write to
 * them. `settings` are those of every server; replication is asynchronous unless they say otherwise
 * (`rpl-semi-sync-master-enabled`, which only the primary gets, and `rpl-semi-sync-slave-enabled`). All servers have the same password, and keep their
 * ports over restarts and promotions.
 *
 * @throws TestServerError if the programs are missing or a server does not start; nothing is left behind.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { startMariadbCluster } from 'signalbox/testing'
 *
 * await using cluster = await startMariadbCluster({ replicas: 1 })
 * const { primary, replicas } = await cluster.createDatabase()
 * await using client = await connect({ databases: { default: { primary, replicas } } })
 * ```
 */
export async function startMariadbCluster(options: MariadbClusterOptions = {}): Promise<TestCluster> {
  const count = replicaCount(options)
  const create = (folder: string) => createMariadbTemplate(folder, options)
  return withTemplate(options.template, create, (template) => {
    const replication = new MariadbReplication(options.settings?.[semiSync])
    const launch = (number: number, role: ServerSettings) => {
      const settings = { ...replicated, 'server-id': String(number + 1), ...options.settings, ...role }
      return launchMariadb({ ...options, settings, template })
    }
    return RunningCluster.start(
      replication,
      count,
      () => launch(0, replication.primarySettings),
      async (primary, number) => {
        const replica = await launch(number, replication.replicaSettings)
        try {
          await askAdmin(replica, changeMaster(primary), 'START SLAVE')
          return replica
        } catch (error) {
          await replica.stop()
          throw error
        }
      },
    )
  })
}

class MariadbReplication implements Replication {
  readonly replicaSettings: ServerSettings
  readonly primarySettings: ServerSettings

  /** @param wanted The setting of semi-synchronous replication: a replica that had it would wait for replicas of its own. */
  constructor(wanted: string | undefined) {
    this.replicaSettings = { 'read-only': '1', ...(wanted === undefined ? {} : { [semiSync]: 'OFF' }) }
    this.primarySettings = { 'read-only': '0', ...(wanted === undefined ? {} : { [semiSync]: wanted }) }
  }

  async position(primary: RunningServer): Promise<string> {
    const [row] = await askAdmin(primary, 'SELECT @@GLOBAL.gtid_binlog_pos AS position')
    return String(row?.['position'])
  }

  async progress(session: AdminSession, primary: RunningServer, position: string): Promise<Progress> {
    const status = await statusOf(session)
    if (status === undefined) throw new TestServerError('it follows nobody')
    if (isPaused(status)) return 'paused'
    if (status['Slave_SQL_Running'] !== 'Yes') throw new TestServerError(String(status['Last_SQL_Error']))
    if (Number(status['Master_Port']) !== primary.port) {
      return { behind: `it follows port ${String(status['Master_Port'])}` }
    }
    if (status['Slave_IO_Running'] !== 'Yes') {
      const reason = String(status['Last_IO_Error']) || String(status['Slave_IO_State'])
      return { behind: `it receives nothing (${reason})` }
    }
    const [row] = await session.query(
      `SELECT MASTER_GTID_WAIT('${position}', 0.02) AS result, @@GLOBAL.gtid_slave_pos AS now`,
    )
    return Number(row?.['result']) === 0 ? 'reached' : { behind: `it replayed ${String(row?.['now'])} of ${position}` }
  }

  async pause(replica: RunningServer): Promise<void> {
    await askAdmin(replica, 'STOP SLAVE SQL_THREAD')
  }

  async resume(replica: RunningServer): Promise<void> {
    await askAdmin(replica, 'START SLAVE SQL_THREAD')
  }

  async delay(replica: RunningServer, primary: RunningServer, delayMs: number): Promise<void> {
    await this.#change(replica, `${changeMaster(primary)}, MASTER_DELAY=${Math.ceil(delayMs / 1000)}`)
  }

  async stopReceiving(replica: RunningServer): Promise<void> {
    await askAdmin(replica, 'STOP SLAVE IO_THREAD')
  }

  async startReceiving(replica: RunningServer): Promise<void> {
    await askAdmin(replica, 'START SLAVE IO_THREAD')
  }

  async received(replica: RunningServer): Promise<bigint> {
    const [status] = await askAdmin(replica, 'SHOW SLAVE STATUS')
    // A cluster has one replication domain: 0-1-42.
    return BigInt(
      String(status?.['Gtid_IO_Pos'] ?? '')
        .split('-')
        .at(-1) || 0,
    )
  }

  async promote(replica: RunningServer): Promise<void> {
    // The thread that replays runs on: were both stopped at once, the server would forget what it has received.
    const [status] = await askAdmin(replica, 'START SLAVE SQL_THREAD', 'STOP SLAVE IO_THREAD', 'SHOW SLAVE STATUS')
    const received = String(status?.['Gtid_IO_Pos'] ?? '')
    try {
      await replayed(replica, received, 'The replica has received')
    } catch (error) {
      await askAdmin(replica, 'START SLAVE IO_THREAD')
      throw error
    }
    replica.configure(this.primarySettings)
    await askAdmin(replica, 'STOP SLAVE', 'RESET SLAVE ALL', ...changesOf(this.primarySettings).toReversed())
  }

  async demote(primary: RunningServer, next: RunningServer): Promise<void> {
    primary.configure(this.replicaSettings)
    // Waits for the statements that run. One of them may wait for a transaction whose next statement waits for this.
    const demoted = askAdmin(primary, ...changesOf(this.replicaSettings))
    const inTime = await Promise.race([demoted.then(() => true), delay(demotionMs, false)])
    if (!inTime) await askAdmin(primary, `KILL USER '${primary.user}'`)
    await demoted
    await replayed(next, await this.position(primary), 'The primary has written')
  }

  /** What a primary writes itself does not count for `gtid_slave_pos`, from which it would follow. */
  async becomeReplica(old: RunningServer): Promise<void> {
    await askAdmin(old, 'SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos')
  }

  async follow(replica: RunningServer, primary: RunningServer): Promise<boolean> {
    return this.#change(replica, changeMaster(primary), async () => {
      const [own] = await askAdmin(replica, 'SELECT @@GLOBAL.gtid_slave_pos AS position')
      const [known] = await askAdmin(primary, 'SELECT @@GLOBAL.gtid_binlog_state AS state')
      return holds(String(known?.['state']), String(own?.['position']))
    })
  }

  /** What was received and not yet replayed is received again. `allowed` is asked when nothing is replayed any more. */
  async #change(
    replica: RunningServer,
    statement: string,
    allowed: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<boolean> {
    const [status] = await askAdmin(replica, 'SHOW SLAVE STATUS')
    const start = status !== undefined && isPaused(status) ? 'START SLAVE IO_THREAD' : 'START SLAVE'
    await askAdmin(replica, 'STOP SLAVE')
    if (!(await allowed())) return false
    await askAdmin(replica, statement, start)
    return true
  }

  prepareSource(): Promise<void> {
    return Promise.resolve()
  }

  prepareCopy(): Promise<void> {
    return Promise.resolve()
  }

  async followFromCopy(server: RunningServer, primary: RunningServer): Promise<void> {
    await askAdmin(server, 'SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos', changeMaster(primary), 'START SLAVE')
  }
}

/**
 * Whether all that a position (`0-1-7`: domain, server, number) stands for is in a binary log whose state is the last number
 * of each server. The number alone would not tell: two servers may have used it.
 */
function holds(state: string, position: string): boolean {
  const parse = (text: string) =>
    text.split(',').flatMap((gtid): (readonly [string, number])[] => {
      const [, origin, number] = /^\s*(\d+-\d+)-(\d+)\s*$/.exec(gtid) ?? []
      return origin === undefined ? [] : [[origin, Number(number)]]
    })
  const last = new Map(parse(state))
  return parse(position).every(([origin, number]) => number <= (last.get(origin) ?? -1))
}

function changesOf(settings: ServerSettings): readonly string[] {
  return Object.entries(settings).map(([name, value]) => `SET GLOBAL ${name.replaceAll('-', '_')} = ${value || 'ON'}`)
}

/** @throws TestServerError if it takes longer than promotions wait. */
async function replayed(replica: RunningServer, position: string, who: string): Promise<void> {
  const [row] = await askAdmin(replica, `SELECT MASTER_GTID_WAIT('${position}', ${replayLimitSeconds}) AS result`)
  if (Number(row?.['result']) === 0) return
  throw new TestServerError(
    `${who} transactions up to ${position}, and the replica did not replay them in ${replayLimitSeconds} seconds.`,
  )
}

async function statusOf(session: AdminSession): Promise<AdminRow | undefined> {
  const [status] = await session.query('SHOW SLAVE STATUS')
  return status
}

/** Whether replay was stopped by an order, and not by an error. */
function isPaused(status: AdminRow): boolean {
  return status['Slave_SQL_Running'] === 'No' && Number(status['Last_SQL_Errno']) === 0
}

function changeMaster({ host, port, adminUser, password }: ServerAddress): string {
  const account = `MASTER_USER='${adminUser}', MASTER_PASSWORD='${password}'`
  return `CHANGE MASTER TO MASTER_HOST='${host}', MASTER_PORT=${port}, ${account}, MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1`
}
