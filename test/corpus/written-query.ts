import * as fc from 'fast-check'
import type { Dialect } from '../../src/statement/statement.ts'

/** A query, and its parts as they were written. */
export interface Written {
  readonly sql: string
  readonly expected: {
    readonly distinct: 'none' | 'all'
    readonly items: readonly {
      readonly text: string
      readonly alias: string | undefined
      readonly star: boolean
      readonly column: string | undefined
      readonly aggregates: readonly string[]
      readonly subquery: boolean
    }[]
    readonly source: string | undefined
    readonly groups: readonly string[]
    readonly having: string | undefined
    readonly sorts: readonly { readonly text: string; readonly descending: boolean }[]
    readonly count: number | undefined
    readonly offset: number | undefined
    readonly obstacles: readonly string[]
  }
}

interface Piece {
  readonly text: string
  readonly column?: string
  readonly star?: true
  readonly aggregates?: readonly string[]
  readonly subquery?: true
  readonly obstacle?: string
}

const plain = (...texts: readonly string[]): Piece[] => texts.map((text) => ({ text }))
const columns = (...pairs: readonly (readonly [string, string])[]): Piece[] =>
  pairs.map(([text, column]) => ({ text, column }))
const aggregates = (...texts: readonly string[]): Piece[] => texts.map((text) => ({ text, aggregates: [text] }))
const subqueries = (...texts: readonly string[]): Piece[] => texts.map((text) => ({ text, subquery: true as const }))
const windows = (...texts: readonly string[]): Piece[] => texts.map((text) => ({ text, obstacle: 'a window function' }))

const shared: readonly Piece[] = [
  ...columns(['a', 'a'], ['t.b', 'b'], ['t.value', 'value'], ['value', 'value']),
  ...plain(
    '1',
    '-1',
    '1.5e2',
    "'it''s, from t'",
    'null',
    'a + b * -2',
    '(a)',
    'a is null',
    'a is not null',
    'not a = b',
  ),
  ...plain('case when a = 1 then b else 3 end', 'case a when 1 then case when b = 1 then 2 end else 4 end + 1'),
  ...plain(
    'coalesce(a, b, 0)',
    'cast(a as char(3))',
    'a between 1 and 2',
    'a not in (1, 2)',
    "s like 'x!%' escape '!'",
  ),
  ...plain('current_date', 'nullif(a, (b))', "lower(s) || 'x'", "replace(s, ',', 'limit')"),
  ...subqueries('(select max(a) from t)', 'exists (select 1 from t where a = 5)', 'a in (select b from t)'),
  ...aggregates('count(*)', 'count(a)', 'count(distinct a)', 'sum(a + b)', 'min(b)', 'max(case when a = 1 then b end)'),
  { text: 'sum((select max(a) from t))', aggregates: ['sum((select max(a) from t))'], subquery: true },
  { text: 'sum(a) / count(*)', aggregates: ['sum(a)', 'count(*)'] },
  { text: 'coalesce(sum(a), 0) + (1)', aggregates: ['sum(a)'] },
  { text: '((select max(a) from t) + count(*))', aggregates: ['count(*)'], subquery: true },
  ...windows('count(*) over ()', 'sum(a) over (partition by b order by a)', 'row_number() over (order by a)'),
]

const own: Readonly<Record<Dialect, readonly Piece[]>> = {
  postgres: [
    ...columns(['"order"', 'order'], ['t.order', 'order'], ['t . value', 'value'], ['S', 's']),
    ...plain('a::double precision', "interval '1' day", "d + interval '1 day'", 'a is distinct from b'),
    ...plain(
      'extract(year from d)',
      "trim(both 'x' from s)",
      'array[a, b]',
      '(array[a, b])[1]',
      "d at time zone 'utc'",
    ),
    ...plain("date '2024-01-01'", '$$a, b$$', "E'\\'x'", "s similar to 'x'", 'a operator(pg_catalog.+) b', 'a isnull'),
    ...aggregates('sum(a) filter (where b > 1)', "string_agg(s, ',' order by s desc)", 'pg_catalog.count(*)'),
    ...aggregates('percentile_cont(0.5) within group (order by a)', 'bool_and(a > 1)', 'array_agg(distinct a)'),
    { text: 't.*', star: true },
    { text: '*', star: true },
  ],
  mysql: [
    ...columns(['`order`', 'order'], ['t.order', 'order'], ['t.`value`', 'value'], ['S', 'S']),
    ...plain(
      'd + interval 1 day',
      'interval 1 month + d',
      'd - interval a + 1 week',
      "date '2024-01-01'",
      'interval(a, 1, 2)',
    ),
    ...plain(
      "_utf8mb4'x'",
      "'a' 'b'",
      'a div 2',
      'a mod 2',
      'binary s',
      "s regexp 'x'",
      'a <=> b',
      'a xor b',
      'if(a, b, 1)',
    ),
    ...plain(
      'date_add(d, interval 1 day)',
      'extract(year from d)',
      "trim(both 'x' from s)",
      's collate utf8mb4_bin',
      "x'41'",
    ),
    ...plain(
      "interval '1:1' hour_minute + d",
      'a && b',
      '!a',
      's sounds like s',
      'convert(s using latin1)',
      '@@max_connections',
    ),
    ...aggregates(
      'group_concat(s)',
      "group_concat(distinct s order by s desc, a separator ';')",
      'std(a)',
      'bit_or(a)',
    ),
    ...aggregates('json_arrayagg(a)', 'var_samp(a)', 'count(distinct a, b)'),
    { text: 'group_concat(s limit 1)', aggregates: ['group_concat(s limit 1)'], obstacle: 'LIMIT in GROUP_CONCAT' },
    { text: 't.*', star: true },
  ],
  sqlite: [
    ...columns(['"order"', 'order'], ['t."order"', 'order'], ['[value]', 'value'], ['`a`', 'a'], ['S', 'S']),
    ...plain(
      'a isnull',
      'a not null',
      'a notnull',
      'a is b',
      'a is not b',
      'a is distinct from b',
      "s glob 'x'",
      'a == b',
    ),
    ...plain(
      "x'41'",
      '0x1F',
      'min(a, b)',
      'max(a, b, 1)',
      's collate nocase',
      "s -> '$'",
      'iif(a, b, 1)',
      '1_000',
      '.5',
    ),
    ...aggregates(
      'total(a)',
      "group_concat(s, ';')",
      'group_concat(distinct s)',
      'sum(a) filter (where b > 1)',
      'max(a)',
    ),
    ...aggregates("string_agg(s, ',' order by s)", 'json_group_array(a)', 'avg(distinct a)'),
    { text: 'max(min(a, b))', aggregates: ['max(min(a, b))'] },
    { text: 't.*', star: true },
    { text: '*', star: true },
  ],
}

interface Alias {
  readonly text: string
  readonly name: string
}

const noAlias: Alias | undefined = undefined

const aliases: Readonly<Record<Dialect, readonly Alias[]>> = {
  postgres: [
    { text: ' as x', name: 'x' },
    { text: ' X', name: 'x' },
    { text: ' as "X ""y"', name: 'X "y' },
    { text: ' "from"', name: 'from' },
    { text: ' as limit', name: 'limit' },
    { text: ' as from', name: 'from' },
    { text: ' value', name: 'value' },
    { text: ' at', name: 'at' },
    { text: ' as day', name: 'day' },
  ],
  mysql: [
    { text: ' as x', name: 'x' },
    { text: ' X', name: 'X' },
    { text: ' as `from ``t`', name: 'from `t' },
    { text: ' `limit`', name: 'limit' },
    { text: " as 'a b'", name: 'a b' },
    { text: ' as "a b"', name: 'a b' },
    { text: ' day', name: 'day' },
    { text: ' value', name: 'value' },
    { text: ' end', name: 'end' },
  ],
  sqlite: [
    { text: ' as x', name: 'x' },
    { text: ' X', name: 'X' },
    { text: ' as "from ""t"', name: 'from "t' },
    { text: ' [limit]', name: 'limit' },
    { text: " 'a b'", name: 'a b' },
    { text: ' offset', name: 'offset' },
    { text: ' as window', name: 'window' },
    { text: ' end', name: 'end' },
    { text: ' filter', name: 'filter' },
  ],
}

const sources: readonly string[] = [
  'from t',
  'from t where a = 1 or a = 2',
  'from t as x, t where x.a = t.b',
  'from t join (select a as k, count(*) as n from t group by a order by a limit 2) j on j.k = t.b',
  'from t left join t u on u.a = t.b and u.b in (1, 2) where t.a is not null',
  'from t where a in (select b from t order by b limit 9)',
]

const ownSources: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ['from t where a is distinct from b', 'from only t as "where"', 'from t, lateral (select 1 limit 1) l'],
  mysql: [
    'from t use index for order by ()',
    "from t where d > date '2024-01-01' - interval 1 day",
    'from t straight_join t u',
  ],
  sqlite: ['from t where a is not distinct from b', 'from t not indexed', 'from main.t as [where]'],
}

interface Limit {
  readonly text: string
  readonly count?: number
  readonly offset?: number
  readonly obstacle?: string
}

const limits: Readonly<Record<Dialect, readonly Limit[]>> = {
  postgres: [
    { text: 'limit 3', count: 3 },
    { text: 'offset 1 limit 3', count: 3, offset: 1 },
    { text: 'limit all offset 1', offset: 1 },
    { text: 'limit null' },
    { text: 'offset 1 rows fetch next 2 rows only', count: 2, offset: 1 },
    { text: 'fetch first row only', count: 1 },
    { text: 'fetch first 2 rows with ties', count: 2, obstacle: 'WITH TIES' },
    { text: 'limit 1 + 1', obstacle: 'LIMIT with an expression' },
    { text: "limit 3 offset '1'", count: 3, obstacle: 'OFFSET with an expression' },
  ],
  mysql: [
    { text: 'limit 3', count: 3 },
    { text: 'limit 1, 3', count: 3, offset: 1 },
    { text: 'limit 3 offset 1', count: 3, offset: 1 },
    { text: 'offset 1 rows fetch next 2 rows only', count: 2, offset: 1 },
    { text: 'fetch first row only', count: 1 },
    { text: 'fetch first 2 rows with ties', count: 2, obstacle: 'WITH TIES' },
    { text: 'limit 3 rows examined 1000', obstacle: 'ROWS EXAMINED' },
  ],
  sqlite: [
    { text: 'limit 3', count: 3 },
    { text: 'limit 1, 3', count: 3, offset: 1 },
    { text: 'limit (3) offset 1', count: 3, offset: 1 },
    { text: 'limit -1 offset 1', offset: 1 },
    { text: 'limit 1 + 1', obstacle: 'LIMIT with an expression' },
  ],
}

interface Start {
  readonly text: string
  readonly distinct: 'none' | 'all'
  readonly obstacle?: string
}

const select: Start = { text: 'select', distinct: 'none' }
const starts: Readonly<Record<Dialect, readonly Start[]>> = {
  postgres: [
    { text: 'select distinct', distinct: 'all' },
    { text: 'select all', distinct: 'none' },
    { text: 'select distinct on (a)', distinct: 'none', obstacle: 'DISTINCT ON' },
  ],
  mysql: [
    { text: 'select distinct', distinct: 'all' },
    { text: 'select sql_no_cache distinctrow', distinct: 'all' },
    { text: 'select straight_join high_priority', distinct: 'none' },
    { text: 'select sql_calc_found_rows', distinct: 'none', obstacle: 'SQL_CALC_FOUND_ROWS' },
  ],
  sqlite: [
    { text: 'select distinct', distinct: 'all' },
    { text: 'select all', distinct: 'none' },
  ],
}

interface Tail {
  readonly text: string
  readonly obstacle?: string
}

const tails: Readonly<Record<Dialect, readonly Tail[]>> = {
  postgres: [{ text: 'for update', obstacle: 'FOR UPDATE' }, { text: ';' }],
  mysql: [
    { text: 'for update', obstacle: 'FOR UPDATE' },
    { text: 'lock in share mode', obstacle: 'LOCK IN SHARE MODE' },
    { text: ';' },
  ],
  sqlite: [{ text: ';' }],
}

const groupTails: Readonly<Record<Dialect, readonly Tail[]>> = {
  postgres: [
    { text: ', ()', obstacle: 'an empty grouping set' },
    { text: ', rollup (b)', obstacle: 'ROLLUP' },
  ],
  mysql: [{ text: ' with rollup', obstacle: 'WITH ROLLUP' }],
  sqlite: [],
}

/** Random queries of the table `t (a, b, d, s, order, value)`, some of which the engine refuses. */
export function writtenQuery(dialect: Dialect): fc.Arbitrary<Written> {
  const pieces = [...shared, ...own[dialect]]
  const calm = pieces.filter((piece) => piece.star === undefined && piece.obstacle === undefined)
  const scalar = calm.filter((piece) => piece.aggregates === undefined)
  const anything = queryOf(dialect, { items: pieces, sorts: calm, groups: scalar, having: true })
  if (dialect !== 'postgres') return anything
  // PostgreSQL accepts only the columns that it groups by beside aggregates: mostly one or the other.
  const rows = queryOf(dialect, {
    items: pieces.filter((piece) => piece.aggregates === undefined),
    sorts: scalar,
    groups: [],
    having: false,
  })
  const keys = columns(['a', 'a'], ['t.b', 'b'])
  const whole = [...pieces.filter((piece) => piece.aggregates?.[0] === piece.text), ...keys, ...plain('a + b', '(a)')]
  const groups = queryOf(dialect, { items: whole, sorts: whole, groups: keys, having: true })
  return fc.oneof(anything, rows, rows, groups, groups)
}

interface Pieces {
  readonly items: readonly Piece[]
  readonly sorts: readonly Piece[]
  readonly groups: readonly Piece[]
  readonly having: boolean
}

const conditions: readonly string[] = ['count(*) > 0', '(sum(a) > 1 or min(b) is null)', 'max(a) in (1, 2)']

function queryOf(dialect: Dialect, { items, sorts, groups, having }: Pieces): fc.Arbitrary<Written> {
  const calm = items.filter((piece) => piece.star === undefined && piece.obstacle === undefined)
  const item = fc.record({
    piece: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...calm) }, fc.constantFrom(...items)),
    alias: fc.option(fc.constantFrom(...aliases[dialect]), { nil: noAlias }),
  })
  const sort = fc.record({ piece: fc.constantFrom(...sorts), direction: fc.constantFrom('', ' asc', ' desc') })
  const someGroups = groups.length === 0 ? [] : [fc.array(fc.constantFrom(...groups), { maxLength: 2 })]
  return fc
    .record({
      start: rarely(select, starts[dialect]),
      items: fc.array(item, { minLength: 1, maxLength: 3 }),
      source: fc.constantFrom(...sources, ...ownSources[dialect]),
      groups: fc.oneof(fc.constant([]), ...someGroups),
      groupTail: rarely({ text: '' }, groupTails[dialect]),
      having: having ? fc.option(fc.constantFrom(...conditions), { nil: undefined }) : fc.constant(undefined),
      sorts: fc.array(sort, { maxLength: 2 }),
      limit: fc.option(fc.constantFrom(...limits[dialect]), { nil: undefined }),
      tail: rarely({ text: '' }, tails[dialect]),
      blank: fc.constantFrom(' ', '\n', ' /* from t, order by 1 */ ', ' -- x, y\n'),
    })
    .map(write)
}

function rarely<T>(usual: T, others: readonly T[]): fc.Arbitrary<T> {
  if (others.length === 0) return fc.constant(usual)
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
}

interface Parts {
  readonly start: Start
  readonly items: readonly { readonly piece: Piece; readonly alias: Alias | undefined }[]
  readonly source: string
  readonly groups: readonly Piece[]
  readonly groupTail: Tail
  readonly having: string | undefined
  readonly sorts: readonly { readonly piece: Piece; readonly direction: string }[]
  readonly limit: Limit | undefined
  readonly tail: Tail
  readonly blank: string
}

function write({ start, items, source, groups, groupTail, having, sorts, limit, tail, blank }: Parts): Written {
  const clauses = [
    start.text,
    items.map(({ piece, alias }) => piece.text + (piece.star === true ? '' : (alias?.text ?? ''))).join(', '),
    source,
    groups.length === 0 ? '' : `group by ${groups.map((piece) => piece.text).join(',')}${groupTail.text}`,
    having === undefined ? '' : `having ${having}`,
    sorts.length === 0 ? '' : `order by ${sorts.map((sort) => sort.piece.text + sort.direction).join(', ')}`,
    limit?.text ?? '',
    tail.text,
  ]
  const obstacles = [
    start.obstacle,
    ...items.map(({ piece }) => piece.obstacle),
    groups.length === 0 ? undefined : groupTail.obstacle,
    limit?.obstacle,
    tail.obstacle,
  ].filter((each) => each !== undefined)
  return {
    sql: clauses.filter((each) => each !== '').join(blank),
    expected: {
      distinct: start.distinct,
      items: items.map(({ piece, alias }) => ({
        text: piece.text,
        alias: piece.star === true ? undefined : alias?.name,
        star: piece.star ?? false,
        column: piece.column,
        aggregates: piece.aggregates ?? [],
        subquery: piece.subquery ?? false,
      })),
      source,
      groups: groups.map((piece) => piece.text),
      having,
      sorts: sorts.map(({ piece, direction }) => ({ text: piece.text, descending: direction === ' desc' })),
      count: limit?.count,
      offset: limit?.offset,
      obstacles: [...new Set(obstacles)].toSorted(),
    },
  }
}
