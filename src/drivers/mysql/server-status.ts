import { parseGtidSet, parseOwnedGtids, uniteGtidSets } from '../../topology/gtid-set.ts'
import { parseGtidList, type Position } from '../../topology/position.ts'
import type { DriverRequest, DriverResult, ServerStatus, StatusOptions } from '../driver.ts'

/**
 * Asks a server for its role and position. MySQL (5.7 or later) runs what stands in the first comment, MariaDB (10.0.5 or
 * later) what stands in the second one; each takes the other's for a comment (https://mariadb.com/kb/en/comment-syntax/).
 * All of it is open to accounts without any privilege.
 *
 * MySQL: `gtid_executed` of both roles, where every transaction has a GTID. A commit makes its changes visible and adds
 * its GTID after that (`process_commit_stage_queue` in MySQL's sql/binlog.cc), so all that is in the set can be read.
 * That holds for replicas that apply with several threads as well: what one of them has yet to commit is a gap in the set.
 * Of a server that takes writes the transactions in `gtid_owned` are added, which are on the way between the two: what can
 * be read already must be counted. It stands first, since a transaction moves from there into the set.
 * `super_read_only` brings `read_only` along, so the latter tells enough.
 *
 * Which of MariaDB's positions is meant (10.11.19, `src/testing`'s servers; https://mariadb.com/kb/en/gtid/):
 *
 * - Of a server that takes writes: `gtid_current_pos`, which has its own transactions and, after a promotion, those it
 *   replicated before (`gtid_slave_pos` stays at 0-1-4 when a promoted replica writes 0-2-5; `gtid_binlog_pos` lacks
 *   domains that were only replicated, if `log_slave_updates` is off). Without a binary log its own transactions have no
 *   GTID, and it has no position.
 * - Of a read_only server: `gtid_slave_pos`, which moves on when a replicated transaction has been committed, and on which
 *   MASTER_GTID_WAIT waits. `gtid_current_pos` counts transactions that a replica, or an old primary that rejoined, once
 *   wrote of its own: a server that had written 0-3-11 by itself said 0-3-11 while it had replayed 0-2-7.
 *   `gtid_binlog_pos` stays empty without `log_slave_updates`. The price is that a primary that was made read_only shows
 *   too early a position until it replicates, which is safe.
 *
 * MySQL's server_uuid lies in the data directory, and a copy of that has the same, hence the address beside it. Two schemas
 * of one server are no copies of each other, so theirs differ.
 */
const mysqlPart = `/*!50700 ,
  'mysql', @@global.gtid_mode, @@global.gtid_owned, @@global.gtid_executed,
  concat_ws(' ', @@global.server_uuid, @@global.hostname, @@global.port, database()) */`
const mariadbColumns = `'mariadb', cast(@@global.log_bin as char), @@global.gtid_current_pos, @@global.gtid_slave_pos`
const positionText = `select version(), cast(@@global.read_only as char) ${mysqlPart} /*M!100005 , ${mariadbColumns} */`

/**
 * The same, and what changes seldom on MariaDB. For the counters it makes a table of all that it has, which costs more
 * than everything else together.
 *
 * `SLAVE_RUNNING` is ON if the default connection to a primary stands and both its threads run. Of a replica with
 * connections that have names it says OFF always; a heartbeat period of 0 tells that there is no default connection.
 *
 * MariaDB has no name of its own in all versions, so the second in which the server started stands in: both sides of that
 * subtraction are counted from the start of the statement.
 */
const wholeText = `select version(), cast(@@global.read_only as char) ${mysqlPart} /*M!100005 , ${mariadbColumns},
  (select group_concat(variable_name, '=', variable_value) from information_schema.global_status
    where variable_name in ('SLAVE_HEARTBEAT_PERIOD', 'SLAVE_RUNNING', 'UPTIME')),
  concat_ws(' ', @@global.hostname, @@global.port, @@global.server_id, database()), cast(unix_timestamp() as char) */`

/** How old what changes seldom may be, in ms. */
const detailsMs = 1_000

interface Details {
  readonly status: ServerStatus
  readonly at: number
  readonly losses: number
}

/**
 * Asks one server for its status: for the whole of it once a second, after a lost connection, and after its role changed;
 * otherwise only for what a session's read waits for.
 */
export class StatusReader {
  readonly #query: (request: DriverRequest) => Promise<DriverResult>
  readonly #losses: () => number
  readonly #now: () => number
  #details: Details | undefined

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(
    query: (request: DriverRequest) => Promise<DriverResult>,
    losses: () => number,
    now: () => number = () => performance.now(),
  ) {
    this.#query = query
    this.#losses = losses
    this.#now = now
  }

  async read({ timeoutMs, signal }: StatusOptions): Promise<ServerStatus> {
    const [at, losses, known] = [this.#now(), this.#losses(), this.#details]
    if (known !== undefined && known.losses === losses && at - known.at < detailsMs) {
      const status = await this.#ask(positionText, timeoutMs, signal)
      const { writable, instance, receiving } = known.status
      // A restarted server may be asked on a new connection before the loss of the old one is noticed.
      if (status.writable === writable && this.#losses() === losses)
        return { ...status, instance: status.instance ?? instance, receiving }
    }
    const status = await this.#ask(wholeText, timeoutMs, signal)
    this.#details = { status, at, losses }
    return status
  }

  async #ask(sql: string, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<ServerStatus> {
    return readStatus(
      await this.#query({ sql, params: [], access: 'read', rowMode: 'array', timeoutMs, signal, settings: 'any' }),
    )
  }
}

/** Reads the answer, a row as an array; of `positionText` it lacks the last ones. */
export function readStatus({ rows }: DriverResult): ServerStatus {
  const [row] = rows as readonly (readonly unknown[])[]
  const [version, readOnly, family, ...more] = (row ?? []).map(textOf)
  const writable = isOff(readOnly)
  return {
    writable,
    ...(family === 'mariadb' ? mariadbStatus(more, writable) : mysqlStatus(more, writable)),
    cluster: undefined,
    lagMs: undefined,
    version: /^[\d.]+(?:-MariaDB)?/.exec(version ?? '')?.[0] ?? version ?? '',
  }
}

type Known = Pick<ServerStatus, 'position' | 'instance' | 'receiving'>
type Texts = readonly (string | undefined)[]

/** Whether a replica receives is shown to accounts with privileges on performance_schema only. */
function mysqlStatus([mode, owned = '', executed, instance]: Texts, writable: boolean): Known {
  const done = mode === 'ON' && executed !== undefined ? parseGtidSet(executed) : undefined
  const underWay = writable ? parseOwnedGtids(owned) : new Map()
  const transactions = done && underWay && uniteGtidSets(done, underWay)
  return { position: transactions && { kind: 'gtid-set', transactions }, instance, receiving: undefined }
}

function mariadbStatus([logBin, current, replayed, counters = '', address, now]: Texts, writable: boolean): Known {
  const hasPosition = !writable || (logBin !== undefined && !isOff(logBin))
  const counter = new Map(counters.split(',').map((each) => each.split('=') as [string, string | undefined]))
  const started = Number(now) - Number(counter.get('UPTIME'))
  return {
    position: hasPosition ? positionOf(writable ? current : replayed) : undefined,
    instance: Number.isNaN(started) ? undefined : `${address} ${started}`,
    receiving: writable ? undefined : isReceiving(counter),
  }
}

/** Older servers say 0 and 1; newer ones OFF, ON, and of read_only NO_LOCK and more, which all keep accounts from writing. */
function isOff(value: string | undefined): boolean {
  return value === 'OFF' || value === '0'
}

function positionOf(list: string | undefined): Position | undefined {
  const domains = list === undefined ? undefined : parseGtidList(list)
  return domains === undefined ? undefined : { kind: 'gtid', domains }
}

function isReceiving(counter: ReadonlyMap<string, string | undefined>): boolean | undefined {
  const running = counter.get('SLAVE_RUNNING')
  if (running === 'ON') return true
  return running === 'OFF' && Number(counter.get('SLAVE_HEARTBEAT_PERIOD')) > 0 ? false : undefined
}

/** A cell of a row as a text; `undefined` if it is none. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  // An application's own pool may hand texts out as bytes.
  return Buffer.isBuffer(value) ? value.toString() : undefined
}
