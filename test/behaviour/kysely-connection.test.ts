import { sql, type Kysely } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { kysely } from '../../src/adapters/kysely.ts'
import { connect, CrossDatabaseQueryError, type Client } from '../../src/index.ts'
import { kyselyShop } from '../support/kysely-shop.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

interface Items {
  item: { id: number; name: string }
  scratch: { id: number }
}

describe.each(testedEngines)('a connection of one’s own on %s', (engine) => {
  let database: TestDatabase
  let client: Client
  let db: Kysely<Items>
  const idOf = {
    postgres: sql<{ id: number }>`select pg_backend_pid() as id`,
    mysql: sql<{ id: number }>`select connection_id() as id`,
    sqlite: sql<{ id: number }>`select 1 as id`,
  }[engine]

  beforeEach(async () => {
    database = await freshDatabase(engine)
    client = await connect(database.dsn)
    db = kysely<Items>(client)
    await db.schema
      .createTable('item')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'varchar(40)')
      .execute()
  })
  afterEach(async () => {
    await client.close()
    await database.drop()
  })

  it('is the same for all queries, transactions included, and nobody gets it in between', async () => {
    await db.connection().execute(async (own) => {
      const first = await idOf.execute(own)
      await own.schema.createTable('scratch').temporary().addColumn('id', 'integer').execute()
      await own.transaction().execute(async (trx) => {
        await trx.insertInto('scratch').values({ id: 1 }).execute()
        await trx.insertInto('item').values({ id: 1, name: 'a' }).execute()
        expect((await idOf.execute(trx)).rows).toEqual(first.rows)
      })
      const failed = own.transaction().execute(async (trx) => {
        await trx.insertInto('scratch').values({ id: 2 }).execute()
        throw new Error('no')
      })
      await expect(failed).rejects.toThrow('no')
      const streamed: number[] = []
      for await (const { id } of own.selectFrom('scratch').select('id').stream()) streamed.push(id)
      expect(streamed).toEqual([1])
      expect((await idOf.execute(own)).rows).toEqual(first.rows)
    })
    await expect(db.selectFrom('scratch').selectAll().execute()).rejects.toThrow(/scratch/)
    expect((await db.selectFrom('item').selectAll().execute()).map((row) => ({ ...row }))).toEqual([
      { id: 1, name: 'a' },
    ])
  })

  it('is a real one from the first query on, with a signal too', async () => {
    const { signal } = new AbortController()
    await db.connection().execute(
      async (own) => {
        await own.schema.createTable('scratch').temporary().addColumn('id', 'integer').execute()
        await own.insertInto('scratch').values({ id: 7 }).execute()
        expect((await own.selectFrom('scratch').selectAll().execute({ signal })).map(({ id }) => id)).toEqual([7])
      },
      { signal },
    )
    await expect(db.selectFrom('scratch').selectAll().execute()).rejects.toThrow(/scratch/)
  })

  it('begins a transaction as its first step', async () => {
    await db.connection().execute(async (own) => {
      await own.transaction().execute(async (trx) => {
        await trx.insertInto('item').values({ id: 1, name: 'a' }).execute()
      })
      expect(await own.selectFrom('item').select('id').execute()).toHaveLength(1)
    })
  })
})

describe('a connection of one’s own over several databases', () => {
  it('belongs to one of them', async () => {
    await using shop = await kyselyShop()
    using queries = subscribedQueries()
    const run = shop.db.connection().execute(async (own) => {
      await own.selectFrom('archived_product').selectAll().execute()
      await own.selectFrom('review').selectAll().execute()
    })
    await expect(run).rejects.toBeInstanceOf(CrossDatabaseQueryError)
    expect(queries.all.filter(({ route }) => route.database === 'reviews')).toEqual([])
  })
})

const sleeping = testedEngines.filter((engine) => engine !== 'sqlite')

describe.each(sleeping)('aborting on %s', (engine) => {
  const sleep = engine === 'postgres' ? sql`select pg_sleep(20)` : sql`select sleep(20)`
  const running =
    engine === 'postgres'
      ? "select count(*) as n from pg_stat_activity where query like 'select pg_sleep%' and state = 'active' and datname = current_database()"
      : "select count(*) as n from information_schema.processlist where info like 'select sleep%' and db = database()"

  it.each(['cancel query', 'kill session'] as const)(
    'cancels the statement on the server (strategy: %s)',
    async (strategy) => {
      await using database = await freshDatabase(engine)
      await using client = await connect(database.dsn)
      const db = kysely<Items>(client)
      const controller = new AbortController()
      const printed = vi.spyOn(console, 'error')
      onTestFinished(() => printed.mockRestore())
      const count = async () => Number((await client.query<{ n: number }>(running)).rows[0]?.n)
      const run = sleep.execute(db, {
        signal: controller.signal,
        inflightQueryAbortStrategy: strategy,
      })
      await expect.poll(count).toBe(1)
      controller.abort(new Error('enough'))
      await expect(run).rejects.toThrow('enough')
      await expect.poll(count).toBe(0)
      expect(printed).not.toHaveBeenCalled()
    },
  )

  it('lets the statement go on by default', async () => {
    await using database = await freshDatabase(engine)
    await using client = await connect(database.dsn)
    const db = kysely<Items>(client)
    await db.schema.createTable('item').addColumn('id', 'integer').addColumn('name', 'varchar(9)').execute()
    const slow =
      engine === 'postgres'
        ? sql`with slow as (select pg_sleep(0.5)) insert into item (id) select 1 from slow`
        : sql`insert into item (id) select 1 from (select sleep(0.5)) as slow`
    await expect(slow.execute(db, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout')
    await expect.poll(async () => await db.selectFrom('item').select('id').execute()).toHaveLength(1)
  })
})
