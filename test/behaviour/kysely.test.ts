import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'
import { kysely, signalboxErrorOf, using } from '../../src/adapters/kysely.ts'
import { CrossDatabaseQueryError, CrossEngineError, UnknownDatabaseError } from '../../src/index.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { emptyShop, engines, kyselyShop, threeEngines, type Shop } from '../support/kysely-shop.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

describe(`one Kysely instance over ${engines.shop}, ${engines.reviews} and ${engines.archive}`, () => {
  const shop = forAllTests(async () => await kyselyShop())
  beforeEach(async () => await emptyShop(shop))

  it('sends each query to the database of its table, in the words of its engine', async () => {
    const { db } = shop
    using queries = subscribedQueries()
    await db.insertInto('product').values({ id: 1, name: 'chair', stock: 3 }).execute()
    await db.insertInto('review').values({ product_id: 1, text: 'solid' }).execute()
    await db.insertInto('archived_product').values({ id: 9, name: 'stool' }).execute()
    const sent = queries.all.map(({ sql, route }) => [route.database, route.engine, sql.replaceAll(/["`]/g, '')])
    const mark = (engine: string, ...at: number[]) =>
      at.map((number) => (engine === 'postgres' ? `$${number}` : '?')).join(', ')
    expect(sent).toEqual([
      ['shop', engines.shop, `insert into product (id, name, stock) values (${mark(engines.shop, 1, 2, 3)})`],
      ['reviews', engines.reviews, `insert into review (product_id, text) values (${mark(engines.reviews, 1, 2)})`],
      ['archive', engines.archive, `insert into archived_product (id, name) values (${mark(engines.archive, 1, 2)})`],
    ])
    expect(await db.selectFrom('product').select('name').execute()).toEqual([{ name: 'chair' }])
    expect((await db.selectFrom('review').select('text').execute()).map((row) => ({ ...row }))).toEqual([
      { text: 'solid' },
    ])
    expect((await db.selectFrom('archived_product').select('name').execute()).map((row) => ({ ...row }))).toEqual([
      { name: 'stool' },
    ])
  })

  it.each(['product', 'archived_product', 'review'] as const)(
    'creates, reads, changes and deletes rows of %s',
    async (table) => {
      const { db, client } = shop
      const open =
        db.withTables<
          Record<
            'product' | 'review' | 'archived_product',
            { id: number; name: string; text: string; stock: number; product_id: number }
          >
        >()
      const column = table === 'review' ? 'text' : 'name'
      const more = table === 'product' ? { stock: 1 } : {}
      const rows = [1, 2, 3, 4, 5].map((id) => ({ id, [column]: `row ${id}`, ...more }))
      const inserted = await open
        .insertInto(table)
        .values(rows as never)
        .executeTakeFirstOrThrow()
      expect(inserted.numInsertedOrUpdatedRows).toBe(5n)
      const some = await open
        .selectFrom(table)
        .select(['id', column])
        .where('id', 'in', [1, 2, 4, 5])
        .where((eb) => eb.or([eb(column, 'like', 'row%'), eb('id', '=', 99)]))
        .orderBy('id', 'desc')
        .limit(2)
        .offset(1)
        .execute()
      expect(some.map(({ id }) => id)).toEqual([4, 2])
      expect(client.databaseOf(some[0] ?? {})).toBe(
        { product: 'shop', review: 'reviews', archived_product: 'archive' }[table],
      )
      const updated = await open
        .updateTable(table)
        .set({ [column]: 'new' } as never)
        .where('id', '>', 3)
        .executeTakeFirstOrThrow()
      expect(updated.numUpdatedRows).toBe(2n)
      const deleted = await open.deleteFrom(table).where(column, '=', 'new').executeTakeFirstOrThrow()
      expect(deleted.numDeletedRows).toBe(2n)
      const { count } = await open
        .selectFrom(table)
        .select((eb) => eb.fn.countAll().as('count'))
        .executeTakeFirstOrThrow()
      expect(Number(count)).toBe(3)
    },
  )

  it('joins the tables of one database, and refuses those of two', async () => {
    const { db } = shop
    await db.insertInto('review').values({ id: 1, product_id: 7, text: 'solid' }).execute()
    await db.insertInto('author').values({ id: 1, review_id: 1, name: 'Ada' }).execute()
    const joined = await db
      .selectFrom('review')
      .innerJoin('author', 'author.review_id', 'review.id')
      .select(['review.text', 'author.name as by'])
      .where('review.product_id', '=', 7)
      .executeTakeFirstOrThrow()
    expect({ ...joined }).toEqual({ text: 'solid', by: 'Ada' })
    const across = db.selectFrom('product').innerJoin('review', 'review.product_id', 'product.id').selectAll().execute()
    await expect(across).rejects.toBeInstanceOf(CrossDatabaseQueryError)
  })

  it('gives generated ids and returned rows where the engine has them', async () => {
    const { db } = shop
    const review = await db.insertInto('review').values({ product_id: 1, text: 'a' }).executeTakeFirstOrThrow()
    const note = await db.insertInto('archived_note').values({ product_id: 1, text: 'b' }).executeTakeFirstOrThrow()
    expect(typeof review.insertId).toBe(engines.reviews === 'postgres' ? 'undefined' : 'bigint')
    expect(typeof note.insertId).toBe(engines.archive === 'postgres' ? 'undefined' : 'bigint')
    const product = await db
      .insertInto('product')
      .values({ id: 5, name: 'x', stock: 1 })
      .returning(['id', 'name'])
      .execute()
    expect(product.map((row) => ({ ...row }))).toEqual([{ id: 5, name: 'x' }])
    const archived = await db
      .insertInto('archived_product')
      .values({ id: 6, name: 'y' })
      .returningAll()
      .executeTakeFirst()
    expect({ ...archived }).toEqual({ id: 6, name: 'y' })
    const returned = await db
      .insertInto('review')
      .values({ product_id: 2, text: 'c' })
      .returning('text')
      .executeTakeFirst()
    expect({ ...returned }).toEqual({ text: 'c' })
  })

  it('a single query can be sent elsewhere, also in a transaction, and a database that does not exist is refused at once', async () => {
    const { db, client } = shop
    await db
      .withPlugin(using(client, 'archive'))
      .schema.createTable('product')
      .ifNotExists()
      .addColumn('id', 'integer')
      .execute()
    await db
      .withPlugin(using(client, 'archive'))
      .insertInto('product')
      .values({ id: 77 } as never)
      .execute()
    const here = await db.selectFrom('product').select('id').execute()
    const there = await db.withPlugin(using(client, 'archive')).selectFrom('product').select('id').execute()
    expect([here.length, there.map(({ id }) => id)]).toEqual([0, [77]])
    const inTransaction = await db.transaction().execute(async (trx) => {
      await trx.insertInto('archived_product').values({ id: 1, name: 'a' }).execute()
      return await trx.withPlugin(using(client, 'archive')).selectFrom('product').select('id').execute()
    })
    expect(inTransaction.map(({ id }) => id)).toEqual([77])
    const streamed: number[] = []
    for await (const { id } of db.withPlugin(using(client, 'archive')).selectFrom('product').select('id').stream())
      streamed.push(id)
    expect(streamed).toEqual([77])
    await client.using('archive').query('drop table product')
    expect(() => using(client, 'archvie' as 'archive')).toThrow(UnknownDatabaseError)
  })

  it('errors of servers are the driver’s own, their stack leads to the query, and their place can be asked for', async () => {
    const { db } = shop
    const add = () => db.insertInto('archived_product').values({ id: 1, name: 'a' }).execute()
    await add()
    const error: unknown = await add().catch((caught: unknown) => caught)
    const codes = { postgres: '23505', mysql: 'ER_DUP_ENTRY', sqlite: 'ERR_SQLITE_ERROR' }
    expect(error).toMatchObject({ code: codes[engines.archive] })
    const origin = signalboxErrorOf(error)
    expect(origin).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', database: 'archive', role: 'primary', cause: error })
    expect(signalboxErrorOf(origin)).toBe(origin)
    expect(signalboxErrorOf(new Error('another'))).toBeUndefined()
    for (const table of ['product', 'review'] as const) {
      const failed = db
        .selectFrom(table)
        .select('nothing' as 'id')
        .execute()
      await expect(failed).rejects.toMatchObject({ stack: expect.stringMatching(/kysely\.test\.ts/) as string })
    }
  })

  it('Kysely’s own logging works, for queries and errors', async () => {
    const events: string[] = []
    await using logged = await kyselyShop({
      log: ({ level, query }) => void events.push(`${level} ${query.sql.slice(0, 6)}`),
    })
    await logged.db.selectFrom('review').selectAll().execute()
    await logged.db
      .selectFrom('review')
      .select('nothing' as 'text')
      .execute()
      .catch(() => undefined)
    for await (const _ of logged.db.selectFrom('product').selectAll().stream()) expect.unreachable()
    expect(events).toEqual(['query select', 'error select', 'query select'])
  })

  it.runIf(engines.shop === 'postgres')(
    'what locks or changes is a write, however much it looks like a read',
    async () => {
      const { db, client } = shop
      await client.query('create sequence if not exists ticket')
      using queries = subscribedQueries()
      await db.selectFrom('product').selectAll().execute()
      await db.selectFrom('product').selectAll().forUpdate().execute()
      await db.selectNoFrom((eb) => eb.fn<string>('nextval', [eb.val('ticket')]).as('next')).execute()
      await sql`select nextval('ticket')`.execute(db)
      await db
        .with('changed', (with_) => with_.updateTable('product').set({ stock: 0 }).returning('id'))
        .selectFrom('changed')
        .selectAll()
        .execute()
      expect(queries.all.map(({ route }) => `${route.effect} on ${route.role}`)).toEqual([
        'read on primary',
        'write on primary',
        'write on primary',
        'write on primary',
        'write on primary',
      ])
    },
  )

  it.runIf(threeEngines)('refuses fragments of SQL across engines, and says what to do', async () => {
    const { db } = shop
    const fragment = db
      .selectFrom('review')
      .select(sql<string>`upper(${sql.ref('text')}) || ${'!'}`.as('loud'))
      .execute()
    const error = await fragment.catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(CrossEngineError)
    expect((error as Error).message).toBe(
      'The query belongs to a MySQL/MariaDB database, but its fragment sql`upper(${…}) || ${…}` was written for PostgreSQL, ' +
        'and SQL text is never translated. Nothing was sent. Write it for that engine, on an instance made with ' +
        "kysely(client, { engine: 'mysql' }) or kysely(client.using(alias)).",
    )
    await expect(sql`select * from archived_product`.execute(db)).rejects.toBeInstanceOf(CrossEngineError)
    await expect(sql`select 1 as one`.execute(db)).resolves.toMatchObject({ rows: [{ one: 1 }] })
  })

  it.runIf(threeEngines)('an instance of that engine, or bound to its database, runs its fragments', async () => {
    const { client } = shop
    for (const db of [kysely<Shop>(client, { engine: 'mysql' }), kysely<Shop>(client.using('reviews'))]) {
      const loud = sql<string>`concat(upper(${sql.ref('text')}), ${'!'})`.as('loud')
      await db.insertInto('review').values({ product_id: 1, text: 'a' }).execute()
      expect({ ...(await db.selectFrom('review').select(loud).executeTakeFirst()) }).toEqual({ loud: 'A!' })
      // Kysely's own dialect for MySQL runs this and throws the rows away.
      const [returned] = await db.insertInto('review').values({ product_id: 2, text: 'c' }).returning('text').execute()
      expect({ ...returned }).toEqual({ text: 'c' })
      await db.deleteFrom('review').execute()
    }
    const written = kysely<Shop>(client, { engine: 'mysql' })
      .insertInto('product')
      .values({ id: 1, name: 'a', stock: 2 })
    expect((await written.returning('stock').execute()).map((row) => ({ ...row }))).toEqual([{ stock: 2 }])
  })

  it.runIf(threeEngines)('finds the database of a query with a clause that only its engine has', async () => {
    const { db } = shop
    const review = { id: 1, product_id: 1, text: 'first' }
    const upsert = () =>
      db.insertInto('review').values(review).onDuplicateKeyUpdate({ text: 'second' }).executeTakeFirstOrThrow()
    expect((await upsert()).numInsertedOrUpdatedRows).toBe(1n)
    await upsert()
    expect({ ...(await db.selectFrom('review').selectAll().executeTakeFirst()) }).toEqual({ ...review, text: 'second' })
  })

  it.runIf(threeEngines)('lets pass what Kysely writes itself, and refuses what would change its meaning', async () => {
    const { db } = shop
    await db
      .insertInto('review')
      .values([
        { id: 1, product_id: 1, text: 'b' },
        { id: 2, product_id: 2, text: 'a' },
      ])
      .execute()
    const rows = await db
      .selectFrom('review')
      .select([
        sql.ref<number>('review.id').as('id'),
        sql.lit(1).as('one'),
        sql.id('text').as('t'),
        sql.val('v').as('v'),
      ])
      .where('id', 'in', sql<number>`(${sql.join([1, 2])})`)
      .orderBy('text', 'asc')
      .orderBy('id', (order) => order.desc())
      .execute()
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { id: 2, one: 1, t: 'a', v: 'v' },
      { id: 1, one: 1, t: 'b', v: 'v' },
    ])
    const joined = db
      .selectFrom('review')
      .select((eb) => eb('text', '||', 'x').as('j'))
      .execute()
    await expect(joined).rejects.toThrow(/the operator \|\| does not mean/)
    const upsert = { id: 1, product_id: 1, text: 'z' }
    await expect(
      db
        .insertInto('review')
        .values(upsert)
        .onConflict((oc) => oc.column('id').doNothing())
        .execute(),
    ).rejects.toThrow(/onConflict\(\) does not exist on MySQL\/MariaDB/)
    await expect(
      db.insertInto('archived_product').values({ id: 1, name: 'a' }).onDuplicateKeyUpdate({ name: 'b' }).execute(),
    ).rejects.toThrow(/onDuplicateKeyUpdate\(\) does not exist on SQLite/)
    await db
      .insertInto('archived_product')
      .values({ id: 1, name: 'a' })
      .onConflict((oc) => oc.column('id').doNothing())
      .execute()
  })
})
