import type { Result } from '../../index.ts'

/** As mysql2 gives it; of several shards, put together in its shape. */
export function nativeOf(result: Result<unknown>): readonly [rows: unknown, fields: unknown] {
  const { native, rows, fields, route } = result
  if (route.shards.length <= 1 && Array.isArray(native)) {
    hidePosition(native[0])
    return native as unknown as readonly [unknown, unknown]
  }
  if (route.effect === 'read') return [rows, fields.map((field) => field.native)]
  const header = { fieldCount: 0, affectedRows: result.rowCount, insertId: Number(result.insertId ?? 0), info: '' }
  return [{ ...header, serverStatus: 2, warningStatus: 0, changedRows: 0 }, undefined]
}

/** SERVER_SESSION_STATE_CHANGED */
const sessionStateChanged = 0x4000

/** The place in the log is asked for by Signalbox, and told to whoever wrote; its users have not asked for it. */
export function hidePosition(header: unknown): void {
  const { stateChanges } = (header ?? {}) as { stateChanges?: { readonly systemVariables?: Record<string, unknown> } }
  const variables = stateChanges?.systemVariables
  if (variables?.['last_gtid'] === undefined) return
  delete variables['last_gtid']
  if (Object.keys(variables).length > 0) return
  const told = header as { stateChanges?: unknown; serverStatus: number }
  delete told.stateChanges
  told.serverStatus &= ~sessionStateChanged
}
