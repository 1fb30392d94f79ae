import { describe, expect, it } from 'vitest'
import { DriverMissingError, QueryError, TimeoutError } from '../index.ts'
import { reachFailure } from './reach-failure.ts'

function systemError(code: string, message = code): Error {
  return Object.assign(new Error(message), { code })
}

function lost(code: string | undefined, message = 'Could not connect'): QueryError {
  return new QueryError('connection-lost', message, { engineCode: code, cause: systemError(code ?? 'none') })
}

describe('reachFailure', () => {
  it.each([
    [lost('ECONNREFUSED'), 'refused'],
    [lost('ENOTFOUND'), 'unknown-host'],
    [lost('EHOSTUNREACH'), 'unreachable-host'],
    [lost('ETIMEDOUT'), 'timeout'],
    [lost(undefined, 'timeout exceeded when trying to connect'), 'timeout'],
    [lost(undefined, 'Connection terminated unexpectedly'), 'connection-lost'],
    [new QueryError('other', 'no', { engineCode: '28P01' }), 'authentication'],
    [new QueryError('other', 'no', { engineCode: 'ER_ACCESS_DENIED_ERROR' }), 'authentication'],
    [new QueryError('other', 'no', { engineCode: '3D000' }), 'no-such-database'],
    [new QueryError('other', 'no', { engineCode: 'ER_BAD_DB_ERROR' }), 'no-such-database'],
    [new QueryError('other', 'no', { engineCode: '53300' }), 'too-many-connections'],
    [new QueryError('starting-up', 'no', { engineCode: '57P03' }), 'starting-up'],
    [new QueryError('connection-lost', 'no', { engineCode: 'SQLITE_CANTOPEN' }), 'file'],
    [new TimeoutError('late', 5), 'timeout'],
    [new DriverMissingError('pg', 'PostgreSQL', undefined), 'driver-missing'],
    [new Error('what'), 'other'],
    ['text', 'other'],
  ])('%s is of the kind %s', (error, kind) => {
    expect(reachFailure(error).kind).toBe(kind)
  })

  it('tells the codes, and hides passwords', () => {
    const failure = reachFailure(lost('ECONNREFUSED', 'Could not connect to postgres://u:ge@heim@h/x'))
    expect(failure).toEqual({
      kind: 'refused',
      code: 'SIGNALBOX_CONNECTION_LOST',
      engineCode: 'ECONNREFUSED',
      message: 'Could not connect to postgres://u:***@h/x',
    })
  })

  it('comes to an end on causes that go in a circle', () => {
    const error = systemError('EPERM')
    error.cause = error
    expect(reachFailure(error)).toMatchObject({ kind: 'other', engineCode: 'EPERM' })
  })
})
