import { QueryError } from '../../errors.ts'
import { parseLsn, type Position } from '../../topology/position.ts'
import type { DriverRequest, DriverResult, ServerStatus, StatusOptions } from '../driver.ts'
import { endOfLog } from './log-end.ts'

/**
 * The statement that asks a server for its role and position, primary and standby alike.
 *
 * Everything is cast to text, because an application's own pool may parse other types in its own way. The inner queries
 * (OFFSET 0 keeps them apart) fix the order: the role once, then the log position, then the timeline. `lag` and what
 * follows depend on that row, so they come later. A timeline that is read too late is harmless, since the older log is
 * part of the newer; one that is read too early would be a lie. CASE is safe here: the functions that a standby refuses
 * are volatile, or get a volatile argument, so nothing evaluates them beforehand.
 *
 * The timeline of a standby, as seen on PostgreSQL 15.20 when a standby followed a promoted primary, and documented in
 * https://www.postgresql.org/docs/15/monitoring-stats.html and
 * https://www.postgresql.org/docs/15/functions-info.html (control data):
 *
 * - `pg_stat_wal_receiver.received_tli` was the new one as soon as the receiver ran, before anything was replayed. It is
 *   NULL for accounts without `pg_read_all_stats` (they see only `pid`), and there is no row while no receiver runs.
 * - The control file (`checkpoint`, `min_recovery_end`), which everybody may read, kept the old one through 3 s of writes
 *   and a checkpoint of the new primary, until the next restartpoint: minutes, with the default settings. Meanwhile the
 *   log position was on the new timeline; put together they name a place in the old log that the standby never had, and
 *   a transaction that the failover lost would count as replayed.
 *
 * So the timeline is known (`proven`) only if the receiver shows it, or if the control file's end of recovery, of which
 * it notes the timeline, is not behind the log position.
 *
 * The last column names the running server: two of one cluster do not start in the same microsecond, whatever the
 * addresses by which they are reached. Two databases of one server are no copies of each other, so theirs differ.
 */
function textOf(controlData: boolean): string {
  const fromFile = controlData
    ? ', checkpoint.timeline_id, recovery.min_recovery_end_timeline) as timeline'
    : ') as timeline'
  const proven = controlData
    ? '(receiver.received_tli is not null or recovery.min_recovery_end_lsn >= at.lsn)'
    : '(receiver.received_tli is not null)'
  const files = controlData ? ', pg_control_checkpoint() checkpoint, pg_control_recovery() recovery' : ''
  return `select at.standby::text, at.lsn::text,
  case when at.standby then standby.timeline::text
    else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int8::text end,
  case when at.standby then standby.proven else true end::text,
  standby.receiver, standby.lag_ms,
  ${controlData ? '(select system_identifier::text from pg_control_system())' : 'null'},
  split_part(current_setting('server_version'), ' ', 1),
  current_setting('port') || '@' || extract(epoch from pg_postmaster_start_time())::text
    || '/' || current_database()
from (
  select role.standby,
    case when role.standby then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end as lsn
  from (select pg_is_in_recovery() as standby offset 0) role offset 0
) at left join lateral (
  select greatest(receiver.received_tli${fromFile},
    ${proven} as proven,
    case when receiver.pid is null then 'none' else receiver.status end as receiver,
    case when pg_last_wal_receive_lsn() <= at.lsn then '0' when pg_last_wal_receive_lsn() > at.lsn
      then greatest(0, extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::int8::text
      end as lag_ms
  from (select 1) one${files} left join pg_stat_wal_receiver receiver on true
  where at.standby offset 0
) standby on true`
}

const statusText = textOf(true)
/** For servers whose owner took the control data from ordinary accounts; the functions may not even be named then. */
const statusTextWithoutControlData = textOf(false)
const insufficientPrivilege = '42501'

/** Asks one server for its status. */
export class StatusReader {
  readonly #query: (request: DriverRequest) => Promise<DriverResult>
  #text = statusText

  constructor(query: (request: DriverRequest) => Promise<DriverResult>) {
    this.#query = query
  }

  async read({ timeoutMs, signal }: StatusOptions): Promise<ServerStatus> {
    const request = { sql: this.#text, params: [], access: 'read', rowMode: 'array', timeoutMs, signal } as const
    try {
      return readStatus(await this.#query(request))
    } catch (error) {
      const refused = error instanceof QueryError && error.engineCode === insufficientPrivilege
      if (!refused || request.sql !== statusText) throw error
      this.#text = statusTextWithoutControlData
      return readStatus(await this.#query({ ...request, sql: this.#text }))
    }
  }
}

function readStatus({ rows }: DriverResult): ServerStatus {
  const [row] = rows as readonly (readonly (string | null)[])[]
  const [standby, lsn, timeline, proven, receiver, lagMs, cluster, version, start] = row ?? []
  const writable = standby === 'false'
  return {
    writable,
    position: proven === 'true' ? positionOf(lsn, timeline, writable) : undefined,
    presumed: proven === 'true' ? undefined : positionOf(lsn, timeline, writable),
    cluster: cluster ?? undefined,
    instance: start == null ? undefined : `${cluster ?? ''}/${start}`,
    // Who may not see the receiver's state sees still whether there is one.
    receiving: writable || receiver == null ? undefined : receiver === 'streaming',
    lagMs: lagMs == null ? undefined : Number(lagMs),
    version: version ?? '',
  }
}

type Text = string | null | undefined

function positionOf(text: Text, timeline: Text, writable: boolean): Position | undefined {
  const lsn = parseLsn(text ?? '')
  if (lsn === undefined || timeline == null) return undefined
  return { kind: 'lsn', timeline: Number(timeline), lsn: writable ? endOfLog(lsn) : lsn }
}
