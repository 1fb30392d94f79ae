import { describe, expect, it } from 'vitest'
import { connect, listShards } from '../../src/index.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { privateServer, testedEngines } from '../support/servers.ts'
import { startShardedShop } from '../support/sharded-shop.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

describe.runIf(testedEngines.includes('postgres'))('aggregates of gathered rows on PostgreSQL', () => {
  const shop = forAllTests(async () => await startShardedShop('postgres'))

  it.each([
    'select json_agg(customer order by id) as j from customer',
    'select c.country, json_agg(c order by c.id) as j from customer c group by c.country order by c.country',
    "select c.id, c.name, string_agg(p.note, '; ' order by p.bought, p.id) as notes, count(distinct p.units) as n from customer c join purchase p on p.customer_id = c.id group by c.id order by c.id limit 9",
    'select k.name, array_agg(c.city order by c.city collate "de-x-icu" desc, c.id) as a from customer c join country k on k.code = c.country group by k.name order by k.name',
    'select percentile_cont(0.5) within group (order by units) as p, max(units) as m from purchase',
  ])('%s', async (sql) => {
    const [one, many] = [await shop.whole.query(sql), await shop.sharded.query(sql)]
    expect(many.rows).toEqual(one.rows)
    expect(many.fields.map(({ name }) => name)).toEqual(one.fields.map(({ name }) => name))
  })
})

describe.runIf(testedEngines.includes('postgres'))(
  'columns beside gathered rows that do not depend on the groups',
  () => {
    it.each([
      'select p.customer_id as id, sum(p.id) as id, count(distinct p.customer_id) as n from purchase p group by id',
      'select c.country, c.name, array_agg(c.id order by c.id) as a from customer c group by c.country',
      'select c.country, array_agg(c.id order by c.id) as a from customer c group by c.country order by c.name',
      "select c.country, array_agg(c.id order by c.id) as a from customer c group by c.country having c.name <> ''",
    ])('are refused by the server: %s', async (sql) => {
      await using shop = await startShardedShop('postgres')
      for (const client of [shop.whole, shop.sharded])
        await expect(client.query(sql)).rejects.toThrow('must appear in the GROUP BY clause')
    })
  },
)

/** Rows whose numbers differ in the last digits at most: those depend on the order of the additions. */
function close(rows: readonly unknown[]): unknown[] {
  const round = (value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(11)) : value)
  return rows.map((row) => Object.entries(row as object).map(([name, value]) => [name, round(value)]))
}

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))(
  'deviations of floating-point numbers, on %s',
  (engine) => {
    const shop = forAllTests(async () => await startShardedShop(engine))

    const everywhere = [
      'select stddev(weight) as a, variance(weight) as b, stddev_pop(weight) as c, stddev_samp(weight) as d, var_pop(weight) as e, var_samp(weight) as f, count(*) as n from purchase',
      'select stddev(weight) as a, stddev_pop(units) as b from purchase where units > 100',
      'select stddev_samp(weight) as a, var_pop(weight) as b, stddev_pop(weight) as c from purchase where customer_id = 7 and id = 1 or customer_id < 0',
      'select c.city, stddev(p.weight) as a, sum(p.units) as u, count(distinct p.note) as n, max(p.note) as m from customer c left join purchase p on p.customer_id = c.id group by c.city order by c.city',
      'select c.name, stddev_samp(p.weight) as a from customer c left join purchase p on p.customer_id = c.id group by c.name having stddev_samp(p.weight) > 1 order by stddev_samp(p.weight) desc, c.name limit 7',
      'select note, 2 * stddev_samp(weight) + avg(weight) as a from purchase group by note order by a, note',
      'select variance(weight * 0 + 0.1e0) as zero from purchase',
    ]
    const own = {
      postgres: [
        'select note, stddev(weight) filter (where units > 1) as a, stddev(distinct weight) as b, variance(weight::real) as r from purchase group by note order by note',
        "select note, stddev(case when customer_id = 10 then 'infinity' else weight end) as a from purchase group by note order by note",
      ],
      mysql: ['select note, std(weight) as a, variance(weight * 1.5) as b from purchase group by note order by note'],
    }

    it.each([...everywhere, ...own[engine]])('%s', async (sql) => {
      const { rows } = await shop.whole.query(sql)
      expect(rows.length).toBeGreaterThan(0)
      expect(close((await shop.sharded.query(sql)).rows)).toEqual(close(rows))
      expect(close(await Array.fromAsync(shop.sharded.stream(sql)))).toEqual(close(rows))
    })

    it('takes the rows only where the types ask for it, which are asked for once', async () => {
      using queries = subscribedQueries()
      const asked = async (sql: string): Promise<string[]> => {
        const before = queries.all.length
        await shop.sharded.query(sql)
        return queries.all.slice(before).map((each) => each.sql)
      }
      const [floats, exact] = ['weight', 'total'].map(
        (column) => `select var_pop(${column}) as v from purchase where id > 0`,
      )
      const first = await asked(floats!)
      const second = await asked(floats!)
      expect(second.filter((text) => /^select (?:weight|\(weight\) \+ 0e0) as e1 from/.test(text))).toHaveLength(4)
      expect(second.some((text) => text.includes('sum('))).toBe(false)
      const askTypes = (texts: readonly string[]) => texts.filter((text) => text.endsWith(' limit 0'))
      expect([askTypes(first).length, askTypes(second).length]).toEqual([1, 0])
      expect((await asked(exact!)).some((text) => text.includes(' as e1'))).toBe(false)
    })

    it('is told by the preview', () => {
      const { scatter } = shop.sharded.preview('select stddev(weight) from purchase')
      expect(scatter?.steps[0]).toMatch(/select .*weight.* as e1 from purchase/)
    })
  },
)

describe.runIf(testedEngines.includes('mysql'))('deviations of a FLOAT', () => {
  it('takes all digits of a FLOAT, also where answers come as text', async () => {
    await using shop = await startShardedShop('mysql')
    const sql = 'select stddev(f) as s, count(*) as n from purchase'
    for (const client of [shop.whole, shop.sharded]) {
      await client.query('alter table purchase add column f float')
      await client.query('update purchase set f = (16777 + customer_id) / 16', [], { allShards: true })
    }
    const { rows } = await shop.whole.query(sql, [], { prepare: false })
    expect(close((await shop.sharded.query(sql, [], { prepare: false })).rows)).toEqual(close(rows))
  })
})

describe.runIf(testedEngines.includes('mysql'))('GROUP_CONCAT of gathered rows on MariaDB', () => {
  it('is cut where one server would have cut it', async () => {
    await using server = await privateServer('mysql', { group_concat_max_len: '40' })
    const [whole, a, b] = await Promise.all([1, 2, 3].map(async () => await server.createDatabase()))
    await using one = await connect(whole!.dsn)
    await using many = await connect({
      databases: {
        default: {
          shards: { a: a!.dsn, b: b!.dsn },
          shardMap: listShards({ key: 'integer', lists: { a: [1, 2, 3, 4, 5], b: [6, 7, 8, 9] } }),
        },
      },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
    for (const client of [one, many]) {
      await client.query('create table item (id integer primary key, name varchar(20))')
      for (let id = 1; id <= 9; id++)
        await client.query('insert into item (id, name) values (?, ?)', [id, `naïve ${id % 4}ß`])
    }
    for (const sql of [
      "select group_concat(name order by name desc, id separator '; ') as g from item",
      'select id % 2 as odd, group_concat(name, id order by id) as g from item group by id % 2 order by odd',
    ]) {
      const { rows } = await one.query<{ g: string }>(sql)
      expect(Buffer.byteLength(rows[0]!.g)).toBeGreaterThan(36)
      expect(Buffer.byteLength(rows[0]!.g)).toBeLessThanOrEqual(40)
      expect((await many.query(sql)).rows).toEqual(rows)
    }
  })
})

/** How each engine lists values of rows, as text and as JSON. */
const lists = {
  postgres: { text: (value: string, order: string) => `string_agg(${value}::text, ',' ${order})`, json: 'json_agg' },
  mysql: { text: (value: string, order: string) => `group_concat(${value} ${order})`, json: 'json_arrayagg' },
  sqlite: { text: (value: string, order: string) => `group_concat(${value}, ',' ${order})`, json: 'json_group_array' },
} as const

describe.each(testedEngines)('groups that MariaDB itself mistakes in one database, on %s', (engine) => {
  const shop = forAllTests(async () => await startShardedShop(engine))
  const { text, json } = lists[engine]
  const joined = 'from customer c join purchase p on p.customer_id = c.id'
  /** The rows first, in a table that is kept, and then their groups: all engines agree on that. */
  const kept = (columns: string, from: string) => `from (select ${columns} ${from} limit 10000) as d`

  it.each([
    {
      what: 'NULL behind a computed number, where rows are gathered',
      asked: `select ${text('c.id', 'order by c.id')} as l from customer c group by c.city, c.credit + 1 order by c.city, c.credit + 1 desc`,
      right: `select ${text('d.id', 'order by d.id')} as l ${kept('c.id, c.city, c.credit + 1 as k', 'from customer c')} group by d.city, d.k order by d.city, d.k desc`,
    },
    {
      what: 'NULL behind a computed number, where shards have groups',
      asked: `select count(*) as n, sum(c.id) as s, count(distinct c.name) as m from customer c group by c.city, c.credit + 1 order by c.city, c.credit + 1 desc`,
      right: `select count(*) as n, sum(d.id) as s, count(distinct d.name) as m ${kept('c.id, c.name, c.city, c.credit + 1 as k', 'from customer c')} group by d.city, d.k order by d.city, d.k desc`,
    },
    {
      what: 'an order by a column of another table that has the name of the argument',
      asked: `select ${text('p.id', 'order by c.id desc, p.id')} as l ${joined} group by c.city, p.units order by c.city, p.units`,
      right: `select ${text('d.n', 'order by d.id desc, d.n')} as l ${kept('c.id, p.id as n, c.city, p.units', joined)} group by d.city, d.units order by d.city, d.units`,
    },
    {
      what: 'characters outside of ASCII in JSON of a join',
      asked: `select ${json}(c.city order by c.id, p.id) as l ${joined} group by p.units order by p.units`,
      right: `select ${json}(d.city order by d.id, d.n) as l ${kept('c.id, p.id as n, c.city, p.units', joined)} group by d.units order by d.units`,
    },
  ])('$what', async ({ asked, right }) => {
    const { rows } = await shop.whole.query(right)
    expect(rows.length).toBeGreaterThan(3)
    expect((await shop.sharded.query(asked)).rows).toEqual(rows)
    expect(await Array.fromAsync(shop.sharded.stream(asked))).toEqual(rows)
    if (engine !== 'mysql') expect((await shop.whole.query(asked)).rows).toEqual(rows)
  })
})
