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
  ['select * from a where x in (select y from (select * from b) s)', ['from a', 'expression b']],
  ['select * from a where x in (select y from b union select z from c)', ['from a', 'expression b', 'expression c']],
  ['select * from (select * from a where exists (select 1 from b)) s', ['derived a', 'expression b']],
  ['insert into a select * from b', ['target a', 'derived b']],
  ['insert into a (x) values ((select max(y) from b))', ['target a: x insert ?', 'expression b']],
  ['update a set x = (select max(y) from b)', ['target a: set x', 'expression b']],
  ['delete from a where x in (select y from b)', ['target a', 'expression b']],
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
  ['select * from t where a = b + 1 and c in (1, b) and d < 3 and e is null', ['from t']],
  ['select a from t group by a having a = 1', ['from t']],
  ['select a = 1 from t', ['from t']],
  [
    'select * from t where exists (select 1 from u where a = 1 and u.b = 2)',
    ['from t', 'expression u: ~a equals 1; b equals 2'],
  ],
  ['select * from t where exists (select 1 from u where t.a = 1)', ['from t', 'expression u']],
  ['select * from t x where exists (select 1 from u x where x.a = 1)', ['from t', 'expression u: a equals 1']],
  ['select * from (select * from t where a = 1) s where s.b = 2 and b = 3', ['derived t: a equals 1']],
  ['with t as (select * from u where a = 1) select * from t where t.b = 2', ['derived u: a equals 1']],
  [
    'select * from t where a = 1 union all select * from t where a = 2',
    ['derived t: a equals 1', 'derived t: a equals 2'],
  ],
  ['update t set a = 2 where b = 1', ['target t: b equals 1; set a']],
  ['delete from t where t.b = 1', ['target t: b equals 1']],
  ['insert into t (a, b) values (1, 2), (3, 4 + 4)', ['target t: a insert 1 3; b insert 2 ?']],
  ['insert into t values (1, 2)', ['target t']],
  ['insert into t (a) select b from u where b = 1', ['target t', 'derived u: b equals 1']],
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
  ['select * from t, u where a = b', ['from t', 'from u']],
  ['select * from t, u where t.a = u.b or 1 = 1', ['from t', 'from u']],
  ['select * from t, u where t.a < u.b and t.a = u.b + 1', ['from t', 'from u']],
  ['select * from t where exists (select 1 from u where u.a = t.b)', ['from t', 'expression u: a = 0.b']],
  ['select (select max(u.c) from u where t.b = u.a) from t', ['expression u: a = 1.b', 'from t']],
  [
    'select * from t where exists (select 1 from u where exists (select 1 from v where v.a = t.a and v.b = u.b))',
    ['from t', 'expression u', 'expression v: a = 0.a; b = 1.b'],
  ],
  [
    'select * from t where exists (select 1 from u left join v on u.a = t.a)',
    ['from t', 'expression u', 'expression v'],
  ],
  [
    'select * from t where exists (select 1 from u left join v on v.a = t.a)',
    ['from t', 'expression u', 'expression v: a = 0.a'],
  ],
  ['select * from t where exists (select 1 from u where a = t.b)', ['from t', 'expression u']],
  ['select * from t where t.a in (select u.b from u)', ['from t', 'expression u']],
  // The name means a nearer table, or something that is none.
  [
    'select * from t x where exists (select 1 from u x where exists (select 1 from v where v.a = x.b))',
    ['from t', 'expression u', 'expression v: a = 1.b'],
  ],
  [
    'select * from t where exists (select 1 from (select 1 as b) t where exists (select 1 from v where v.a = t.b))',
    ['from t', 'expression v'],
  ],
  ['with w as (select 1 as a) select * from w, t where w.a = t.a', ['from t']],
  ['update t set a = 1 where exists (select 1 from u where u.b = t.b)', ['target t: set a', 'expression u: b = 0.b']],
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
