import { describe, expect, it } from 'vitest'
import { controlOf, killOf, ownNumberOf } from './statement-text.ts'

describe('the control of transactions in a text', () => {
  it.each([
    ['begin', { verb: 'begin', options: {} }],
    ['BEGIN WORK;', { verb: 'begin', options: {} }],
    ['start transaction', { verb: 'begin', options: {} }],
    ['START TRANSACTION READ ONLY', { verb: 'begin', options: { readOnly: true } }],
    ['/* of mine */ start transaction -- why\n read write', { verb: 'begin', options: { readOnly: false } }],
    ['commit', { verb: 'commit', chain: false }],
    ['COMMIT AND CHAIN', { verb: 'commit', chain: true }],
    ['commit work and no chain no release', { verb: 'commit', chain: false }],
    ['rollback', { verb: 'rollback', chain: false }],
    ['rollback to `a ``b```', { verb: 'rollback-to', name: 'a `b`' }],
    ['rollback work to savepoint knex_1', { verb: 'rollback-to', name: 'knex_1' }],
    ['savepoint trx2;', { verb: 'savepoint', name: 'trx2' }],
    ['release savepoint trx2', { verb: 'release', name: 'trx2' }],
    ['set autocommit=0', { verb: 'autocommit', on: false }],
    ['SET @@session.autocommit = ON', { verb: 'autocommit', on: true }],
    [
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      { verb: 'set-transaction', options: { isolation: 'read committed' }, forSession: true },
    ],
    [
      'set transaction isolation level serializable, read only',
      { verb: 'set-transaction', options: { isolation: 'serializable', readOnly: true }, forSession: false },
    ],
    [
      "set tx_isolation = 'REPEATABLE-READ'",
      { verb: 'set-transaction', options: { isolation: 'repeatable read' }, forSession: true },
    ],
  ])('%s', (sql, control) => expect(controlOf(sql)).toEqual(control))

  it.each([
    'start transaction with consistent snapshot',
    'commit release',
    'xa start "a"',
    'set global transaction isolation level serializable',
    'begin not atomic select 1; end',
    '/*!50000 begin */',
    'savepoint a; drop table b',
    'set autocommit = 0, sql_mode = ""',
  ])('leaves to a server: %s', (sql) => expect(controlOf(sql)).toBeUndefined())
})

describe('what a text kills', () => {
  it('names the connection, or its statement alone', () => {
    expect(killOf('KILL QUERY 3000000000')).toEqual({ what: 'query', threadId: 3_000_000_000 })
    expect(killOf('kill connection 7;')).toEqual({ what: 'connection', threadId: 7 })
    expect(killOf('kill hard query 7')).toEqual({ what: 'query', threadId: 7 })
    expect(killOf('kill 7')).toEqual({ what: 'connection', threadId: 7 })
    for (const sql of ['kill query id 7', "kill user 'a'", 'select 7', 'kill 7; kill 8'])
      expect(killOf(sql)).toBeUndefined()
  })
})

describe('the number that a text asks for', () => {
  it('stands in the text in its place, under the same name', () => {
    const textOf = (sql: string): string | undefined => ownNumberOf(sql)?.textFor(5)
    expect(textOf('select last_insert_id()')).toBe('select cast(5 as unsigned) as `last_insert_id()`')
    expect(textOf('SELECT LAST_INSERT_ID() AS id;')).toBe('select cast(5 as unsigned) as id')
    expect(textOf('select found_rows ( ) `n` from dual')).toBe('select cast(5 as unsigned) as `n`')
    expect(ownNumberOf('select row_count()')?.textFor(-1)).toBe('select cast(-1 as signed) as `row_count()`')
    for (const sql of ['select last_insert_id(7)', 'select last_insert_id() + 1', 'select connection_id(), 1'])
      expect(textOf(sql)).toBeUndefined()
  })
})
