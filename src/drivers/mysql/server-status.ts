import { parseGtidList, type Position } from '../../topology/position.ts'
import type { DriverResult, ServerStatus } from '../driver.ts'

/**
 * Asks a server for its role and position. MySQL takes what stands in the comment for one, MariaDB (10.0.5 or later) runs
 * it. All of it is open to accounts without any privilege.
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
 * `SLAVE_RUNNING` is ON if the default connection to a primary stands and both its threads run. Of a replica with
 * connections that have names it says OFF always; a heartbeat period of 0 tells that there is no default connection.
 * Costs 80 µs of the 200 for the whole round trip.
 */
export const statusText = `select version(), cast(@@global.read_only as char) /*M!100005 ,
  cast(@@global.log_bin as char), @@global.gtid_current_pos, @@global.gtid_slave_pos,
  (select group_concat(variable_value order by variable_name) from information_schema.global_status
    where variable_name in ('SLAVE_HEARTBEAT_PERIOD', 'SLAVE_RUNNING')) */`

/** Reads the answer to `statusText`, a row as an array. */
export function readStatus({ rows }: DriverResult): ServerStatus {
  const [row] = rows as readonly (readonly unknown[])[]
  const [version, readOnly, logBin, current, replayed, receiver] = (row ?? []).map(textOf)
  const writable = isOff(readOnly)
  const hasPosition = !writable || (logBin !== undefined && !isOff(logBin))
  return {
    writable,
    position: hasPosition ? positionOf(writable ? current : replayed) : undefined,
    cluster: undefined,
    receiving: writable ? undefined : isReceiving(receiver),
    lagMs: undefined,
    version: /^[\d.]+(?:-MariaDB)?/.exec(version ?? '')?.[0] ?? version ?? '',
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

function isReceiving(receiver = ''): boolean | undefined {
  const [heartbeat, running] = receiver.split(',')
  if (running === 'ON') return true
  return running === 'OFF' && Number(heartbeat) > 0 ? false : undefined
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  // An application's own pool may hand texts out as bytes.
  return Buffer.isBuffer(value) ? value.toString() : undefined
}
