import { describe, expect, test } from 'vitest'
import { writtenAppearances } from '../../../test/support/written-appearances.ts'
import type { Analyzer } from '../analyzer.ts'
import { createMysqlAnalyzer } from '../mysql.ts'
import { createPostgresAnalyzer } from '../postgres.ts'
import { createSqliteAnalyzer } from '../sqlite.ts'

const analyzers: readonly [string, Analyzer][] = [
  ['postgres', await createPostgresAnalyzer()],
  ['mysql', createMysqlAnalyzer()],
  ['sqlite', createSqliteAnalyzer()],
]

type Expected = readonly [string, readonly string[]]

const places: readonly Expected[] = [
  ['select 1', []],
  ['select * from s.t', ['from s.t']],
  ['select * from b, a join c on 1 = 1', ['from b', 'from a', 'from c']],
  ['select (select 1 from a), b.x from b where exists (select 1 from c)', ['expression a', 'from b', 'expression c']],
  ['select * from (select * from a) s, b', ['derived a', 'from b']],
  ['select * from a union select * from b', ['derived a', 'derived b']],
  ['with w as (select * from a) select * from w join b on 1 = 1', ['derived a', 'from b']],
  ['select * from a where x in (select y from (select * from b) s)', ['from a: ~x = 1.y', 'expression b: ~y = 0.x']],
  [
    'select * from a where x in (select y from b union select z from c)',
    ['from a', 'expression b: ~y = 0.x', 'expression c: ~z = 0.x'],
  ],
  ['select * from (select * from a where exists (select 1 from b)) s', ['derived a', 'expression b']],
  ['insert into a select * from b', ['target a', 'derived b']],
  ['insert into a (x) values ((select max(y) from b))', ['target a: x insert ?', 'expression b']],
  ['update a set x = (select max(y) from b)', ['target a: set x', 'expression b']],
  ['delete from a where x in (select y from b)', ['target a: ~x = 1.y', 'expression b: ~y = 0.x']],
  ['create table a (x integer)', ['target a']],
  ['drop table a', ['target a']],
  ['create table a as select * from b where x = 1', ['target a', 'derived b']],
  ['create view a as select * from b join c on b.x = c.x where b.x = 1', ['target a', 'derived b', 'derived c']],
]

const optional: readonly Expected[] = [
  ['select * from a join b on 1 = 1', []],
  ['select * from a left join b on b.x = 1', ['b']],
  ['select * from a right join b on b.x = 1', ['a']],
  ['select * from a join c on c.x = a.x right join b on b.x = 1', ['a', 'c']],
  ['select * from a left join (b join c on b.x = c.x) on a.x = b.x join d on d.x = a.x', ['b', 'c']],
  ['select * from a, b left join c on b.x = c.x left join d on d.x = b.x, e', ['c', 'd']],
  ['select * from a where exists (select 1 from b left join c on b.x = c.x)', ['c']],
]

const conditions: readonly Expected[] = [
  ['select * from t where a = 1', ['from t: a equals 1']],
  ["select * from t where a = 1 and (b in (2, 'x') and t.c = null)", ['from t: a equals 1; b in 2 "x"; c equals null']],
  ['select * from t x, t y where x.a = 1 and y.a = 2', ['from t: a equals 1', 'from t: a equals 2']],
  ['select * from t x, u where x.a = 1 and b = 2', ['from t: a equals 1; ~b equals 2', 'from u: ~b equals 2']],
  ['select * from t, (select 1 as b) s where b = 2', ['from t: ~b equals 2']],
  ['select * from t left join u on 1 = 1 where u.a = 1', ['from t', 'from u: a equals 1']],
  [
    'select * from t join u on t.a = 1 and u.b = 2 and c = 3',
    ['from t: a equals 1; ~c equals 3', 'from u: b equals 2; ~c equals 3'],
  ],
  ['select * from t left join u on t.a = 1 and u.b = 2 and c = 3', ['from t', 'from u: b equals 2; ~c equals 3']],
  ['select * from t right join u on t.a = 1 and u.b = 2 and c = 3', ['from t: a equals 1; ~c equals 3', 'from u']],
  [
    'select * from t left join (u join v on u.b = 1 and v.c = 2) on u.d = 3 and t.e = 4',
    ['from t', 'from u: b equals 1; d equals 3', 'from v: c equals 2'],
  ],
  [
    'select * from t left join u on t.a = u.a join v on t.b = 1 and v.c = 2',
    ['from t: b equals 1', 'from u: a = 0.a', 'from v: c equals 2'],
  ],
  ['select * from t where a = 1 or b = 2', ['from t']],
  ['select * from t where not (a = 1)', ['from t']],
  ['select * from t where case when a = 1 then b = 2 end', ['from t']],
  ['select * from t where a = b + 1 and c in (1, b) and d < 3 and e is null', ['from t: d < 3']],
  ['select a from t group by a having a = 1', ['from t']],
  ['select a = 1 from t', ['from t']],
  [
    'select * from t where exists (select 1 from u where a = 1 and u.b = 2)',
    ['from t', 'expression u: ~a equals 1; b equals 2'],
  ],
  ['select * from t where exists (select 1 from u where t.a = 1)', ['from t', 'expression u']],
  ['select * from t x where exists (select 1 from u x where x.a = 1)', ['from t', 'expression u: a equals 1']],
  [
    'select * from (select * from t where a = 1) s where s.b = 2 and b = 3',
    ['derived t: b equals 2; b equals 3; a equals 1'],
  ],
  ['with t as (select * from u where a = 1) select * from t where t.b = 2', ['derived u: b equals 2; a equals 1']],
  [
    'select * from t where a = 1 union all select * from t where a = 2',
    ['derived t: a equals 1', 'derived t: a equals 2'],
  ],
  ['update t set a = 2 where b = 1', ['target t: b equals 1; set a']],
  ['delete from t where t.b = 1', ['target t: b equals 1']],
  ['insert into t (a, b) values (1, 2), (3, 4 + 4)', ['target t: a insert 1 3; b insert 2 ?']],
  ['insert into t values (1, 2)', ['target t']],
  ['insert into t (a) select b from u where b = 1', ['target t: a = 1.b', 'derived u: b equals 1; b = 0.a']],
]

const equalities: readonly Expected[] = [
  ['select * from t, u where t.a = u.b', ['from t: a = 1.b', 'from u: b = 0.a']],
  ['select * from t x join t y on x.a = y.b', ['from t: a = 1.b', 'from t: b = 0.a']],
  ['select * from t left join u on t.a = u.b', ['from t', 'from u: b = 0.a']],
  ['select * from t right join u on t.a = u.b', ['from t: a = 1.b', 'from u']],
  ['select * from t left join u on 1 = 1 where t.a = u.b', ['from t: a = 1.b', 'from u: b = 0.a']],
  ['select * from t join u using (a, b)', ['from t: a = 1.a; b = 1.b', 'from u: a = 0.a; b = 0.b']],
  ['select * from t left join u using (a)', ['from t', 'from u: a = 0.a']],
  ['select * from t right join u using (a)', ['from t: a = 1.a', 'from u']],
  ['select * from t natural join u', ['from t', 'from u']],
  ['select * from t join u on 1 = 1 join v using (a)', ['from t', 'from u', 'from v']],
  ['select * from t join (select 1 as a) s using (a)', ['from t']],
  [
    'select * from t left join (u join v on u.b = v.b) on v.c = t.c',
    ['from t', 'from u: b = 2.b', 'from v: b = 1.b; c = 0.c'],
  ],
  [
    'select * from t join u on t.a = u.a, v left join w on v.b = w.b where w.c = t.c',
    ['from t: a = 1.a; c = 3.c', 'from u: a = 0.a', 'from v', 'from w: b = 2.b; c = 0.c'],
  ],
  ['select * from t where t.a = t.b', ['from t']],
  ['select * from t, u where a = b', ['from t: ~a = 1.b; ~b = 1.a', 'from u: ~b = 0.a; ~a = 0.b']],
  ['select * from t join u on a = u.b', ['from t: ~a = 1.b', 'from u: ~b = 0.a']],
  [
    'select * from t left join u on a = u.b, v where t.c = d',
    ['from t: ~c = 1.d; ~c = 2.d', 'from u: ~b = 0.a; ~d = 0.c', 'from v: ~d = 0.c'],
  ],
  [
    'select * from t where exists (select 1 from u join v on u.b = v.b where a = t.a)',
    ['from t: ~a = 1.a; ~a = 2.a', 'expression u: b = 2.b; ~a = 0.a', 'expression v: b = 1.b; ~a = 0.a'],
  ],
  ['select * from t join u using (k) where a = u.b', ['from t: k = 1.k', 'from u: k = 0.k']],
  ['select * from t natural join u join v on a = v.b', ['from t', 'from u', 'from v']],
  ['select * from t, u where t.a = u.b or 1 = 1', ['from t', 'from u']],
  ['select * from t, u where t.a < u.b and t.a = u.b + 1', ['from t', 'from u']],
  ['select * from t where exists (select 1 from u where u.a = t.b)', ['from t: b = 1.a', 'expression u: a = 0.b']],
  ['select (select max(u.c) from u where t.b = u.a) from t', ['expression u: a = 1.b', 'from t']],
  [
    'select * from t where exists (select 1 from u where exists (select 1 from v where v.a = t.a and v.b = u.b))',
    ['from t', 'expression u: b = 2.b', 'expression v: a = 0.a; b = 1.b'],
  ],
  [
    'select * from t where exists (select 1 from u left join v on u.a = t.a)',
    ['from t', 'expression u', 'expression v'],
  ],
  [
    'select * from t where exists (select 1 from u left join v on v.a = t.a)',
    ['from t', 'expression u', 'expression v: a = 0.a'],
  ],
  ['select * from t where exists (select 1 from u where a = t.b)', ['from t: ~b = 1.a', 'expression u: ~a = 0.b']],
  ['select * from t where t.a in (select u.b from u)', ['from t: a = 1.b', 'expression u: b = 0.a']],
  // The name means a nearer table, or something that is none.
  [
    'select * from t x where exists (select 1 from u x where exists (select 1 from v where v.a = x.b))',
    ['from t', 'expression u: b = 2.a', 'expression v: a = 1.b'],
  ],
  [
    'select * from t where exists (select 1 from (select 1 as b) t where exists (select 1 from v where v.a = t.b))',
    ['from t', 'expression v'],
  ],
  ['with w as (select 1 as a) select * from w, t where w.a = t.a', ['from t']],
  [
    'update t set a = 1 where exists (select 1 from u where u.b = t.b)',
    ['target t: b = 1.b; set a', 'expression u: b = 0.b'],
  ],
]

const disjunctions: readonly Expected[] = [
  ['select * from t where a = 1 or a = 2', ['from t: a in 1 2']],
  ['select * from t where (a = 1 and b = 2) or (a in (3, 4) and c = 5)', ['from t: a in 1 3 4']],
  ['select * from t where (a = 1 or (a = 2 or a = 3)) and b = 4', ['from t: a in 1 2 3; b equals 4']],
  ['select * from t where (a = 1 and b = 2) or (b = 2 and c = 3)', ['from t: b equals 2']],
  ['select * from t where a = 1 or b = 2', ['from t']],
  ['select * from t where a = 1 or a < 2', ['from t']],
  ['select * from t where a = 1 or t.a = 2', ['from t']],
  ['select * from t where a = 1 or not a = 2', ['from t']],
  ['select * from t where a = 1 or not (a = 2)', ['from t']],
  ['select * from t where not (a = 1 or a = 2)', ['from t']],
  ['select * from t where a = 1 or a = b', ['from t']],
  ['select * from t where case when a = 1 or a = 2 then b = 3 end', ['from t']],
  [
    'select * from t, u where (t.a = u.b and u.c = 1) or (u.b = t.a and t.d = 2)',
    ['from t: a = 1.b', 'from u: b = 0.a'],
  ],
  ['select * from t left join u on u.a = 1 or u.a = 2', ['from t', 'from u: a in 1 2']],
]

const ranges: readonly Expected[] = [
  ['select * from t where a between 1 and 2', ['from t: a >= 1 <= 2']],
  ['select * from t where a > 1 and 2 >= t.a', ['from t: a > 1; a <= 2']],
  ["select * from t where 'b' < a", ['from t: a > "b"']],
  ['select * from t where a not between 1 and 2', ['from t']],
  ['select * from t where a between 1 and b', ['from t']],
  ['select * from t where a > 1 or a > 2', ['from t']],
  ['select * from t where a <> 1 and a + 1 > 2', ['from t']],
  ['select * from t left join u on t.a > 1 and u.a < 2', ['from t', 'from u: a < 2']],
]

const derivedTables: readonly Expected[] = [
  ['select * from (select b as a from t) s where s.a = 1', ['derived t: b equals 1']],
  ['select * from (select b, count(*) as n from t group by b) s where b = 1', ['derived t: b equals 1']],
  ['select * from (select b, count(*) as n from t group by 1) s where s.b = 1', ['derived t: b equals 1']],
  ['select * from (select b, count(*) as n from t group by b) s where s.n = 1', ['derived t']],
  ['select * from (select b from t limit 3) s where s.b = 1', ['derived t']],
  ['select * from (select b, sum(c) over () as n from t) s where s.b = 1', ['derived t']],
  ['select * from (select distinct b, c from t) s where s.b = 1', ['derived t: b equals 1']],
  [
    'select * from (select b from t union select c from u) s where s.b = 1',
    ['derived t: b equals 1', 'derived u: c equals 1'],
  ],
  ['select * from (select b from t union select c from u limit 3) s where s.b = 1', ['derived t', 'derived u']],
  ['select * from (select q.c as b from (select d as c from t) q) s where s.b = 1', ['derived t: d equals 1']],
  ['select * from t join (select b from u) s on s.b = t.a', ['from t: a = 1.b', 'derived u: b = 0.a']],
  ['select * from t left join (select b from u) s on s.b = t.a', ['from t', 'derived u: b = 0.a']],
  ['select * from t join (select b from u limit 3) s on s.b = t.a', ['from t: a = 1.b', 'derived u']],
  [
    'select * from t join (select b from u union select c from v) s on s.b = t.a',
    ['from t', 'derived u: b = 0.a', 'derived v: c = 0.a'],
  ],
  ['select * from t join (select b from u) s using (b)', ['from t: b = 1.b', 'derived u: b = 0.b']],
  ['with w as (select b from t) select * from w where b = 1', ['derived t: b equals 1']],
  ['with w (a) as (select b from t) select * from w q where q.a = 1', ['derived t: b equals 1']],
  ['with w as (select b from t) select * from w x, w y where x.b = 1', ['derived t']],
  ['with w as (select b from t) select * from w where b = 1 and exists (select 1 from w)', ['derived t']],
  ['with recursive w as (select b from t) select * from w where b = 1', ['derived t']],
]

const memberships: readonly Expected[] = [
  ['select * from t where t.a in (select u.b from u limit 3)', ['from t: a = 1.b', 'expression u']],
  ['select * from t where t.a not in (select u.b from u)', ['from t', 'expression u: b = 0.a unless null']],
  ['select * from t where t.a not in (select u.b from u limit 3)', ['from t', 'expression u']],
  ['select * from t where t.a not in (select u.b from u) or t.a = 1', ['from t', 'expression u']],
  [
    'select * from t left join v on v.b = t.b where v.a not in (select u.b from u)',
    ['from t', 'from v: b = 0.b', 'expression u'],
  ],
  [
    'select * from t where t.a not in (select u.b from v left join u on u.c = v.c)',
    ['from t', 'expression v', 'expression u: c = 1.c'],
  ],
  ['select * from t where t.a in (select u.b from u) or t.a = 1', ['from t', 'expression u']],
  [
    'select * from t where (t.a, t.b) in (select u.c, u.d from u)',
    ['from t: a = 1.c; b = 1.d', 'expression u: c = 0.a; d = 0.b'],
  ],
  ['select * from t where t.a = (select u.b from u)', ['from t: a = 1.b', 'expression u']],
  ['select * from t where t.a = (select max(u.b) from u)', ['from t', 'expression u']],
  ['select * from t left join v on t.a in (select u.b from u)', ['from t', 'from v', 'expression u: b = 0.a']],
  ['select * from t where exists (select count(*) from u where u.a = t.a)', ['from t', 'expression u: a = 0.a']],
  ['select * from t where not exists (select 1 from u where u.a = t.a)', ['from t', 'expression u: a = 0.a']],
]

const inserted: readonly Expected[] = [
  ['insert into t (a, b) select u.c, 7 from u', ['target t: b insert 7; a = 1.c', 'derived u: c = 0.a']],
  ['insert into t (a, b) select c, count(*) from u group by c', ['target t: a = 1.c', 'derived u: c = 0.a']],
  ['insert into t (a) select c from u limit 3', ['target t: a = 1.c', 'derived u']],
  ['insert into t (a) select u.c from v left join u on u.c = v.c', ['target t', 'derived v', 'derived u: c = 1.c']],
  [
    'insert into t (a) select c from u union all select d from v',
    ['target t: a of 1.c 2.d', 'derived u: c = 0.a', 'derived v: d = 0.a'],
  ],
  [
    'insert into t (a, b) select u.c, 1 from u union select v.d, 2 from v where e = 3 union all select w.f, v.d from v, w',
    [
      'target t: a of 1.c 2.d 4.f',
      'derived u: c = 0.a',
      'derived v: e equals 3; d = 0.a',
      'derived v: d = 0.b',
      'derived w: f = 0.a',
    ],
  ],
  ['insert into t (a) select c from u union all select 1', ['target t', 'derived u: c = 0.a']],
  [
    'insert into t (a) select c from u union all select d from v limit 3',
    ['target t: a of 1.c 2.d', 'derived u', 'derived v'],
  ],
  [
    'insert into t (a) select c from u union all select v.d from u left join v on v.d = u.c',
    ['target t', 'derived u: c = 0.a', 'derived u', 'derived v: d = 2.c'],
  ],
  [
    'insert into t (a) select c from u union all select s.d from (select d from v union select c from u) s',
    ['target t', 'derived u: c = 0.a', 'derived v: d = 0.a', 'derived u: c = 0.a'],
  ],
  ['insert into t select c from u', ['target t', 'derived u']],
]

describe.each(analyzers)('%s', (_dialect, analyzer) => {
  const check = (sql: string, expected: readonly string[]): void => {
    const analysis = analyzer.analyze(sql)
    expect(analysis.kind).not.toBe('unknown')
    expect(writtenAppearances(analysis)).toEqual(expected)
  }

  test.each(places)('where a table stands: %s', check)
  test.each(conditions)('what its rows fulfil: %s', check)
  test.each(equalities)('with which columns its columns are equal: %s', check)

  test.each(disjunctions)('what one of several conditions says: %s', check)
  test.each(ranges)('between which values its columns lie: %s', check)
  test.each(derivedTables)('what is said of a derived table: %s', check)
  test.each(memberships)('what is said by a query in the place of values: %s', check)
  test.each(inserted)('what an INSERT takes over: %s', check)

  test.each(optional)('which tables an outer join fills up with nulls: %s', (sql, names) => {
    const { appearances } = analyzer.analyze(sql)
    expect(appearances.filter((each) => each.optional === true).map(({ name }) => name)).toEqual(names)
  })

  // A time that grows with their square would be minutes here.
  test('many tables and many conditions come to an end', { timeout: 60_000 }, () => {
    for (const sql of [
      `select * from ${'t,'.repeat(20_000)}t where ${'a = 1 and '.repeat(4_000)}1 = 1`,
      `select * from ${'t,'.repeat(20_000)}t where ${'t.a = 1 and '.repeat(4_000)}1 = 1`,
      `select * from ${'(t cross join t),'.repeat(5_000)}t where ${'t.a = t.b and '.repeat(3_000)}1 = 1`,
      `select 1 from t where ${'exists (select 1 from t where t.a = x.a and '.repeat(100)}1 = 1${')'.repeat(100)}`,
      `select 1 from t where ${'a = 1 or '.repeat(4_000)}a = 2`,
      `select 1 from t where ${'(a = 1 or b = 2 and ('.repeat(100)}a = 3${'))'.repeat(100)}`,
      `select 1 from ${'(select a from '.repeat(100)}t${') s'.repeat(100)} where ${'s.a = 1 and '.repeat(4_000)}1 = 1`,
      `select 1 from (select a from t${' union all select a from t'.repeat(1_000)}) s where ${'s.a = 1 and '.repeat(2_000)}1 = 1`,
      `select 1 from t where ${'a in (select a from t where '.repeat(100)}1 = 1${')'.repeat(100)}`,
      `with w as (select a from t)${', w as (select a from w)'.repeat(1_000)} select * from w where a = 1`,
    ])
      expect(analyzer.analyze(sql).kind).toBe('read')
  })

  test('the analysis is frozen', () => {
    const { appearances } = analyzer.analyze(
      'insert into t (a) select x.b from u x join u y on x.c = y.c where x.d = 1',
    )
    const parts: unknown[] = [appearances]
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      expect(Object.isFrozen(part)).toBe(true)
      if (typeof part === 'object' && part !== null) parts.push(...(Object.values(part) as unknown[]))
    }
  })
})
