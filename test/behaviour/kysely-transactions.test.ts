import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'
import { kysely, signalboxErrorOf } from '../../src/adapters/kysely.ts'
import { CrossDatabaseTransactionError, ReadOnlyTransactionError, TransactionClosedError } from '../../src/index.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { emptyShop, engines, kyselyShop, type KyselyShop } from '../support/kysely-shop.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

describe('transactions of one Kysely instance', () => {
  const shop = forAllTests(async () => await kyselyShop())
  beforeEach(async () => await emptyShop(shop))

  const homes = [
    ['shop', 'category', 'title'],
    ['reviews', 'author', 'name'],
    ['archive', 'archived_product', 'name'],
  ] as const

  describe.each(homes)('on %s', (alias, table, column) => {
    const engine = engines[alias]
    const row = (id: number) => ({ id, [column]: `row ${id}` }) as never
    const ids = async (db: Pick<KyselyShop['db'], 'selectFrom'> = shop.db): Promise<readonly number[]> =>
      (await db.selectFrom(table).select('id').orderBy('id').execute()).map(({ id }) => id)

    it(`commit and roll back (${engine})`, async () => {
      const { db } = shop
      const result = await db.transaction().execute(async (trx) => {
        expect(trx.isTransaction).toBe(true)
        await trx.insertInto(table).values(row(1)).execute()
        return await ids(trx)
      })
      expect(result).toEqual([1])
      const failed = db.transaction().execute(async (trx) => {
        await trx.insertInto(table).values(row(2)).execute()
        throw new Error('the application’s own')
      })
      await expect(failed).rejects.toThrow('the application’s own')
      expect(await ids()).toEqual([1])
    })

    it(`show nobody else what is not committed (${engine})`, async () => {
      await shop.db.transaction().execute(async (trx) => {
        await trx.insertInto(table).values(row(1)).execute()
        expect(await ids()).toEqual([])
      })
      expect(await ids()).toEqual([1])
    })

    it(`under one’s own control, with savepoints (${engine})`, async () => {
      const trx = await shop.db.startTransaction().execute()
      await trx.insertInto(table).values(row(1)).execute()
      const first = await trx.savepoint('first').execute()
      await first.insertInto(table).values(row(2)).execute()
      const second = await first.savepoint('second').execute()
      await second.insertInto(table).values(row(3)).execute()
      await second.rollbackToSavepoint('second').execute()
      expect(await ids(trx)).toEqual([1, 2])
      await second.insertInto(table).values(row(4)).execute()
      // A savepoint outlives being rolled back to.
      await second.rollbackToSavepoint('second').execute()
      await second.insertInto(table).values(row(5)).execute()
      await second.releaseSavepoint('second').execute()
      await first.releaseSavepoint('first').execute()
      expect(await ids(trx)).toEqual([1, 2, 5])
      await trx.commit().execute()
      expect(trx.isCommitted).toBe(true)
      expect(await ids()).toEqual([1, 2, 5])
    })

    it(`go on after a failed statement inside a savepoint (${engine})`, async () => {
      const trx = await shop.db.startTransaction().execute()
      await trx.insertInto(table).values(row(1)).execute()
      const inner = await trx.savepoint('careful').execute()
      await expect(inner.insertInto(table).values(row(1)).execute()).rejects.toThrow(/duplicate|unique/i)
      await inner.rollbackToSavepoint('careful').execute()
      await inner.releaseSavepoint('careful').execute()
      await trx.insertInto(table).values(row(2)).execute()
      await trx.commit().execute()
      expect(await ids()).toEqual([1, 2])
    })

    it(`rolling back to an outer savepoint takes the inner ones along; committing keeps open ones (${engine})`, async () => {
      const trx = await shop.db.startTransaction().execute()
      // Before the first statement: nothing decides the database yet.
      const outer = await trx.savepoint('outer').execute()
      await outer.insertInto(table).values(row(1)).execute()
      const inner = await outer.savepoint('inner').execute()
      await inner.insertInto(table).values(row(2)).execute()
      await inner.rollbackToSavepoint('outer').execute()
      await expect(inner.rollbackToSavepoint('inner').execute()).rejects.toBeInstanceOf(TransactionClosedError)
      await trx.insertInto(table).values(row(3)).execute()
      await trx.commit().execute()
      expect(await ids()).toEqual([3])
    })

    it(`rolled back under one’s own control (${engine})`, async () => {
      const trx = await shop.db.startTransaction().execute()
      const inner = await trx.savepoint('inner').execute()
      await inner.insertInto(table).values(row(1)).execute()
      await trx.rollback().execute()
      expect(trx.isRolledBack).toBe(true)
      expect(await ids()).toEqual([])
      await expect(trx.insertInto(table).values(row(2)).execute()).rejects.toThrow(/already/)
    })

    it(`with an isolation level, and read-only (${engine})`, async () => {
      const { db } = shop
      await db
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (trx) => {
          await trx.insertInto(table).values(row(1)).execute()
          if (engine !== 'postgres') return
          const { rows } = await sql<{ transaction_isolation: string }>`show transaction_isolation`.execute(trx)
          expect(rows[0]?.transaction_isolation).toBe('serializable')
        })
      const reading = db.transaction().setAccessMode('read only')
      expect(await reading.execute(async (trx) => await ids(trx))).toEqual([1])
      const writing = reading.execute(async (trx) => await trx.insertInto(table).values(row(2)).execute())
      await expect(writing).rejects.toBeInstanceOf(ReadOnlyTransactionError)
      expect(await ids()).toEqual([1])
    })

    it(`stream (${engine})`, async () => {
      await shop.db.insertInto(table).values([1, 2, 3, 4, 5, 6, 7].map(row)).execute()
      const all: number[] = []
      for await (const { id } of shop.db.selectFrom(table).select('id').orderBy('id').stream(3)) all.push(id)
      expect(all).toEqual([1, 2, 3, 4, 5, 6, 7])
      await shop.db.transaction().execute(async (trx) => {
        await trx.insertInto(table).values(row(8)).execute()
        const some: number[] = []
        for await (const { id } of trx.selectFrom(table).select('id').orderBy('id', 'desc').stream(2)) {
          some.push(id)
          if (some.length === 3) break
        }
        expect(some).toEqual([8, 7, 6])
        await trx.deleteFrom(table).where('id', '=', 8).execute()
      })
      expect(await ids()).toEqual([1, 2, 3, 4, 5, 6, 7])
    })
  })

  it('a second database in a transaction is refused, and everything is rolled back', async () => {
    const { db } = shop
    const run = db.transaction().execute(async (trx) => {
      await trx.insertInto('category').values({ id: 1, product_id: 1, title: 'a' }).execute()
      await trx.insertInto('review').values({ product_id: 1, text: 'b' }).execute()
    })
    await expect(run).rejects.toBeInstanceOf(CrossDatabaseTransactionError)
    expect(await db.selectFrom('category').selectAll().execute()).toEqual([])
    expect(await db.selectFrom('review').selectAll().execute()).toEqual([])
  })

  it('a statement without a table runs on the transaction’s database, in its dialect', async () => {
    using queries = subscribedQueries()
    await shop.db.transaction().execute(async (trx) => {
      await trx.selectFrom('archived_product').selectAll().execute()
      const row = await trx.selectNoFrom((eb) => eb.val('x').as('value')).executeTakeFirstOrThrow()
      expect({ ...row }).toEqual({ value: 'x' })
    })
    expect(queries.all.map(({ route, inTransaction }) => [route.database, inTransaction])).toEqual([
      ['archive', true],
      ['archive', true],
    ])
  })

  it.runIf(engines.shop === 'postgres')(
    'a COMMIT that PostgreSQL turned into a ROLLBACK is Kysely’s AbortedTransactionError',
    async () => {
      const run = shop.db.transaction().execute(async (trx) => {
        await trx.insertInto('category').values({ id: 1, product_id: 1, title: 'a' }).execute()
        await trx
          .insertInto('category')
          .values({ id: 1, product_id: 1, title: 'a' })
          .execute()
          .catch(() => undefined)
      })
      const error: unknown = await run.catch((caught: unknown) => caught)
      expect(error).toMatchObject({ name: 'AbortedTransactionError' })
      expect(signalboxErrorOf(error)).toMatchObject({ engineCode: '25P02', database: 'shop' })
      expect(await shop.db.selectFrom('category').selectAll().execute()).toEqual([])
    },
  )

  it('db.destroy() leaves the client open', async () => {
    const another = kysely(shop.client)
    await another.introspection.getTables()
    await another.destroy()
    expect((await shop.client.query('select 1 as one')).rows.map((row) => ({ ...row }))).toEqual([{ one: 1 }])
  })
})
