import type { Pg } from './native-pg.ts'

/** What a server says to whom it throws out. */
export function terminated(pg: Pg): Error {
  const error = new pg.DatabaseError('terminating connection due to administrator command', 0, 'error')
  return Object.assign(error, { severity: 'FATAL', code: '57P01' })
}

/** What a server says of a statement that somebody has stopped. */
export function cancelled(pg: Pg): Error {
  const error = new pg.DatabaseError('canceling statement due to user request', 0, 'error')
  return Object.assign(error, { severity: 'ERROR', code: '57014' })
}
