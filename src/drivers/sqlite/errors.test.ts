import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

import { isBusy, openError, sqliteError } from './errors.ts'

function native(errcode: number): Error {
  return Object.assign(new Error('something'), { code: 'ERR_SQLITE_ERROR', errcode })
}

describe('sqliteError', () => {
  test.each([
    [1, 'prepare', 'syntax', 'SQLITE_ERROR'],
    [1, 'run', 'other', 'SQLITE_ERROR'],
    [5, 'run', 'serialization', 'SQLITE_BUSY'],
    [517, 'run', 'serialization', 'SQLITE_BUSY_SNAPSHOT'],
    [8, 'run', 'read-only', 'SQLITE_READONLY'],
    [264, 'run', 'read-only', 'SQLITE_READONLY'], // SQLITE_READONLY_RECOVERY, by its primary code
    [1032, 'run', 'connection-lost', 'SQLITE_READONLY_DBMOVED'],
    [2067, 'run', 'constraint', 'SQLITE_CONSTRAINT_UNIQUE'],
    [13, 'run', 'other', 'SQLITE_FULL'],
    [99, 'run', 'other', 'SQLITE_99'],
  ] as const)('result code %i at %s means %s', (errcode, phase, errorClass, engineCode) => {
    expect(sqliteError(native(errcode), phase, 'write')).toMatchObject({ errorClass, engineCode })
  })

  test('is safe to retry for reads, before anything ran, and for what changes nothing', () => {
    expect(sqliteError(native(10), 'run', 'read')).toMatchObject({ safeToRetry: true })
    expect(sqliteError(native(10), 'run', 'write')).toMatchObject({ safeToRetry: false })
    expect(sqliteError(native(5), 'run', 'write')).toMatchObject({ safeToRetry: true })
    expect(sqliteError(native(5), 'script', 'write')).toMatchObject({ safeToRetry: false })
  })

  test('names the file that could not be opened', () => {
    const error = openError(native(14), 'no/such/shop.db')
    expect(error).toMatchObject({ errorClass: 'connection-lost', engineCode: 'SQLITE_CANTOPEN', safeToRetry: true })
    expect(error.message).toContain(`The file is ${JSON.stringify(resolve('no/such/shop.db'))}: is the path right`)
  })

  test('knows a lock in the way from everything else', () => {
    expect(isBusy(sqliteError(native(5), 'run', 'write'))).toBe(true)
    expect(isBusy(sqliteError(native(5), 'script', 'write'))).toBe(false)
    expect(isBusy(sqliteError(native(6), 'run', 'write'))).toBe(false)
    expect(isBusy(native(5))).toBe(false)
  })
})
