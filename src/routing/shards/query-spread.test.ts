import { beforeAll, describe, expect, test } from 'vitest'
import type { Analyzer } from '../../statement/analyzer.ts'
import { createPostgresAnalyzer } from '../../statement/postgres.ts'
import { readQueryTree } from '../../statement/query-tree/read-query-tree.ts'
import { KeyReader } from './key-pins.ts'
import { spreadObstacle } from './query-spread.ts'

const keys: Readonly<Record<string, readonly string[]>> = {
  c: ['id'],
  p: ['cid'],
  b: ['cid'],
  t: ['region', 'no'],
  u: ['region', 'no'],
}

let analyzer: Analyzer
beforeAll(async () => {
  analyzer = await createPostgresAnalyzer()
})

/** What keeps a query of the sharded tables c, p, b, t, u from being spread; k is a copy. */
function obstacleIn(sql: string): string {
  const { appearances, tables } = analyzer.analyze(sql)
  const starts = tables.flatMap(({ spans }) => spans.map(({ start }) => start)).toSorted((a, b) => a - b)
  const places = appearances.flatMap(({ name, optional }, index) => {
    const shardKey = keys[name]
    return shardKey === undefined
      ? []
      : [{ index, table: name, shardKey, position: starts[index]!, optional: optional === true }]
  })
  return (
    spreadObstacle(readQueryTree(sql, 'postgres')!, places, new KeyReader(appearances, 'postgres', places))?.text ??
    'none'
  )
}

describe('queries that are answered shard by shard', () => {
  test.each([
    'select * from (select * from c) q',
    'select * from (select c.id from c join p on p.cid = c.id left join b on b.cid = c.id) q',
    'select * from (select p.cid, count(*) from c left join p on p.cid = c.id group by c.id, p.cid) q',
    'select * from (select cid as x, count(*) from p group by cid) q',
    'select * from (select x, count(*) from (select cid as x from p) r group by x) q',
    'select * from (select r.y, count(*) from (select cid as x from p) r(y) group by r.y) q',
    'select * from (select cid, count(*) from (select * from p) r group by cid) q',
    'select * from (select cid, count(*) from (select r.* from (select cid from p) r, k) s group by cid) q',
    'with r(x, y) as (select id, cid from p) select * from (select y, count(*) from r group by 1) q',
    'select * from (select region, no, count(*) from t group by no, region) q',
    'select * from (select t.region, u.no, count(*) from t join u on t.region = u.region and t.no = u.no group by 1, 2) q',
    'select * from (select distinct cid, x from p) q',
    'select * from (select distinct on_it.* from p on_it) q',
    'select * from (select rank() over (partition by a, cid) from p) q',
    'select * from (select c.id from c where exists (select from p where p.cid = c.id)) q',
    'select id from c union all select cid from p union all select cid from b',
    'select 1 from (select id from c union all select cid from p) q group by 1',
    'select 1 from (select x, count(*) from (select id as x from c union all select cid from p) r group by x) q',
    'select id from c union select cid from p',
    'select region, no from t except all select region, no from u',
    'select x from (select distinct x from (select id as x from c intersect select cid from p) r) q',
    'with q as (select * from c) select * from q union all select * from q',
    'with recursive n as (select 1 as x union all select x + 1 from n where x < 5) select * from (select c.id from c join n on n.x = c.level) q',
    'select * from (select * from c) q left join (select * from k) r on r.a = q.a',
    'select c.id, l.n from c cross join lateral (select count(*) as n from p where p.cid = c.id) l, (select 1 from k) m',
    'select count(*) from (select id from c order by name) q',
    'select * from (select id from c order by name) q order by id',
  ])('%s', (sql) => {
    expect(obstacleIn(sql)).toBe('none')
  })

  test.each([
    [
      'select * from (select p.cid, count(*) from c left join p on p.cid = c.id group by p.cid) q',
      'GROUP BY in a subquery of FROM that does not keep the shard key of c,',
    ],
    ['select * from (select cid + 0, count(*) from p group by 1) q', 'GROUP BY'],
    ['select * from (select x as cid, count(*) from p group by cid) q', 'GROUP BY'],
    ['select * from (select cid, count(*) from (select x as cid, cid as y from p) r group by cid) q', 'GROUP BY'],
    ['select * from (select r.cid, count(*) from (select cid from p) r(y) group by r.cid) q', 'GROUP BY'],
    ['select * from (select cid, count(*) from p join b on p.cid = b.cid group by cid) q', 'GROUP BY'],
    ['select * from (select cid, count(*) from (select cid, a as cid from p) r group by cid) q', 'GROUP BY'],
    ['select * from (select r.cid, count(*) from (select * from p) r(cid) group by r.cid) q', 'GROUP BY'],
    [
      'with q as (select cid as x, a as y from p) select * from (select x, count(*) from (select x from q union all select y from q) r group by x) s',
      'GROUP BY',
    ],
    ['select * from (select cid, count(*) from (select * from p natural join k) r group by cid) q', 'GROUP BY'],
    ['select * from (select cid, count(*) from p natural join k group by cid) q', 'GROUP BY'],
    [
      'select * from (select u, count(*) from (select * from (select cid as k1, x from p) a natural join (select x, y as z from k) b) r(u, v) group by u) q',
      'GROUP BY',
    ],
    ['select * from (select region, count(*) from t group by region) q', 'GROUP BY'],
    ['select * from (select distinct c.a, p.cid from c left join p on p.cid = c.id) q', 'DISTINCT'],
    [
      'select * from (select distinct x, y from (select id as x, a as y from c union all select a, cid from p) r) q',
      'DISTINCT',
    ],
    ['select * from (select distinct x from (select * from c union all select * from p) r) q', 'DISTINCT'],
    [
      'select * from (select rank() over (partition by cid), rank() over (order by cid) from p) q',
      'a window function in a subquery',
    ],
    ['select rank() over (order by cid) from (select * from p) q', 'a window function whose'],
    ['select * from (select distinct on (cid) * from p) q', 'DISTINCT ON in a subquery of FROM'],
    ['select * from (select cid from p group by rollup (cid)) q', 'ROLLUP in a subquery of FROM'],
    ['select * from (select id from c limit 1) q', 'LIMIT'],
    ['select * from (select id from c union all select cid from p limit 1) q', 'LIMIT in a subquery of FROM'],
    ['(select id from c limit 1) union all select cid from p', 'LIMIT in a member of UNION ALL'],
    ['select a from c union select a from p', 'UNION of rows'],
    ['select id, a from c union select a, cid from p', 'UNION of rows'],
    ['select region, no from t union select no, region from u', 'UNION of rows'],
    ['select id from c union all select 1', 'a member of UNION ALL reads no sharded table'],
    ['select id from c union all (select cid from p union all select a from k)', 'a member of UNION ALL reads no'],
    ['select * from k left join (select * from c) q on q.a = k.a', 'its outer join'],
    ['select * from (select * from c) q right join k on q.a = k.a', 'its outer join'],
    ['select * from (select k.a from k left join c on c.a = k.a) q', 'its outer join'],
    ['select * from (select * from c) q join (select * from p) r on q.a = r.a', 'it joins c, p'],
    ['select * from (select * from c) q join c on q.a = c.a', 'it joins rows of c with each other'],
    ['select * from (select c.id from c, p) q', 'it joins c, p'],
    [
      'with q as (select * from c) select 1 from q x join q y on x.id = y.id',
      'the WITH query q is read more than once',
    ],
    [
      'with q as (select * from c) select 1 from q join (select * from q) r on q.id = r.id',
      'the WITH query q is read more',
    ],
    [
      'with q as (select * from c), r as (select * from q) select 1 from r join p on p.cid = r.id union all select id from q',
      'the WITH query q is read more than once',
    ],
    [
      'with q as (select cid from p) select 1 from c where id in (select cid from q)',
      'the WITH query q is read in a subquery of an expression',
    ],
    [
      'with q as (select cid from p) select 1 from c, lateral (select * from q where q.cid = c.id) l',
      'the WITH query q is read in a',
    ],
    ['with q as (select * from c) select 1 from k', 'read only in a subquery'],
    ['with q as (select * from c) select 1 from p', 'it joins p, c'],
    ['with recursive q as (select id from c union all select id from q) select * from q', 'WITH RECURSIVE'],
    ['with recursive q as (select c.id from c join q on q.id = c.id) select * from q', 'WITH RECURSIVE'],
    [
      'select * from (select (select max(id) from p) from k) q, (select * from c) r',
      'read only in a subquery of an expression',
    ],
    ['select c.id from c cross join lateral (select * from p limit 1) l', 'it joins c, p'],
    ['select * from (select id from c order by name) q', 'ORDER BY in a subquery of FROM'],
    ["select string_agg(x, ',') from (select x from c order by x) q", 'ORDER BY in a subquery of FROM'],
    [
      "select count(*) from (select id, string_agg(x, ',') from (select * from c order by x) r group by id) q",
      'ORDER BY',
    ],
    ['select * from (select sum(a) from p) q', 'an aggregate without GROUP BY'],
    ['select * from (select 1 from p having count(*) > 1) q', 'an aggregate without GROUP BY'],
  ])('not: %s', (sql, obstacle) => {
    expect(obstacleIn(sql)).toContain(obstacle)
  })

  describe('joined by a key that comes out of a query', () => {
    test.each([
      'select * from (select * from c) q join c on q.id = c.id',
      'select * from (select * from c) q join p on p.cid = q.id',
      'select * from (select * from c) q left join (select cid, sum(a) from p group by cid) r on r.cid = q.id',
      'select * from (select r.id, count(*) from (select id from c) r join (select cid from p) q on q.cid = r.id group by 1) s',
      'select * from (select q.cid, count(*) from (select id from c) r join (select cid from p) q on q.cid = r.id group by 1) s',
      'with q as (select * from c) select * from q join p on p.cid = q.id',
      'with q as (select * from c), r as (select cid, count(*) from p group by cid) select * from q left join r on r.cid = q.id',
      'select * from k left join (select * from c) q on true join p on p.cid = q.id',
      'select * from (select id from c union all select cid from p) q join b on b.cid = q.id',
      'select * from (select id from c) q where exists (select from p where p.cid = q.id)',
    ])('%s', (sql) => {
      expect(obstacleIn(sql)).toBe('none')
    })

    test.each([
      ['select * from (select id from c limit 2) q join p on p.cid = q.id', 'LIMIT'],
      ['select * from (select id, rank() over () from c) q join p on p.cid = q.id', 'a window function'],
      ['select * from (select max(id) as id from c) q join p on p.cid = q.id', 'an aggregate without GROUP BY'],
      ['select * from (select max(id) as id from c group by a) q join p on p.cid = q.id', 'GROUP BY'],
      [
        'select * from (select id from c union all select cid from p) q left join b on b.cid = q.id',
        'it joins c, p, b',
      ],
      [
        'with q as (select * from c), r as (select * from p) select 1 from q join r on q.id = r.cid union all select 1 from q join r on q.a = r.a',
        'is read more than once',
      ],
      [
        'select * from k left join (select * from c) q on true left join (select * from p) r on r.cid = q.id',
        'its outer join',
      ],
    ])('not: %s', (sql, obstacle) => {
      expect(obstacleIn(sql)).toContain(obstacle)
    })
  })
})
