import { describe, expect, test } from 'vitest'

import { ParameterError } from '../../errors.ts'
import { isAnswer, isUnprepared, mysqlError } from './errors.ts'

const fromServer = (errno: number, code = 'ER_SOMETHING'): Error => Object.assign(new Error('text'), { errno, code })
const fromSocket = (code: string): Error => Object.assign(new Error('text'), { errno: -111, code, fatal: true })

describe('mysqlError', () => {
  test.each([
    [1062, 'constraint'],
    [1452, 'constraint'],
    [4025, 'constraint'],
    [1064, 'syntax'],
    [1146, 'syntax'],
    [1205, 'serialization'],
    [1213, 'serialization'],
    [1290, 'read-only'],
    [1836, 'read-only'],
    [1792, 'read-only'],
    [1053, 'shutting-down'],
    [1927, 'connection-lost'],
    [1040, 'other'],
    [1317, 'other'],
    [9999, 'other'],
  ] as const)('error %i is of the class %s', (errno, errorClass) => {
    expect(mysqlError(fromServer(errno), 'run', 'write')).toMatchObject({ errorClass, engineCode: 'ER_SOMETHING' })
  })

  test.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'PROTOCOL_CONNECTION_LOST'])(
    '%s is a lost connection',
    (code) => expect(mysqlError(fromSocket(code), 'run', 'write')).toMatchObject({ errorClass: 'connection-lost' }),
  )

  test('is safe to retry when nothing can have happened', () => {
    const lost = fromSocket('PROTOCOL_CONNECTION_LOST')
    expect(mysqlError(lost, 'run', 'write')).toMatchObject({ safeToRetry: false })
    expect(mysqlError(lost, 'run', 'read')).toMatchObject({ safeToRetry: true })
    expect(mysqlError(lost, 'connect', 'write')).toMatchObject({ safeToRetry: true })
    expect(mysqlError(fromServer(1213), 'run', 'write')).toMatchObject({ safeToRetry: true })
    expect(mysqlError(fromServer(1040), 'run', 'write')).toMatchObject({ safeToRetry: true })
    expect(mysqlError(fromServer(1053), 'run', 'write')).toMatchObject({ safeToRetry: false })
    const closed = Object.assign(new Error("Can't add new command when connection is in closed state"), { fatal: true })
    expect(mysqlError(closed, 'run', 'write')).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
  })

  test('calls a wrong number of parameters by its name', () => {
    expect(mysqlError(fromServer(1210), 'run', 'read')).toBeInstanceOf(ParameterError)
  })
})

test('a connection serves on after an answer, and not after what breaks it or points elsewhere', () => {
  expect(isAnswer(fromServer(1062))).toBe(true)
  expect(isAnswer(new ParameterError('x'))).toBe(true)
  for (const error of [fromServer(1290), fromServer(1836), fromServer(1053), fromServer(1927), fromSocket('EPIPE')]) {
    expect(isAnswer(error)).toBe(false)
  }
  expect(isAnswer(Object.assign(fromServer(1064), { fatal: true }))).toBe(false)
})

test('only errors that come before running lead to the text protocol', () => {
  expect([1295, 1243, 1461].map((errno) => isUnprepared(fromServer(errno)))).toEqual([true, true, true])
  expect(isUnprepared(fromServer(1064))).toBe(false)
})
