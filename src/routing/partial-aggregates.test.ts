import { describe, expect, it } from 'vitest'
import { readQueryShape } from '../statement/shape/read-query-shape.ts'
import type { Dialect } from '../statement/statement.ts'
import { type AggregationPlan, aggregationPlan, isAggregated, valuesOf } from './partial-aggregates.ts'

const shapeOf = (sql: string, dialect: Dialect) => readQueryShape(sql, dialect)!

function planOf(sql: string, dialect: Dialect = 'postgres'): AggregationPlan {
  const plan = aggregationPlan(sql, shapeOf(sql, dialect))
  if ('refused' in plan) throw new Error(plan.refused)
  return plan
}

function refusalOf(sql: string, dialect: Dialect = 'postgres'): string {
  const plan = aggregationPlan(sql, shapeOf(sql, dialect))
  return 'refused' in plan ? plan.refused : 'none'
}

/** The final text over a relation that is called `rows`. */
function finalOf(plan: AggregationPlan, names = plan.names.map((name) => name ?? '?')) {
  const types = plan.columns.map(() => 'bigint')
  const text = plan.final({ rows: ['select ', { parameter: { value: 'rows' } }], types, modelled: false }, names)
  if ('refused' in text) throw new Error(text.refused)
  return text
}

describe('partial and final statement', () => {
  it('computes partial aggregates for each group and finishes them', () => {
    const plan = planOf(
      'select city, sum(total), count(*) as n from sale where total > 0 group by city order by n desc limit 3',
    )
    expect(plan.shard.sql).toBe(
      'select city as g1, sum(total) as a1, count(*) as a2 from sale where total > 0 group by 1',
    )
    expect(finalOf(plan, ['city', 'sum', 'n']).sql).toBe(
      'with r(g1, a1, a2) as (select $1), f as (select r.g1, sum(r.a1)::bigint as s1, coalesce(sum(r.a2), 0)::bigint as s2 ' +
        'from r group by r.g1) select f.g1 as "city", f.s1 as "sum", f.s2 as "n" from f order by 3 desc limit 3',
    )
  })

  it('computes an aggregate once that stands in several places', () => {
    const plan = planOf('select count(*) + 1 as a from t having count(*) > 2 order by count(*), avg(x)')
    expect(plan.columns).toEqual(['a1', 'a2', 'a3', 'a4'])
  })

  it('groups by what is distinct', () => {
    const plan = planOf('select city, count(distinct buyer) as n, sum(total) as s from sale group by city')
    expect(plan.shard.sql).toBe('select city as g1, buyer as k1, sum(total) as a1 from sale group by 1, 2')
    expect(finalOf(plan).sql).toContain('count(distinct r.k1) as s1')
  })

  it('knows the names of items that are written, and leaves others to the engine', () => {
    expect(planOf('select t.City, count(*), sum(x) as "Total" from t group by t.city').names).toEqual([
      'city',
      undefined,
      'Total',
    ])
    expect(planOf('select City, count(*) n from t group by city', 'sqlite').names).toEqual([undefined, 'n'])
    expect(
      planOf('select City, /* x */ count(*) from t where a = ? group by city order by 1', 'mysql').describe,
    ).toEqual({
      sql: 'select City, /* x */ count(*) from t where a = ? group by city \nlimit 0',
      params: [0],
    })
  })
})

describe('parameters', () => {
  it('are numbered anew in each text on PostgreSQL, behind those of the rows', () => {
    const plan = planOf(
      'select city, sum(x) + $4 as s from t where a = $3 and b = $1 group by city having count(*) > $2',
    )
    expect(plan.shard).toEqual({
      sql: 'select city as g1, sum(x) as a1, count(*) as a2 from t where a = $1 and b = $2 group by 1',
      params: [2, 0],
    })
    const final = finalOf(plan)
    expect(final.params).toEqual([{ value: 'rows' }, 3, 1])
    expect(final.sql).toContain('f.s1 + $2 as "s" from f where f.s2 > $3')
    expect(valuesOf(final, ['a', 'b', 'c', 'd'])).toEqual(['rows', 'd', 'b'])
  })

  it('follow the order of each text elsewhere, named ones too', () => {
    const plan = planOf(
      'select city, sum(x) + ? as s from t where a = ? group by city having count(*) > ? limit ?',
      'mysql',
    )
    expect(plan.shard.params).toEqual([1])
    expect(finalOf(plan).params).toEqual([{ value: 'rows' }, 0, 2, 3])
    const named = planOf('select sum(x) + :more as s from t where a = :a having count(*) > @more', 'sqlite')
    expect(named.shard.sql).toBe('select sum(x) as a1, total(x) as a2, count(*) as a3 from t where a = ?')
    expect(valuesOf(finalOf(named), { more: 1, '@more': 2, a: 3 })).toEqual(['rows', 1, 2])
  })

  it('of PostgreSQL in both texts need a written type', () => {
    expect(refusalOf('select count(*) from t where a = $1 having count(*) > $1')).toContain('the parameter $1')
    expect(refusalOf('select count(*) from t where a = $1::int having count(*) > $1::int')).toBe('none')
  })
})

describe('names', () => {
  it('in GROUP BY are those of items only if no column has them', () => {
    const plan = planOf(`select date_trunc('day', at) as day, count(*) as n from t where a = $1 group by day`)
    expect(plan.presumed).toEqual({
      absent: ['day'],
      columnsOf: { sql: 'select * from t where a = $1 limit 0', params: [0] },
    })
    expect(plan.shard.sql).toContain(`select date_trunc('day', at) as g1`)
  })

  it('in GROUP BY are those of columns if the item names one', () => {
    const plan = planOf('select lower(city) as city, count(*) as n from t group by city')
    expect(plan.presumed).toBeUndefined()
    expect(plan.shard.sql).toContain('select city as g1')
    expect(finalOf(plan).sql).toContain('lower(f.g1) as "city"')
  })

  it('in HAVING are those of items on MySQL and SQLite, and none on PostgreSQL', () => {
    const sql = 'select city, sum(x) as s from t group by city having s > 1'
    for (const dialect of ['mysql', 'sqlite'] as const) {
      expect(planOf(sql, dialect).presumed?.absent).toEqual(['s'])
      expect(finalOf(planOf(sql, dialect)).sql).toMatch(/ where +\(f\.s1\) > 1$/)
    }
    expect(planOf(sql).shard.sql).toContain('s as d1')
  })

  it('with and without their table are one, but where a join merges columns', () => {
    expect(refusalOf('select t.city, count(*) from t join u on t.a = u.a group by city', 'mysql')).toBe('none')
    expect(refusalOf('select t.city, count(*) from t join u using (a) group by city', 'mysql')).toContain('t.city')
  })
})

describe('group keys within expressions', () => {
  const finalItem = (item: string, key: string): string =>
    / from r group by [^)]*\) select (.*) as "x" from f$/.exec(
      finalOf(planOf(`select ${item} as x from t group by ${key}`)).sql,
    )?.[1] ?? ''

  it.each([
    ['a + b', 'a + b', 'f.g1'],
    ['(a + b) * 2', 'a + b', '(f.g1) * 2'],
    ['coalesce(a + b, 0)', 'a + b', 'coalesce(f.g1, 0)'],
    // Not (a + b) * 2: these are columns that only the server can allow.
    ['a + b * 2', 'a + b', 'f.d1 + f.d2 * 2'],
    ['lower(a) || a', 'lower(a), a', 'f.g1 || f.g2'],
    ['at::date::text', 'at::date', 'f.g1::text'],
    ['at::timestamp with time zone', 'at::timestamp', 'f.d1::timestamp with time zone'],
    ['extract(year from year)', 'year', 'extract(year from f.g1)'],
    [`date 'today' - at`, 'at', `date 'today' - f.g1`],
    [`interval '1 day' + at`, 'at', `interval '1 day' + f.g1`],
    ['cast(a as date)', 'a', 'cast(f.g1 as date)'],
    ['a is not distinct from null and not b', 'a, b', 'f.g1 is not distinct from null and not f.g2'],
    ['case a when 1 then b else null end', 'a, b', 'case f.g1 when 1 then f.g2 else null end'],
    [`a at time zone 'utc' < b collate "C"`, 'a, b', `f.g1 at time zone 'utc' < f.g2 collate "C"`],
    ['a between -1 and b', 'a, b', 'f.g1 between -1 and f.g2'],
    ['a::numeric(10, 2)[1]', 'a', 'f.g1::numeric(10, 2)[1]'],
  ])('%s grouped by %s is %s', (item, key, expected) => expect(finalItem(item, key)).toBe(expected))
})

describe('what cannot be split is computed of the gathered rows', () => {
  it.each<[Dialect, string, string, string]>([
    [
      'postgres',
      "select city, string_agg(name, ', ' order by age desc nulls last, id) filter (where age > 3), count(*) from t where a group by city",
      'select city as g1, name as e1, age as e2, id as e3, (age > 3) as e4 from t where a',
      "string_agg(r.e1, ', ' order by r.e2 desc nulls last, r.e3) filter (where r.e4) as s1, count(*) as s2 from r group by r.g1",
    ],
    [
      'postgres',
      'select percentile_disc(array[0.1, 0.9]) within group (order by a desc) from t',
      'select a as e1 from t',
      'percentile_disc(array[0.1, 0.9]) within group (order by r.e1 desc) as s1 from r)',
    ],
    [
      'postgres',
      'select a, b, count(distinct c), sum(x) + 1 from t group by a',
      'select a as g1, b as d1, c as e1, x as e2 from t',
      'count(distinct r.e1) as s1, sum(r.e2) as s2 from r group by r.g1, r.d1',
    ],
    [
      'postgres',
      "select array_agg(1), string_agg('x', $1) from t",
      'select 1 as e1 from t',
      "string_agg('x', $2) as s2 from r)",
    ],
    [
      'postgres',
      'select array_agg(f(a, b) order by (a, b)) from t',
      'select f(a, b) as e1, (a, b) as e2 from t',
      'array_agg(r.e1 order by r.e2)',
    ],
    [
      'mysql',
      "select group_concat(distinct a, b order by c + ?, 1 desc separator ';') from t where d = ?",
      'select a as e1, b as e2, c + ? as e3 from t where d = ?',
      "group_concat(distinct r.e1, r.e2 order by r.e3, 1 desc separator ';') as s1",
    ],
    [
      'sqlite',
      "select group_concat(a, ',' order by b collate nocase desc) from t",
      'select a as e1, b collate nocase as e2 from t',
      "group_concat(r.e1, ',' order by r.e2 desc)",
    ],
    [
      'sqlite',
      'select json_group_array(a), json_group_object(b, a) from t',
      'select a as e1, b as e2 from t',
      'json_group_array(r.e1) as s1, json_group_object(r.e2, r.e1) as s2',
    ],
  ])('%s: %s', (dialect, sql, shard, final) => {
    const plan = planOf(sql, dialect)
    expect(plan.gathers).toBe(true)
    expect(plan.shard.sql).toBe(shard)
    expect(finalOf(plan).sql).toContain(final)
  })

  it('and nothing else is', () => expect(planOf('select count(distinct a), sum(b) from t').gathers).toBe(false))

  it('but what may be a function of the application', () => {
    const sql = 'select string_agg(a order by b) from t'
    const plan = aggregationPlan(sql, shapeOf(sql, 'postgres'), { isOwn: (name) => name === 'string_agg' })
    expect(plan).toEqual({ refused: 'STRING_AGG' })
  })
})

describe('refused', () => {
  it.each<[Dialect, string, string]>([
    ['postgres', 'select row_number() over (order by a), count(*) from t group by a', 'a window function'],
    ['postgres', 'select string_agg(distinct a, b order by a using >) from t', 'STRING_AGG with ORDER BY … USING'],
    [
      'postgres',
      'select percentile_cont(a) within group (order by b) from t',
      'PERCENTILE_CONT of something that is no',
    ],
    ['postgres', 'select mine(a order by b) from t', 'MINE'],
    ['postgres', 'select own.string_agg(a order by b) from t', 'STRING_AGG'],
    ['postgres', 'select json_agg(t.*) from t', '"*" in JSON_AGG'],
    ['postgres', 'select array_agg(a + $1 order by b) from t having count(*) > $1', 'the parameter $1'],
    ['postgres', 'select a, (select 1), count(*) from t group by a', 'a subquery'],
    ['postgres', 'select mine(a), count(*) from t group by a', 'the function mine()'],
    ['postgres', 'select * from t group by a', '"*"'],
    ['postgres', 'select distinct * from t', '"*"'],
    ['postgres', 'select distinct a from t order by b', 'the column b'],
    ['mysql', 'select a, b, count(*) from t group by a', 'the column b'],
    ['mysql', 'select json_arrayagg(a > 1) from t', 'JSON_ARRAYAGG of an expression'],
    ['mysql', 'select count(*) from t group by a with rollup', 'ROLLUP'],
    ['sqlite', 'select a, b, max(c) from t group by a', 'the column b'],
    ['sqlite', 'select a, "b", max(c) from t group by a', 'the column "b"'],
    ['sqlite', 'select a from t group by ?', 'a parameter in GROUP BY'],
    ['sqlite', 'select json_group_array(json(a)) from t', 'JSON_GROUP_ARRAY of an expression'],
    ['sqlite', "select json_group_array(a -> '$') from t", 'JSON_GROUP_ARRAY of an expression'],
    ['sqlite', 'select json_group_array(e.value) from t, json_each(t.a) e', 'JSON_GROUP_ARRAY of what JSON_EACH'],
  ])('%s: %s', (dialect, sql, construct) => expect(refusalOf(sql, dialect)).toContain(construct))

  it('deviations of floating-point numbers, once the types are known', () => {
    const plan = planOf('select stddev(x) as s from t')
    const final = plan.final({ rows: [], types: plan.columns.map(() => 'double precision'), modelled: false }, ['s'])
    expect(final).toEqual({ refused: 'a standard deviation or variance of floating-point numbers' })
  })
})

it('a statement needs no finishing without groups, aggregates and DISTINCT', () => {
  expect(isAggregated(shapeOf('select a from t where b = (select max(b) from t)', 'postgres'))).toBe(false)
  expect(isAggregated(shapeOf('select a from t order by count(*)', 'postgres'))).toBe(true)
  expect(isAggregated(shapeOf('select distinct a from t', 'mysql'))).toBe(true)
})
