import { describe, expect, it } from 'vitest'
import { readInsertRows } from './insert-rows.ts'

describe('the rows of an INSERT', () => {
  it.each([
    [
      'postgres',
      'insert into t (a, b) values ($1, $2), ($3, $2) , (5, $4) on conflict (a) do update set b = $5 returning *',
      [1, 2, 3, 4, 5],
      [1, 2],
      'insert into t (a, b) values ($1, $2), (5, $3) on conflict (a) do update set b = $4 returning *',
      [3, 2, 4, 5],
    ],
    [
      'mysql',
      'insert into t values (?, (?)), (?, ?) on duplicate key update b = ?',
      [1, 2, 3, 4, 5],
      [1],
      'insert into t values (?, ?) on duplicate key update b = ?',
      [3, 4, 5],
    ],
    ['mysql', "replace into t (a) value (1),('(2'),(3)", [], [1, 2], "replace into t (a) value ('(2'), (3)", []],
    [
      'sqlite',
      'insert or ignore into "values" (a) values (?2), (?1)',
      ['x', 'y'],
      [0],
      'insert or ignore into "values" (a) values (?1)',
      ['y'],
    ],
    [
      'sqlite',
      'insert into t (a) values (:a), (:b)',
      { a: 1, b: 2 },
      [1],
      'insert into t (a) values (:b)',
      { a: 1, b: 2 },
    ],
  ] as const)('%s: %s', (dialect, sql, params, rows, expected, left) => {
    expect(readInsertRows(sql, dialect)?.withRows(rows, params)).toEqual({ sql: expected, params: left })
  })

  it.each([
    ['postgres', 'insert into t select * from u'],
    ['postgres', 'insert into t default values'],
    ['postgres', 'with x as (select 1) insert into t values (1)'],
    ['mysql', 'insert into t set a = 1'],
    ['sqlite', 'select 1'],
    ['sqlite', 'insert into t values (1),'],
  ] as const)('are none for %s: %s', (dialect, sql) => {
    expect(readInsertRows(sql, dialect)).toBeUndefined()
  })
})
