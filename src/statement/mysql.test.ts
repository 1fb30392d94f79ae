import { describe, expect, test } from 'vitest'
import type { Analysis } from './analysis.ts'
import { createMysqlAnalyzer } from './mysql.ts'
import { mysqlSafeFunctions } from './mysql/functions.ts'

const analyzer = createMysqlAnalyzer()
const analyze = (sql: string): Analysis => analyzer.analyze(sql)

/** `r shop.t` or `w t` for each table, in the order of the text. */
const tablesOf = (sql: string): string[] =>
  analyze(sql).tables.map(
    ({ access, schema, name }) => `${access[0] ?? ''} ${schema === undefined ? '' : `${schema}.`}${name}`,
  )
const spansOf = (sql: string): string[] =>
  analyze(sql).tables.flatMap(({ spans }) => spans.map(({ start, end }) => sql.slice(start, end)))
const functionsOf = (sql: string): string[] => analyze(sql).functions.map(({ name }) => name)

/** `t.a = 1`, `t.a in ?0, ?1`, `t.a <- 1` for an inserted value. */
const valuesOf = (sql: string): string[] =>
  analyze(sql).values.map(({ table, column, operator, values }) => {
    const sources = values.map((value) => {
      if (value.from === 'parameter') return `?${value.index}`
      if (value.from === 'named') return `:${value.name}`
      if (value.from === 'constant')
        return typeof value.value === 'bigint' ? `${value.value}n` : JSON.stringify(value.value)
      return '*'
    })
    const sign = operator === 'equals' ? '=' : operator === 'in' ? 'in' : '<-'
    return `${table ?? ''}.${column} ${sign} ${sources.join(', ')}`
  })

describe('tables', () => {
  test.each([
    ['select * from a, b.c d', ['r a', 'r b.c']],
    ['select * from `a``b`.`select`', ['r a`b.select']],
    ['select * from a join b on a.i = b.i left join (c, d) on c.i = b.i', ['r a', 'r b', 'r c', 'r d']],
    ['select * from a where i in (select i from b where j = (select max(j) from c))', ['r a', 'r b', 'r c']],
    ['with a as (select * from b) select * from a, c.a', ['r b', 'r c.a']],
    ['with a as (select * from a) select * from a', ['r a']],
    ['with recursive a as (select 1 union select * from a) select * from a', []],
    ['with a as (select 1), b as (select * from a) select * from b, d', ['r d']],
    ['select * from (with a as (select 1) select * from a) x, a', ['r a']],
    ['select * from t partition (p0, p1) as x use index (i) where 1', ['r t']],
    ["select * from t, json_table(t.j, '$[*]' columns (a int path '$')) k", ['r t']],
    ['select 1 from dual', []],
    ['table t order by a', ['r t']],
    ['insert into a select * from a, b', ['w a', 'r a', 'r b']],
    ['replace into a.b values (1)', ['w a.b']],
    ['update a, b set a.x = b.x', ['w a', 'r b']],
    ['update a x join b on x.i = b.i set x.x = 1, b.y = 2', ['w a', 'w b']],
    ['update a join b set x = 1', ['w a', 'w b']],
    ['update a set x = (select max(y) from b)', ['w a', 'r b']],
    ['delete from a where i in (select i from b)', ['w a', 'r b']],
    ['delete x from a x join b on x.i = b.i', ['w a', 'r b']],
    ['delete from a, b.c using a join b.c join d', ['w a', 'w b.c', 'r d']],
    ["load data infile 'x' into table s.t", ['w s.t']],
    ['truncate t', ['w t']],
    ['drop table if exists a, s.b cascade', ['w a', 'w s.b']],
    ['rename table a to b, c to d', ['w a', 'w b', 'w c', 'w d']],
    ['create table a (x int, foreign key (x) references b (y))', ['w a', 'r b']],
    ['create table a like b', ['w a', 'r b']],
    ['create view v as select * from a with check option', ['w v', 'r a']],
    ['create index i on t (a)', ['w t']],
    ['alter table a rename to b', ['w a', 'w b']],
    ['lock tables a read, b as x write', ['r a', 'w b']],
    ['show columns from t', ['r t']],
    ['describe t', ['r t']],
    ['explain delete from t', ['w t']],
    ['analyze delete from t', ['w t']],
    ['select next value for s', ['w s']],
    ['select a; insert into t values (1); select * from u', ['w t', 'r u']],
  ])('%s', (sql, expected) => {
    expect(tablesOf(sql)).toEqual(expected)
    expect(analyze(sql).complete).toBe(true)
  })

  test('spans cover the names as written, once for each appearance', () => {
    expect(spansOf('select * from `a b` x join `a b` y, s . t')).toEqual(['`a b`', '`a b`', 's . t'])
    expect(spansOf('delete a.* from a join b on a.i = b.i')).toEqual(['a', 'a', 'b'])
    expect(spansOf('delete x from a x')).toEqual(['a'])
  })
})

describe('values', () => {
  test.each([
    ['select * from t where a = 1 and b = ? and 2 = c', ['t.a = 1', 't.b = ?0', 't.c = 2']],
    ["select ?, x from t where a in (?, 'x', 1 + 1)", ['t.a in ?1, "x", *']],
    ['select * from t where (a, b) = (?, 2)', ['t.a = ?0', 't.b = 2']],
    ['select * from t where (a, b) in ((1, ?), (3, 4))', ['t.a in 1, 3', 't.b in ?0, 4']],
    ['select * from t where ((a = 1) and (b = 2 and (c = 3)))', ['t.a = 1', 't.b = 2', 't.c = 3']],
    ['select * from t where a = 1 or b = 2', []],
    ['select * from t where a = 1 and (b = 2 or c = 3)', ['t.a = 1']],
    ['select * from t where a = 1 || b = 2', []],
    ['select * from t where a = 1 xor b = 2', []],
    ['select * from t where not a = 1 and b = 2', ['t.b = 2']],
    ['select * from t where not (a = 1)', []],
    ['select * from t where a = 1 = 0', []],
    ['select * from t where a = 1 is false and b = 2', ['t.b = 2']],
    ['select * from t where a not in (1, 2) and b <> 3', []],
    ['select * from t where a between 1 and 2 and b = 3', ['t.b = 3']],
    ['select * from t where case when a = 1 and b = 2 then 1 end and c = 3', []],
    ['select * from t where c = 3 and case when a = 1 then 1 end', ['t.c = 3']],
    ['select * from t where a = "x"', []],
    ["select * from t where a = 'x\\n' and b = 'it''s'", ['t.b = "it\'s"']],
    [
      'select * from t where a = 12345678901234567890 and b = -5 and c = 1.5',
      ['t.a = 12345678901234567890n', 't.b = -5', 't.c = 1.5'],
    ],
    ['select * from t where a = null and b = true', ['t.a = null', 't.b = true']],
    ['select * from t where a = b and c = f(1)', []],
    ["select * from t where a = 'x' 'y' and b = _utf8'z' and c = date '2026-01-01'", []],
    ['select * from t as x where x.a = 1 and t.b = 2', ['t.a = 1']],
    ['select * from s.t where s.t.a = 1', ['t.a = 1']],
    ['select * from t, u where a = 1 and t.b = 2', ['t.b = 2']],
    ['select * from t join u on t.a = 1 and u.b = 2', ['t.a = 1', 'u.b = 2']],
    ['select * from t left join u on t.a = 1 and u.b = 2 where t.c = 3', ['t.c = 3']],
    ['select * from t a, t b where a.x = 1', []],
    ['select * from t a, t b where a.x = 1 and b.x = 2', ['t.x in 1, 2']],
    ['select * from t where a = 1 union select * from t', []],
    ['select * from t where a = ? union select * from T where A = ?', ['t.a in ?0, ?1']],
    ['select * from t where exists (select 1 from u where t.a = 1 and b = 2)', ['u.b = 2']],
    ['select * from (select * from t where a = 1) x where x.b = 2', ['t.a = 1']],
    ['with t as (select 1) select * from t where a = 1', []],
    ['update t set a = 5 where b = ?', ['t.b = ?0']],
    ['delete from t where a = 1 limit 1', ['t.a = 1']],
    ['insert into t (a, b) values (1, ?), (?, now())', ['t.a <- 1, ?1', 't.b <- ?0, *']],
    ['insert into t values (1, 2)', []],
    ['insert into t (a) values (1, 2)', []],
    ['insert into t set a = 1, b = ? on duplicate key update b = 2', ['t.a <- 1', 't.b <- ?0']],
    ['insert into t (a) select a from t where a = 1', []],
    ['select * from t where a = :id', ['t.a = :id']],
    ['select * from t /*! where a = 1 */', []],
    ["select * from t where a = 'x' /*! and b = 2 */", []],
  ])('%s', (sql, expected) => {
    expect(valuesOf(sql)).toEqual(expected)
  })
})

describe('functions', () => {
  test.each([
    ['select count(*), f(1), `g`(2), s.h(3), "i"(4)', ['count', 'f', 'g', 'h', 'i']],
    ['select a in (1), not (b), (c), cast(d as decimal(5, 2)), e and (f)', ['cast']],
    ['select sum(a) over (partition by b), match (c) against (d) from t', ['sum']],
    ['select next value for s', ['nextval']],
    ['select previous value for s', ['lastval']],
    ['insert into t (a) values (f(1)) on duplicate key update a = values(a)', ['f']],
  ])('%s', (sql, expected) => {
    expect(functionsOf(sql)).toEqual(expected)
  })

  test('the safe ones hold no function that waits, locks, writes or reads files', () => {
    for (const name of [
      'sleep',
      'benchmark',
      'get_lock',
      'release_lock',
      'nextval',
      'setval',
      'load_file',
      'uuid_short',
    ])
      expect(mysqlSafeFunctions.has(name)).toBe(false)
    expect([...mysqlSafeFunctions].filter((name) => name !== name.toLowerCase())).toEqual([])
  })
})

describe('several statements, settings and versions', () => {
  test.each([
    ['', 'unknown', 0],
    [' ; ; ', 'unknown', 0],
    ['select 1;', 'read', 1],
    ['select :a + 1 as b', 'read', 1],
    ['select 1; select 2', 'read', 2],
    ['select 1; select 2 for update', 'locking-read', 2],
    ['select 1; delete from t', 'write', 2],
    ['delete from t; create table u (a int)', 'ddl', 2],
    ['set @a = 1; select @a', 'session', 2],
    ['set @a = 1; delete from t', 'unknown', 2],
    ['begin; delete from t; commit', 'unknown', 3],
    ['create procedure p() begin select 1; delete from t; end', 'ddl', 1],
    ["select '\\'; delete from t; -- '", 'unknown', 1],
    ["select 'it\\'s', 'that\\'s'", 'read', 1],
    ['select "a\\"; delete from t; -- "', 'unknown', 1],
    ['select /*!99999 1 */ 1', 'read', 1],
    ['/*!40000 select */ /*!99999 delete from t; */ select 1', 'unknown', 2],
    ['select 1 /*!99999 ; delete from t */', 'write', 2],
    ["select 1 /*! ' */ , ' */ from t", 'unknown', 1],
  ])('%s', (sql, kind, statements) => {
    expect(analyze(sql)).toMatchObject({ kind, statements })
  })

  test.each([
    ['set @a = 1', true],
    ['select @a', false],
    ['select @a := 1', true],
    ['update t set a = (@x := @x + 1)', true],
    ['create temporary table t (a int)', true],
    ["select get_lock('a', 1)", true],
    ['select last_insert_id()', false],
    ['select last_insert_id(5)', true],
    ['lock tables t read', true],
    ['insert into t values (1)', false],
    ['begin', false],
    ['begin; select 1', true],
  ])('%s leaves state: %s', (sql, expected) => {
    expect(analyze(sql).leavesState).toBe(expected)
  })
})

describe('long texts', () => {
  const short = createMysqlAnalyzer({ maxLength: 100 })
  const long = '(1),'.repeat(100)

  test('are decided on their head, and are never a read', () => {
    expect(short.analyze(`insert ignore into s.t (a) values ${long}`)).toMatchObject({
      kind: 'write',
      complete: false,
      tables: [{ name: 't', schema: 's', access: 'write' }],
    })
    expect(short.analyze(`select * from t where a in (${long})`)).toMatchObject({ kind: 'unknown', complete: false })
    expect(short.analyze(`insert into ${'t'.repeat(200)} values (1)`).tables).toEqual([])
  })
})

test('an analysis is frozen, and says why', () => {
  const analysis = analyze('select * from t where a = 1')
  for (const part of [analysis, analysis.tables, analysis.tables[0], analysis.values, analysis.functions])
    expect(Object.isFrozen(part)).toBe(true)
  expect(analysis.why).not.toBe('')
})
