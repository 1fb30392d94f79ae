import { sql, type Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kysely } from '../../src/adapters/kysely.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

interface Shop {
  product: { id: number; name: string }
}

const migrations: Record<string, Migration> = {
  '1_product': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('product')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('name', 'varchar(40)', (column) => column.notNull())
        .execute()
      await db.schema.createIndex('product_name').on('product').column('name').execute()
    },
    down: async (db: Kysely<unknown>) => await db.schema.dropTable('product').execute(),
  },
  '2_price': {
    up: async (db: Kysely<unknown>) =>
      await db.schema
        .alterTable('product')
        .addColumn('price', 'integer', (column) => column.defaultTo(0))
        .execute(),
    down: async (db: Kysely<unknown>) => await db.schema.alterTable('product').dropColumn('price').execute(),
  },
}

const migratorOf = (db: Kysely<Shop>) =>
  new Migrator({ db, provider: { getMigrations: async () => await Promise.resolve(migrations) } })

// The default database is another one, so that whatever strays from the bound one is noticed.
describe.each(testedEngines)('an instance bound to a database of %s', (engine) => {
  let made: TestDatabase[]
  let client: Client<'default' | 'main'>
  let db: Kysely<Shop>

  beforeEach(async () => {
    made = [await freshDatabase('sqlite'), await freshDatabase(engine)]
    const [other, main] = made.map(({ dsn }) => dsn as Dsn) as [Dsn, Dsn]
    client = await connect({ databases: { default: other, main } })
    db = kysely<Shop>(client.using('main'))
  })
  afterEach(async () => {
    await client.close()
    for (const database of made) await database.drop()
  })

  it('is migrated up and down by Kysely’s Migrator', async () => {
    using queries = subscribedQueries()
    const { error, results } = await migratorOf(db).migrateToLatest()
    expect(error).toBeUndefined()
    expect(results?.map(({ migrationName, status }) => `${migrationName} ${status}`)).toEqual([
      '1_product Success',
      '2_price Success',
    ])
    await db.insertInto('product').values({ id: 1, name: 'chair' }).execute()
    const { rows } = await sql<{ price: number }>`select price from product`.execute(db)
    expect(rows.map((row) => ({ ...row }))).toEqual([{ price: 0 }])
    expect((await migratorOf(db).migrateDown()).error).toBeUndefined()
    expect((await migratorOf(db).getMigrations()).map(({ executedAt }) => executedAt !== undefined)).toEqual([
      true,
      false,
    ])
    expect(new Set(queries.all.map(({ route }) => route.database))).toEqual(new Set(['main']))
  })

  it('is migrated once by two migrators at a time', async () => {
    const migrator = migratorOf(db)
    const both = await Promise.all([migrator.migrateToLatest(), migratorOf(db).migrateToLatest()])
    expect(both.map(({ error }) => error)).toEqual([undefined, undefined])
    expect(both.map(({ results }) => results?.length ?? -1).toSorted((a, b) => a - b)).toEqual([0, 2])
  })

  it('a migration that fails says so, and the lock is free again', async () => {
    const broken = new Migrator({
      db,
      provider: {
        getMigrations: async () => await Promise.resolve({ a: { up: () => Promise.reject(new Error('broken')) } }),
      },
    })
    expect((await broken.migrateToLatest()).error).toMatchObject({ message: 'broken' })
    expect((await migratorOf(db).migrateToLatest()).error).toBeUndefined()
  })

  it('is introspected', async () => {
    await migratorOf(db).migrateToLatest()
    const tables = await db.introspection.getTables()
    expect(tables.map(({ name }) => name)).toEqual(['product'])
    expect(tables[0]?.columns.map(({ name, isNullable }) => [name, isNullable])).toEqual(
      [
        ['id', false],
        ['name', false],
        ['price', true],
      ].map(([name, nullable]) => [name, engine === 'sqlite' && name === 'id' ? true : nullable]),
    )
    const schemas = await db.introspection.getSchemas()
    expect(schemas.length > 0).toBe(engine !== 'sqlite')
  })

  it('creates, changes and drops tables', async () => {
    await db.schema
      .createTable('product')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .execute()
    await db.schema.alterTable('product').renameTo('thing').execute()
    await db.schema
      .createView('things')
      .as(sql`select id from thing`)
      .execute()
    expect((await db.introspection.getTables()).map(({ name, isView }) => [name, isView])).toEqual([
      ['thing', false],
      ['things', true],
    ])
    await db.schema.dropView('things').execute()
    await db.schema.dropTable('thing').execute()
    expect(await db.introspection.getTables()).toEqual([])
  })
})
