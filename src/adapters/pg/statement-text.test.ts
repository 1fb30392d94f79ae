import { describe, expect, it } from 'vitest'
import { controlOf } from './statement-text.ts'

describe('transaction control as text', () => {
  it.each([
    ['begin', { verb: 'begin', options: {} }],
    ['BEGIN;', { verb: 'begin', options: {} }],
    ['  begin work ; ', { verb: 'begin', options: {} }],
    ['/* a */ begin -- b\n transaction', { verb: 'begin', options: {} }],
    ['start transaction', { verb: 'begin', options: {} }],
    ['START TRANSACTION READ ONLY', { verb: 'begin', options: { readOnly: true } }],
    [
      'begin isolation level repeatable  read, read write',
      { verb: 'begin', options: { isolation: 'repeatable read', readOnly: false } },
    ],
    [
      'begin transaction isolation level serializable read only not deferrable',
      { verb: 'begin', options: { isolation: 'serializable', readOnly: true } },
    ],
    ['begin isolation level serializable, read only, deferrable', undefined],
    ['commit', { verb: 'commit', chain: false }],
    ['end transaction', { verb: 'commit', chain: false }],
    ['commit and chain', { verb: 'commit', chain: true }],
    ['commit work and no chain', { verb: 'commit', chain: false }],
    ["commit prepared 'x'", undefined],
    ['rollback', { verb: 'rollback', chain: false }],
    ['ABORT', { verb: 'rollback', chain: false }],
    ['rollback to savepoint a', { verb: 'rollback-to', name: 'a' }],
    ['rollback work to "A ""b"', { verb: 'rollback-to', name: 'A "b' }],
    ['savepoint Knex_1', { verb: 'savepoint', name: 'knex_1' }],
    ['release savepoint sp', { verb: 'release', name: 'sp' }],
    ['release sp;', { verb: 'release', name: 'sp' }],
    ['set transaction read only', { verb: 'set-transaction', options: { readOnly: true } }],
    [
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
      { verb: 'set-transaction', options: { isolation: 'read committed' } },
    ],
    ["set transaction snapshot '1'", undefined],
    ["prepare transaction 'x'", undefined],
  ])('%j', (sql, expected) => {
    expect(controlOf(sql)).toEqual(expected)
  })
})
