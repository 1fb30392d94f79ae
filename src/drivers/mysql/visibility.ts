import { setTimeout as delay } from 'node:timers/promises'
import { parseOwnedGtids } from '../../topology/gtid-set.ts'
import { comparePosition, mergePositions, parseGtidList, type Position } from '../../topology/position.ts'
import type { DriverRequest, DriverResult, VisibilityOptions } from '../driver.ts'
import { textOf } from './server-status.ts'

type Query = (request: DriverRequest) => Promise<DriverResult>

/**
 * What a server has written to its log, shown or not: of MariaDB everything, of MySQL what is being committed, since all
 * that was committed before is shown. Each takes the other's part for a comment, as in `StatusReader`.
 */
const writtenText = `select /*!50700 'mysql', @@global.gtid_owned */
  /*M!100005 'mariadb', @@global.gtid_current_pos */`

/**
 * What a server shows. MySQL adds a GTID to `gtid_executed` when its changes can be read.
 *
 * MariaDB: `Binlog_snapshot_file` and `_position` are, outside of a transaction, the end of the last commit that
 * is visible: the server reads them under the lock under which it makes commits visible. `gtid_current_pos` is further
 * while a commit waits for a semi-synchronous replica (AFTER_SYNC): seen on 10.11.19, where over 85,000 inserts this
 * statement was never ahead of what a read showed. Open to accounts without any privilege.
 *
 * The function reads the log file up to the place: 25 ms at 160 MB, 150 ms at 1 GB. So this is for seldom moments only.
 * Domains that were only replicated are in `gtid_slave_pos`.
 */
const shownText = `select /*!50700 'mysql', @@global.gtid_executed */
  /*M!100005 'mariadb', binlog_gtid_pos(max(if(variable_name = 'BINLOG_SNAPSHOT_FILE', variable_value, null)),
    max(if(variable_name = 'BINLOG_SNAPSHOT_POSITION', variable_value, null)) + 0), @@global.gtid_slave_pos
  from information_schema.global_status
  where variable_name in ('BINLOG_SNAPSHOT_FILE', 'BINLOG_SNAPSHOT_POSITION') */`

const pauseMs = 1
/** Cancelling a question costs more than its answer: only one that hangs is cancelled. */
const leastQueryMs = 1_000
const request = { access: 'read', rowMode: 'array', params: [], prepare: false } as const

/** See `DriverPool.showsAll`. */
export async function showsAll(query: Query, { replica, timeoutMs }: VisibilityOptions): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  const left = (): number => Math.max(leastQueryMs, Math.ceil(deadline - performance.now()))
  const wanted = (await positionOf(replica, left())) ?? (await ask(query, writtenText, left()))
  if (wanted === undefined) return false
  for (;;) {
    const shown = await ask(query, shownText, left())
    if (shown === undefined) return false
    if (comparePosition(shown, wanted) === 'reached') return true
    if (performance.now() >= deadline) return false
    await delay(pauseMs)
  }
}

async function positionOf(replica: VisibilityOptions['replica'], timeoutMs: number): Promise<Position | undefined> {
  try {
    return (await replica?.status({ timeoutMs }))?.position
  } catch {
    // Then all that was written must show.
    return undefined
  }
}

/** The columns of the row, but for the first one, are GTIDs, which count together. */
async function ask(query: Query, sql: string, timeoutMs: number): Promise<Position | undefined> {
  const { rows } = await query({ ...request, sql, timeoutMs })
  const [family, ...columns] = ((rows as readonly (readonly unknown[])[])[0] ?? []).map(textOf)
  const [first, ...others] = columns.map(family === 'mysql' ? setOf : listOf)
  return others.reduce((all, more) => all && more && mergePositions(all, more), first)
}

function listOf(text: string | undefined): Position | undefined {
  const domains = text === undefined ? undefined : parseGtidList(text)
  return domains && { kind: 'gtid', domains }
}

function setOf(text: string | undefined): Position | undefined {
  const transactions = text === undefined ? undefined : parseOwnedGtids(text)
  return transactions && { kind: 'gtid-set', transactions }
}
