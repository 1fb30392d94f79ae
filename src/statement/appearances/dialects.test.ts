import { expect, test } from 'vitest'
import { writtenAppearances } from '../../../test/support/written-appearances.ts'
import type { Analyzer } from '../analyzer.ts'
import { createMysqlAnalyzer } from '../mysql.ts'
import { createPostgresAnalyzer } from '../postgres.ts'
import { createSqliteAnalyzer } from '../sqlite.ts'

type Expected = readonly [string, readonly string[]]

function check(analyzer: Analyzer): (sql: string, expected: readonly string[]) => void {
  return (sql, expected) => {
    expect(writtenAppearances(analyzer.analyze(sql))).toEqual(expected)
  }
}

const postgres: readonly Expected[] = [
  ['select * from T where A = $1 and "B" = any ($2)', ['from t: a equals $1; B in each of $2']],
  ['select * from t full join u on t.a = u.a and t.b = 1', ['from t', 'from u']],
  ['select * from t full join u using (a) where u.b = 1', ['from t', 'from u: b equals 1']],
  ['select * from t as x (p) where x.p = 1 and p = 2', ['from t']],
  ['select * from t as x (p), u where p = 1 and x.p = u.p', ['from t', 'from u: ~p equals 1']],
  [
    'select * from (t join u on t.a = 1 and t.b = u.b) as j where j.a = 2 and t.a = 3',
    ['from t: a equals 1; b = 1.b', 'from u: b = 0.b'],
  ],
  ['select * from s1.t, s2.t where t.a = 1 and s1.t.b = 2', ['from s1.t: b equals 2', 'from s2.t']],
  [
    'select * from t, lateral (select * from u where a = 1 and u.b = t.b) s',
    ['from t', 'derived u: ~a equals 1; b = 0.b'],
  ],
  // `j` is the join, and `f` the function, not the table further out.
  [
    'select * from u j where exists (select 1 from (v join w using (k)) as j join x on x.a = j.b)',
    ['from u', 'expression v: k = 2.k', 'expression w: k = 1.k', 'expression x'],
  ],
  ['select * from u f where exists (select 1 from f(1), x where x.a = f.b)', ['from u', 'expression x']],
  [
    'select * from u j where exists (select 1 from v join w using (k) as j where w.a = j.k)',
    ['from u', 'expression v: k = 2.k', 'expression w: k = 1.k'],
  ],
  // A name that only another part of the FROM has is the table further out.
  [
    'select * from c where exists (select 1 from o left join p on p.a = c.b, c)',
    ['from c', 'expression o', 'expression p', 'expression c'],
  ],
  [
    'update t set (a, b) = (1, 2), c[1] = 3 from u where t.a = u.a and d = 1',
    ['target t: ~d equals 1; a = 1.a; set a b c', 'from u: ~d equals 1; a = 0.a'],
  ],
  [
    'delete from t using u join v on u.b = v.b where t.a = u.a',
    ['target t: a = 1.a', 'from u: b = 2.b; a = 0.a', 'from v: b = 1.b'],
  ],
  [
    'insert into t (a) values ($1) on conflict (a) do update set b = 1, c = (select max(d) from u where u.e = excluded.e)',
    ['target t: a insert $1; set b c', 'expression u'],
  ],
  ['insert into t (a) values (1), (2) limit 1', ['target t']],
  [
    'merge into t using s on t.a = s.a and t.b = 1 when matched then update set c = 1 when not matched then insert (a) values (s.a)',
    ['target t: set c', 'from s'],
  ],
  [
    'with w as (delete from t where a = 1 returning *) insert into u select * from w',
    ['target t: a equals 1', 'target u'],
  ],
  ['explain update t set a = 1 where b = 2', ['target t: b equals 2; set a']],
  ['prepare p as select * from t where a = $1', ['from t']],
  ['select * into u from t where a = 1', ['target u', 'from t']],
  ['select * from t where a = 1; delete from u where b = 2', ['from t: a equals 1', 'target u: b equals 2']],
  ['copy (select * from t where a = 1) to stdout', ['from t: a equals 1']],
  ['selec', []],
]

const mysql: readonly Expected[] = [
  ['select * from T where `A` = ? and b = ?', ['from T: A equals $1; b equals $2']],
  [
    'select * from t join u join v on t.a = u.a and t.b = 1',
    ['from t: b equals 1; a = 1.a', 'from u: a = 0.a', 'from v'],
  ],
  ['select * from t join u join v on c = 1', ['from t', 'from u: ~c equals 1', 'from v: ~c equals 1']],
  ['select * from t, u join v on c = 1', ['from t', 'from u: ~c equals 1', 'from v: ~c equals 1']],
  [
    'select * from t left join u join v on u.b = v.b on t.a = u.a',
    ['from t', 'from u: b = 2.b; a = 0.a', 'from v: b = 1.b'],
  ],
  ['select * from { oj t left join u on t.a = u.a }', ['from t', 'from u: a = 0.a']],
  ['select * from t straight_join u on t.a = u.a', ['from t: a = 1.a', 'from u: a = 0.a']],
  ['select * from t natural left join u where u.a = 1', ['from t', 'from u: a equals 1']],
  [
    'select * from t, lateral (select * from u where a = 1 and u.b = t.b) s',
    ['from t', 'derived u: ~a equals 1; b = 0.b'],
  ],
  // Whether `T` is the nearer `t` depends on the server.
  ['select * from T where exists (select 1 from t where T.a = 1)', ['from T', 'expression t']],
  [
    'update t join u on t.a = u.a set t.b = 1, u.c = 2 where t.d = 3',
    ['target t: d equals 3; a = 1.a; set b', 'target u: a = 0.a; set c'],
  ],
  ['update t join u using (a) set b = 1', ['target t: a = 1.a; set b', 'target u: a = 0.a; set b']],
  ['update t, u set t.b = u.b where t.a = 1', ['target t: a equals 1; set b', 'from u']],
  ['delete t from t join u on t.a = u.a where t.b = 1', ['target t: b equals 1; a = 1.a', 'from u: a = 0.a']],
  ['delete from t using t left join u on t.a = u.a', ['target t', 'from u: a = 0.a']],
  [
    'insert into t set a = 1, b = ? on duplicate key update c = 1, t.d = values(d)',
    ['target t: a insert 1; b insert $1; set c d'],
  ],
  ['replace into t (a, b) values (1, 2), (3, 4)', ['target t: a insert 1 3; b insert 2 4']],
  ['insert into t (a) values ((select max(b) from u where u.c = t.c))', ['target t: a insert ?', 'expression u']],
  ['select * from t where a = 1 and returning = 2 or b = 3', ['from t']],
  ['select * from t where a = 1 /*! or b = 2 */', []],
  ["select * from t where a = 1 and b = '\\' or c = 1 -- '", []],
  ['table t', ['from t']],
  ['call p()', []],
]

const sqlite: readonly Expected[] = [
  ['select * from T where "A" = ? and t.b = ?', ['from T: A equals $1; b equals $2']],
  ['select * from t where a = :b', ['from t: a equals :b']],
  ['select * from t full join u on t.a = u.a and t.b = 1', ['from t', 'from u']],
  ['select * from t, u right join v on t.a = v.a and u.b = 1', ['from t: a = 2.a', 'from u: b equals 1', 'from v']],
  ['select * from t, u on t.a = u.a', ['from t: a = 1.a', 'from u: a = 0.a']],
  [
    'select * from t left join (u join v on u.a = v.a) as j on j.b = t.b and u.c = 1',
    ['from t', 'from u: a = 2.a', 'from v: a = 1.a'],
  ],
  ['select * from t x, u X where x.a = 1', ['from t', 'from u']],
  ['select * from t where a in u', ['from t', 'expression u']],
  ['update t set (a, b) = (1, 2), c = 3 from u where t.a = u.a', ['target t: a = 1.a; set a b c', 'from u: a = 0.a']],
  ['update t set a = 1 where b = 2 returning a, c', ['target t: b equals 2; set a']],
  [
    'insert into t (a) values (1) on conflict (a) do update set b = 2, c = 3 where d = 4 on conflict do update set (e, f) = (1, 2)',
    ['target t: a insert 1; set b c e f'],
  ],
  ['insert or replace into t (a) values (1)', ['target t: a insert 1']],
  ['explain query plan delete from t where a = 1', ['target t: a equals 1']],
  ['create temp table t as select * from u where a = 1', ['target t', 'derived u: a equals 1']],
]

test.each(postgres)('postgres: %s', check(await createPostgresAnalyzer()))
test.each(mysql)('mysql: %s', check(createMysqlAnalyzer()))
test.each(sqlite)('sqlite: %s', check(createSqliteAnalyzer()))
