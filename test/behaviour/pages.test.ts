import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  connect,
  CursorError,
  PageOrderError,
  UnsupportedError,
  type Client,
  type PageOptions,
} from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'
import { startShardedShop } from '../support/sharded-shop.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

type Row = Record<string, unknown>

/** All rows, page by page, from the first page to the last, or from behind the last one back. */
async function walk(
  client: Client<'default'>,
  sql: string,
  params: readonly unknown[],
  options: PageOptions,
): Promise<{ readonly there: Row[]; readonly back: Row[] }> {
  const there: Row[] = []
  let page = await client.page<Row>(sql, params, options)
  expect(page.previous).toBeUndefined()
  there.push(...page.rows)
  let last = page
  for (let turns = 0; page.next !== undefined; turns++) {
    if (turns > 1_000) throw new Error('The pages have no end.')
    page = await client.page<Row>(sql, params, { ...options, after: page.next })
    expect(page.rows.length).toBeGreaterThan(0)
    there.push(...page.rows)
    last = page
  }
  const back: Row[] = [...last.rows]
  for (page = last; page.previous !== undefined;) {
    page = await client.page<Row>(sql, params, { ...options, before: page.previous })
    back.unshift(...page.rows)
  }
  return { there, back }
}

describe.each(testedEngines)('pages on %s', (engine) => {
  const shop = forAllTests(async () => await startShardedShop(engine))

  const withNulls = engine === 'mysql' ? [] : ['nulls first', 'nulls last']
  const queries: readonly [text: string, params?: readonly unknown[]][] = [
    ['select id, name from customer order by id'],
    ['select * from customer order by id desc'],
    ['select name, id from customer order by name, id desc'],
    ['select name as n, id from customer where id > ? or id < ? order by n desc, id', [20, 10]],
    ['select id, credit from customer order by credit desc, id'],
    ['select id, credit from customer order by 2, 1'],
    ['select id, since from customer -- all of them\n order by since, id -- in time'],
    ['select c.*, p.* from customer c join purchase p on p.customer_id = c.id order by p.bought desc, c.id, p.id desc'],
    [
      'select c.id, p.id as number, p.note from customer c left join purchase p on p.customer_id = c.id order by note, c.id desc, number',
    ],
    ['select customer_id, weight from purchase order by weight desc, customer_id, id'],
    ['select customer_id, id, units * 2 + 1 as x from purchase order by units * 2 + 1, customer_id, id'],
    ['select city, id from customer where name <> ? order by city, id', ['customer 1']],
    ['select lower(city) as l, id from customer order by l desc, id desc'],
    ['select id from customer where id = ? order by id', [7]],
    ['select id from customer where 1 = 0 order by id'],
    ...withNulls.flatMap((nulls): [string][] => [
      [`select id, credit from customer order by credit ${nulls}, id`],
      [`select id, credit from customer order by credit desc ${nulls}, id desc`],
    ]),
  ]

  it.each(queries)('%s', async (text, params: readonly unknown[] = []) => {
    const sql = sqlFor(engine, text)
    const { rows } = await shop.whole.query<Row>(sql, params)
    for (const client of [shop.whole, shop.sharded]) {
      for (const size of client === shop.whole ? [1, 7, 1_000] : [11, 1_000]) {
        const { there, back } = await walk(client, sql, params, { size })
        expect(there, `pages of ${size}`).toEqual(rows)
        expect(back, `pages of ${size}, backwards`).toEqual(rows)
      }
    }
  })

  it('rows as arrays, without the hidden columns, and the fields', async () => {
    const sql = 'select name, id from customer order by name, id'
    const { rows, fields } = await shop.whole.query(sql, [], { rowMode: 'array' })
    for (const client of [shop.whole, shop.sharded]) {
      expect((await walk(client, sql, [], { size: 9, rowMode: 'array' })).there).toEqual(rows)
      const page = await client.page(sql, [], { size: 9 })
      expect(page.fields.map(({ name }) => name)).toEqual(fields.map(({ name }) => name))
    }
  })

  it('a page within a shard goes there alone, and one far away is sent no OFFSET', async () => {
    const sql = sqlFor(engine, 'select id, total from purchase where customer_id = ? order by id')
    const first = await shop.sharded.page(sql, [59], { size: 2 })
    const second = await shop.sharded.page(sql, [59], { size: 2, after: first.next })
    expect(second.rows.map((row) => row['id'])).toEqual([3, 4])
    expect(second.routes.flatMap(({ shards }) => shards)).toEqual([shop.sharded.shardOf(59)])
    using queries = subscribedQueries()
    await shop.sharded.page('select id from customer order by id', [], {
      size: 2,
      after: (await shop.sharded.page('select id from customer order by id', [], { size: 50 })).next,
    })
    expect(queries.all.map(({ sql: sent }) => sent).join('\n')).not.toMatch(/offset/i)
  })

  it('what is written meanwhile moves no other row', async () => {
    const insert = sqlFor(engine, 'insert into customer (id, name) values (?, ?)')
    const sql = 'select id from customer order by id desc'
    const first = await shop.sharded.page<{ id: number }>(sql, [], { size: 5 })
    await shop.sharded.query(insert, [1_000, 'new'])
    await shop.sharded.query(sqlFor(engine, 'delete from customer where id = ?'), [first.rows[4]!.id])
    const second = await shop.sharded.page<{ id: number }>(sql, [], { size: 5, after: first.next })
    expect(second.rows.map(({ id }) => id)).toEqual([55, 54, 53, 52, 51])
    await shop.sharded.query(sqlFor(engine, 'delete from customer where id = ?'), [1_000])
    await shop.sharded.query(insert, [first.rows[4]!.id, 'customer 16'])
  })

  it('an order that does not tell the rows apart is refused where the page would end between them', async () => {
    for (const client of [shop.whole, shop.sharded]) {
      await expect(client.page('select id from customer order by name', [], { size: 1 })).rejects.toThrow(
        PageOrderError,
      )
    }
  })

  it('what has no pages is refused by name', async () => {
    const refused: Readonly<Record<string, string>> = {
      'select id from customer': 'it has no ORDER BY',
      'select id from customer order by id limit 5': 'it has a LIMIT',
      'select country, count(*) as n from customer group by country order by country': 'it has aggregates, GROUP BY',
      'select distinct country from customer order by country': 'DISTINCT',
      'select id, row_number() over (order by id) as n from customer order by id': 'window function',
      'select id from customer for update': 'FOR UPDATE',
      'delete from customer where id = 1': 'not one plain SELECT',
    }
    for (const [sql, why] of Object.entries(refused)) {
      if (engine === 'sqlite' && sql.includes('for update')) continue
      const asked = shop.whole.page(sql)
      await expect(asked, sql).rejects.toThrow(UnsupportedError)
      await expect(asked, sql).rejects.toThrow(why)
    }
  })

  it('a cursor that is none, or of another order', async () => {
    const sql = 'select id from customer order by id'
    const { next } = await shop.whole.page(sql, [], { size: 2 })
    const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const after of [
      '',
      'x',
      forged(null),
      forged(['id+l', 7]),
      forged(['id+l', ['text']]),
      forged(['id+l', ['integer', '1; drop']]),
    ])
      await expect(shop.whole.page(sql, [], { after }), after).rejects.toThrow('is no cursor')
    await expect(shop.whole.page('select id from customer order by id desc', [], { after: next })).rejects.toThrow(
      CursorError,
    )
    await expect(shop.whole.page(sql, [], { after: next, before: next })).rejects.toThrow('options.before')
    await expect(shop.whole.page(sql, [], { size: 0 })).rejects.toThrow('options.size: 0 is not accepted')
  })

  it('values of every type are found again exactly', async () => {
    const database = await freshDatabase(engine)
    const client = await connect(database.dsn)
    const types = {
      postgres:
        'a bigint, b numeric(40, 20), c timestamptz(6), d bytea, e uuid, f double precision, g text collate "C", h date, i boolean, j interval, k real, l char(5), m text[]',
      mysql:
        'a bigint unsigned, b decimal(40, 20), c datetime(6), d varbinary(9), e uuid, f double, g varchar(20) collate utf8mb4_general_ci, h date, i boolean, j time(6), k timestamp(6) null, l char(5), m year',
      sqlite: 'a integer, b text collate nocase, c text, d blob, e, f real, g text, h, i, j, k, l, m',
    }[engine]
    const columns = 'abcdefghijklm'.split('')
    try {
      await client.query(`create table t (id integer primary key, ${types})`)
      const mark = (index: number): string => (engine === 'postgres' ? `$${index + 1}` : '?')
      const insert = `insert into t (id, ${columns.join(', ')}) values (${[0, ...columns.keys()].map((_, index) => mark(index)).join(', ')})`
      for (let id = 0; id < 40; id++) await client.query(insert, [id, ...valuesOf(engine, id)])
      for (const column of columns) {
        for (const direction of ['', ' desc']) {
          const sql = `select id from t order by ${column}${direction}, id`
          const { rows } = await client.query<Row>(sql)
          const { there, back } = await walk(client, sql, [], { size: 3 })
          expect(there, sql).toEqual(rows)
          expect(back, sql).toEqual(rows)
        }
      }
    } finally {
      await client.close()
      await database.drop()
    }
  }, 60_000)

  it('any rows in any order', async () => {
    const database = await freshDatabase(engine)
    const client = await connect(database.dsn)
    const name =
      engine === 'mysql'
        ? 'varchar(20) collate utf8mb4_bin'
        : engine === 'postgres'
          ? 'varchar(20) collate "C"'
          : 'text'
    try {
      await client.query(`create table t (id integer primary key, a integer, b ${name}, c double precision)`)
      const value = fc.record({
        a: fc.option(fc.integer({ min: -2, max: 2 })),
        b: fc.option(fc.constantFrom('', 'a', 'A', 'ä', "'", '%')),
        c: fc.option(fc.constantFrom(-1.5, 0, 0.1, 1e300)),
      })
      const key = fc.tuple(
        fc.constantFrom('a', 'b', 'c', 'a + 1'),
        fc.constantFrom('', ' desc'),
        fc.constantFrom('', ...withNulls.map((nulls) => ` ${nulls}`)),
      )
      await fc.assert(
        fc.asyncProperty(
          fc.array(value, { maxLength: 25 }),
          fc.uniqueArray(key, { maxLength: 3, selector: ([column]) => column }),
          fc.constantFrom('', ' desc'),
          fc.integer({ min: 1, max: 9 }),
          async (rows, keys, last, size) => {
            await client.query('delete from t')
            for (const [id, { a, b, c }] of rows.entries())
              await client.query(sqlFor(engine, 'insert into t (id, a, b, c) values (?, ?, ?, ?)'), [id, a, b, c])
            const sql = `select id, a, b, c from t order by ${[...keys.map((parts) => parts.join('')), `id${last}`].join(', ')}`
            const expected = (await client.query<Row>(sql)).rows
            const { there, back } = await walk(client, sql, [], { size })
            expect(there, sql).toEqual(expected)
            expect(back, sql).toEqual(expected)
          },
        ),
        { numRuns: 60 },
      )
    } finally {
      await client.close()
      await database.drop()
    }
  }, 60_000)
})

/** Values of all columns; some are NULL, some have digits that a JavaScript number or Date has not. */
function valuesOf(engine: string, id: number): readonly unknown[] {
  const some = <T>(value: T): T | null => (id % 7 === 3 ? null : value)
  const micros = String((id * 7_919) % 1_000_000).padStart(6, '0')
  const moment = `2024-02-2${id % 10} 10:20:30.${micros}`
  const uuid = `0190a1b2-c3d4-7abc-8def-${String((id * 7_919) % 20).padStart(12, '0')}`
  const bytes = Buffer.from([id % 3, 255 - id, 0])
  const text = ['a', 'A', 'ä', 'b ', 'B', '', "x'y"][id % 7]
  const number = `9007199254740${String(993 + (id % 20)).padStart(3, '0')}`
  const decimal = `${(id % 4) - 2}2345678901234567.${String(id % 9).padStart(20, '0')}`
  const day = `2024-02-${String(1 + (id % 28)).padStart(2, '0')}`
  if (engine === 'postgres')
    return [
      some(number),
      some(decimal),
      some(`${moment}+02`),
      some(bytes),
      some(uuid),
      some([0.1, -1e-300, 'NaN', 'Infinity', 1 / 3][id % 5]),
      text,
      day,
      some(id % 2 === 0),
      `${id % 5} days ${id % 3} hours`,
      some([0.1, 1.1, 3.3][id % 3]),
      `x${id % 4}`,
      [[text], [text, 'z'], []][id % 3],
    ]
  if (engine === 'mysql')
    return [
      some(number),
      some(decimal),
      some(moment),
      some(bytes),
      some(uuid),
      some([0.1, -1e-300, 1 / 3][id % 3]),
      text,
      day,
      some(id % 2),
      some(`0${id % 5}:00:00.${micros}`),
      some(moment),
      `x${id % 4}`,
      some(2000 + (id % 5)),
    ]
  const mixed = [1, 1.5, 'a', bytes, null, BigInt(number), '1'][id % 7]
  return [
    some(BigInt(number)),
    text,
    moment,
    some(bytes),
    mixed,
    some([0.1, -1e-300, Infinity][id % 3]),
    text,
    day,
    id % 2,
    mixed,
    moment,
    `x${id % 4}`,
    some(2000 + (id % 5)),
  ]
}
