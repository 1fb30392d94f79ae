import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import { QueryError } from '../errors.ts'
import type { Router } from '../routing/router.ts'
import { connectionLost, simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'

const databases = { default: 'sqlite:shop.db', reviews: 'sqlite:reviews.db' } as const

async function setUp(routers: readonly Router[] = []): Promise<{
  client: Client<'default' | 'reviews'>
  shop: SimulatedServer
  reviews: SimulatedServer
}> {
  const simulated = simulateDrivers()
  const client = await connect({ databases, tables: { review: 'reviews' }, routers }, { drivers: simulated.drivers })
  return { client, shop: simulated.server(databases.default), reviews: simulated.server(databases.reviews) }
}

const told = (server: SimulatedServer): readonly string[] =>
  server.steps.map(({ action, detail }) => `${action}${detail === '' ? '' : ` ${detail}`}`)

/** Holds the first step of a kind up until `go` is called. */
function holdUp(server: SimulatedServer, action: string): { readonly reached: Promise<void>; readonly go: () => void } {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  server.answerWith(async (step) => {
    if (step.action !== action) return
    reached.resolve()
    await gate.promise
  })
  return { reached: reached.promise, go: () => gate.resolve() }
}

describe('statements of a transaction that overlap', () => {
  it('never run after its ROLLBACK, where they would take effect at once', async () => {
    const { client, shop } = await setUp()
    const { reached, go } = holdUp(shop, 'begin')
    const run = client.transaction(async (tx) => {
      const first = tx.query('insert into product (id) values (1)')
      await reached
      const second = tx.query('insert into product (id) values (2)')
      await Promise.all([first, second, tx.query('commit')])
    })
    await reached
    go()
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CONTROL' })
    expect(told(shop)).toEqual([
      'lease',
      'begin',
      'query insert into product (id) values (1)',
      'query insert into product (id) values (2)',
      'rollback',
      'release clean',
    ])
  })

  it('never run after its ROLLBACK when the application gives up while the connection is being made', async () => {
    const { client, shop } = await setUp()
    const { reached, go } = holdUp(shop, 'lease')
    const run = client.transaction(async (tx) => {
      const first = tx.query('insert into product (id) values (1)')
      await Promise.race([first, Promise.reject(new Error('the application’s own'))])
    })
    await reached
    go()
    await expect(run).rejects.toThrow('the application’s own')
    expect(told(shop).slice(-2)).toEqual(['rollback', 'release clean'])
  })

  it('never run outside the savepoint that they were called in', async () => {
    const { client, shop } = await setUp()
    const { reached, go } = holdUp(shop, 'begin')
    const run = client.transaction(async (tx) => {
      await tx
        .transaction(async (inner) => {
          const first = inner.query('insert into product (id) values (1)')
          await Promise.race([first, Promise.reject(new Error('undo'))])
        })
        .catch(() => undefined)
      await tx.query('insert into product (id) values (2)')
    })
    await reached
    go()
    await run
    expect(told(shop)).toEqual([
      'lease',
      'begin',
      'savepoint signalbox_1',
      'query insert into product (id) values (1)',
      'rollback-to signalbox_1',
      'release-savepoint signalbox_1',
      'query insert into product (id) values (2)',
      'commit',
      'release clean',
    ])
  })

  it('run in the order of the calls, COMMIT last, whatever their routes took', async () => {
    const { client, shop } = await setUp()
    const tx = client.begin()
    const running = [
      tx.query('insert into product (id) values (1)'),
      tx.query('select * from product where name = random_name()'),
      Array.fromAsync(tx.stream('select id from product')),
    ]
    await tx.commit()
    await Promise.all(running)
    expect(told(shop).map((step) => step.split(' ')[0])).toEqual([
      'lease',
      'begin',
      'query',
      'query',
      'stream',
      'commit',
      'release',
    ])
  })

  it('float with the transaction if they name no table, also when it has only just begun', async () => {
    const { client, shop, reviews } = await setUp()
    await client.transaction(
      async (tx) => await Promise.all([tx.query('insert into review (id) values (1)'), tx.query('select 1')]),
    )
    expect(told(shop)).toEqual([])
    expect(told(reviews)).toContain('query select 1')
    expect(told(reviews)).toContain('commit')
  })

  it('float with it on a database that has no alias', async () => {
    const elsewhere = 'sqlite:elsewhere.db'
    const simulated = simulateDrivers()
    const withPassword = 'postgres://bob:s3cret@db.example/shop'
    const client = await connect({ databases }, { drivers: simulated.drivers })
    for (const target of [elsewhere, withPassword] as const) {
      await client.transaction(async (tx) => {
        await tx.query('insert into note (id) values (1)', [], { using: target })
        expect(tx.explain('select 1').database).toBe(tx.database)
        await tx.query('select 1')
      })
      expect(told(simulated.server(target)).slice(-3)).toEqual(['query select 1', 'commit', 'release clean'])
    }
  })
})

describe('the end of a transaction', () => {
  it('gives the connection back although a nested transaction was left open', async () => {
    const { client, shop } = await setUp()
    const run = client.transaction(async (tx) => {
      await tx.begin().query('insert into product (id) values (1)')
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    expect(shop.leased).toBe(0)
    expect(told(shop)).toContain('rollback')
    expect(told(shop)).not.toContain('commit')
  })

  it('gives the connection back although a nested transaction cannot be rolled back', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'rollback-to') throw new QueryError('other', 'SAVEPOINT does not exist')
    })
    const tx = client.begin()
    await tx.begin().query('insert into product (id) values (1)')
    await tx.rollback()
    expect(shop.leased).toBe(0)
  })

  it('is a rollback if a savepoint could not be rolled back to: what it held must not be committed', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'rollback-to') throw new QueryError('other', 'SAVEPOINT does not exist')
    })
    const run = client.transaction(async (tx) => {
      await expect(
        tx.transaction(async (inner) => {
          await inner.query('insert into product (id) values (1)')
          throw new Error('the application’s own')
        }),
      ).rejects.toThrow('the application’s own')
    })
    await expect(run).rejects.toThrow('SAVEPOINT does not exist')
    expect(told(shop).slice(-2)).toEqual(['rollback', 'release clean'])
  })

  it('undoes a nested transaction whose savepoint could not be released', async () => {
    const { client, shop } = await setUp()
    let refused = 0
    shop.answerWith((step) => {
      if (step.action === 'release-savepoint' && refused++ === 0) throw new QueryError('other', 'aborted')
    })
    const called: string[] = []
    await client.transaction(async (tx) => {
      const nested = tx.transaction(async (inner) => {
        await inner.query('insert into product (id) values (1)')
        inner.onCommit(() => called.push('never'))
      })
      await expect(nested).rejects.toMatchObject({ message: 'aborted', database: 'default' })
      await tx.query('insert into product (id) values (2)')
    })
    expect(told(shop)).toEqual([
      'lease',
      'begin',
      'savepoint signalbox_1',
      'query insert into product (id) values (1)',
      'release-savepoint signalbox_1',
      'rollback-to signalbox_1',
      'release-savepoint signalbox_1',
      'query insert into product (id) values (2)',
      'commit',
      'release clean',
    ])
    expect(called).toEqual([])
  })

  it('is a commit although the connection could not be given back', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'release') throw connectionLost(false)
    })
    const called: string[] = []
    await client.transaction(async (tx) => {
      await tx.query('insert into product (id) values (1)')
      tx.onCommit(() => called.push('committed'))
    })
    expect(called).toEqual(['committed'])
  })

  it('is a rollback if its signal fired, also after the last statement', async () => {
    const { client, shop } = await setUp()
    const controller = new AbortController()
    const run = client.transaction(
      async (tx) => {
        await tx.query('insert into product (id) values (1)')
        controller.abort()
      },
      { signal: controller.signal },
    )
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    expect(told(shop).slice(-2)).toEqual(['rollback', 'release clean'])
  })

  it('comes with the connection’s, also when a stream noticed it', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'stream') throw connectionLost(true)
    })
    const run = client.transaction(async (tx) => {
      await Array.fromAsync(tx.stream('select id from product')).catch(() => undefined)
      await tx.query('insert into product (id) values (1)').catch(() => undefined)
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST' })
    expect(told(shop)).toEqual(['lease', 'begin', 'stream select id from product', 'release destroy'])
  })

  it('comes with a deadlock on MySQL, whose server has rolled everything back: nothing runs outside by accident', async () => {
    const simulated = simulateDrivers()
    const dsn = 'mysql://bob@db.example/shop'
    const client = await connect(dsn, { drivers: simulated.drivers })
    const server = simulated.server(dsn)
    server.answerWith((step) => {
      if (step.detail.startsWith('update'))
        throw new QueryError('serialization', 'Deadlock found', { engineCode: 'ER_LOCK_DEADLOCK' })
    })
    const run = client.transaction(async (tx) => {
      await tx.query('insert into product (id) values (1)')
      await tx.query('update product set id = 2').catch(() => undefined)
      await tx.query('insert into product (id) values (3)').catch(() => undefined)
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_SERIALIZATION' })
    expect(told(server)).not.toContain('query insert into product (id) values (3)')
    expect(told(server).slice(-2)).toEqual(['rollback', 'release clean'])
  })
})

describe('the signal and the time limit of a transaction', () => {
  it('hold for a statement that has a signal of its own, too', async () => {
    const { client, shop } = await setUp()
    const signals: (AbortSignal | undefined)[] = []
    shop.answerWith((step, request) => {
      if (step.action === 'query') signals.push(request?.signal)
    })
    const outer = new AbortController()
    const tx = client.begin({ signal: outer.signal })
    await tx.query('select 1', [], { signal: new AbortController().signal })
    outer.abort()
    expect(signals[0]?.aborted).toBe(true)
    await tx.rollback()
  })
})
