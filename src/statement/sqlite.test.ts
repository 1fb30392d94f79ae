import { describe, expect, test } from 'vitest'
import type { Analysis } from './analysis.ts'
import { createSqliteAnalyzer } from './sqlite.ts'
import { sqliteSafeFunctions } from './sqlite/functions.ts'

const analyzer = createSqliteAnalyzer()
const analyze = (sql: string): Analysis => analyzer.analyze(sql)

const tablesOf = (sql: string): string[] =>
  analyze(sql).tables.map(
    ({ access, schema, name }) => `${access[0] ?? ''} ${schema === undefined ? '' : `${schema}.`}${name}`,
  )
const functionsOf = (sql: string): string[] => analyze(sql).functions.map(({ name }) => name)

describe('tables', () => {
  test.each([
    ['select * from [a b], "c""d", `e`, \'f\'', ['r a b', 'r c"d', 'r e', 'r f']],
    ['select * from main.t as x indexed by i, temp.u not indexed', ['r main.t', 'r temp.u']],
    ['select * from (a join b on a.i = b.i) as x, c', ['r a', 'r b', 'r c']],
    ['select * from a where x in b and y in (select z from c)', ['r a', 'r b', 'r c']],
    ['with b as (select * from c), c as (select 1) select * from b', []],
    ['with b as (select 1 as id) delete from b where id in (select id from b)', ['w b']],
    ['with b as (select 1 as id) update b set id = (select id from b)', ['w b']],
    ['with b as (select 1 as id) insert into b select id from b', ['w b']],
    ['select * from json_each(x) j, t', ['r t']],
    ['select * from pragma_table_list, t', ['r t']],
    ["select * from notes('x')", ['r notes']],
    ['insert or replace into a select * from b on conflict do nothing', ['w a', 'r b']],
    [
      'insert into a (x) select 1 from b where true on conflict (x) do update set x = (select 1 from c)',
      ['w a', 'r b', 'r c'],
    ],
    ['update or ignore a set x = b.x from b join c on 1 where b.i = a.i', ['w a', 'r b', 'r c']],
    ['delete from a as x where x.i = 1 returning *', ['w a']],
    ['with x as (select * from b) delete from a where i in x', ['r b', 'w a']],
    ['create table a (x references b)', ['w a', 'r b']],
    ['create view a as select * from b', ['w a', 'r b']],
    ['create index s.i on t (a)', ['w s.t']],
    ['alter table a rename to b', ['w a', 'w b']],
    ['pragma table_info(t)', ['r t']],
    ['explain insert into t values (1)', ['r t']],
  ])('%s', (sql, expected) => {
    expect(tablesOf(sql)).toEqual(expected)
    expect(analyze(sql).complete).toBe(true)
  })
})

test('values of numbered and named parameters', () => {
  expect(analyze('select * from t where a = ? and b = :b').values).toEqual([
    { table: 't', column: 'b', operator: 'equals', values: [{ from: 'named', name: 'b' }] },
  ])
  expect(analyze('select * from t where a = ?3 and b == ? or 1').values).toEqual([])
  expect(analyze('select * from t where a = ?3 and b == ?').values).toEqual([
    { table: 't', column: 'a', operator: 'equals', values: [{ from: 'parameter', index: 2 }] },
    { table: 't', column: 'b', operator: 'equals', values: [{ from: 'parameter', index: 3 }] },
  ])
  expect(analyze('insert into s.t (a, b) values (:a, @b)').values).toEqual([
    { table: 't', schema: 's', column: 'a', operator: 'insert', values: [{ from: 'named', name: 'a' }] },
    { table: 't', schema: 's', column: 'b', operator: 'insert', values: [{ from: 'named', name: 'b' }] },
  ])
})

test('a condition that is a name in SQLite gives no value', () => {
  expect(analyze('select * from t where a = "x" and b is 1 and c || 1 = 2').values).toEqual([])
  // END can be a column, so where a CASE ends is not sure.
  expect(analyze('select * from t where case when end and a = 2 and 1 then 1 end').values).toEqual([])
})

test('functions, also those in the place of tables', () => {
  expect(functionsOf('select count(*), "f"(1), cast(a as varchar(5)) from json_each(?), pragma_index_list(t)')).toEqual(
    ['count', 'f', 'json_each', 'pragma_index_list'],
  )
  expect(functionsOf('select sum(a) filter (where b in (1)) over (partition by c) from t')).toEqual(['sum'])
  for (const name of ['load_extension', 'fts3_tokenizer', 'writefile', 'edit', 'sqlite_log', 'pragma_optimize'])
    expect(sqliteSafeFunctions.has(name)).toBe(false)
})

describe('what may be hidden', () => {
  test.each([
    ['select * from pragma_optimize', 'unknown'],
    ['select * from main.pragma_optimize', 'unknown'],
    ["select * from pragma_journal_mode('wal')", 'unknown'],
    ['explain pragma journal_mode = wal', 'write'],
    ["select '\\'; delete from t; --'", 'write'],
    ['select 1 /*! ; delete from t */', 'read'],
    ['select 1; delete from t', 'write'],
    ['create trigger x after insert on t begin delete from u; select 1; end', 'ddl'],
    ['select 1\0; delete from t', 'unknown'],
    ['savepoint a; delete from t', 'unknown'],
    ['', 'unknown'],
  ])('%s', (sql, kind) => {
    expect(analyze(sql).kind).toBe(kind)
  })
})

test.each([
  ['attach ? as x', true],
  ['pragma foreign_keys = on', true],
  ['pragma foreign_keys', false],
  ['create temp table t (a)', true],
  ['insert into temp.t values (1)', true],
  ['select * from temp.t', false],
  ['pragma user_version = 1', false],
])('%s leaves state: %s', (sql, expected) => {
  expect(analyze(sql).leavesState).toBe(expected)
})
