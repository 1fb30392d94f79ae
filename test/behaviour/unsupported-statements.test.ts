import { describe, expect, it } from 'vitest'
import { SignalboxError } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedShop } from '../support/sharded-shop.ts'

/** A statement that is not carried out on several shards, what its error names, and where the syntax exists; default: everywhere. */
type Unsupported = readonly [sql: string, construct: string, engines?: readonly Engine[]]

const [postgres, mysql, sqlite] = [['postgres'], ['mysql'], ['sqlite']] as const

const queries: readonly Unsupported[] = [
  ['select id, row_number() over (order by id) from customer', 'a window function'],
  ['select id, sum(credit) over (partition by city) from customer', 'a window function'],
  [
    'select id, row_number() over (partition by city order by id) from customer',
    'PARTITION BY does not have the shard key',
  ],
  ['select customer_id, rank() over w from purchase window w as (order by units)', 'a window function'],
  ['select distinct id, count(*) over (partition by id) from customer', 'a window function'],
  ['select name from customer union select name from customer', 'UNION of rows that do not all have the shard key'],
  ['select id, city from customer union select id, note from purchase', 'UNION of rows that do not all'],
  ['select name from customer intersect select note from purchase', 'INTERSECT of rows that do not all'],
  ['select id from customer except select id from purchase', 'EXCEPT of rows that do not all'],
  ['select id from customer union all select 0', 'a member of UNION ALL reads no sharded table'],
  ['select name from customer union all select code from country', 'a member of UNION ALL reads no sharded table'],
  [
    'select city, count(*) from customer group by city union all select note, 1 from purchase',
    'GROUP BY in a member of UNION ALL',
  ],
  ['select id from customer union all select count(*) from purchase', 'an aggregate without GROUP BY in a member'],
  [
    'select id, id from customer union all select id, units from purchase order by 1',
    'the sort key 1',
    ['postgres', 'sqlite'],
  ],
  ['select id, id from customer union all select id, units from purchase order by 1', 'two columns of one name', mysql],
  [
    'select id + 1, name from customer union all select id, note from purchase order by 1',
    'not the name of one column',
  ],
  ["select 'x' as n from customer union all select note from purchase order by n", 'a column in one member', sqlite],
  ['select * from (select id from customer order by id limit 3) as q', 'LIMIT in a subquery of FROM'],
  ['with x as (select * from customer limit 3) select * from x', 'LIMIT in the WITH query x'],
  ['select * from (select id from customer order by name) as q', 'ORDER BY in a subquery of FROM'],
  [
    'select city, n from (select city, count(*) as n from customer group by city) as q',
    'GROUP BY in a subquery of FROM that does not keep the shard key of customer',
  ],
  ['select n from (select id as c, count(*) as n from purchase group by c) as q', 'GROUP BY in a subquery of FROM'],
  [
    'select max(n) from (select count(*) as n from purchase) as q',
    'an aggregate without GROUP BY in a subquery of FROM',
  ],
  [
    'select count(*) from (select distinct city from customer) as q',
    'DISTINCT in a subquery of FROM that does not keep',
  ],
  [
    'select r from (select row_number() over (order by id) as r from customer) as q',
    'a window function in a subquery of FROM',
  ],
  [
    'select r from (select rank() over (partition by units order by id) as r from purchase) as q',
    'a window function in a subquery of FROM',
  ],
  [
    'select k.code, q.id from country k left join (select id, country from customer) q on q.country = k.code',
    'outer join',
  ],
  [
    'with x as (select * from customer) select a.id from x a join x b on a.city = b.city',
    'the WITH query x is read more than once',
  ],
  [
    'with x as (select max(customer_id) as m from purchase group by customer_id) select id from customer where id in (select m from x)',
    'the WITH query x is read in a subquery of an expression',
  ],
  [
    'with recursive x(id, n) as (select id, 1 from customer union all select id, n + 1 from x where n < 3) select id, n from x',
    'WITH RECURSIVE',
  ],
  [
    'select q.id from (select id, city from customer) q join (select city from customer) r on r.city = q.city',
    'not by the shard key',
  ],
  ['select count(*) from (select c.id from customer c, purchase p) q', 'not by their shard keys'],
  ['select q.n from (select (select count(*) from purchase) as n from customer) q', 'not by their shard keys'],
  ['with x as (select * from customer) select code from country', 'read only in a subquery'],
  [
    'select json_arrayagg(n) from (select id = 1 as n from customer) q',
    'JSON_ARRAYAGG of what a query inside gives',
    mysql,
  ],
  [
    'select json_group_array(n) from (select json(note) as n from purchase) q',
    'JSON_GROUP_ARRAY of what a query',
    sqlite,
  ],
  ['select c.id from customer c join purchase p on p.id = c.id', 'not by their shard keys'],
  ['select c.id from customer c, purchase p', 'not by their shard keys'],
  ['select a.id from customer a join customer b on a.city = b.city', 'not by the shard key'],
  ['select id from customer where credit = (select max(credit) from customer)', 'not by the shard key'],
  ['select id from customer where id in (select id from purchase)', 'not by their shard keys'],
  ['select id from customer where id not in (select id from purchase)', 'not by their shard keys'],
  [
    'select id from customer where id not in (select p.customer_id from customer c left join purchase p on p.customer_id = c.id)',
    'not by their shard keys',
  ],
  // Only keys are known to be never NULL.
  [
    'select c.id from customer c join country k on k.code = c.id where k.code not in (select p.customer_id from purchase p)',
    'not by their shard keys',
  ],
  [
    'select k.code from country k left join customer c on c.country = k.code where c.id not in (select customer_id from purchase)',
    'not by their shard keys',
  ],
  ['select id from customer where id = (select max(customer_id) from purchase)', 'not by their shard keys'],
  ['select code from country where exists (select 1 from customer c where c.country = country.code)', 'shard key'],
  ['select k.code, c.id from country k left join customer c on c.country = k.code', 'outer join'],
  [
    'select k.code, c.id from customer c full join country k on c.country = k.code',
    'outer join',
    ['postgres', 'sqlite'],
  ],
  ['select city, name, count(*) from customer group by city', 'name, which is neither grouped', ['mysql', 'sqlite']],
  ['select *, count(*) from customer group by id', '"*" beside GROUP BY', ['mysql', 'sqlite']],
  ['select distinct * from customer', '"*" beside GROUP BY, aggregates or DISTINCT'],
  ['select id as x, name as x from customer order by x', 'the name of several items'],
  ['select *, id from customer order by 7', 'the sort key 1, which counts columns behind a *'],
  ['select distinct on (city) city, id from customer order by city, id', 'DISTINCT ON', postgres],
  ['select city, count(*) from customer group by rollup (city)', 'ROLLUP', postgres],
  ['select city, count(*) from customer group by city with rollup', 'WITH ROLLUP', mysql],
  ["select string_agg(name, ',' order by id using <) from customer", 'STRING_AGG with ORDER BY … USING', postgres],
  ['select percentile_cont(id) within group (order by id) from customer', 'PERCENTILE_CONT of something', postgres],
  ['select json_arrayagg(id > 3) from customer', 'JSON_ARRAYAGG of an expression', mysql],
  ['select group_concat(name order by id limit 2) from customer', 'LIMIT in GROUP_CONCAT', mysql],
  ['select json_group_array(json(name)) from customer', 'JSON_GROUP_ARRAY of an expression', sqlite],
  ['select id from customer order by id fetch first 3 rows with ties', 'WITH TIES', postgres],
  ['select id from customer order by id limit 1 + 1', 'LIMIT with an expression', ['postgres', 'sqlite']],
  ['select id from customer tablesample system (10)', 'TABLESAMPLE', postgres],
  ['select id from customer for update', 'locks rows', ['postgres', 'mysql']],
  ['select sql_calc_found_rows id from customer limit 1', 'changes the state of its connection', mysql],
  ['select id from customer order by (name, id)', 'of the type record', postgres],
  ['select name as signalbox_order_1 from customer order by id', 'a name with signalbox_order_ in it'],
  ["select id from customer order by name || 'x' collate nocase || 'y'", 'names a collation within', sqlite],
  [
    'select id, rand() as r from customer order by r',
    'the sort key 1, which has another value each time (rand())',
    mysql,
  ],
  ['select id from customer order by name, 1 + Rand()', 'the sort key 2, which has another value each time', mysql],
  ['select id from customer order by uuid()', 'another value each time (uuid())', mysql],
  ['select id from customer order by random()', 'another value each time (random())', sqlite],
  ['select id, abs(random()) as r from customer order by r, id', 'another value each time (random())', sqlite],
]

const changes: readonly Unsupported[] = [
  ["insert into customer (name) values ('x')", 'do not show their id'],
  ["insert into customer values (900, 'x', null, null, null, null)", 'INSERT INTO customer (id, …) VALUES (…)'],
  ["insert into customer (id, name) values (abs(-900), 'x')", 'do not show their id'],
  ['insert into purchase (customer_id, id) values (900, (select count(*) from customer))', 'have keys of their own'],
  ['insert into purchase (customer_id, id) select id + 1, 900 from customer', 'as a plain column'],
  ['insert into purchase (customer_id, id) select id, 900 from customer limit 3', 'without LIMIT'],
  ['insert into purchase (customer_id, id) select max(id), 900 from customer', 'group by the key'],
  ['insert into purchase (customer_id, id) select id, row_number() over (order by id) from customer', 'windows'],
  ['insert into purchase (customer_id, id) select id, 900 from customer union select 1, 900', 'UNION'],
  ['insert into purchase (customer_id, id) select id, 900 from customer union all select 1, 900', 'UNION'],
  [
    'insert into purchase (customer_id, id) select id, 900 from customer union all select id, 901 from purchase',
    'as a plain column',
  ],
  [
    'insert into purchase (customer_id, id) select id, 900 from customer union all select customer_id, 901 from purchase limit 5',
    'without LIMIT',
  ],
  [
    'insert into purchase (customer_id, id) select id, 900 from customer union all select customer_id, row_number() over (order by id) from purchase',
    'windows',
  ],
  [
    'insert into purchase (customer_id, id) select c.id, 900 from country k left join customer c on c.country = k.code',
    'as a plain column',
  ],
  ['update customer set id = 900 where id = 1', 'shard key'],
  ["update customer set name = 'x'", 'no shard key'],
  ['delete from purchase where units = 1', 'no shard key'],
  ['delete from purchase where customer_id in (1, 2, 3, 4)', 'the shards'],
  ["update customer set name = 'x' order by id limit 2", 'LIMIT', mysql],
  ['delete from customer limit 1', 'LIMIT', mysql],
  [
    'delete from customer where exists (select 1 from purchase where purchase.customer_id = customer.id) limit 1',
    'LIMIT',
    mysql,
  ],
  ['update customer set credit = (select max(total) from purchase)', 'not by their shard keys'],
]

/** They are refused also where all shards are meant. */
const evenOnAll = /^insert|set id|limit|select max/

describe.each(testedEngines)('what several shards cannot do is refused by name on %s', (engine) => {
  const shop = forAllTests(async () => await startShardedShop(engine))

  const here = (list: readonly Unsupported[]) =>
    list
      .filter(([, , engines]) => engines === undefined || engines.includes(engine))
      .map(([sql, construct]) => ({ sql, construct }))

  const codes = ['SIGNALBOX_CANNOT_SCATTER', 'SIGNALBOX_SHARD_KEY_MISSING', 'SIGNALBOX_CROSS_SHARD']

  async function refusal(sql: string, allShards: boolean): Promise<string> {
    const error: unknown = await shop.sharded.query(sql, [], { allShards }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SignalboxError)
    expect(codes).toContain((error as SignalboxError).code)
    return (error as SignalboxError).message
  }

  it.each(here(queries))('$sql', async ({ sql, construct }) => {
    expect(await refusal(sql, false)).toContain(construct)
  })

  it.each(here(changes))('$sql', async ({ sql, construct }) => {
    const rows = async () =>
      (await shop.sharded.query('select * from customer order by id', [], { rowMode: 'array' })).rows
    const before = await rows()
    if (construct !== 'LIMIT') expect(await refusal(sql, false)).toContain(construct)
    if (evenOnAll.test(sql)) expect(await refusal(sql, true)).toContain(construct)
    expect(await rows()).toEqual(before)
  })
})
