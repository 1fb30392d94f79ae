import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { DriverRequest } from '../driver.ts'
import { SqliteConnection } from './connection.ts'
import { isOlderNode } from './older-node.ts'

const write = (sql: string, params: DriverRequest['params'] = []): DriverRequest => ({ sql, params, access: 'write' })
const read = (sql: string, params: DriverRequest['params'] = []): DriverRequest => ({ sql, params, access: 'read' })

let connection: SqliteConnection

/** What this Node.js has, and the ways around what it may lack. */
const olderNode = isOlderNode({ StatementSync })
const ways = [{ way: 'as it is', olderNode }, ...(olderNode ? [] : [{ way: 'before Node.js 22.16', olderNode: true }])]

describe.each(ways)('SqliteConnection $way', ({ olderNode }) => {
  beforeEach(() => {
    connection = new SqliteConnection(new DatabaseSync(':memory:'), {
      statementCacheSize: 10,
      bigIntegers: false,
      olderNode,
    })
    connection.run(write('create table t (id integer primary key, a, b)'), true)
  })

  afterEach(() => connection.close())

  test('keeps a bounded number of statements, and those in use', () => {
    for (let i = 0; i < 50; i += 1) {
      connection.run(read(`select ${i}`), true)
      connection.run(read('select a from t'), true)
    }
    expect(connection.cachedStatements).toBeGreaterThan(0)
    expect(connection.cachedStatements).toBeLessThanOrEqual(10)
    const prepare = connection.db.prepare.bind(connection.db)
    connection.db.prepare = () => {
      throw new Error('The statement should have been kept.')
    }
    expect(connection.run(read('select a from t'), true).rows).toEqual([])
    connection.db.prepare = prepare
  })

  test('keeps no very long statement', () => {
    const before = connection.cachedStatements
    expect(connection.run(read(`select 1 as a /* ${'x'.repeat(40_000)} */`), true).rows).toEqual([{ a: 1 }])
    expect(connection.cachedStatements).toBe(before)
  })

  test('keeps none when the cache is off', () => {
    const without = new SqliteConnection(new DatabaseSync(':memory:'), {
      statementCacheSize: 0,
      bigIntegers: false,
      olderNode,
    })
    expect(without.run(read('select 1 as a'), true).rows).toEqual([{ a: 1 }])
    expect(without.cachedStatements).toBe(0)
    without.close()
  })

  test('converts booleans and dates, at every position', () => {
    const result = connection.run(read('select ? as a, ? as b, ? as c', [new Date(5), true, false]), true)
    expect(result.rows).toEqual([{ a: 5, b: 1, c: 0 }])
  })

  test.each([
    [undefined, 'Parameter number 1 is undefined'],
    [{ a: 1 }, 'Parameter number 1 is an object'],
    [[1], 'Parameter number 1 is an array'],
    [() => 1, 'Parameter number 1 is a function'],
    [2n ** 64n, 'too large'],
  ])('refuses %s', (value, message) => {
    expect(() => connection.run(read('select ? as a', [value]), true)).toThrow(message)
  })

  test('binds names with and without their sigil', () => {
    const sql = 'select :a as a, @b as b, $c as c'
    expect(connection.run(read(sql, { a: 1, '@b': true, c: null }), true).rows).toEqual([{ a: 1, b: 1, c: null }])
    expect(() => connection.run(read(sql, { a: 1 }), true)).toThrow('without a value: b, c')
    expect(() => connection.run(read(sql, { a: 1, b: 2, c: 3, d: 4 }), true)).toThrow('no parameters of these names: d')
    expect(() => connection.run(read(sql, [1, 2, 3]), true)).toThrow('named parameters (a, b, c)')
    expect(() => connection.run(read('select ?', { a: 1 }), true)).toThrow('pass an array')
  })

  test('counts the parameters', () => {
    expect(() => connection.run(read('select ?', []), true)).toThrow('takes 1 parameter, and 0 were given')
    expect(() => connection.run(read('select ?, ?', [1]), true)).toThrow('takes 2 parameters, and 1 was given')
  })

  test('reports no counts and ids of earlier statements', () => {
    const inserted = connection.run(write('insert into t (a) values (1), (2)'), true)
    expect(inserted).toMatchObject({ rowCount: 2, insertId: 2 })
    expect(connection.run(write('create table u (a)'), true)).toMatchObject({ rowCount: 0, insertId: undefined })
    expect(connection.run(write('update t set a = 3 where id = 1'), true)).toMatchObject({
      rowCount: 1,
      insertId: undefined,
    })
    expect(connection.run(write('insert or ignore into t (id) values (1)'), true)).toMatchObject({
      rowCount: 0,
      insertId: undefined,
    })
    const withed = connection.run(write('with x as (select 9 as a) insert into t (a) select a from x'), true)
    expect(withed).toMatchObject({ rowCount: 1, insertId: 3 })
  })

  test('returns the rows of RETURNING', () => {
    const result = connection.run(write('insert into t (a) values (?), (?) returning id, a', ['x', 'y']), true)
    expect(result.rows).toEqual([
      { id: 1, a: 'x' },
      { id: 2, a: 'y' },
    ])
    expect(result.rowCount).toBe(2)
  })

  test('runs a text of several statements only without parameters', () => {
    expect(
      connection.run(write('insert into t (a) values (1); insert into t (a) values (2); -- end'), true).rows,
    ).toEqual([])
    expect(connection.run(read('select a from t; -- one statement'), true).rowCount).toBe(2)
    expect(() => connection.run(write('insert into t (a) values (?); delete from t', [1]), true)).toThrow('several')
    expect(connection.run(read('select a from t'), true).rowCount).toBe(2)
  })

  test('runs a trigger with statements inside as one statement', () => {
    const trigger = 'create trigger r after insert on t begin update t set b = 1; update t set b = 2; end'
    connection.run(write(trigger), true)
    connection.run(write('insert into t (a) values (?)', [1]), true)
    expect(connection.run(read('select b from t'), true).rows).toEqual([{ b: 2 }])
  })

  test('says of a script that failed half-way that it may not be repeated', () => {
    expect(() => connection.run(write('insert into t (a) values (1); select * from nowhere'), true)).toThrow(
      expect.objectContaining({ safeToRetry: false, cause: expect.any(Error) }),
    )
    expect(connection.run(read('select a from t'), true).rowCount).toBe(1)
  })

  test('rolls back a transaction that a statement leaves open, unless one was open before', () => {
    expect(() => connection.run(write('begin'), true)).toThrow('opened a transaction')
    expect(connection.inTransaction).toBe(false)
    connection.exec('begin')
    connection.run(write('insert into t (a) values (1)'), true)
    expect(connection.inTransaction).toBe(true)
    connection.exec('rollback')
    connection.run(write('begin'), false)
    expect(connection.inTransaction).toBe(true)
  })

  test('explains integers that do not fit a number, and returns them as bigint if asked', () => {
    connection.run(write('insert into t (a) values (9007199254740993)'), true)
    expect(() => connection.run(read('select a from t'), true)).toThrow('?integers=bigint')
    const big = new SqliteConnection(connection.db, { statementCacheSize: 10, bigIntegers: true, olderNode })
    expect(big.run(read('select a, id from t'), true).rows).toEqual([{ a: 9007199254740993n, id: 1n }])
  })

  test('stops a read between two rows when its time is over', () => {
    const endless = 'with recursive n(i) as (select 1 union all select i + 1 from n) select i from n'
    const request = { ...read(endless), timeoutMs: 20 }
    expect(() => connection.runUntil(request, true, performance.now() + 20)).toThrow('within 20 ms')
    expect(connection.run(read('select 1 as a'), true).rows).toEqual([{ a: 1 }])
  })

  test('describes fields late, and after the connection is closed', () => {
    const early = connection.run(read('select a as x, b as y from t'), true)
    // Without descriptions of columns only rows have names.
    expect(early.fields.map((field) => field.name)).toEqual(olderNode ? [] : ['x', 'y'])
    connection.run(write('insert into t (a) values (1)'), true)
    const now = connection.run(read('select a as x, b as y from t'), true)
    expect(now.fields.map((field) => field.name)).toEqual(['x', 'y'])
    const late = connection.run(read('select a as x, b as y from t'), true)
    connection.close()
    expect(late.fields.map((field) => field.name)).toEqual(['x', 'y'])
  })

  test('returns rows as arrays with every value in its place, or refuses before anything happens', () => {
    const insert: DriverRequest = { ...write('insert into t (a) values (1), (2)'), rowMode: 'array' }
    expect(connection.run(insert, true)).toMatchObject({ rowCount: 2, insertId: 2 })
    const select: DriverRequest = { ...read('select 2, 1, 3 as x, 4 as x'), rowMode: 'array' }
    const returning: DriverRequest = { ...write('delete from t returning id'), rowMode: 'array' }
    if (olderNode) {
      expect(() => connection.run(select, true)).toThrow('Node.js 22.16')
      expect(() => connection.open(select)).toThrow('Node.js 22.16')
      expect(() => connection.run(returning, true)).toThrow('Node.js 22.16')
      expect(connection.run(read('select id from t'), true).rowCount).toBe(2)
      return
    }
    expect(connection.run(select, true).rows).toEqual([[2, 1, 3, 4]])
    expect(connection.open(select).next().value).toEqual([2, 1, 3, 4])
    expect(connection.run(returning, true).rows).toEqual([[1], [2]])
  })

  test('notices that a statement ended the transaction, and that the connection is closed', () => {
    connection.run(write('insert into t (id) values (1)'), true)
    connection.exec('begin')
    expect(connection.inTransaction).toBe(true)
    expect(() => connection.run(write('insert or rollback into t (id) values (1)'), false)).toThrow('UNIQUE')
    expect(connection.inTransaction).toBe(false)
    expect(connection.isOpen).toBe(true)
    connection.close()
    expect(connection.isOpen).toBe(false)
  })

  test('returns the columns that a table has now, whoever changed them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-sqlite-'))
    const other = new DatabaseSync(join(folder, 'test.db'))
    other.exec('create table u (a, b); insert into u values (1, 2)')
    const options = { statementCacheSize: 10, bigIntegers: false, olderNode }
    const own = new SqliteConnection(new DatabaseSync(join(folder, 'test.db')), options)
    try {
      const select = read('select * from u')
      expect(own.run(select, true).rows).toEqual([{ a: 1, b: 2 }])
      own.run(read('select 1'), true)
      other.exec('alter table u add column c default 3')
      expect(own.run(select, true).rows).toEqual([{ a: 1, b: 2, c: 3 }])
      // Where rows get the columns that a statement had when it was prepared, all are prepared again.
      expect(own.cachedStatements).toBe(olderNode ? 1 : 2)
      other.exec('alter table u add column d default 4')
      const cursor = own.open(select)
      expect(cursor.next().value).toEqual({ a: 1, b: 2, c: 3, d: 4 })
      cursor.close()
      other.exec('alter table u drop column b; alter table u drop column d')
      expect(own.run(select, true).rows).toEqual([{ a: 1, c: 3 }])
      own.run(write('create temp table v as select 1 as x'), true)
      expect(own.run(read('select * from v'), true).rows).toEqual([{ x: 1 }])
      own.run(write('alter table v add column y default 2'), true)
      expect(own.run(read('select * from v'), true).rows).toEqual([{ x: 1, y: 2 }])
    } finally {
      own.close()
      other.close()
      rmSync(folder, { recursive: true })
    }
  })

  test('says of a text without a statement that it has none', () => {
    expect(() => connection.run(read('-- nothing'), true)).toThrow('holds no statement')
  })

  test('reports a row id that no number holds without failing', () => {
    const sql = 'insert into t (id) values (9007199254740993)'
    expect(connection.run(write(sql), true)).toMatchObject({ rowCount: 1, insertId: 9007199254740992 })
    const big = new SqliteConnection(connection.db, { statementCacheSize: 10, bigIntegers: true, olderNode })
    connection.run(write('delete from t'), true)
    expect(big.run(write(sql), true)).toMatchObject({ rowCount: 1, insertId: 9007199254740993n })
  })

  test('keeps a cursor and a run of the same text apart', () => {
    connection.run(write('insert into t (a) values (1), (2), (3)'), true)
    const cursor = connection.open(read('select a from t'))
    expect(cursor.next().value).toEqual({ a: 1 })
    expect(connection.run(read('select a from t'), true).rowCount).toBe(3)
    expect(cursor.next().value).toEqual({ a: 2 })
    cursor.close()
    cursor.close()
  })
})
