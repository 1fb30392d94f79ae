import { describe, expect, test } from 'vitest'
import type { Dialect } from '../statement.ts'
import type { ColumnPath, FromItem, QueryTree } from './query-tree.ts'
import { readQueryTree } from './read-query-tree.ts'
import { selectsIn } from './selects-in.ts'

const all: readonly Dialect[] = ['postgres', 'mysql', 'sqlite']

const pathText = (path: ColumnPath | undefined): string =>
  path === undefined ? '?' : [...(path.qualifier === undefined ? [] : [path.qualifier]), path.column].join('.')

/** A tree in a line. */
function shown(sql: string, tree: QueryTree | undefined): string {
  if (tree === undefined) return 'unreadable'
  if (tree.kind === 'values') return 'values'
  const end = `${tree.isSorted ? ' sorted' : ''}${tree.isLimited ? ' limited' : ''}`
  if (tree.kind === 'set') {
    const [first, ...others] = tree.members.map((member) => shown(sql, member))
    const tail = sql.slice(tree.tail.start, tree.tail.end).trim()
    const members = others.map((member, i) => ` ${tree.operators[i]} ${member}`).join('')
    return `{${first}${members}${end}${tail === '' ? '' : ` | ${tail}`}}`
  }
  const outputs = tree.outputs.map((output) =>
    output.kind === 'star'
      ? `${output.qualifier === undefined ? '' : `${output.qualifier}.`}*`
      : `${output.name ?? '-'}=${pathText(output.path)}`,
  )
  const parts = [
    outputs.join(','),
    `from ${tree.from.map((item) => itemText(sql, item)).join(', ')}`,
    ...(tree.mergesColumns ? ['merging'] : []),
    ...(tree.groups.length === 0 ? [] : [`by ${tree.groups.map(pathText).join(',')}`]),
    ...tree.partitions.map((paths) => `over ${paths.map(pathText).join(',')}`),
    ...tree.readInside.map(({ name }) => `inside ${name}`),
  ]
  return `[${parts.join(' ')}${end}]`
}

function itemText(sql: string, { source, name, columns, mayBeMissing, position }: FromItem): string {
  const what =
    source.kind === 'table'
      ? `table@${sql.slice(position).split(/[\s,)]/)[0]}`
      : source.kind === 'query'
        ? shown(sql, source.query)
        : source.kind === 'with'
          ? `with ${source.query.name}`
          : 'other'
  return `${what} ${name ?? '-'}${columns === undefined ? '' : `(${columns.join(',')})`}${mayBeMissing ? '?' : ''}`
}

const read = (sql: string, dialect: Dialect): string => shown(sql, readQueryTree(sql, dialect))

describe('the queries that a text is made of', () => {
  test.each<[sql: string, expected: string, dialects?: readonly Dialect[]]>([
    ['select a, t.b as c, (d), a + 1, * from t', '[a=a,c=t.b,d=d,-=?,* from table@t t]'],
    ['select 1', '[-=? from ]'],
    ['select null, current_date as d', '[-=?,d=? from ]'],
    [
      'select q.* from (select a from s.t) as q(x), u',
      '[q.* from [a=a from table@s.t t] q(x), table@u u]',
      ['postgres', 'mysql'],
    ],
    [
      'select 1 from t join u on t.a = u.a left join v on left(v.b, 1) = u.b, w',
      '[-=? from table@t t, table@u u, table@v v?, table@w w?]',
    ],
    ['select 1 from t right join u on t.a = u.a', '[-=? from table@t t?, table@u u?]'],
    ['select 1 from (t join u on t.a = u.a) cross join v', '[-=? from table@t t, table@u u, table@v v]'],
    ['select 1 from t natural join u', '[-=? from table@t t, table@u u merging]'],
    ['select 1 from t join u using (a, b)', '[-=? from table@t t, table@u u merging]'],
    ['select 1 from t, lateral (select t.a) q', '[-=? from table@t t, other q]', ['postgres', 'mysql']],
    ['select 1 from f(1) g', '[-=? from other g]'],
    ['select 1 from (select 1 union all select 2) q', '[-=? from {[-=? from ] UNION ALL [-=? from ]} q]'],
    ['select b, count(*) from t group by 1, t.c, (d), e + 1', '[b=b,-=? from table@t t by b,t.c,d,?]'],
    ['select b as a, count(*) from t group by a', '[a=b,-=? from table@t t by ?]'],
    ['select t.a, count(*) from t join u on t.b = u.b group by a', '[a=t.a,-=? from table@t t, table@u u by t.a]'],
    ['select *, count(*) from t group by 2', '[*,-=? from table@t t by ?]'],
    [
      'select sum(a) over (partition by t.b, c order by d rows 1 preceding), rank() over w from t window w as (partition by b)',
      '[-=?,-=? from table@t t over t.b,c over b]',
    ],
    ['select rank() over (w order by c) from t window w as (partition by b)', '[-=? from table@t t over b]'],
    ['select count(*) over () from t', '[-=? from table@t t over ]'],
    ['select count(*) over (partition by a + 1) from t', '[-=? from table@t t over ]'],
    ['select a from t order by a limit 3', '[a=a from table@t t sorted limited]'],
    [
      'select a from t union all select b from u order by 1 limit 2',
      '{[a=a from table@t t] UNION ALL [b=b from table@u u] sorted limited | order by 1 limit 2}',
    ],
    [
      'select a from t union select b from u except select c from v',
      '{[a=a from table@t t] UNION [b=b from table@u u] EXCEPT [c=c from table@v v]}',
    ],
    [
      '(select a from t limit 1) union all (select b from u) limit 2',
      '{[a=a from table@t t limited] UNION ALL [b=b from table@u u] limited | limit 2}',
      ['postgres', 'mysql'],
    ],
    [
      'select a from t union distinct select a from u',
      '{[a=a from table@t t] UNION [a=a from table@u u]}',
      ['postgres', 'mysql'],
    ],
    [
      'select a from t intersect all select a from u',
      '{[a=a from table@t t] INTERSECT ALL [a=a from table@u u]}',
      ['postgres'],
    ],
    ['select a from t union all values (1)', '{[a=a from table@t t] UNION ALL values}', ['postgres', 'sqlite']],
    ['with q as (select a from t), r(x) as (select a from q) select x from r', '[x=x from with r r]'],
    [
      'with q as (select a from t) select a from q where a in (select a from q) and b = (select q.c)',
      '[a=a from with q q inside q]',
    ],
    ['with q as (select a from t) select a from q where b = (select q.c)', '[a=a from with q q]'],
    [
      'with q as (select 1 as a) select a from (with q as (select 2 as a) select a from q) x, q',
      '[a=a from [a=a from with q q] x, with q q]',
    ],
    ['with q as (select a from q) select a from s.q', '[a=a from table@s.q q]'],
    ['select 1 from t use index (i), u partition (p0)', '[-=? from table@t t, table@u u]', ['mysql']],
    ['select 1 from t indexed by i, u not indexed', '[-=? from table@t t, table@u u]', ['sqlite']],
    ['select 1 from only t, u *', '[-=? from table@t t, table@u u]', ['postgres']],
    ['select "T".A, T.A as B from "T"', '[A=T.a,b=t.a from table@"T" T]'.replace('A=T.a', 'a=T.a'), ['postgres']],
    ['select `T`.A as B from `T`', '[b=t.a from table@`T` t]', ['mysql', 'sqlite']],
  ])('%s', (sql, expected, dialects = all) => {
    for (const dialect of dialects) expect(read(sql, dialect), dialect).toBe(expected)
  })

  test.each<[sql: string, dialects?: readonly Dialect[]]>([
    ['insert into t values (1)'],
    ['select 1; select 2'],
    ['select 1 from (t join u on t.a = u.a) as j', ['postgres']],
    ['select 1 from t join u using (a) as j', ['postgres']],
    ['select 1 from t tablesample system (10)', ['postgres']],
    ['table t', ['postgres', 'mysql']],
    ['select 1 from t union all table u', ['postgres', 'mysql']],
    ['select 1 from t for system_time all', ['mysql']],
    ['select rank() over w from t'],
    ['with q as (select 1) search depth first by a set s select 1 from q', ['postgres']],
    ['select 1 from t,'],
  ])('is not understood: %s', (sql, dialects = all) => {
    for (const dialect of dialects) expect(read(sql, dialect), dialect).toBe('unreadable')
  })

  test('a query of a WITH that reads itself has no tree of its own there, and all are listed once', () => {
    const tree = readQueryTree(
      'with recursive q as (select 1 as a union all select a + 1 from q) select a from q, q as r',
      'postgres',
    )
    const [outer, ...inner] = selectsIn(tree!)
    expect(outer).toBe(tree)
    expect(inner.map(({ from }) => from.map(({ source }) => source.kind))).toEqual([[], ['with']])
  })

  test('on SQLite a query of a WITH sees those behind it, too', () => {
    const sql = 'with q as (select a from r), r as (select 1 as a) select a from q'
    const kinds = (dialect: Dialect) =>
      selectsIn(readQueryTree(sql, dialect)!).map(({ from }) => from.map(({ source }) => source.kind).join())
    expect(kinds('sqlite')).toEqual(['with', 'with', ''])
    expect(kinds('mysql')).toEqual(['with', 'table'])
  })
})
