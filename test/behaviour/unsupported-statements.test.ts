import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SignalboxError } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedShop, type ShardedShop } from '../support/sharded-shop.ts'

/** A statement that is not carried out on several shards, what its error names, and where the syntax exists; default: everywhere. */
type Unsupported = readonly [sql: string, construct: string, engines?: readonly Engine[]]

const [postgres, mysql, sqlite] = [['postgres'], ['mysql'], ['sqlite']] as const

const queries: readonly Unsupported[] = [
  ['select id, row_number() over (order by id) from customer', 'a window function'],
  ['select id, sum(credit) over (partition by city) from customer', 'a window function'],
  ['select id from customer union select id from customer', 'UNION'],
  ['select id from customer union all select customer_id from purchase', 'UNION'],
  ['select id from customer intersect select customer_id from purchase', 'UNION'],
  ['select id from customer except select customer_id from purchase', 'UNION'],
  ['with x as (select * from customer) select * from x', 'WITH'],
  ['select * from (select id from customer) as q', 'subquery of FROM'],
  ['select c.id from customer c join purchase p on p.id = c.id', 'not by their shard keys'],
  ['select c.id from customer c, purchase p', 'not by their shard keys'],
  ['select a.id from customer a join customer b on a.city = b.city', 'not by the shard key'],
  ['select id from customer where credit = (select max(credit) from customer)', 'not by the shard key'],
  ['select id from customer where id in (select id from purchase)', 'not by their shard keys'],
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
  ["select string_agg(name, ',' order by id) from customer", 'STRING_AGG with an ORDER BY of its own', postgres],
  ['select group_concat(name order by id) from customer', 'GROUP_CONCAT with an ORDER BY of its own', mysql],
  ['select percentile_cont(0.5) within group (order by id) from customer', 'PERCENTILE_CONT', postgres],
  ['select id from customer order by id fetch first 3 rows with ties', 'WITH TIES', postgres],
  ['select id from customer order by id limit 1 + 1', 'LIMIT with an expression', ['postgres', 'sqlite']],
  ['select id from customer tablesample system (10)', 'TABLESAMPLE', postgres],
  ['select id from customer for update', 'locks rows', ['postgres', 'mysql']],
  ['select sql_calc_found_rows id from customer limit 1', 'changes the state of its connection', mysql],
  ["select id from customer order by name || 'x' collate nocase || 'y'", 'names a collation within', sqlite],
]

const changes: readonly Unsupported[] = [
  ["insert into customer (name) values ('x')", 'shard key'],
  ["insert into customer values (900, 'x', null, null, null, null)", 'shard key'],
  ['insert into purchase (customer_id, id) select id, 900 from customer', 'SELECT of an INSERT'],
  ['update customer set id = 900 where id = 1', 'shard key'],
  ["update customer set name = 'x'", 'no shard key'],
  ['delete from purchase where units = 1', 'no shard key'],
  ['delete from purchase where customer_id in (1, 2, 3, 4)', 'the shards'],
  ["update customer set name = 'x' order by id limit 2", 'LIMIT', mysql],
  ['delete from customer limit 1', 'LIMIT', mysql],
  ['update customer set credit = (select max(total) from purchase)', 'not by their shard keys'],
]

/** They are refused also where all shards are meant. */
const evenOnAll = /^insert|set id|limit|select max/

describe.each(testedEngines)('what several shards cannot do is refused by name on %s', (engine) => {
  let shop: ShardedShop
  beforeAll(async () => {
    shop = await startShardedShop(engine)
  }, 60_000)
  afterAll(async () => {
    await shop[Symbol.asyncDispose]()
  })

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
