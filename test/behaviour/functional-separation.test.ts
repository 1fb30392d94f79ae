import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client, type Router } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

const engineAt = (index: number) => testedEngines[index % testedEngines.length] ?? 'sqlite'

// One database of each engine that is tested; with fewer engines some have two.
const engines = { shop: engineAt(1), reviews: engineAt(2), archive: engineAt(0) }
type Alias = 'default' | 'shop' | 'reviews' | 'archive'

describe(`one client over ${engines.shop}, ${engines.reviews} and ${engines.archive}`, () => {
  const made: TestDatabase[] = []
  let databases: {
    default: 'shop'
    shop: string
    reviews: { primary: `sqlite:${string}`; exclusive: true }
    archive: string
  }
  let client: Client<Alias>
  const tables = { review: 'reviews', 'archived_*': 'archive' } as const

  beforeAll(async () => {
    for (const engine of [engines.shop, engines.reviews, engines.archive]) made.push(await freshDatabase(engine))
    const [shop = '', reviews = '', archive = ''] = made.map(({ dsn }) => dsn)
    databases = { default: 'shop', shop, reviews: { primary: reviews as `sqlite:${string}`, exclusive: true }, archive }
    client = await connect({ databases, tables })
    await client.query('create table product (id integer primary key, name varchar(40))')
    await client.query('create table review (id integer primary key, product_id integer, text varchar(80))')
    await client.query('create table archived_product (id integer primary key, name varchar(40))')
  })

  beforeEach(async () => {
    for (const table of ['product', 'review', 'archived_product']) await client.query(`delete from ${table}`)
    await client.query("insert into product (id, name) values (1, 'chair'), (2, 'desk')")
    await client.query(
      "insert into review (id, product_id, text) values (1, 1, 'solid'), (2, 9, 'gone'), (3, 1, 'creaks')",
    )
  })

  afterAll(async () => {
    await client.close()
    for (const database of made) await database.drop()
  })

  const count = async (text: string, using?: Alias): Promise<number> =>
    (await (using === undefined ? client : client.using(using)).query(text)).rowCount

  it('each table lives in its home and nowhere else', async () => {
    expect((await client.query('select * from product')).route.database).toBe('shop')
    expect((await client.query('select * from review')).route.database).toBe('reviews')
    expect((await client.query('select * from archived_product')).route.database).toBe('archive')
    await expect(client.using('archive').query('select * from product')).rejects.toMatchObject({
      code: 'SIGNALBOX_SYNTAX',
      database: 'archive',
    })
  })

  it('the route of a statement is the one that explain gives', async () => {
    for (const sql of [
      'select * from review',
      'select * from product',
      'select 1',
      "update archived_product set name = 'x'",
    ]) {
      expect((await client.query(sql)).route).toEqual(client.explain(sql))
    }
  })

  it('every dialect’s own quoting and placeholders are understood where its table lives', async () => {
    const quote = (name: string, engine: string): string => (engine === 'mysql' ? `\`${name}\`` : `"${name}"`)
    for (const [table, alias] of [
      ['product', 'shop'],
      ['review', 'reviews'],
      ['archived_product', 'archive'],
    ] as const) {
      const engine = engines[alias]
      const sql = sqlFor(engine, `select * from ${quote(table, engine)} where ${quote('id', engine)} = ? -- by key`)
      expect((await client.query(sql, [1])).route).toMatchObject({ database: alias, effect: 'read' })
    }
  })

  it('rows created in one database never appear in another', async () => {
    await client.query("insert into archived_product (id, name) values (1, 'old chair')")
    expect((await client.query<{ name: string }>('select name from product where id = 1')).rows[0]?.name).toBe('chair')
    expect((await client.query<{ name: string }>('select name from archived_product where id = 1')).rows[0]?.name).toBe(
      'old chair',
    )
    await client.query('delete from product')
    expect(await count('select * from archived_product')).toBe(1)
  })

  it('a row saved to a second database never overwrites the row that has its key there', async () => {
    const { rows } = await client.query<{ id: number; name: string }>('select * from product where id = 1')
    const [row] = rows
    if (row === undefined) throw new Error('There must be a product 1.')
    expect(client.databaseOf(row)).toBe('shop')
    await client.query("insert into archived_product (id, name) values (1, 'kept')")
    const save = client.query(sqlFor(engines.archive, 'insert into archived_product (id, name) values (?, ?)'), [
      row.id,
      row.name,
    ])
    await expect(save).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', database: 'archive' })
    expect(
      (await client.query<{ name: string }>('select name from archived_product')).rows.map(({ name }) => name),
    ).toEqual(['kept'])
    expect(client.databaseOf(row)).toBe('shop')
  })

  it('using beats declarations and routers, for queries, streams and transactions', async () => {
    const routed = await connect({ databases, tables, routers: [{ route: () => 'shop' }] })
    await client
      .using('archive')
      .query('create table if not exists product (id integer primary key, name varchar(40))')
      .catch(() => undefined)
    expect(routed.using('archive').explain('select * from archived_product').database).toBe('archive')
    expect((await Array.fromAsync(routed.using('reviews').stream('select * from review'))).length).toBe(3)
    await routed.using('reviews').transaction(async (tx) => {
      await tx.query('delete from review where id = 3')
      expect(tx.database).toBe('reviews')
    })
    await routed.transaction(async (tx) => await tx.query('delete from review where id = 2'), { using: 'reviews' })
    expect(await count('select * from review')).toBe(1)
    expect(routed.explain('select * from review').database).toBe('shop')
    await routed.close()
  })

  it('a data source name or a handle of one’s own goes wherever an alias goes', async () => {
    const dsn = databases.archive as `sqlite:${string}`
    const byName = await client.using(dsn).query('select * from archived_product')
    expect(byName.route.database).not.toContain(':secret')
    expect(client.using(dsn)).toBe(client.using(dsn))
    const router: Router = {
      route: (statement) => (statement.tables.some(({ name }) => name === 'archived_product') ? dsn : undefined),
    }
    const routed = await connect({ databases, tables, routers: [router] })
    expect((await routed.query('select * from archived_product')).rowCount).toBe(0)
    await routed.close()
  })

  it('an unknown alias is refused with near matches', () => {
    // @ts-expect-error a misspelt alias does not compile
    expect(() => client.using('archvie')).toThrow(/no database "archvie".*Did you mean "archive"/)
  })

  it('related() joins over databases in two queries, and reports what is missing', async () => {
    const { rows } = await client.query<{ id: number; product_id: number }>(
      'select id, product_id from review order by id',
    )
    const products = await client.related<{ id: number; product_id: number }, { id: number; name: string }>(rows, {
      key: 'product_id',
      table: 'product',
    })
    expect(rows.map((row) => products.of(row)?.name)).toEqual(['chair', undefined, 'chair'])
    expect(products.missing).toEqual([9])
    expect(products.routes.map(({ database }) => database)).toEqual(['shop'])
    const back = await client.related<{ id: number }, { id: number; product_id: number }>(products.rows, {
      key: 'id',
      table: 'review',
      column: 'product_id',
      columns: ['id'],
    })
    expect(
      products.rows.map((row) =>
        back
          .allOf(row)
          .map(({ id }) => id)
          .sort((a, b) => a - b),
      ),
    ).toEqual([[1, 3]])
    expect(Object.keys(back.rows[0] ?? {}).sort()).toEqual(['id', 'product_id'])
  })

  it('related() asks in chunks, skips nulls, and refuses a key that is not there', async () => {
    const small = await connect({ databases, tables, limits: { relatedChunk: 2 } })
    const rows = [{ p: 1 }, { p: 2 }, { p: 3 }, { p: 1 }, { p: null }]
    const products = await small.related<{ p: number | null }, { id: number; name: string }>(rows, {
      key: 'p',
      table: 'product',
    })
    expect(products.routes).toHaveLength(2)
    expect(products.missing).toEqual([3])
    expect(products.of({ p: null })).toBeUndefined()
    expect((await small.related([] as { p: number }[], { key: 'p', table: 'product' })).rows).toEqual([])
    await expect(
      small.related([{ q: 1 }] as unknown as { p: number }[], { key: 'p', table: 'product' }),
    ).rejects.toMatchObject({
      code: 'SIGNALBOX_PARAMETERS',
    })
    await expect(
      small.related(rows, { key: 'p', table: 'product', column: 'id"; drop table product; --' }),
    ).rejects.toMatchObject({
      code: 'SIGNALBOX_SYNTAX',
    })
    expect(await count('select * from product')).toBe(2)
    await small.close()
  })

  it('a join, a subquery or an insert from a select over two databases is refused before it is sent', async () => {
    for (const sql of [
      'select * from product join review on review.product_id = product.id',
      'select * from product where id in (select product_id from review)',
      'insert into archived_product select * from product',
      'delete from product where id not in (select product_id from review)',
      'with r as (select product_id from review) select * from product, r',
    ]) {
      await expect(client.query(sql), sql).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_QUERY' })
    }
    await expect(client.query('select * from product join review on true')).rejects.toThrow(
      /product lives in "shop".*review lives in "reviews"/,
    )
  })

  it('an exclusive database takes no other tables, and homes decide about migrations', async () => {
    await expect(client.using('reviews').query('create table product (id integer)')).rejects.toMatchObject({
      code: 'SIGNALBOX_TABLE_NOT_ALLOWED',
    })
    expect(client.allowMigrate('reviews', 'review')).toMatchObject({ allowed: true })
    expect(client.allowMigrate('shop', 'review')).toMatchObject({ allowed: false })
    expect(client.allowMigrate('reviews', 'product')).toMatchObject({ allowed: false, reason: { rule: 'exclusive' } })
    expect(client.allowMigrate('shop', 'product')).toMatchObject({ allowed: true })
    expect(client.allowRelation('product', 'review')).toBe(false)
    expect(client.allowRelation('product', 'order_line')).toBe(true)
  })

  it('routers see the values, and a router’s own error reaches the caller', async () => {
    const router: Router = {
      route(statement) {
        const [id] = statement.valuesOf('id', 'product') ?? []
        if (Number(id) === 13) throw new RangeError('13 is nobody’s tenant')
        return undefined
      },
    }
    const routed = await connect({ databases, tables, routers: [router] })
    const sql = sqlFor(engines.shop, 'select * from product where id = ?')
    expect((await routed.query(sql, [1])).rowCount).toBe(1)
    await expect(routed.query(sql, [13])).rejects.toThrow(new RangeError('13 is nobody’s tenant'))
    expect(() => routed.explain(sql, [13])).toThrow(RangeError)
    await routed.close()
  })

  it('statements of a transaction that name no table stay on its database', async () => {
    await client.transaction(async (tx) => {
      await tx.query('delete from review where id = 1')
      expect((await tx.query('select 1')).route.database).toBe('reviews')
      expect(tx.explain('select 1')).toMatchObject({ database: 'reviews', reasons: [{ rule: 'pinned' }, {}, {}] })
    })
  })

  it('an unreachable database does not disturb the others', async () => {
    const broken = await connect({
      databases: { ...databases, far: 'postgres://nobody:hush@127.0.0.1:1/none' },
      tables: { ...tables, far_away: 'far' },
    })
    const error = await broken.query('select * from far_away').catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST', database: 'far', safeToRetry: true })
    expect(String((error as Error).stack)).not.toContain('hush')
    expect((await broken.query('select * from product')).rowCount).toBe(2)
    await broken.close()
  })
})
