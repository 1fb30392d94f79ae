import { describe, expect, it } from 'vitest'
import { ParameterError, QueryError } from '../../errors.ts'
import { classify, queryError, type Circumstances } from './errors.ts'

function serverError(code: string, message = 'refused', more: object = {}): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR', ...more })
}

function convert(error: unknown, more: Partial<Circumstances> = {}) {
  return queryError(error, { access: 'write', sent: true, address: 'db:5432', ...more })
}

describe('errors of PostgreSQL', () => {
  it.each([
    ['08006', 'connection-lost'],
    ['57P01', 'shutting-down'],
    ['57P02', 'connection-lost'],
    ['25P03', 'connection-lost'],
    ['25006', 'read-only'],
    ['25001', 'other'],
    ['40001', 'serialization'],
    ['40P01', 'serialization'],
    ['23505', 'constraint'],
    ['42601', 'syntax'],
    ['42P01', 'syntax'],
    ['42501', 'other'],
    ['26000', 'syntax'],
    ['22012', 'other'],
    ['57014', 'other'],
    ['53300', 'other'],
    ['28P01', 'other'],
    ['ECONNREFUSED', 'connection-lost'],
    ['ETIMEDOUT', 'connection-lost'],
  ] as const)('of the code %s are of the class %s', (code, errorClass) => {
    expect(classify(serverError(code))).toEqual({ errorClass, code })
  })

  it('with 57P03 are told apart by their message', () => {
    expect(classify(serverError('57P03', 'the database system is starting up')).errorClass).toBe('starting-up')
    expect(classify(serverError('57P03', 'the database system is shutting down')).errorClass).toBe('shutting-down')
  })

  it('without a code are known by what pg says', () => {
    for (const text of [
      'Connection terminated unexpectedly',
      'timeout expired',
      'Client was closed and is not queryable',
    ])
      expect(classify(new Error(text)).errorClass).toBe('connection-lost')
    expect(classify(new Error('boom')).errorClass).toBe('other')
  })

  it('say whether the statement may be repeated', () => {
    const lost = new Error('Connection terminated unexpectedly')
    expect(convert(lost).safeToRetry).toBe(false)
    expect(convert(lost, { access: 'read' }).safeToRetry).toBe(true)
    expect(convert(lost, { sent: false }).safeToRetry).toBe(true)
    expect(convert(new Error('Client was closed and is not queryable')).safeToRetry).toBe(true)
    expect(convert(serverError('40P01')).safeToRetry).toBe(true)
    expect(convert(serverError('25006')).safeToRetry).toBe(true)
    expect(convert(serverError('23505')).safeToRetry).toBe(false)
    expect(convert(serverError('57P01')).safeToRetry).toBe(false)
  })

  it('show what helps, and no row', () => {
    const detail = 'Failing row contains (1, hunter2).'
    const violated = serverError('23514', 'new row violates', { constraint: 'price_positive', detail })
    expect(convert(violated).message).toBe('new row violates; constraint "price_positive"')
    expect(convert(serverError('42601', 'syntax error', { position: '8', hint: 'Look.' })).message).toBe(
      'syntax error; at character 8 of the statement; hint: Look.',
    )
  })

  it('of a name with several addresses have a text although Node.js gives none', () => {
    const refused = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')], ''), {
      code: 'ECONNREFUSED',
    })
    expect(convert(refused, { sent: false }).message).toBe(
      'Could not connect to db:5432: connect ECONNREFUSED ::1:5432.',
    )
  })

  it('about the number of parameters are parameter errors; other protocol violations are losses', () => {
    expect(convert(serverError('08P01', 'bind message', { routine: 'exec_bind_message' }))).toBeInstanceOf(
      ParameterError,
    )
    expect(convert(serverError('42P02'))).toBeInstanceOf(ParameterError)
    expect(convert(serverError('08P01'))).toMatchObject({ errorClass: 'connection-lost' })
  })

  it('that are Signalbox’s already are handed through', () => {
    const error = new QueryError('other', 'said before')
    expect(convert(error)).toBe(error)
  })
})
