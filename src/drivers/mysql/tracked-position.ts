import type { PoolConnection } from 'mysql2'

import { parseGtidList, type Position } from '../../topology/position.ts'

/**
 * From MariaDB 10.2.2 on a server can send a session's variables along with the answers that change them, and `last_gtid` is
 * one of them (https://mariadb.com/kb/en/session_track_system_variables/). MySQL could send GTIDs as well, but one by
 * itself says nothing of those before it.
 */
const trackText = `set autocommit = @@autocommit /*M!100202 ,
  session_track_system_variables = concat(@@session_track_system_variables, ',last_gtid') */`

/** Asks for it; the connection sends what follows behind that. A server that refuses says no positions. */
export function trackPosition(connection: PoolConnection): void {
  connection.query(trackText, () => undefined)
}

/**
 * The position that came with an answer. Seen on 10.11.19: it comes with each answer of which the statement has written to
 * the log, COMMIT and CALL included, and with no other. It is left out of answers with rows (INSERT … RETURNING), and the
 * next statement's does not make up for it.
 *
 * @param header mysql2's answer to a statement without rows
 */
export function trackedPosition(header: unknown): Position | undefined {
  const changes = property(header, 'stateChanges')
  const gtid = property(property(changes, 'systemVariables'), 'last_gtid')
  const domains = typeof gtid === 'string' && gtid !== '' ? parseGtidList(gtid) : undefined
  return domains && { kind: 'gtid', domains }
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined
}
