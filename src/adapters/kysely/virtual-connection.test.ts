import {
  DummyDriver,
  Kysely,
  type LogEvent,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import { describe, expect, it } from 'vitest'
import { connect } from '../../connect.ts'
import type { Client } from '../../client.ts'
import type { DriverRequest } from '../../drivers/driver.ts'
import { AbortedError } from '../../errors.ts'
import type { Router } from '../../routing/router.ts'
import { simulateDrivers, type SimulatedServer } from '../../testing/simulated-driver.ts'
import { kysely, onCommit } from '../kysely.ts'

interface Shop {
  product: { id: number }
  review: { id: number }
}

async function setUp(routers: readonly Router[] = []): Promise<{
  client: Client
  db: Kysely<Shop>
  shop: SimulatedServer
  reviews: SimulatedServer
  elsewhere: SimulatedServer
}> {
  const simulated = simulateDrivers()
  const databases = { default: 'postgres://localhost/shop', reviews: 'sqlite:reviews.db' } as const
  const client = await connect({ databases, tables: { review: 'reviews' }, routers }, { drivers: simulated.drivers })
  const db = kysely<Shop>(client)
  return {
    client,
    db,
    shop: simulated.server(databases.default),
    reviews: simulated.server(databases.reviews),
    elsewhere: simulated.server('sqlite:elsewhere.db'),
  }
}

const told = ({ steps }: SimulatedServer): readonly string[] =>
  steps.map(({ action, detail, lease }) => `${lease} ${action}${detail === '' ? '' : ` ${detail}`}`)

const selectProducts = 'select "id" from "product"'
const selectReviews = 'select "id" from "review"'

/** Waits for the signal of a statement, as one that takes its time does. */
async function aborted(request: DriverRequest | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  request?.signal?.addEventListener('abort', () => reject(new AbortedError('The statement was cancelled.')))
  return await promise
}

describe('a single query', () => {
  it.each([undefined, {}, { signal: undefined }, { signal: new AbortController().signal }])(
    'takes no connection of its own (options: %j)',
    async (options) => {
      const { db, shop } = await setUp()
      await db.selectFrom('product').select('id').execute(options)
      expect(told(shop)).toEqual([`0 query ${selectProducts}`])
    },
  )

  it('goes where a router says, in the dialect that is spoken there', async () => {
    const { db, elsewhere, shop } = await setUp([{ route: () => 'sqlite:elsewhere.db' }])
    await db.selectFrom('product').select('id').where('id', '=', 7).execute()
    expect(told(elsewhere)).toEqual([`0 query ${selectProducts} where "id" = ?`])
    expect(told(shop)).toEqual([])
  })

  it('is refused if a router sends its translation to yet another engine', async () => {
    const fickle: Router = { route: ({ sql }) => (sql.includes('$1') ? 'reviews' : 'default') }
    const { db, shop, reviews } = await setUp([fickle])
    const run = db.selectFrom('product').select('id').where('id', '=', 7).execute()
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_ENGINE' })
    expect([...told(shop), ...told(reviews)]).toEqual([])
  })
})

describe('a transaction', () => {
  it('sends nothing without a query, and with one begins where the query belongs', async () => {
    const { db, shop, reviews } = await setUp()
    await db.transaction().execute(async () => await Promise.resolve())
    const controlled = await db.startTransaction().execute()
    await controlled.savepoint('a').execute()
    await controlled.commit().execute()
    expect([...told(shop), ...told(reviews)]).toEqual([])
    await db.transaction().execute(async (trx) => await trx.selectFrom('review').select('id').execute())
    expect(told(shop)).toEqual([])
    expect(told(reviews)).toEqual(['1 lease', '1 begin', `1 query ${selectReviews}`, '1 commit', '1 release clean'])
  })

  it('sets savepoints with the first query after them, and forwards each step', async () => {
    const { db, shop } = await setUp()
    const trx = await db.startTransaction().execute()
    const a = await trx.savepoint('a').execute()
    await a.selectFrom('product').select('id').execute()
    await a.rollbackToSavepoint('a').execute()
    await a.selectFrom('product').select('id').execute()
    await a.releaseSavepoint('a').execute()
    await trx.rollback().execute()
    expect(told(shop).slice(2)).toEqual([
      '1 savepoint signalbox_1',
      `1 query ${selectProducts}`,
      '1 rollback-to signalbox_1',
      '1 release-savepoint signalbox_1',
      '1 savepoint signalbox_1',
      `1 query ${selectProducts}`,
      '1 release-savepoint signalbox_1',
      '1 rollback',
      '1 release clean',
    ])
  })

  it('runs what is to happen after its COMMIT, unless that part was rolled back', async () => {
    const { db, shop } = await setUp()
    const happened: string[] = []
    const trx = await db.startTransaction().execute()
    await trx.selectFrom('product').select('id').execute()
    await onCommit(trx, () => happened.push(`outer after ${told(shop).at(-2)}`))
    const a = await trx.savepoint('a').execute()
    await a.selectFrom('product').select('id').execute()
    await onCommit(a, () => happened.push('undone'))
    await a.rollbackToSavepoint('a').execute()
    await onCommit(a, () => happened.push('kept'))
    await a.releaseSavepoint('a').execute()
    expect(happened).toEqual([])
    await trx.commit().execute()
    expect(happened).toEqual(['outer after 1 commit', 'kept'])
    const undone = db.transaction().execute(async (failing) => {
      await onCommit(failing, () => happened.push('never'))
      throw new Error('no')
    })
    await expect(undone).rejects.toThrow('no')
    expect(happened).toHaveLength(2)
  })

  it('says so when that fails, and is committed all the same', async () => {
    const { db, shop } = await setUp()
    const run = db.transaction().execute(async (trx) => {
      await trx.selectFrom('product').select('id').execute()
      await onCommit(trx, () => {
        throw new Error('no mail today')
      })
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_ON_COMMIT_FAILED' })
    expect(told(shop).slice(-2)).toEqual(['1 commit', '1 release clean'])
  })

  it('of another Kysely instance is refused', async () => {
    const other = new Kysely<Shop>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    })
    const run = other.transaction().execute(async (trx) => await onCommit(trx, () => undefined))
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
  })

  it('is rolled back when Kysely is told to kill its session, and takes nothing more', async () => {
    const { db, shop } = await setUp()
    const started = Promise.withResolvers<void>()
    shop.answerWith(async (step, request) => {
      if (step.action !== 'query') return
      started.resolve()
      await aborted(request)
    })
    const controller = new AbortController()
    const run = db.transaction().execute(async (trx) => {
      const options = { signal: controller.signal, inflightQueryAbortStrategy: 'kill session' } as const
      const killed = trx.selectFrom('product').select('id').execute(options)
      await started.promise
      controller.abort(new Error('enough'))
      await expect(killed).rejects.toThrow('enough')
      // It would be committed on its own.
      await trx.insertInto('product').values({ id: 1 }).execute()
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    expect(told(shop).filter((step) => step.includes('insert'))).toEqual([])
    await expect.poll(() => shop.leased).toBe(0)
    expect(told(shop).slice(-2)).toEqual(['1 rollback', '1 release clean'])
  })

  it('is told to the log as Kysely tells it, and in the same order, whatever is sent', async () => {
    const seen: string[] = []
    const { client, shop } = await setUp()
    const log = (event: LogEvent) => void seen.push(`${event.level} ${event.query.sql}`)
    const db = kysely<Shop>(client, { log })
    const trx = await db.startTransaction().setIsolationLevel('serializable').execute()
    const a = await trx.savepoint('a').execute()
    await a.selectFrom('product').select('id').execute()
    await a.rollbackToSavepoint('a').execute()
    await a.releaseSavepoint('a').execute()
    await trx.commit().execute()
    expect(seen).toEqual([
      'query start transaction isolation level serializable',
      'query savepoint "a"',
      `query ${selectProducts}`,
      'query rollback to "a"',
      'query release "a"',
      'query commit',
    ])
    seen.length = 0
    await kysely<Shop>(client, { engine: 'mysql', log })
      .transaction()
      .setAccessMode('read only')
      .execute(async () => await Promise.resolve())
    expect(seen).toEqual(['query set transaction read only', 'query begin', 'query commit'])
    expect(told(shop).filter((step) => step.includes('begin'))).toHaveLength(1)
  })

  it('tells what went wrong with its end, to the caller and to the log', async () => {
    const seen: string[] = []
    const { client, shop } = await setUp()
    const log = (event: LogEvent) => void seen.push(`${event.level} ${event.query.sql}`)
    const broken = new Error('the server is gone')
    shop.answerWith((step) => {
      if (step.action === 'commit') throw broken
    })
    const run = kysely<Shop>(client, { log })
      .transaction()
      .execute(async (trx) => await trx.selectFrom('product').select('id').execute())
    await expect(run).rejects.toThrow('the server is gone')
    expect(seen.slice(0, 3)).toEqual(['query begin', `query ${selectProducts}`, 'error commit'])
  })
})

describe('an abort', () => {
  it.each([
    { strategy: undefined, sent: 'goes on' },
    { strategy: 'ignore query', sent: 'goes on' },
    { strategy: 'cancel query', sent: 'is cancelled' },
    { strategy: 'kill session', sent: 'is cancelled' },
  ] as const)('ends the call at once, and the statement $sent with the strategy $strategy', async (row) => {
    const { strategy, sent } = row
    const { db, shop } = await setUp()
    const started = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    let outcome = 'runs'
    shop.answerWith(async (_step, request) => {
      started.resolve()
      const cancelled = aborted(request).catch(() => 'is cancelled')
      outcome = await Promise.race([answer.promise.then(() => 'goes on'), cancelled])
    })
    const controller = new AbortController()
    const run = db
      .insertInto('product')
      .values({ id: 1 })
      .execute({
        signal: controller.signal,
        ...(strategy === undefined ? {} : { inflightQueryAbortStrategy: strategy }),
      })
    await started.promise
    controller.abort(new Error('enough'))
    await expect(run).rejects.toThrow('enough')
    answer.resolve()
    await expect.poll(() => outcome).toBe(sent)
  })
})

describe('db.connection()', () => {
  it('takes one connection with its first query, transactions included, and resets it at the end', async () => {
    const { db, shop } = await setUp()
    await db.connection().execute(async (own) => {
      await own.selectFrom('product').select('id').execute()
      await own.transaction().execute(async (trx) => await trx.selectFrom('product').select('id').execute())
      await own.selectFrom('product').select('id').execute()
    })
    expect(told(shop)).toEqual([
      '1 lease',
      `1 query ${selectProducts}`,
      '1 begin',
      `1 query ${selectProducts}`,
      '1 commit',
      `1 query ${selectProducts}`,
      '1 release reset',
    ])
  })

  it('costs nothing without a query', async () => {
    const { db, shop } = await setUp()
    await db.connection().execute(async () => await Promise.resolve())
    expect(told(shop)).toEqual([])
  })
})

describe('an instance', () => {
  it('needs an engine: that of the default database, or one that is named', async () => {
    const { drivers } = simulateDrivers()
    const client = await connect({ databases: { a: 'sqlite:a.db', b: 'postgres://localhost/b' } }, { drivers })
    expect(() => kysely(client)).toThrow(/engine: There is no default database/)
    expect(() => kysely(client, { engine: 'oracle' as 'sqlite' })).toThrow(/engine: "oracle" is no engine/)
    const compiled = kysely<Shop>(client, { engine: 'mysql' }).selectFrom('product').select('id').compile()
    expect(compiled.sql).toBe('select `id` from `product`')
    expect(kysely<Shop>(client.using('b')).selectFrom('product').where('id', '=', 1).compile().sql).toContain('$1')
  })

  it('may be bound to a database whose engine no declared one has', async () => {
    const simulated = simulateDrivers()
    const client = await connect('postgres://localhost/shop', { drivers: simulated.drivers })
    await kysely<Shop>(client.using('sqlite:elsewhere.db')).selectFrom('product').select('id').execute()
    expect(told(simulated.server('sqlite:elsewhere.db'))).toEqual([`0 query ${selectProducts}`])
  })
})
