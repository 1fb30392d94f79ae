import type { Engine } from '../../src/topology/server-target.ts'

/** A statement over `item`; `$n` is written for every engine. Ordered by a key of its own unless it begins with `~`. */
export type ScatteredStatement = string | readonly [sql: string, ...params: unknown[]]

const everywhere: readonly ScatteredStatement[] = [
  'select count(*) from item',
  'select count(*), count(i), sum(i), min(i), max(i), avg(i) from item',
  'select count(*), count(i), sum(i), min(i), max(i), avg(i), sum(n) from item where id < 0',
  'select sum(b), avg(b), min(b), max(b) from item',
  'select sum(n), avg(n), min(n), max(n), sum(m), avg(m) from item',
  'select sum(f), avg(f), min(f), max(f) from item',
  'select min(d), max(d), min(ts), max(ts), min(v), max(v) from item',
  'select min(word), max(word) from item',
  '~select c, count(*) from item group by c',
  '~select v, count(*), sum(i) as total from item group by v',
  'select word, count(*) as n, sum(i) from item group by word order by word',
  'select word, sum(n) total from item group by word having sum(n) is not null order by total desc, word',
  'select d, count(*) from item group by d order by d',
  'select d, avg(n), avg(i), avg(b), avg(f) from item group by d order by 1 desc',
  'select ok, avg(m), sum(b) from item group by ok order by ok',
  'select i % 7 as rest, count(*) as howmany from item where i >= 0 group by i % 7 order by rest',
  'select i % 7 as rest, count(*) as howmany from item where i >= 0 group by rest order by rest',
  'select i % 7, (i % 7) + 1, count(*) + 1 from item where i > 0 group by 1 order by 1',
  'select 1 + count(*) * 2 as a, sum(i) / 2 as b, -min(i) as c from item',
  'select word, max(i) - min(i) as spread from item group by word order by max(i) - min(i) desc, word',
  "select word, case when count(*) > 100 then 'many' when count(*) > 10 then 'some' else 'few' end from item group by word order by word",
  "select word, coalesce(sum(i), 0), coalesce(word, 'none') from item group by word order by word",
  'select count(distinct word) from item',
  'select count(distinct i), count(distinct d), count(*), sum(i), avg(i) from item',
  'select word, count(distinct v), count(distinct d), sum(b), count(*) from item group by word order by word',
  'select sum(distinct i), avg(distinct i), min(distinct i), max(distinct b) from item',
  'select count(distinct i), count(distinct d) from item where id < 0',
  'select word, count(*) from item group by word order by count(*) desc, word limit 3',
  'select word, count(*) from item group by word order by count(*) desc, word limit 3 offset 2',
  [
    'select word, count(*) from item where i > $1 group by word having count(*) > $2 order by count(*) desc, word limit $3',
    0,
    5,
    4,
  ],
  ['select word, sum(i) + $1, count(*) from item where i between $2 and $3 group by word order by word', 7, -500, 500],
  ['select count(*) as c, $1 as mark from item where word = $2', 'x', 'a'],
  'select distinct word from item order by word',
  'select distinct word, ok from item order by word, ok',
  '~select distinct v from item',
  'select distinct ok, i % 3 as m from item order by m, ok limit 4',
  'select distinct d as day from item where d is not null order by day desc limit 10',
  'select distinct word, 1 as one from item order by word',
  'select word from item group by word order by count(*) desc, word',
  'select word from item group by word having min(i) < -900 and max(i) > 900 order by word',
  'select count(*) from item having count(*) > 5',
  'select count(*) from item having count(*) > 5000',
  'select lower(word) as word, count(*) from item group by lower(word) order by lower(word)',
  'select lower(word) as low, count(*) from item group by low order by low',
  'select upper(lower(word)) as up, count(*) from item group by lower(word) order by up',
  'select item.word, count(item.i) from item group by item.word order by item.word',
  'select t.word as w, sum(t.i) from item t group by t.word order by t.word',
  'select t.word, count(*) from item as t group by word order by word',
  'select word /* a comment */, count( * ) -- another\n from item group by word order by word',
  'select word, ok, count(*), sum(i), sum(b), avg(n) from item group by word, ok order by word, ok',
  'select word, ok, count(*) from item group by 1, 2 order by 3 desc, 1, 2',
  'select ok, word, count(*) from item group by word, ok having word is not null and not (count(*) < 60) order by word, ok',
  "select word, count(*) from item group by word having word like 'b%' or word in ('a', 'Z') order by word",
  'select sum(case when ok then i else 0 end) as yes, sum(case when not ok then 1 end) as no from item',
  'select count(case when i > 0 then 1 end) as positive, count(nullif(i, 0)) from item',
  'select sum(i * i), sum(i + 1), sum(abs(i)), max(abs(i)), min(-i) from item',
  'select round(avg(i), 2), round(sum(m), 1), abs(min(i)) from item',
  'select word, count(*) as "Number of Rows", sum(i) as "a""b" from item group by word order by word',
  'select count(*), count(*), count(*) as again from item',
  'select cast(count(*) as char(10)), cast(sum(i) as decimal(20, 4)) from item',
  'select k, count(*) from item group by k order by count(*), k',
  'select t.k, min(u.i) from item t join item u on u.id = t.id group by t.k order by t.k',
  'select count(*) from item t join item u using (id) where t.i > 0',
  'select word, count(*) from item group by word having sum(i) > (count(*) * 2) order by word',
  'select (word), (count(*)) from item group by (word) order by (word)',
  'select word, count(*) from item group by (word) order by word',
  'select sum(i) as ok, ok as flag from item group by ok order by flag',
  'select word, min(d), max(ts), min(v) from item group by word order by word',
  'select i, b, n, count(*) from item group by i, b, n order by b, i, n limit 50',
  'select b, count(*) from item group by b order by b desc limit 20',
  'select n, count(*) from item group by n order by n limit 60',
  'select f, count(*) from item group by f order by f limit 60',
  'select y, count(*) from item group by y order by y',
]

const postgres: readonly ScatteredStatement[] = [
  'select distinct count(*) > 100 as many from item group by word, ok order by many',
  'select sum(i) filter (where ok), count(*) filter (where not ok), avg(n) filter (where i > 0) from item',
  'select count(distinct word) filter (where ok), sum(distinct i) filter (where i > 0) from item',
  'select bool_and(ok), bool_or(ok), every(i is null) from item',
  'select word, bit_and(i), bit_or(i), bit_xor(i) from item group by word order by word',
  'select var_pop(i), var_samp(i), stddev_pop(i), stddev_samp(i), variance(i), stddev(i) from item',
  'select var_pop(b), var_samp(b), stddev_pop(b), stddev_samp(b) from item',
  'select var_pop(n), var_samp(n), stddev_pop(n), stddev_samp(n) from item',
  'select var_pop(m), stddev(m), variance(m * 1000000) , stddev(m * 1000000), stddev(m / 1000000) from item',
  'select i, stddev(n), variance(n), stddev(m), var_pop(m), stddev_pop(b) from item group by i order by i',
  'select word, stddev(i), variance(i) from item where i = 5 or word is null group by word order by word',
  'select i % 100, stddev(i::smallint), stddev_pop(n) filter (where ok) from item group by 1 order by 1',
  'select avg(r), sum(f) from item',
  'select avg(span), sum(span), min(span), max(span) from item',
  'select sum(m::money), min(m::money) from item',
  'select mood, count(*) from item group by mood order by mood desc',
  'select min(mood), max(mood), count(distinct mood) from item',
  'select tags, count(*) from item group by tags order by tags',
  'select min(tags), max(tags) from item',
  'select k, count(*) from item group by k order by count(*)',
  'select max(k collate "C"), count(distinct k), count(distinct k collate "C") from item',
  'select c collate "C" as c, count(*) from item group by c collate "C" order by 1',
  'select c collate "de-x-icu" as c, count(*) from item group by 1 order by 1',
  `select date_trunc('month', ts) as month, count(*) from item group by month order by month`,
  `select date_trunc('month', ts)::date as month, count(*) from item group by date_trunc('month', ts)::date order by month`,
  `select ts::date, count(*) from item group by ts::date order by ts::date`,
  `select extract(month from d) as day, count(*) from item group by extract(month from d) order by 1`,
  `select extract(year from d), extract(day from d) + 1 as x, count(*) from item group by d order by d`,
  'select id, word, v, count(*) from item group by id order by id limit 100',
  'select t.id, t.word || t.v as both, sum(u.i) from item t join item u on t.id = u.id group by t.id order by t.id limit 30',
  'select count(*), sum(i), 1, null, true, 1.5, current_date is null, coalesce(max(i), 0), case when true then 1 end, max(i)::text from item',
  'select greatest(max(i), 0), least(min(i), 5), nullif(count(*), 0), array[count(*), 1] from item',
  `select word, length(string_agg(v, ',')), length(string_agg(word, '')) from item group by word order by word`,
  `select string_agg(distinct word, ', ' order by word), string_agg(distinct word, ';' order by word desc nulls last) from item`,
  `select ok, array_agg(distinct word order by word), json_agg(distinct i % 3) from item group by ok order by ok`,
  `select word, sum(i)::float8 / count(*)::float8 as ratio, sum(i) between 1 and 5 as few from item group by word order by word nulls first`,
  `select word, count(*) from item group by word order by word collate "de-x-icu" desc nulls last`,
  [
    'select word, count(*) from item where i > $1::int group by word having count(*) > $1::int - 900 order by word',
    -10,
  ],
  [
    `select date_trunc($1, ts) as t, count(*) from item group by date_trunc($1, ts) order by date_trunc($1, ts)`,
    'month',
  ],
  [
    'select word, $2::text || word as x, count(*) from item where v = any($1) group by word order by 1 fetch first 3 rows only',
    ['open', 'new'],
    'p',
  ],
  'select word is not distinct from null as n, ok is true, count(*) from item group by word, ok order by word, ok',
  `select max(ts) at time zone 'UTC' is null, max(ts)::timestamp with time zone is null, interval '1 day' * count(*) from item`,
  'select lower(word) as word, count(*) from item group by word order by 1, 2',
  'select a.word, count(*) from item a left join item b on b.id = a.i group by a.word order by a.word',
  "select to_char(max(d), 'YYYY'), round(avg(n), 3), trunc(sum(n)), (sum(n) * 2)::numeric(30, 2) from item",
  'select count(*) from item limit all',
]

const mysql: readonly ScatteredStatement[] = [
  // With `count(*) > 100` MariaDB 10.11 itself answers with one row too few.
  'select distinct count(*) as many from item group by word, ok order by many',
  'select bit_and(i), bit_or(i), bit_xor(b), bit_and(u) from item',
  'select bit_and(i), bit_or(i), bit_xor(b) from item where id < 0',
  'select sum(u), min(u), max(u), avg(u), sum(h), min(h), max(h) from item',
  'select std(i), stddev(i), stddev_pop(m), stddev_samp(n), var_pop(b), var_samp(i), variance(m) from item',
  'select word, stddev(i), var_samp(n) from item group by word order by word',
  'select h, count(*) from item group by h order by h',
  "select word, length(group_concat(v)), length(group_concat(v separator '; ')) from item group by word order by word",
  `select group_concat(distinct word order by word), group_concat(distinct word order by word desc separator '|') from item`,
  'select count(distinct word, ok) from item',
  'select word w, count(*) cnt from item group by w having cnt > 10 and w is not null order by cnt desc, w',
  'select word, count(*) cnt from item group by word order by count(*) * -1, word limit 2, 3',
  'select `word`, count(*) as `a b` from item group by `word` order by `a b`, `word`',
  "select date_format(d, '%Y-%m') as month, count(*) from item group by month order by month",
  "select date_format(d, '%Y-%m') as month, count(*) from item group by date_format(d, '%Y-%m') order by 1",
  'select year(d), month(d), count(*) from item group by year(d), month(d) order by year(d), month(d)',
  'select max(d) + interval 1 day, date_add(max(d), interval 2 month) as later from item',
  "select sum(i), sum( i+1 ), COUNT(*), Max(word), 1, null, 1.50, 'x', true from item",
  'select if(count(*) > 5, sum(i), 0), ifnull(sum(i), 0), sum(i) div 7, sum(i) mod 7 from item',
  'select cast(mood as char) as mood, count(*) from item group by cast(mood as char) order by mood',
  'select min(mood), max(mood) from item',
  'select k, max(k), count(distinct k) from item group by k order by k desc',
  'select k collate latin1_swedish_ci as kk, count(*) from item group by kk order by kk',
  'select convert(word using latin1) as l, count(*) from item group by l order by l',
  'select hex(min(y)), min(y), max(y) from item',
  'select WORD, Count(*) from item group by Word order by wORD',
]

const sqlite: readonly ScatteredStatement[] = [
  'select distinct count(*) > 100 as many from item group by word, ok order by many',
  'select hex(min(y)), min(y), max(y) from item',
  'select sum(i) filter (where ok), count(*) filter (where not ok), avg(n) filter (where i > 0) from item',
  'select total(i), total(f), total(null), sum(null), avg(null) from item',
  'select word as w, count(*) from item group by word order by w collate nocase desc, count(*)',
  'select word as w, count(*) from item group by word order by 1 collate nocase, 2',
  'select x, typeof(x), count(*) from item group by x, typeof(x) order by x',
  "select min(x), max(x), typeof(sum(x)), sum(x), avg(x) from item where typeof(x) not in ('text', 'blob')",
  'select typeof(n), count(*), sum(n) from item group by typeof(n) order by 1',
  'select k, count(*) from item group by k order by k',
  "select k = 'x  ', count(*) from item group by k order by k",
  'select v, count(*) from item group by v order by v',
  "select v, count(*) from item group by v having v = 'OPEN' or v = 'new'",
  "select i, count(*) from item group by i having i = '5' or i > '990' order by i",
  "select length(group_concat(word)), length(group_concat(word, '; ')) from item",
  'select length(group_concat(distinct word)) from item',
  "select strftime('%Y-%m', d) as month, count(*) from item group by month order by month",
  'select word as w, count(*) cnt from item group by w having cnt > 10 and w is not null order by cnt + 1 desc, w',
  'select "word", count(*) as [a b] from item group by [word] order by "a b", `word`',
  "select sum(i), sum( i+1 ), COUNT(*), Max(word), 1, null, 1.50, 'x', true from item",
  'select max(i, 5), min(max(i), 3), count(*) from item group by max(i, 5) order by 1',
  ['select word, count(*) from item where i > ?2 group by word having count(*) > ?1 order by word', 3, 100],
  'select Word, Count(*) from item group by WORD order by wORD',
  'select word collate nocase as w, count(*) from item group by word collate nocase order by w',
]

const own: Readonly<Record<Engine, readonly ScatteredStatement[]>> = { postgres, mysql, sqlite }

/** Written by hand. */
export function statementsOf(engine: Engine): readonly ScatteredStatement[] {
  return [...everywhere, ...own[engine]]
}

/** Put together at random, the same in every run. */
export function generatedStatements(count: number): readonly ScatteredStatement[] {
  let seed = 99
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const pick = <T>(list: readonly T[]): T => list[next(list.length)]!
  const several = <T>(list: readonly T[], most: number): readonly T[] => [
    ...new Set(Array.from({ length: 1 + next(most) }, () => pick(list))),
  ]
  const keys = ['word', 'ok', 'd', 'i % 5', "coalesce(word, '-')", 'i', 'upper(word)', 'm']
  const aggregates = [
    'count(*)',
    'count(i)',
    'sum(i)',
    'sum(b)',
    'sum(n)',
    'avg(i)',
    'avg(n)',
    'avg(m)',
    'min(d)',
    'max(b)',
    'min(word)',
    'count(distinct i)',
    'count(distinct d)',
    'sum(distinct i)',
    'sum(f)',
    'max(n) - min(n)',
    'sum(i) * 2 + count(*)',
    'coalesce(sum(b), 0)',
    'case when sum(i) > 0 then count(*) else -1 end',
    'abs(sum(i))',
    'sum(case when ok then m end)',
  ]
  const conditions = ['count(*) > 3', 'sum(i) > 0', 'max(b) is not null', 'count(distinct i) > 1 or min(i) < 0']
  return Array.from({ length: count }, () => {
    const grouped = several(keys, 3)
    const items = [...grouped.filter(() => next(3) > 0), ...several(aggregates, 4)]
    const having = next(3) === 0 ? ` having ${pick(conditions)}` : ''
    const sorted = [...(next(2) ? [`${pick(['count(*)', 'sum(i)', 'max(b)'])} desc`] : []), ...grouped]
    const limit = next(3) === 0 ? ` limit ${1 + next(20)}${next(2) ? ` offset ${next(9)}` : ''}` : ''
    const where = next(2) ? ` where ${pick(['i > 0', 'ok', 'd is not null', 'id % 3 = 1'])}` : ''
    return `select ${items.join(', ')} from item${where} group by ${grouped.join(', ')}${having} order by ${sorted.join(', ')}${limit}`
  })
}
