import type { Connection } from './connection.ts'

/**
 * Gives a connection the state of a new one: no transaction, settings, temporary tables, locks, listeners or prepared
 * statements. Waits until the connection is ready; calls back with false if it must be closed instead.
 */
export function resetSession(connection: Connection, done: (reset: boolean) => void): void {
  rollBackLeftover(connection, (clean) => {
    if (!clean) {
      done(false)
      return
    }
    connection.send({ sql: 'DISCARD ALL', params: [] }, undefined, (error) => {
      if (error == null) {
        connection.statements.forgetAll()
        connection.settings.became(undefined)
      }
      done(error == null)
    })
  })
}

/** Ends a transaction that is still open, when the connection is ready; false if the connection must be closed. */
export function rollBackLeftover(connection: Connection, done: (clean: boolean) => void): void {
  connection.whenReady(() => {
    if (connection.lost !== undefined) done(false)
    else if (!connection.inTransaction) done(true)
    else {
      connection.send({ sql: 'ROLLBACK', params: [] }, undefined, (error) =>
        done(error == null && !connection.inTransaction),
      )
    }
  })
}
