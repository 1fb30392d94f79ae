import { appendFile, chown, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TestServerError } from '../errors.ts'
import { type AdminSession, askAdmin } from './admin-session.ts'
import type { ClusterOptions, TestCluster } from './cluster.ts'
import { createPostgresTemplate, launchPostgres } from './postgres-server.ts'
import {
  pause,
  type Progress,
  replicaCount,
  type Replication,
  RunningCluster,
  withTemplate,
} from './running-cluster.ts'
import type { RunningServer } from './running-server.ts'
import type { ServerAddress } from './test-database.ts'
import type { ServerSettings } from './test-server.ts'

const replicated: ServerSettings = {
  wal_level: 'replica',
  hot_standby: 'on',
  max_wal_senders: '16',
  // For a replica that is down for a while: there are no replication slots.
  wal_keep_size: '128MB',
  // How soon a replica dials its primary again; PostgreSQL's own 5 seconds are long for a test.
  wal_retrieve_retry_interval: '100ms',
}

/** What changes while a server runs stands in a file of its own: a setting of the command line would be stronger. */
const settingsFile = 'cluster.conf'
const standbyFile = 'standby.signal'
const orderLimitMs = 5000
/** How long a replica may take to follow a new primary before it gets a new copy of it. */
const followLimitMs = 3000

/**
 * Starts a PostgreSQL primary and its replicas (hot standbys that stream), as `startPostgres` starts a server: about two
 * seconds, half of it with a template. `initdb` and `postgres` are all the programs it needs. `settings` are those of
 * every server; replication is asynchronous unless they say otherwise (`synchronous_standby_names: 'ANY 1 (*)'`). All
 * servers have the same password, and keep their ports over restarts and promotions.
 *
 * @throws TestServerError if the programs are missing or a server does not start; nothing is left behind.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { startPostgresCluster } from 'signalbox/testing'
 *
 * await using cluster = await startPostgresCluster({ replicas: 2 })
 * const { primary, replicas } = await cluster.createDatabase()
 * await using client = await connect({ databases: { default: { primary, replicas } } })
 * cluster.primary.kill('SIGKILL')
 * await cluster.promote(await cluster.mostAdvanced())
 * ```
 */
export async function startPostgresCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const count = replicaCount(options)
  const settings = { ...replicated, ...options.settings }
  const create = (folder: string) => createPostgresTemplate(folder, options.binaries)
  return withTemplate(options.template, create, (template) =>
    RunningCluster.start(
      new PostgresReplication(),
      count,
      () => launchPostgres({ settings, template }, includeSettings),
      (primary) =>
        launchPostgres({ settings, template }, async (dataDirectory) => {
          await includeSettings(dataDirectory)
          await makeStandby(dataDirectory, primary)
        }),
    ),
  )
}

class PostgresReplication implements Replication {
  readonly replicaSettings: ServerSettings = {}
  readonly #delays = new Map<RunningServer, number>()

  /**
   * Flushed is what replicas get. A commit of our own is flushed at once, and with it all that was written before, also
   * where the server commits asynchronously.
   */
  async position(primary: RunningServer): Promise<string> {
    const [row] = await askAdmin(
      primary,
      'set synchronous_commit = local',
      "select pg_logical_emit_message(true, 'signalbox', '')",
      'select pg_current_wal_flush_lsn()::text as position',
    )
    return String(row?.['position'])
  }

  async progress(session: AdminSession, primary: RunningServer, position: string): Promise<Progress> {
    const [row] = await session.query(`select pg_is_in_recovery() as standby,
      case when pg_is_in_recovery() then pg_is_wal_replay_paused() end as paused,
      (select sender_port from pg_stat_wal_receiver where status = 'streaming') as follows,
      pg_last_wal_replay_lsn() >= '${position}' as reached,
      pg_last_wal_replay_lsn()::text as replayed`)
    if (row?.['standby'] !== true) throw new TestServerError('it is not in recovery')
    if (row['paused'] === true) return 'paused'
    if (row['follows'] !== primary.port) return { behind: `it streams from port ${String(row['follows'] ?? 'none')}` }
    return row['reached'] === true ? 'reached' : { behind: `it replayed ${String(row['replayed'])} of ${position}` }
  }

  async pause(replica: RunningServer): Promise<void> {
    await askAdmin(replica, 'select pg_wal_replay_pause()')
    // Asked for is not yet paused: a record or two may still be replayed. Before version 14 the server does not tell.
    if (Number.parseFloat(replica.version) < 14) return
    await until('pause its replay', async () => {
      const [row] = await askAdmin(replica, 'select pg_get_wal_replay_pause_state() as state')
      return row?.['state'] === 'paused'
    })
  }

  async resume(replica: RunningServer): Promise<void> {
    await askAdmin(replica, 'select pg_wal_replay_resume()')
  }

  async delay(replica: RunningServer, primary: RunningServer, delayMs: number): Promise<void> {
    this.#delays.set(replica, delayMs)
    await this.#configure(replica, primary)
  }

  async stopReceiving(replica: RunningServer): Promise<void> {
    await this.#configure(replica, undefined)
    await until('end its stream', async () => {
      const [row] = await askAdmin(replica, 'select count(*)::integer as streams from pg_stat_wal_receiver')
      return row?.['streams'] === 0
    })
  }

  async startReceiving(replica: RunningServer, primary: RunningServer): Promise<void> {
    await this.#configure(replica, primary)
  }

  /** One that restarted without its primary has received nothing since, and has what it replayed. */
  async received(replica: RunningServer): Promise<bigint> {
    const furthest = 'greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())'
    const [row] = await askAdmin(replica, `select pg_wal_lsn_diff(${furthest}, '0/0')::text as bytes`)
    return BigInt(row?.['bytes'] ?? 0)
  }

  async promote(replica: RunningServer): Promise<void> {
    const [row] = await askAdmin(replica, 'select pg_promote() as promoted')
    if (row?.['promoted'] !== true) throw new TestServerError('The replica was not promoted within 60 seconds.')
    this.#delays.delete(replica)
  }

  /** A primary that ends in order waits until its replicas have received everything. */
  async demote(primary: RunningServer): Promise<void> {
    primary.kill('SIGINT')
    await primary.exited()
  }

  async becomeReplica(old: RunningServer, primary: RunningServer): Promise<void> {
    await makeStandby(old.dataDirectory, primary)
    await old.restart()
  }

  /**
   * Two kinds of replicas have too much. One has replayed beyond the fork, the point where the new primary left the history of
   * the old one: it would ask for ever for what nobody has. The other has received the beginning of a record there, up to the
   * end of a segment: it would ask for the next segment alone, and end with a PANIC (seen on 15).
   */
  async follow(replica: RunningServer, primary: RunningServer): Promise<boolean> {
    const fork = await forkOf(primary)
    await this.#configure(replica, primary)
    const deadline = performance.now() + followLimitMs
    while (replica.running && performance.now() < deadline) {
      // It does not answer while it ends.
      const [row] = await askAdmin(replica, followState(fork, primary)).catch(() => [])
      if (row?.['beyond'] === true) return false
      if (row?.['follows'] === true || row?.['paused'] === true) return true
      if (row?.['waits'] === true && (this.#delays.get(replica) ?? 0) > 0) return true
      await pause()
    }
    return false
  }

  /** @param primary Whom it follows; undefined: nobody. */
  async #configure(replica: RunningServer, primary: RunningServer | undefined): Promise<void> {
    const settings = standbySettings(primary, this.#delays.get(replica))
    await writeSettings(replica.dataDirectory, settings)
    replica.kill('SIGHUP')
    // A new connection has the new settings only after the server has passed them on to the process that replays.
    await until('read its new settings', async () => {
      const rows = await askAdmin(replica, 'select name, setting from pg_settings')
      const now = new Map(rows.map((row) => [row['name'], row['setting']]))
      return Object.entries(settings).every(([name, value]) => now.get(name) === value)
    })
  }

  /** Otherwise the copy would first replay all that was written since the last checkpoint, which may be minutes ago. */
  async prepareSource(primary: RunningServer): Promise<void> {
    await askAdmin(primary, 'checkpoint')
  }

  async prepareCopy(server: RunningServer, primary: RunningServer): Promise<void> {
    this.#delays.delete(server)
    await rm(join(server.dataDirectory, 'postmaster.pid'), { force: true })
    await makeStandby(server.dataDirectory, primary)
  }

  followFromCopy(): Promise<void> {
    return Promise.resolve()
  }
}

/** Where a new primary left the history of the old one. */
interface Fork {
  readonly timeline: number
  readonly position: string
}

/** From the newest timeline history file: its name is the timeline, its last line is `parent, position, reason`. */
async function forkOf(primary: RunningServer): Promise<Fork> {
  const [row] = await askAdmin(
    primary,
    `select name, pg_read_file('pg_wal/' || name) as text from pg_ls_waldir()
      where name like '%.history' order by name desc limit 1`,
  )
  const position = String(row?.['text']).trim().split('\n').at(-1)?.split('\t')[1] ?? '0/0'
  return { timeline: Number.parseInt(String(row?.['name']), 16), position }
}

/** `beyond`: has too much; `waits`: received and not yet replayed; `follows`: streams the new primary's own history. */
function followState(fork: Fork, primary: RunningServer): string {
  const segment = (position: string) =>
    `floor((${position} - '0/0'::pg_lsn) / (select setting::numeric from pg_settings where name = 'wal_segment_size'))`
  return `select pg_is_wal_replay_paused() as paused,
      pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() as waits,
      aimed and ${segment('receive_start_lsn')} > ${segment(`'${fork.position}'::pg_lsn`)}
        or coalesce(received_tli, 0) < ${fork.timeline} and pg_last_wal_replay_lsn() > '${fork.position}' as beyond,
      aimed and received_tli = ${fork.timeline} and status = 'streaming' as follows
    from (select sender_port = ${primary.port} as aimed, * from pg_stat_wal_receiver) as receiver
    right join (select) as always on true`
}

async function includeSettings(dataDirectory: string): Promise<void> {
  await appendFile(join(dataDirectory, 'postgresql.conf'), `\ninclude_if_exists = '${settingsFile}'\n`)
}

async function makeStandby(dataDirectory: string, primary: ServerAddress): Promise<void> {
  await writeSettings(dataDirectory, standbySettings(primary))
  await writeOwned(dataDirectory, standbyFile, '')
}

function standbySettings(primary: ServerAddress | undefined, delayMs = 0): ServerSettings {
  return {
    primary_conninfo: primary === undefined ? '' : connectionTo(primary),
    recovery_min_apply_delay: String(delayMs),
  }
}

function connectionTo({ host, port, user, password }: ServerAddress): string {
  return `host=${host} port=${port} user=${user} password=${password}`
}

async function writeSettings(dataDirectory: string, settings: ServerSettings): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
  await writeOwned(dataDirectory, settingsFile, lines.join(''))
}

/** Replaces a file in one step, so that no server reads half of it. The server's user may read, change and remove it. */
async function writeOwned(dataDirectory: string, name: string, text: string): Promise<void> {
  const { uid, gid } = await stat(dataDirectory)
  const file = join(dataDirectory, name)
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await chown(`${file}.new`, uid, gid)
  await rename(`${file}.new`, file)
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + orderLimitMs
  while (!(await done())) {
    if (performance.now() > deadline) throw new TestServerError(`The replica did not ${what} in ${orderLimitMs} ms.`)
    await pause()
  }
}
