import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCorpus } from '../../../test/corpus/engine-corpus.ts'
import { readCorpus as readPostgresCorpus } from '../../../test/corpus/postgres-corpus.ts'
import type { Span } from '../analysis.ts'
import type { Dialect } from '../statement.ts'
import type { Expression, QueryShape } from './query-shape.ts'
import { readQueryShape } from './read-query-shape.ts'

const dialects: readonly Dialect[] = ['postgres', 'mysql', 'sqlite']

function shapeOf(sql: string, dialect: Dialect = 'postgres'): QueryShape {
  const shape = readQueryShape(sql, dialect)
  if (shape === undefined) throw new Error(`not read: ${sql}`)
  return shape
}

const cut = (sql: string, { start, end }: Span): string => sql.slice(start, end)

/** Each item: its text, `*` or its column or `-`, and its alias. */
function items(sql: string, dialect: Dialect): string[] {
  return shapeOf(sql, dialect).items.map((item) =>
    [cut(sql, item.span), item.star === true ? '*' : (item.column ?? '-'), item.alias?.name ?? '-'].join(' | '),
  )
}

describe('items', () => {
  test.each<[Dialect, string, string[]]>([
    ['postgres', 'a, t.B, "C", s.t."D"', ['a | a | -', 't.B | b | -', '"C" | C | -', 's.t."D" | D | -']],
    ['postgres', '*, t.*, (t).*', ['* | * | -', 't.* | * | -', '(t).* | * | -']],
    ['postgres', 'a X, b as "X", 1 as limit', ['a | a | x', 'b | b | X', '1 | - | limit']],
    ['postgres', 'a::double precision, a::int value', ['a::double precision | - | -', 'a::int | - | value']],
    [
      'postgres',
      "interval '1' day, d at time zone 'x' at",
      ["interval '1' day | - | -", "d at time zone 'x' | - | at"],
    ],
    ['postgres', 'a is distinct from b, c isnull', ['a is distinct from b | - | -', 'c isnull | - | -']],
    ['postgres', 'case when a then b end c', ['case when a then b end | - | c']],
    [
      'postgres',
      'current_date, user, null, true',
      ['current_date | - | -', 'user | - | -', 'null | - | -', 'true | - | -'],
    ],
    ['postgres', 'array[1, 2], a[1], $$, $$', ['array[1, 2] | - | -', 'a[1] | - | -', '$$, $$ | - | -']],
    ['postgres', 't.limit, t.order', ['t.limit | limit | -', 't.order | order | -']],
    ['mysql', 'a X, `b` `x y`, a \'z\', a as "Z"', ['a | a | X', '`b` | b | x y', 'a | a | z', 'a | a | Z']],
    [
      'mysql',
      'd + interval 1 day, d + interval 1 day day',
      ['d + interval 1 day | - | -', 'd + interval 1 day | - | day'],
    ],
    ['mysql', 'interval(a, 1) day, a end', ['interval(a, 1) | - | day', 'a | a | end']],
    [
      'mysql',
      "_utf8mb4'x', 'a' 'b', date '2024-01-01'",
      ["_utf8mb4'x' | - | -", "'a' 'b' | - | -", "date '2024-01-01' | - | -"],
    ],
    ['mysql', '"x", t.*, a div b c', ['"x" | - | -', 't.* | * | -', 'a div b | - | c']],
    ['mysql', 'straight_join high_priority a', ['a | a | -']],
    ['mysql', 'sql_no_cache distinct a, b offset', ['a | a | -', 'b | b | offset']],
    [
      'sqlite',
      "a 'x y', [b] [c d], a not null, a isnull z",
      ['a | a | x y', '[b] | b | c d', 'a not null | - | -', 'a isnull | - | z'],
    ],
    [
      'sqlite',
      'a offset, window, a as window, rowid',
      ['a | a | offset', 'window | window | -', 'a | a | window', 'rowid | rowid | -'],
    ],
  ])('%s: %s', (dialect, list, expected) => {
    const sql = `select ${list} from t`
    expect(items(sql, dialect)).toEqual(expected)
    expect(cut(sql, shapeOf(sql, dialect).itemsSpan)).toBe(
      list.replace(/^(straight_join high_priority|sql_no_cache distinct) /, ''),
    )
  })
})

/** Each aggregate: text, name, and what it has. */
function aggregates(sql: string, dialect: Dialect): string[] {
  return shapeOf(sql, dialect).items.flatMap((item) =>
    item.aggregates.map((each) => {
      const parts = [each.star ? 'star' : '', each.distinct ? 'distinct' : '', ...each.args.map((arg) => cut(sql, arg))]
      const clauses = [each.order, each.separator, each.filter].flatMap((span) =>
        span === undefined ? [] : cut(sql, span),
      )
      return `${cut(sql, each.span)} = ${each.name}: ${[...parts, ...clauses].filter((part) => part !== '').join(' | ')}`
    }),
  )
}

describe('aggregates', () => {
  test.each<[Dialect, string, string[]]>([
    ['postgres', 'count(*)', ['count(*) = count: star']],
    ['postgres', 'pg_catalog.Count ( distinct a )', ['pg_catalog.Count ( distinct a ) = count: distinct | a']],
    [
      'postgres',
      'sum(a) filter (where b) / nullif(max(c), 0)',
      ['sum(a) filter (where b) = sum: a | filter (where b)', 'max(c) = max: c'],
    ],
    [
      'postgres',
      "string_agg(a, ',' order by b desc, c)",
      ["string_agg(a, ',' order by b desc, c) = string_agg: a | ',' | order by b desc, c"],
    ],
    ['postgres', 'mode() within group (order by a)', ['mode() within group (order by a) = mode: ']],
    ['postgres', 'own(distinct a), f(a), s.sum(a)', ['own(distinct a) = own: distinct | a']],
    [
      'postgres',
      '(select count(*) from u), sum((select max(b) from u where u.a = t.a))',
      ['sum((select max(b) from u where u.a = t.a)) = sum: (select max(b) from u where u.a = t.a)'],
    ],
    ['postgres', '((select 1) + count(a))', ['count(a) = count: a']],
    ['postgres', "numeric(3, 1) '1', sum(a) over ()", []],
    [
      'mysql',
      "group_concat(distinct a, b order by c separator ';')",
      [
        "group_concat(distinct a, b order by c separator ';') = group_concat: distinct | a | b | order by c | separator ';'",
      ],
    ],
    ['mysql', 'count(distinct a, b), any_value(a), shop.sum(a)', ['count(distinct a, b) = count: distinct | a | b']],
    [
      'sqlite',
      'max(a), max(a, b), min(max(a, b)), total(a)',
      ['max(a) = max: a', 'min(max(a, b)) = min: max(a, b)', 'total(a) = total: a'],
    ],
    [
      'sqlite',
      "group_concat(a, ', ') filter (where a)",
      ["group_concat(a, ', ') filter (where a) = group_concat: a | ', ' | filter (where a)"],
    ],
  ])('%s: %s', (dialect, list, expected) => {
    expect(aggregates(`select ${list} from t`, dialect)).toEqual(expected)
  })

  test('the caller may know more of them', () => {
    const own = (sql: string): number =>
      readQueryShape(sql, 'postgres', ({ name, schema }) => name === 'own' && schema === 's')?.items[0]?.aggregates
        .length ?? 0
    expect(own('select s.own(a) from t')).toBe(1)
    expect(own('select own(a) from t')).toBe(0)
  })

  test('stand in HAVING and ORDER BY, too', () => {
    const shape = shapeOf('select a from t group by a having count(*) > 1 order by sum(b) + min(c)')
    expect(shape.having?.condition.aggregates.map(({ name }) => name)).toEqual(['count'])
    expect(shape.orderBy?.keys[0]?.aggregates.map(({ name }) => name)).toEqual(['sum', 'min'])
  })
})

test('clauses have their spans, words included', () => {
  const sql =
    '/* x */ select distinct a, b from t join u on t.a = u.a where t.b is distinct from 1 group by a, 2 having true order by a limit 5 offset 2;; '
  const shape = shapeOf(sql)
  const parts = [
    shape.span,
    shape.source,
    shape.groupBy?.span,
    shape.having?.span,
    shape.orderBy?.span,
    shape.limit?.span,
  ]
  expect(parts.map((span) => span && cut(sql, span))).toEqual([
    sql.slice(8, -3),
    'from t join u on t.a = u.a where t.b is distinct from 1',
    'group by a, 2',
    'having true',
    'order by a',
    'limit 5 offset 2',
  ])
  expect(shape.distinct).toBe('all')
  expect(shape.groupBy?.keys.map(({ name, ordinal }) => name ?? ordinal)).toEqual(['a', 2])
  expect(shapeOf('select 1').source).toBeUndefined()
  const bare = 'select 1 where false'
  expect(cut(bare, shapeOf(bare).source ?? { start: 0, end: 0 })).toBe('where false')
})

describe('sort keys', () => {
  const keys = (sql: string, dialect: Dialect): unknown[] =>
    shapeOf(sql, dialect).orderBy?.keys.map((key) => [
      cut(sql, key.span),
      key.name ?? key.ordinal ?? (key.parameter === true ? '?' : '-'),
      `${key.descending ? 'desc' : 'asc'} ${key.nulls}`,
      key.collation ?? (key.collatesInside === true ? 'inside' : '-'),
    ]) ?? []

  test.each<[Dialect, string, unknown[]]>([
    [
      'postgres',
      'A, "A" desc',
      [
        ['A', 'a', 'asc last', '-'],
        ['"A"', 'A', 'desc first', '-'],
      ],
    ],
    [
      'postgres',
      'a nulls first, 2 desc nulls last',
      [
        ['a', 'a', 'asc first', '-'],
        ['2', 2, 'desc last', '-'],
      ],
    ],
    [
      'postgres',
      '(a) asc, ((1)), - -1, $1',
      [
        ['(a)', 'a', 'asc last', '-'],
        ['((1))', 1, 'asc last', '-'],
        ['- -1', 1, 'asc last', '-'],
        ['$1', '?', 'asc last', '-'],
      ],
    ],
    [
      'postgres',
      'a collate "C" desc, a collate pg_catalog."de-x-icu"',
      [
        ['a collate "C"', '-', 'desc first', 'C'],
        ['a collate pg_catalog."de-x-icu"', '-', 'asc last', 'de-x-icu'],
      ],
    ],
    [
      'postgres',
      'a || b collate "C", lower(a collate "C")',
      [
        ['a || b collate "C"', '-', 'asc last', 'inside'],
        ['lower(a collate "C")', '-', 'asc last', 'inside'],
      ],
    ],
    [
      'postgres',
      'nulls, t.a, +1',
      [
        ['nulls', 'nulls', 'asc last', '-'],
        ['t.a', '-', 'asc last', '-'],
        ['+1', '-', 'asc last', '-'],
      ],
    ],
    [
      'mysql',
      'A, `B` desc, 1, +1, a collate utf8mb4_bin',
      [
        ['A', 'a', 'asc first', '-'],
        ['`B`', 'b', 'desc last', '-'],
        ['1', 1, 'asc first', '-'],
        ['+1', 1, 'asc first', '-'],
        ['a collate utf8mb4_bin', '-', 'asc first', 'utf8mb4_bin'],
      ],
    ],
    [
      'sqlite',
      'A collate nocase desc, 1 collate nocase, "Ä"',
      [
        ['A collate nocase', 'a', 'desc last', 'nocase'],
        ['1 collate nocase', 1, 'asc first', 'nocase'],
        ['"Ä"', 'Ä', 'asc first', '-'],
      ],
    ],
    [
      'sqlite',
      'a asc nulls last, a desc nulls first',
      [
        ['a', 'a', 'asc last', '-'],
        ['a', 'a', 'desc first', '-'],
      ],
    ],
  ])('%s: %s', (dialect, list, expected) => {
    expect(keys(`select a from t order by ${list}`, dialect)).toEqual(expected)
  })
})

describe('limits', () => {
  const constant = (value: unknown): object => ({ from: 'constant', value })
  const parameter = (index: number): object => ({ from: 'parameter', index })
  test.each<[Dialect, string, object]>([
    ['postgres', 'limit 5', { count: constant(5) }],
    ['postgres', 'offset $2 limit $1', { count: parameter(0), offset: parameter(1) }],
    ['postgres', 'limit $1::bigint offset ($2)::int', { count: parameter(0), offset: parameter(1) }],
    ['postgres', 'offset 5 rows fetch next 10 rows only', { count: constant(10), offset: constant(5) }],
    ['postgres', 'fetch first row only', { count: constant(1) }],
    ['postgres', 'limit all offset null', {}],
    ['postgres', 'limit 9223372036854775807', { count: constant(9223372036854775807n) }],
    ['mysql', 'limit 5, 10', { count: constant(10), offset: constant(5) }],
    ['mysql', 'limit ?, ?', { count: parameter(1), offset: parameter(0) }],
    ['mysql', 'limit :n offset :m', { count: { from: 'named', name: 'n' }, offset: { from: 'named', name: 'm' } }],
    ['mysql', 'offset 5 rows fetch first 2 rows only', { count: constant(2), offset: constant(5) }],
    ['sqlite', 'limit ? offset ?', { count: parameter(0), offset: parameter(1) }],
    ['sqlite', 'limit ?2, ?1', { count: parameter(0), offset: parameter(1) }],
    ['sqlite', 'limit $n offset @m', { count: { from: 'named', name: 'n' }, offset: { from: 'named', name: 'm' } }],
    ['sqlite', 'limit -1 offset 3', { offset: constant(3) }],
  ])('%s: %s', (dialect, clause, expected) => {
    const sql = `select a from t ${clause}`
    const { limit, obstacles } = shapeOf(sql, dialect)
    const { span = { start: 0, end: 0 }, ...amounts } = limit ?? {}
    expect(amounts).toEqual(expected)
    expect(cut(sql, span)).toBe(clause)
    expect(obstacles).toEqual([])
  })
})

test.each<[Dialect, string, string[]]>([
  ['postgres', 'select a from t union all select 1 from u order by 1 limit 1', ['UNION']],
  ['postgres', 'select a from t intersect (select 1)', ['INTERSECT']],
  ['postgres', 'select distinct on (a, b) a from t', ['DISTINCT ON']],
  ['postgres', 'select rank() over w from t window w as (order by a)', ['a window function', 'WINDOW']],
  [
    'postgres',
    'select a from t group by rollup (a), cube (b), grouping sets ((a)), ()',
    ['ROLLUP', 'CUBE', 'GROUPING SETS', 'an empty grouping set'],
  ],
  ['postgres', 'select grouping(a) from t group by distinct a', ['GROUP BY DISTINCT', 'GROUPING()']],
  ['postgres', 'select a from t for no key update', ['FOR NO KEY UPDATE']],
  ['postgres', 'select a into temp x from t', ['INTO']],
  ['postgres', 'select a from t order by a fetch first 5 rows with ties', ['WITH TIES']],
  [
    'postgres',
    'select a from t limit 1 + 1 offset (select 1)',
    ['LIMIT with an expression', 'OFFSET with an expression'],
  ],
  ['postgres', 'select a from t tablesample system (5)', ['TABLESAMPLE']],
  ['postgres', 'select a from t order by a using >', ['ORDER BY … USING']],
  ['postgres', 'select (select sum(t.a) from u) from t', ['an aggregate of the outer query in a subquery']],
  ['postgres', 'select (select max(a)) from t', ['an aggregate of the outer query in a subquery']],
  [
    'postgres',
    'select (select sum(u.a) from u), (select count(*) from u), (select sum(x.a + t.a) from u x) from t',
    [],
  ],
  ['mysql', 'select sql_calc_found_rows a from t', ['SQL_CALC_FOUND_ROWS']],
  ['mysql', 'select a, count(*) from t group by a with rollup', ['WITH ROLLUP']],
  ['mysql', 'select a from t group by a desc', ['GROUP BY … DESC']],
  ['mysql', 'select a from t lock in share mode', ['LOCK IN SHARE MODE']],
  ['mysql', 'select a from t limit 5 for update skip locked', ['FOR UPDATE']],
  ['mysql', 'select a into @x from t', ['INTO']],
  ['mysql', "select a from t into outfile 'x'", ['INTO']],
  ['mysql', 'select a from t procedure analyse()', ['PROCEDURE']],
  ['mysql', 'select a from t limit 5 rows examined 10', ['ROWS EXAMINED']],
  [
    'mysql',
    'select @n := @n + 1, group_concat(a limit 1) from t',
    ['an assignment to a variable', 'LIMIT in GROUP_CONCAT'],
  ],
  ['sqlite', 'select a, sum(b) filter (where c) over (order by a) from t', ['a window function']],
  ['sqlite', 'select a from t except select 1', ['EXCEPT']],
  ['sqlite', 'select count(*) over, a filter from t', []],
])('%s: %s: %j', (dialect, sql, expected) => {
  expect([...shapeOf(sql, dialect).obstacles].toSorted()).toEqual(expected.toSorted())
})

test.each<[Dialect, string]>([
  ['postgres', ''],
  ['postgres', 'with w as (delete from t returning a) select * from w'],
  ['postgres', 'with w as (select 1) search depth first by a set s select * from w'],
  ['mysql', 'with w as (select 1) delete from t'],
  ['postgres', 'values (1)'],
  ['postgres', 'table t'],
  ['postgres', '(select 1)'],
  ['postgres', 'select 1; select 2'],
  ['postgres', 'explain select 1'],
  ['postgres', 'select'],
  ['postgres', 'select from t'],
  ['postgres', 'insert into t select 1'],
  ['postgres', 'select U&"\\0061" from t'],
  ['postgres', 'select a b c from t'],
  ['postgres', "select 'a"],
  ['postgres', 'select a /* from t'],
  ['postgres', 'select (a from t'],
  ['postgres', 'select a[1 from t'],
  ['postgres', 'select a from t where'],
  ['postgres', 'select a from t limit 1 limit 2'],
  ['postgres', 'select a from t order by a where b'],
  ['mysql', 'select 1 # comment'],
  ['mysql', 'select /*! 1 */'],
  ['mysql', 'select /*M!100100 1 */'],
  ['mysql', 'select a from t order by "a"'],
  ['mysql', 'select a from t group by true'],
  ['mysql', 'select \'a\' "b" from t'],
  ['mysql', "select 'a\\' -- ' as b"],
  ['mysql', 'select sql_cache from t'],
  ['mysql', 'select a from t order by a nulls first'],
  ['sqlite', 'select case when end = 1 then 3 end from t'],
  ['sqlite', 'select a as from from t'],
])('%s: not read: %s', (dialect, sql) => {
  expect(readQueryShape(sql, dialect)).toBeUndefined()
})

test('comments that are plain, and backslashes that change nothing, are read', () => {
  expect(items("select /* # */ 'it\\'s' -- # x\n from t", 'mysql')).toEqual(["'it\\'s' | - | -"])
})

/** Every span of a shape lies in the text, in order, and holds something. */
function checkSpans(sql: string, shape: QueryShape): void {
  const expressions: Expression[] = [
    ...shape.items,
    ...(shape.groupBy?.keys ?? []),
    ...(shape.having === undefined ? [] : [shape.having.condition]),
    ...(shape.orderBy?.keys ?? []),
  ]
  let position = 0
  for (const { span, aggregates: found } of expressions) {
    expect(span.start).toBeGreaterThanOrEqual(position)
    expect(cut(sql, span).trim()).toBe(cut(sql, span))
    expect(span.end).toBeGreaterThan(span.start)
    for (const each of found) {
      expect(each.span.start).toBeGreaterThanOrEqual(Math.max(span.start, position))
      expect(each.span.end).toBeLessThanOrEqual(span.end)
      position = each.span.end
    }
    position = span.end
  }
  expect(shape.span.end).toBeLessThanOrEqual(sql.length)
}

const soup =
  `select from where group by having order limit offset fetch for update union window as over filter within distinct on
  all into case when then else end is not null and or in between like collate interval day array cast count sum max ( ) [ ]
  , . * + - :: = := ? $1 :a @b 1 0x1F .5 'x' "y" \`z\` [q] $$ a t x'1F' ; -- /* */ # \\ ! { e'\\'' u&"a" rollup first rows only with ties
  nulls asc desc using values sql_cache at time zone operator uescape`.split(/\s+/)

test.each(dialects)('%s: no soup of tokens throws, and all spans fit', (dialect) => {
  const part = fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...soup) }, fc.string({ maxLength: 3 }))
  const start = fc.constantFrom('select ', 'select ', 'select a from t ', '')
  const blank = fc.constantFrom(' ', ' ', '', '\n')
  let read = 0
  fc.assert(
    fc.property(start, fc.array(fc.tuple(part, blank), { maxLength: 16 }), (begin, parts) => {
      const sql = begin + parts.flat().join('')
      const shape = readQueryShape(sql, dialect)
      if (shape === undefined) return
      read++
      checkSpans(sql, shape)
    }),
    { numRuns: 20_000 },
  )
  expect(read).toBeGreaterThan(200)
})

test.each(dialects)('%s: no text of the corpora throws, nor what is made of two of them', (dialect) => {
  const corpora = [readPostgresCorpus(), readCorpus('mysql'), readCorpus('sqlite')].flat().map(({ sql }) => sql)
  const check = (sql: string): void => {
    const shape = readQueryShape(sql, dialect)
    if (shape !== undefined) checkSpans(sql, shape)
  }
  for (const sql of corpora) check(sql)
  const some = fc.constantFrom(...corpora)
  fc.assert(
    fc.property(some, some, fc.nat(120), fc.nat(120), (one, other, end, from) => {
      check(one.slice(0, end) + other.slice(from))
    }),
    { numRuns: 5_000 },
  )
})

test('brackets and CASEs in any depth are read in no time', () => {
  for (const dialect of dialects) {
    expect(readQueryShape(`select ${'('.repeat(390)}a${')'.repeat(390)} from t`, dialect)?.items.length).toBe(1)
    expect(
      readQueryShape(`select ${'case when '.repeat(5000)}a${' then 1 end'.repeat(5000)} from t`, dialect)?.items.length,
    ).toBe(1)
    expect(readQueryShape(`select ${'('.repeat(5000)}a${')'.repeat(5000)} from t`, dialect)).toBeUndefined()
  }
})

test.each<[Dialect, string, string]>([
  ['postgres', 'with w as materialized (select 1), x(a, b) as not materialized (table t) select a from x', 'a'],
  ['mysql', 'with recursive w as (select 1 union all select 2 from w) select b, a from w limit 2;', 'b, a'],
  ['sqlite', 'with w as (values (1)) select c from w order by 1', 'c'],
])('%s: behind a WITH: %s', (dialect, sql, items) => {
  const shape = shapeOf(sql, dialect)
  expect(cut(sql, shape.itemsSpan)).toBe(items)
  expect(`${cut(sql, shape.with!)} `).toBe(sql.slice(0, sql.lastIndexOf('select ')))
  expect(cut(sql, shape.span)).toBe(sql.replace(';', ''))
})
