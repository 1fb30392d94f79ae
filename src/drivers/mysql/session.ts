import type { PoolConnection } from 'mysql2'

/**
 * Puts a connection's session back to what it was after connecting (COM_RESET_CONNECTION): variables, temporary tables,
 * locks, an open transaction.
 *
 * @param charsetNumber Of its configuration, as it was when the connection was made
 * @returns false if that failed or took longer than `limitMs`: then the connection must be closed
 */
export function resetConnection(
  connection: PoolConnection,
  charsetNumber: number | undefined,
  limitMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs, false)
    const reset: unknown = Reflect.get(connection, 'reset')
    const done = (error: unknown): void => {
      clearTimeout(timer)
      // mysql2 follows SET NAMES, but not its end by a reset.
      if (charsetNumber !== undefined) connection.config.charsetNumber = charsetNumber
      resolve(!error)
    }
    // Older versions of mysql2 do not have it.
    if (typeof reset !== 'function') return done(new Error('no reset'))
    reset.call(connection, done)
  })
}

/** Has the server refuse writes on the connection until it is reset. `error`: it may still take them. */
export function refuseWrites(connection: PoolConnection, done: (error: unknown) => void): void {
  connection.query('SET SESSION TRANSACTION READ ONLY', done)
}
