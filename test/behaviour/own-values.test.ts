import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CallOptions, Params } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedShop, type ShardedShop } from '../support/sharded-shop.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

const shards = ['a', 'b', 'c', 'd']

describe.each(testedEngines)('a list of keys, split over shards of %s', (engine) => {
  let shop: ShardedShop
  const sql = (text: string): string => sqlFor(engine, text)
  beforeAll(async () => {
    shop = await startShardedShop(engine)
  }, 60_000)
  afterAll(async () => {
    await shop[Symbol.asyncDispose]()
  })

  /** Keys of the first two shards, one after the other. */
  function keys(count: number): number[] {
    const of = (shard: string): number[] =>
      Array.from({ length: 60 }, (_, index) => index + 1).filter((key) => shop.sharded.shardOf(key) === shard)
    const [first, second] = [of('a'), of('b')]
    return Array.from({ length: count }, (_, index) => (index % 2 === 0 ? first : second)[index >> 1]!)
  }

  /** What each shard was sent: the parameters of its first statement. What asks for types, or finishes groups, is another one. */
  async function sent(work: () => Promise<unknown>): Promise<Record<string, Params>> {
    using queries = subscribedQueries()
    await work()
    const pairs = queries.all.map(({ route, params }) => [route.shards[0] ?? '', params] as const)
    return Object.fromEntries(pairs.toReversed())
  }

  /** The lists in the texts that each shard was sent, by what stands in front of them, without blanks and comments. */
  async function sentLists(before: string, work: () => Promise<unknown>): Promise<Record<string, readonly string[]>> {
    using queries = subscribedQueries()
    await work()
    const lists = queries.all.map(({ route, sql: text }) => {
      const start = text.indexOf(before)
      const list = start < 0 ? '' : text.slice(start + before.length).split(/\)(?! *,| *\()/)[0]!
      return [route.shards[0] ?? '', list.replaceAll(/\/\*.*\*\/|\s/g, '')] as const
    })
    const byShard = Object.groupBy(lists, ([shard]) => shard)
    return Object.fromEntries(
      Object.entries(byShard).map(([shard, each = []]) => [
        shard,
        [...new Set(each.map(([, list]) => list))].filter((list) => list !== ''),
      ]),
    )
  }

  async function expectSame(text: string, params: readonly unknown[], options?: CallOptions): Promise<void> {
    const [one, many] = [
      await shop.whole.query(sql(text), params),
      await shop.sharded.query(sql(text), params, options),
    ]
    expect(many.rows, text).toEqual(one.rows)
    expect(one.rows.length, text).toBeGreaterThan(0)
    if (options === undefined) expect(await Array.fromAsync(shop.sharded.stream(sql(text), params))).toEqual(one.rows)
  }

  it.each([
    'select id, name from customer where id in (?, ?, ?, ?) order by id desc',
    'select count(*) as n, sum(credit) as s from customer where id in (?, ?, ?, ?)',
    'select country, count(*) as n from customer where id in (?, ?, ?, ?) group by country order by country',
    'select distinct country from customer where id in (?, ?, ?, ?) order by country',
    'select c.id, p.id as number from customer c join purchase p on p.customer_id = c.id where c.id in (?, ?, ?, ?) order by c.id, number',
    'select c.id, p.id as number from customer c left join purchase p on p.customer_id = c.id where c.id in (?, ?, ?, ?) order by c.id, number',
  ])('each shard gets its own values: %s', async (text) => {
    const [k1, k2, k3, k4] = keys(4) as [number, number, number, number]
    const given = [k1, k2, k3, k4]
    using queries = subscribedQueries()
    await expectSame(text, given)
    for (const { route, params } of queries.all.filter((query) => shards.includes(query.route.shards[0] ?? '')))
      for (const value of params as unknown[])
        if (given.includes(value as number)) expect(route.shards).toEqual([shop.sharded.shardOf(value)])
    const expected = { a: [k1, k3, k3, k3], b: [k4, k2, k4, k4] }
    expect(await sent(async () => await shop.sharded.query(sql(text), given))).toEqual(expected)
    expect(await sent(async () => await Array.fromAsync(shop.sharded.stream(sql(text), given)))).toEqual(expected)
    expect(given).toEqual([k1, k2, k3, k4])
    expect(shop.sharded.preview(sql(text), given).shardParams).toEqual(expected)
  })

  it('beside a LIMIT and an OFFSET that are rewritten, and other conditions', async () => {
    const [k1, k2, k3, k4] = keys(4) as [number, number, number, number]
    const text = 'select id from customer where name <> ? and id in (?, ?, ?, ?) order by id limit ? offset ?'
    await expectSame(text, ['nobody', k1, k2, k3, k4, 2, 1])
    const received = await sent(async () => await shop.sharded.query(sql(text), ['nobody', k1, k2, k3, k4, 2, 1]))
    expect(received).toEqual({ a: ['nobody', k1, k3, k3, k3, 3, 0], b: ['nobody', k4, k2, k4, k4, 3, 0] })
  })

  it('in changes of all shards, which count each row once', async () => {
    const [k1, k2, k3] = keys(3) as [number, number, number]
    const text = sql('update customer set name = ? where id in (?, ?, ?)')
    const received = await sent(async () => {
      const { rowCount } = await shop.sharded.query(text, ['new', k1, k2, k3], { allShards: true })
      expect(rowCount).toBe(3)
    })
    expect(received).toEqual({ a: ['new', k1, k3, k3], b: ['new', k2, k2, k2] })
    expect(shop.sharded.preview(text, ['new', k1, k2, k3], { allShards: true }).shardParams).toEqual(received)
    const { rows } = await shop.sharded.query<{ id: number }>("select id from customer where name = 'new' order by id")
    expect(rows.map(({ id }) => id)).toEqual([k1, k2, k3].toSorted((a, b) => a - b))
    await shop.whole.query(text, ['new', k1, k2, k3])
  })

  it.each([
    'select id, name from customer where id in (§) order by id desc',
    "select id from customer where id in (§) and name <> 'x, 1' order by id limit 3 offset 1",
    'select count(*) as n, sum(credit) as s from customer where id in (§)',
    'select country, count(*) as n from customer where id in (§) group by country having count(*) > 0 order by country',
    'select distinct country from customer where id in (§) order by country',
    'select c.id, p.id as number from customer c left join purchase p on p.customer_id = c.id where c.id in (§) order by c.id, number',
    'select c.id, p.id as number from customer c left join purchase p on p.customer_id = c.id and p.customer_id in (§) order by c.id, number',
    'select q.id from (select id from customer where id in (§)) q order by q.id',
    'select id from customer where exists (select 1 from purchase p where p.customer_id = customer.id) and id in (§) order by id',
    'select id as k from customer where id in (§) union all select customer_id from purchase where customer_id in (3, 7) and id < 3 order by k',
  ])('each shard gets its own constants: %s', async (marked) => {
    const [k1, k2, k3, k4] = keys(4) as [number, number, number, number]
    const text = marked.replace('§', `${k1}, ${k2}, ${k3} /* 'x' */, null, ${k4}`)
    await expectSame(text, [])
    const before = marked.slice(0, marked.indexOf('§')).slice(-6)
    const received = await sentLists(before, async () => await Array.fromAsync(shop.sharded.stream(text)))
    // What learns types and collations is asked with the whole text, and what finishes groups takes no rows by it.
    expect(received['a']).toContain(`${k1},${k3},null`)
    expect(received['b']).toContain(`${k2},null,${k4}`)
    const { shardSql = {}, shardParams } = shop.sharded.preview(text, [])
    expect(shardParams).toBeUndefined()
    expect(shardSql['a']).not.toContain(`${k2},`)
    expect(shop.sharded.preview(text)).toMatchObject({ shards: Object.keys(shardSql), shardSql })
  })

  it('each shard gets its own rows of columns, of constants and of parameters', async () => {
    const [k1, k2] = keys(2) as [number, number]
    const text =
      'select customer_id, id from purchase where (customer_id, id) in ((?, 1), (?, 1), (?, ?), (?, ?)) order by customer_id, id'
    const given = [k1, k2, k1, 2, k2, 2]
    await expectSame(text, given)
    expect(await sent(async () => await shop.sharded.query(sql(text), given))).toEqual({
      a: [k1, k1, k1, 2, k1, 2],
      b: [k2, k2, k2, 2, k2, 2],
    })
    const constants = `select customer_id, id from purchase where (customer_id, id) in ((${k1}, 1), (${k2}, 2), (${k1}, 3)) order by customer_id, id`
    await expectSame(constants, [])
    expect(
      await sentLists('id) in (', async () => await Array.fromAsync(shop.sharded.stream(constants))),
    ).toMatchObject({
      a: expect.arrayContaining([`(${k1},1),(${k1},3`]) as unknown,
      b: expect.arrayContaining([`(${k2},2`]) as unknown,
    })
  })

  it('in changes of all shards by constants, which count each row once', async () => {
    const [k1, k2, k3] = keys(3) as [number, number, number]
    for (const text of [
      `update customer set name = 'kept' where id in (${k1}, ${k2}, ${k3})`,
      `delete from purchase where (customer_id, id) in ((${k1}, 1), (${k2}, 1), (${k3}, 1))`,
    ]) {
      const options = { allShards: true }
      const { shardSql = {} } = shop.sharded.preview(text, [], options)
      expect(Object.keys(shardSql)).toEqual(['a', 'b'])
      expect(shardSql['b']).not.toContain(`${k1}, `)
      using queries = subscribedQueries()
      const changed = await shop.sharded.query(text, [], options)
      const { rowCount } = await shop.whole.query(text)
      expect(changed.rowCount).toBe(rowCount)
      expect(rowCount).toBeGreaterThan(0)
      const received = queries.all.filter(({ route }) => shards.includes(route.shards[0] ?? ''))
      expect(Object.fromEntries(received.map(({ route, sql: own }) => [route.shards[0], own]))).toEqual(shardSql)
    }
  })

  it('leaves a list whole whose values stand elsewhere, too', async () => {
    const [k1, k2] = keys(2) as [number, number]
    const whole: (readonly [string, readonly unknown[]])[] = []
    if (engine === 'postgres')
      whole.push(['select id, ?::int as k from customer where id in ($1, $2) order by id', [k1, k2]])
    if (engine === 'sqlite') whole.push(['select id, ?1 as k from customer where id in (?1, ?2) order by id', [k1, k2]])
    for (const [text, params] of whole) {
      const received = await sent(async () => await shop.sharded.query(sql(text), params))
      expect(received, text).toEqual({ a: params, b: params })
    }
  })

  it('a row that was not asked for does not come of a split', async () => {
    // Customers of one shard with the purchases 1 and 2: were the first key to take the place of the second, (first, 2) would come.
    const own = Array.from({ length: 60 }, (_, index) => index + 1).filter((key) => key % 6 >= 2)
    const one = own.find((key) => shop.sharded.shardOf(key) === 'a')!
    const other = own.find((key) => shop.sharded.shardOf(key) === 'b')!
    await expectSame(
      'select customer_id, id from purchase where (customer_id, id) in ((?, ?), (?, ?)) order by customer_id, id',
      [one, 1, other, 2],
    )
  })

  it('a list stays whole that rows of a UNION must meet whose keys are others', async () => {
    const [one, other] = keys(2) as [number, number]
    for (const member of ['select units from purchase', `select ${other} from purchase`, 'select id from purchase']) {
      const text = `select q.id from (select id from customer union all ${member}) q where q.id in (?, ?) order by q.id`
      await expectSame(text, [one, other])
      expect(shop.sharded.preview(sql(text), [one, other]).shardParams, member).toBeUndefined()
    }
  })

  it('a list with values of all shards and of none', async () => {
    const all = Array.from({ length: 500 }, (_, index) => index + 1)
    const marks = all.map(() => '?').join(', ')
    await expectSame(`select id from customer where id in (${marks}) order by id`, all)
    const received = await sent(
      async () => await shop.sharded.query(sql(`select id from customer where id in (${marks}) order by id`), all),
    )
    for (const shard of shards) {
      const own = new Set(all.filter((key) => shop.sharded.shardOf(key) === shard))
      expect(new Set(received[shard] as number[])).toEqual(own)
    }
    const empty = await shop.sharded.query(sql('select id from customer where id in (?, ?)'), [null, 7])
    expect(empty.rows).toEqual([{ id: 7 }])
  })

  it.runIf(engine === 'postgres')('an array loses the values of others', async () => {
    const [k1, k2, k3] = keys(3) as [number, number, number]
    for (const text of [
      'select id from customer where id = any($1) order by id',
      'select id from customer where id = any($1::int[]) order by id',
      'select count(*) as n from customer where id = any($1)',
    ]) {
      await expectSame(text, [[k1, k2, null, k3]])
      const received = await sent(async () => await shop.sharded.query(text, [[k1, k2, null, k3]]))
      expect(received, text).toEqual({ a: [[k1, null, k3]], b: [[k2, null]] })
    }
    const twice = 'select id, cardinality($1::int[]) as n from customer where id = any($1) order by id'
    await expectSame(twice, [[k1, k2, k3]])
    const elements = 'select id from customer where id = any(array[$1, $2]::int[]) order by id'
    const list = 'select id from customer where id = any(array[$1::int, $2::int]) order by id'
    await expectSame(list, [k1, k2])
    expect(await sent(async () => await shop.sharded.query(list, [k1, k2]))).toEqual({ a: [k1, k1], b: [k2, k2] })
    await expectSame(elements, [k1, k2])
    // The value of one cast need not be one of the other.
    const casts = 'select id from customer where id in ($1::smallint, $2::int) order by id'
    expect(await sent(async () => await shop.sharded.query(casts, [k1, k2]))).toEqual({ a: [k1, k2], b: [k1, k2] })
    // What is joined with is no list.
    const joined = 'select id from customer join unnest($1::int[]) as k(key) on k.key = id order by id'
    await expectSame(joined, [[k1, k2, k2]])
  })

  it('random lists answer as one database does', async () => {
    const key = fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 1, max: 70 }) },
      { weight: 1, arbitrary: fc.constant(null) },
    )
    const list = fc.array(key, { minLength: 1, maxLength: 6 })
    const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ')
    const condition = (column: string) =>
      fc.oneof(
        list.map((values) => [`${column} in (${marks(values)})`, values] as const),
        list.map((values) => [`(${column} in (${marks(values)}) and ${column} is not null)`, values] as const),
        list.map((values) => [`not (${column} in (${marks(values)}))`, values] as const),
        fc
          .tuple(list, list)
          .map(([a, b]) => [`(${column} in (${marks(a)}) or ${column} in (${marks(b)}))`, [...a, ...b]] as const),
        fc
          .array(fc.tuple(key, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 6 })
          .map(
            (rows) =>
              [
                `(${column}, ${column.startsWith('p') ? 'p.id' : 'c.id % 6'}) in (${rows.map(() => '(?, ?)').join(', ')})`,
                rows.flat(),
              ] as const,
          ),
      )
    const froms = [
      ['customer c', ['c.id']],
      ['customer c join purchase p on p.customer_id = c.id', ['c.id', 'p.customer_id']],
      ['customer c left join purchase p on p.customer_id = c.id', ['c.id', 'p.customer_id']],
      [
        'customer c left join purchase p on p.customer_id = c.id and p.customer_id in (?, ?, ?)',
        ['c.id', 'p.customer_id'],
      ],
    ] as const
    const items = ['c.id', 'count(*) as n, sum(c.id) as s', 'c.country, count(*) as n', 'distinct c.id']
    const tails: Readonly<Record<string, string>> = { 'c.country, count(*) as n': ' group by c.country order by 1' }
    const statement = fc.constantFrom(...froms).chain(([from, columns]) =>
      fc
        .tuple(
          fc.constantFrom(...items),
          fc.array(
            fc.constantFrom(...columns).chain((column) => condition(column)),
            { minLength: 1, maxLength: 3 },
          ),
          fc.tuple(key, key, key),
          fc.oneof(fc.constant([]), fc.array(fc.boolean(), { minLength: 50, maxLength: 50 })),
        )
        .map(([item, conditions, own, areConstants]) => {
          const where = conditions.map(([text]) => text).join(' and ')
          const order = item.includes('c.id') && !item.includes('sum') ? ' order by c.id' : ''
          const given = [...(from.includes('?') ? own : []), ...conditions.flatMap(([, values]) => values)]
          let place = 0
          const text = `select ${item} from ${from} where ${where}${tails[item] ?? order}`.replaceAll('?', () => {
            const at = place++
            return areConstants[at] === true ? String(given[at]) : '?'
          })
          return { text, given: given.filter((_, at) => areConstants[at] !== true) }
        }),
    )
    await fc.assert(
      fc.asyncProperty(statement, async ({ text, given }) => {
        const [one, many] = [await shop.whole.query(sql(text), given), await shop.sharded.query(sql(text), given)]
        expect(many.rows, text).toEqual(one.rows)
      }),
      { numRuns: 300 },
    )
  }, 60_000)

  it('lists of constants of all kinds are compared as they were', async () => {
    const [k1, k2, k3] = keys(3) as [number, number, number]
    const lists: Record<typeof engine, readonly string[]> = {
      postgres: [
        `= any (array[${k1}, ${k2}, ${k3}])`,
        `in (${k1}::smallint, ${k2}::smallint, cast(${k3} as bigint))`,
        `in ('${k1}', ${k2}, 5000000000, ${k3})`,
        `in (${k1}, ${k2}, '${k3}'::int)`,
      ],
      mysql: [`in ('${k1}', ${k2}, 5000000000, ${k3})`, `in (${k1} /* ) */, -- ${k2}\n ${k2}, ${k3})`],
      sqlite: [`in ('${k1}', ${k2}, 5000000000, ${k3})`, `in ((${k1}), (${k2}), (${k3}))`],
    }
    for (const list of lists[engine]) {
      const text = `select 'é😀' as x, id from customer where 'ü' <> '' and id ${list} order by id`
      await expectSame(text, [])
      const { shardSql } = shop.sharded.preview(text, [])
      expect(Object.keys(shardSql ?? {}), text).toEqual(expect.arrayContaining(['a', 'b']))
      expect(shardSql?.['a'], text).not.toBe(shardSql?.['b'])
    }
  })

  it.runIf(engine === 'sqlite')('parameters with names', async () => {
    const [k1, k2] = keys(2) as [number, number]
    const text = 'select id from customer where id in (:one, :two) order by id'
    const received = await sent(async () => await shop.sharded.query(text, { one: k1, two: k2 }))
    expect(received).toEqual({ a: { one: k1, two: k1 }, b: { one: k2, two: k2 } })
    const twice = 'select id, :one as k from customer where id in (:one, :two) order by id'
    const whole = await sent(async () => await shop.sharded.query(twice, { one: k1, two: k2 }))
    expect(whole).toEqual({ a: { one: k1, two: k2 }, b: { one: k1, two: k2 } })
  })
})
