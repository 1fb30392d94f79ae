import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Params } from '../../src/index.ts'
import { casesOf, laidEngines, shopOf, type Played } from '../support/shadow-cases.ts'
import { shadowedShop, type ShadowedShop } from '../support/shadowed-shop.ts'

const augmented = { product: 'augment', review: 'augment', note: 'augment' } as const

/** What a statement came to: its rows and counts, or its error. */
async function outcome(client: ShadowedShop['copy'], sql: string, params: Params = []): Promise<unknown> {
  try {
    const { rows, rowCount, insertId } = await client.query(sql, params)
    const shown = rows.map((row) => ({ ...(row as object) }))
    // Nothing says in which order: PostgreSQL changes rows as it finds them.
    const ordered = /order by/i.test(sql) ? shown : shown.toSorted((a, b) => (inspect(a) < inspect(b) ? -1 : 1))
    return { rows: ordered, rowCount, insertId }
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error
  }
}

const everything = [
  'select * from product order by id',
  'select * from review order by id',
  'select * from note order by id',
  'select * from rated order by id',
]

type Refused = readonly [what: string, base: readonly string[], message: RegExp]

const refusedTables: Readonly<Record<'sqlite' | 'postgres', readonly Refused[]>> = {
  sqlite: [
    ['no primary key', ['create table product (name text)'], /has no primary key/],
    [
      'a unique index over an expression',
      [
        'create table product (id integer primary key, name text)',
        'create unique index lower_name on product (lower(name))',
      ],
      /unique index over an expression/,
    ],
    [
      'triggers',
      ['create table product (id integer primary key)', 'create trigger t after insert on product begin select 1; end'],
      /has triggers \(t\)/,
    ],
  ],
  postgres: [
    [
      'no primary key',
      ['create table product (name text)'],
      /product of "shop" cannot be augmented: it has no primary key/,
    ],
    [
      'an exclusion constraint',
      ['create table product (id int primary key, at tsrange, constraint apart exclude using gist (at with &&))'],
      /an exclusion constraint \(apart\)/,
    ],
    [
      'triggers',
      [
        'create table product (id int primary key)',
        "create function f() returns trigger language plpgsql as 'begin return new; end'",
        'create trigger t before insert on product for each row execute function f()',
      ],
      /has triggers \(t\)/,
    ],
    [
      'heirs',
      ['create table product (id int primary key)', 'create table special () inherits (product)'],
      /it inherits from a table, or another one from it/,
    ],
  ],
}

async function expectSame({ shadow, copy }: ShadowedShop, statements: readonly Played[]): Promise<void> {
  for (const statement of [...statements, ...everything]) {
    const [sql, params] = typeof statement === 'string' ? [statement, []] : statement
    expect(await outcome(shadow, sql, params), sql).toEqual(await outcome(copy, sql, params))
  }
}

describe.each(laidEngines)('%s: an augmented table comes to the same as a full copy of the base', (engine) => {
  const shop = shopOf(engine)

  it.each(Object.entries(casesOf(engine)))('%s', async (_, statements) => {
    await using both = await shadowedShop(shop, augmented, engine)
    const before = await Promise.all(everything.map(async (sql) => await outcome(both.base, sql)))
    await expectSame(both, statements)
    expect(await Promise.all(everything.map(async (sql) => await outcome(both.base, sql)))).toEqual(before)
  })

  it('in transactions and savepoints, too', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    const play = async (client: ShadowedShop['copy'], fails: boolean): Promise<unknown> =>
      await client
        .transaction(async (tx) => {
          const changed = await tx.query('update product set price = 1 where id = 1')
          await tx
            .transaction(async (inner) => {
              await inner.query('delete from product')
              throw new Error('inner')
            })
            .catch(() => {})
          const { rows } = await tx.query('select id, price from product order by id')
          if (fails) throw new Error('outer')
          return [changed.rowCount, rows.map((row) => ({ ...(row as object) }))]
        })
        .catch((error: unknown) => String(error))
    for (const fails of [true, false]) {
      expect(await play(both.shadow, fails)).toEqual(await play(both.copy, fails))
      await expectSame(both, [])
    }
  })

  it('in what a stream returns', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    const sql = 'update product set price = price + 1 returning id'
    const streamed = async (client: ShadowedShop['copy']): Promise<unknown> => {
      const rows = await Array.fromAsync(client.stream<{ id: number }>(sql))
      return rows.map(({ id }) => id).toSorted((a, b) => a - b)
    }
    expect(await streamed(both.shadow)).toEqual(await streamed(both.copy))
    await expectSame(both, [])
  })
})

describe.each(laidEngines)('%s: a shadow', (engine) => {
  const shop = shopOf(engine)

  it('keeps what was changed, for the next client', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    await expectSame(both, ['delete from product where id = 1', 'update product set price = 3 where id = 2'])
    await both.shadow.close()
    await expectSame({ ...both, shadow: await both.again() }, [])
  })

  it('shows of a replaced table the local rows alone', async () => {
    await using both = await shadowedShop(shop, { country: 'replace' }, engine)
    expect((await both.shadow.query('select * from country')).rows).toEqual([])
    await both.shadow.query("insert into country values ('it', 'Italy')")
    expect((await both.shadow.query('select code from country')).rows).toEqual([{ code: 'it' }])
    expect((await both.base.query('select cast(count(*) as int) as n from country')).rows).toEqual([{ n: 2 }])
    expect((await both.shadow.query('select cast(count(*) as int) as n from product')).rows).toEqual([{ n: 4 }])
  })

  it('refuses to write a table that it shows as the base has it', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    for (const sql of ["insert into country values ('it', 'x')", 'update country set name = 1', 'drop table country'])
      await expect(both.shadow.query(sql)).rejects.toThrow(/"dev" is a shadow: country is shown as "shop" has it/)
  })

  it('cannot write the base, whatever is sent', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    await expect(both.shadow.query('delete from signalbox_base.product')).rejects.toThrow(/is a shadow/)
    expect((await both.base.query('select cast(count(*) as int) as n from product')).rows).toEqual([{ n: 4 }])
  })

  it('shows what the base gets meanwhile, and gives no number that it has given', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    await both.shadow.query('update product set price = 1 where id = 1')
    await both.base.query("insert into product values (8, 'a', 1, 's8'), (9, 'b', 1, 's9'), (50, 'latest', 1, 's50')")
    expect((await both.shadow.query('select name from product where id = 50')).rows).toEqual([{ name: 'latest' }])
    const inserted = await both.shadow.query("insert into product (name, price) values ('next', 1) returning id")
    expect(inserted.rows).toEqual([{ id: 51 }])
  })

  it('goes on with its own row where the base gets one with the same key', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    const price = (value: number): unknown => (engine === 'sqlite' ? value : String(value))
    const ours = { id: 50, name: 'ours', price: price(1), sku: 's50' }
    await both.shadow.query("insert into product values (50, 'ours', 1, 's50')")
    await both.base.query("insert into product values (50, 'theirs', 2, 's51')")
    expect((await both.shadow.query('select * from product where id = 50')).rows).toEqual([ours])
    expect((await both.shadow.query('update product set price = 7')).rowCount).toBe(5)
    await expect(both.shadow.query("insert into product values (50, 'x', 1, null)")).rejects.toThrow(
      /UNIQUE constraint failed: product.id|unique constraint "product_pkey"/,
    )
    const upsert =
      "insert into product (id, name) values (50, 'x') on conflict (id) do update set sku = null returning *"
    expect((await both.shadow.query(upsert)).rows).toEqual([{ ...ours, price: price(7), sku: null }])
    expect((await both.shadow.query('select cast(count(*) as int) as n from product')).rows).toEqual([{ n: 5 }])
  })

  it('refuses other declarations than it was made for, naming the tables', async () => {
    await using both = await shadowedShop(shop, augmented, engine)
    await both.shadow.query('select 1 from product')
    const other = await both.again({ product: 'augment', country: 'replace' })
    await expect(other.query('select 1 from product')).rejects.toThrow(/made for other declarations: .*country.*differ/)
  })

  it.each(refusedTables[engine])('refuses to augment a table with %s', async (_, statements, message) => {
    await using both = await shadowedShop(statements, { product: 'augment' }, engine)
    await expect(both.shadow.query('select 1 from product')).rejects.toThrow(message)
  })
})
