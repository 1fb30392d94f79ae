import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  CopyConflictError,
  CopyError,
  NoWritesError,
  UnsupportedError,
  connect,
  hashShards,
  type CopyProgress,
  type Dsn,
} from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'
import { fill, names, pairs, shop } from '../support/two-shops.ts'

const policies = ['error', 'skip', 'replace'] as const

describe.each(pairs)('rows copied from %s to %s', (...pair) => {
  it('arrive, parents first, and are the same', async () => {
    await using there = await shop(pair)
    await fill(there, 25)
    const { client } = there
    const told: CopyProgress[] = []
    const { tables } = await client.copyRows({
      from: 'here',
      to: 'there',
      table: ['review', 'product'],
      batchSize: 10,
      onProgress: (progress) => void told.push(progress),
    })
    expect(tables).toMatchObject([
      {
        table: 'product',
        read: 25,
        inserted: 25,
        skipped: 0,
        replaced: 0,
        checksum: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
      { table: 'review', read: 25, inserted: 25, skipped: 0, replaced: 0 },
    ])
    expect(told.at(-1)).toEqual({ table: 'review', read: 25, inserted: 25, skipped: 0, replaced: 0 })
    expect(told.some(({ table }) => table === 'product')).toBe(true)
    expect(await names(there, 'there')).toEqual(await names(there, 'here'))
    const { rows } = await client.using('here').query<{ id: unknown }>('select id from product')
    const found = await client.presence(rows, { in: 'there', table: 'product' })
    expect(found.map(({ state, columns }) => [state, ...columns])).toEqual(rows.map(() => ['same']))
  })

  it('are all there, or none is', async () => {
    await using there = await shop(pair)
    await fill(there, 25)
    const { client } = there
    await client.copyRows({ from: 'here', to: 'there', table: 'product', keys: [24] })
    await client.copyRows({ from: 'here', to: 'there', table: 'review', keys: [{ product_id: 24, number: 1 }] })
    const tables = [{ table: 'product', where: 'id <> 24' }, 'review']
    const copy = client.copyRows({ from: 'here', to: 'there', table: tables, batchSize: 10 })
    await expect(copy).rejects.toThrow(CopyConflictError)
    await expect(copy).rejects.toMatchObject({
      table: 'review',
      database: 'there',
      // The engine's own sentence, and one full stop.
      message: expect.stringMatching(/review[^]*[^.]\. The rows of this transaction were rolled back\. Say onConflict/),
    })
    expect(await names(there, 'there')).toHaveLength(1)
  })

  it.each(policies)('that are there already: %s', async (onConflict) => {
    await using there = await shop(pair)
    await fill(there, 12)
    const { client } = there
    await client.copyRows({ from: 'here', to: 'there', table: 'product', keys: [3, 5, 99] })
    await client.using('there').query("update product set name = 'other' where id = 3")
    const copy = client.copyRows({ from: 'here', to: 'there', table: 'product', onConflict, batchSize: 5 })
    if (onConflict === 'error') {
      await expect(copy).rejects.toThrow(CopyConflictError)
      expect(await names(there, 'there')).toHaveLength(2)
      return
    }
    const counts = onConflict === 'skip' ? { skipped: 2, replaced: 0 } : { skipped: 0, replaced: 2 }
    await expect(copy).resolves.toMatchObject({ tables: [{ read: 12, inserted: 10, ...counts }] })
    const expected = [...(await names(there, 'here'))]
    if (onConflict === 'skip') expected[2] = 'other'
    expect(await names(there, 'there')).toEqual(expected)
  })

  it('are chosen by a condition or by their keys', async () => {
    await using there = await shop(pair)
    await fill(there, 12)
    const { client } = there
    const mark = pair[0] === 'postgres' ? '$1' : '?'
    const where = { where: `id > ${mark} or id = 1`, params: [9] }
    const chosen = await client.copyRows({ from: 'here', to: 'there', table: 'product', ...where, batchSize: 2 })
    expect(chosen).toMatchObject({ tables: [{ read: 4, inserted: 4 }] })
    const reviews = [
      { product_id: 1, number: 1 },
      { product_id: 10, number: 1 },
      { product_id: 10, number: 2 },
    ]
    const byKeys = await client.copyRows({ from: 'here', to: 'there', table: 'review', keys: reviews })
    expect(byKeys).toMatchObject({ tables: [{ read: 2, inserted: 2 }] })
    const { rows } = await client.using('there').query<{ id: unknown }>('select id from product order by id')
    expect(rows.map(({ id }) => Number(id))).toEqual([1, 10, 11, 12])
    await expect(client.copyRows({ from: 'here', to: 'there', table: 'product', keys: [] })).resolves.toMatchObject({
      tables: [{ read: 0 }],
    })
  })

  it('go on where a copy under a name was left, and nothing comes twice', async () => {
    await using there = await shop(pair)
    await fill(there, 25)
    const { client } = there
    const options = { from: 'here', to: 'there', table: ['product', 'review'], resume: 'first', batchSize: 4 } as const
    const stopped = client.copyRows({
      ...options,
      onProgress: ({ read }) => {
        if (read === 12) throw new Error('stopped')
      },
    })
    await expect(stopped).rejects.toThrow('stopped')
    // What was told of had not been committed.
    expect(await names(there, 'there')).toHaveLength(8)
    await client.using('here').query('delete from review where product_id = 2')
    await client.using('here').query('delete from product where id = 2')
    const done = await client.copyRows({ ...options, batchSize: 7 })
    expect(done).toMatchObject({
      tables: [
        { read: 25, inserted: 25 },
        { read: 24, inserted: 24 },
      ],
    })
    expect(await names(there, 'there')).toHaveLength(25)
    await client.using('there').query('delete from review')
    await expect(client.copyRows(options)).resolves.toEqual(done)
    const { rows } = await client.using('there').query('select * from review')
    expect(rows).toEqual([])
    await expect(client.copyRows({ ...options, onConflict: 'skip' })).rejects.toThrow(
      /"first" has begun in "there" with other options/,
    )
  })

  it('are refused by another unique column under every policy', async () => {
    await using there = await shop(pair)
    await fill(there, 3)
    const { client } = there
    await client.using('there').query('create unique index one_name on product (name)')
    await client.copyRows({ from: 'here', to: 'there', table: 'product', keys: [1] })
    await client.using('there').query('update product set id = 7')
    for (const onConflict of policies) {
      const copy = client.copyRows({ from: 'here', to: 'there', table: 'product', onConflict })
      await expect(copy, onConflict).rejects.toThrow(CopyConflictError)
    }
    expect(await names(there, 'there')).toHaveLength(1)
    // Nor does it change the row that has the other unique value.
    await client.copyRows({ from: 'here', to: 'there', table: 'product', keys: [2] })
    await client.using('here').query("update product set name = 'nobody' where id = 3")
    await client
      .using('here')
      .query('update product set name = (select name from (select name from product where id = 1) p) where id = 2')
    await expect(
      client.copyRows({ from: 'here', to: 'there', table: 'product', keys: [2], onConflict: 'replace' }),
    ).rejects.toThrow(CopyConflictError)
  })

  it('leave room for the next number', async () => {
    await using there = await shop(pair)
    await fill(there, 3)
    const { client } = there
    const insert = async (): Promise<void> =>
      void (await client.using('there').query("insert into product (name) values ('new')"))
    await client.copyRows({ from: 'here', to: 'there', table: 'product' })
    await insert()
    const { rows } = await client.using('there').query<{ id: unknown }>("select id from product where name = 'new'")
    expect(rows.map(({ id }) => Number(id))).toEqual([4])
    if (pair[1] !== 'postgres') return
    await client.using('there').query('truncate product, review restart identity')
    await client.copyRows({ from: 'here', to: 'there', table: 'product', advanceSequences: false })
    await expect(insert()).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
  })
})

describe('a copy is refused', () => {
  const memory = 'sqlite::memory:'

  it('whose options say too little, or what cannot be', async () => {
    await using client = await connect({ databases: { here: memory, there: memory } })
    const copy = { from: 'here', to: 'there', table: 'product' } as const
    const wrong = [
      [{ ...copy, to: 'here' }, /options\.to/],
      [{ ...copy, table: [] }, /options\.table/],
      [{ ...copy, table: ['a', 'a'] }, /each table once/],
      [{ ...copy, table: ['a', 'b'], where: 'x = 1' }, /not said of which table/],
      [{ ...copy, keys: [1], where: 'x = 1' }, /options\.keys/],
      [{ ...copy, params: [1] }, /options\.params/],
      [{ ...copy, onConflict: 'overwrite' }, /options\.onConflict/],
      [{ ...copy, batchSize: 0 }, /options\.batchSize/],
      [{ ...copy, resume: '' }, /options\.resume/],
      [{ ...copy, verify: 'yes' }, /options\.verify/],
      [{ ...copy, timeoutMs: -1 }, /options\.timeoutMs/],
      [{ ...copy, tabel: 'x' }, /options\.tabel/],
      [{ from: 'here', table: 'product' }, /options\.to/],
    ] as const
    for (const [options, message] of wrong) {
      const refused = client.copyRows(options as never)
      await expect(refused).rejects.toThrow(ConfigError)
      await expect(refused).rejects.toThrow(message)
    }
  })

  it('between tables that do not fit, and of databases with several shards', async () => {
    await using client = await connect({
      databases: {
        here: memory,
        there: memory,
        orders: { shards: { a: memory, b: memory }, shardMap: hashShards({ key: 'integer' }) },
      },
    })
    const copy = { from: 'here', to: 'there', table: 'product' } as const
    const [here, there] = [client.using('here'), client.using('there')]
    await expect(client.copyRows(copy)).rejects.toThrow(/no table product in "here"/)
    await here.query('create table product (id integer, a text, b text)')
    await expect(client.copyRows(copy)).rejects.toThrow(/no primary key in "here"/)
    await here.query('drop table product')
    await here.query('create table product (id integer primary key, a text, b text)')
    await there.query('create table product (id integer, a text primary key)')
    await expect(client.copyRows(copy)).rejects.toThrow(/does not have in "there": b/)
    await there.query('alter table product add column b text')
    const refused = client.copyRows(copy)
    await expect(refused).rejects.toThrow(CopyError)
    await expect(refused).rejects.toThrow(/primary key of product is \(id\) in "here", and \(a\) in "there"/)
    await expect(client.copyRows({ ...copy, keys: ['x'] })).rejects.toThrow(CopyError)
    const sharded = client.copyRows({ ...copy, to: 'orders' })
    await expect(sharded).rejects.toThrow(UnsupportedError)
    await expect(sharded).rejects.toThrow(/"orders" has 2: a, b/)
    await there.query('drop table product')
    await there.query('create table product (id int primary key, a text, b text)')
    await expect(client.copyRows({ ...copy, keys: ['x'] })).rejects.toThrow(/options\.keys\[0\]/)
  })
})

it('a shadow is no place to copy from or to', async () => {
  await using base = await freshDatabase('sqlite')
  await using local = await freshDatabase('sqlite')
  const shadow = { base: 'base', local: local.dsn as Dsn }
  await using client = await connect({ databases: { base: base.dsn as Dsn, play: { shadow } } })
  const refused = client.copyRows({ from: 'play', to: 'base', table: 'product' })
  await expect(refused).rejects.toThrow(UnsupportedError)
  await expect(refused).rejects.toThrow(/"play" is a shadow/)
})

describe.each(testedEngines)('a database on %s that takes no writes', (engine) => {
  it('can be copied from, and not to', async () => {
    await using there = await shop([engine, engine])
    await fill(there, 5)
    const [here, other] = there.dsns
    await using guarded = await connect({ databases: { here, there: other }, noWritesTo: ['here'] })
    const options = { from: 'here', to: 'there', table: 'product' } as const
    await expect(guarded.copyRows(options)).resolves.toMatchObject({ tables: [{ inserted: 5 }] })
    await expect(guarded.copyRows({ ...options, onConflict: 'skip' })).resolves.toMatchObject({
      tables: [{ skipped: 5 }],
    })
    const found = await guarded.presence([{ id: 1 }], { from: 'here', in: 'there', table: 'product' })
    expect(found[0]?.state).toBe('same')
    await expect(guarded.copyRows({ ...options, from: 'there', to: 'here' })).rejects.toThrow(NoWritesError)
    await expect(guarded.deleteFromAll({ databases: ['there', 'here'], table: 'product', keys: [1] })).rejects.toThrow(
      NoWritesError,
    )
    expect(await names(there, 'there')).toHaveLength(5)
  })
})
