import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import { onQuery } from './trace.ts'
import { connectionLost, simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'

async function setUp(): Promise<{ client: Client; shop: SimulatedServer }> {
  const simulated = simulateDrivers()
  const databases = { default: 'sqlite:shop.db', reviews: 'sqlite:reviews.db' } as const
  const client = await connect({ databases, tables: { review: 'reviews' } }, { drivers: simulated.drivers })
  return { client, shop: simulated.server(databases.default) }
}

const told = (server: SimulatedServer): readonly string[] =>
  server.steps.map(({ action, detail, lease }) => `${lease} ${action}${detail === '' ? '' : ` ${detail}`}`)

describe('a transaction on a reserved connection', () => {
  it('runs on that connection, which is kept afterwards', async () => {
    const { client, shop } = await setUp()
    {
      await using connection = client.reserve()
      await connection.query('create temp table t (id integer)')
      await connection.transaction(async (tx) => {
        await tx.query('insert into t (id) values (1)')
        expect(tx.database).toBe('default')
      })
      const failed = connection.transaction(async (tx) => {
        await tx.query('insert into t (id) values (2)')
        throw new Error('the application’s own')
      })
      await expect(failed).rejects.toThrow('the application’s own')
      await connection.query('select id from t')
    }
    expect(told(shop)).toEqual([
      '1 lease',
      '1 query create temp table t (id integer)',
      '1 begin',
      '1 query insert into t (id) values (1)',
      '1 commit',
      '1 begin',
      '1 query insert into t (id) values (2)',
      '1 rollback',
      '1 query select id from t',
      '1 release reset',
    ])
  })

  it('may be the first thing on it, and decides its database', async () => {
    const { client, shop } = await setUp()
    const connection = client.reserve()
    await connection.transaction(async (tx) => await tx.query('select * from review'))
    expect(connection.database).toBe('reviews')
    // A statement without tables belongs to the connection's database.
    expect(connection.begin().explain('select 1').database).toBe('reviews')
    await expect(connection.transaction(async (tx) => await tx.query('select * from product'))).rejects.toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
    })
    await connection.release()
    expect(told(shop)).toEqual([])
  })

  it('is the only way to the connection while it is open', async () => {
    const { client } = await setUp()
    await using connection = client.reserve()
    const tx = connection.begin()
    await tx.query('select 1')
    await expect(connection.query('select 2')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    await expect(connection.begin().query('select 3')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    await tx.rollback()
    await connection.query('select 4')
  })

  it('takes the connection along when it breaks, and is not begun on another one', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'begin') throw connectionLost(true)
    })
    const connection = client.reserve()
    const run = connection.transaction(async (tx) => await tx.query('select 1'))
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST' })
    await expect(connection.query('select 2')).rejects.toThrow('broke in a transaction')
    await connection.release()
    expect(told(shop)).toEqual(['1 lease', '1 begin', '1 release destroy'])
  })
})

describe('what a call says about its text', () => {
  it('the dialect must be that of the database: a text for another engine is not sent', async () => {
    const { client, shop } = await setUp()
    const foreign = { dialect: 'postgres' } as const
    await client.analyze('select 1', [], foreign)
    expect(client.explain('select * from product', [], foreign)).toMatchObject({
      database: 'default',
      engine: 'sqlite',
    })
    const refused = { code: 'SIGNALBOX_CROSS_ENGINE' }
    await expect(client.query('select * from product', [], foreign)).rejects.toMatchObject(refused)
    await expect(client.stream('select * from product', [], foreign).next()).rejects.toMatchObject(refused)
    await using connection = client.reserve()
    await expect(connection.query('select * from product', [], foreign)).rejects.toMatchObject(refused)
    await expect(client.transaction(async (tx) => await tx.query('select 1', [], foreign))).rejects.toMatchObject(
      refused,
    )
    expect(told(shop).filter((step) => step.includes('select'))).toEqual([])
  })

  it('`using` beats the home of the table, also in a transaction, and does not stay', async () => {
    const { client, shop } = await setUp()
    const call = { using: 'default' }
    expect((await client.query('select * from review', [], call)).route.database).toBe('default')
    expect((await client.query('select * from review')).route.database).toBe('reviews')
    expect(client.explain('select * from review', [], call).database).toBe('default')
    await client.transaction(async (tx) => {
      await tx.query('select * from product')
      await tx.query('select * from review', [], call)
    })
    const crossing = client.transaction(async (tx) => {
      await tx.query('select * from review', [], call)
      await tx.query('select * from review')
    })
    await expect(crossing).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION' })
    expect(told(shop).filter((step) => step === '1 query select * from review')).toHaveLength(1)
  })
})

describe('a reserved connection whose calls overlap', () => {
  it('is given back although it was released before its first statement had a connection', async () => {
    const { client, shop } = await setUp()
    const connection = client.reserve()
    const first = connection.query('select 1')
    await connection.release()
    await first
    expect(shop.leased).toBe(0)
    expect(told(shop)).toEqual(['1 lease', '1 query select 1', '1 release reset'])
  })

  it('keeps a statement out of a transaction that was begun after it', async () => {
    const { client, shop } = await setUp()
    await using connection = client.reserve()
    await Promise.all([
      connection.query('insert into product (id) values (1)'),
      connection.transaction(async (tx) => await tx.query('insert into product (id) values (2)')),
    ])
    expect(told(shop)).toEqual([
      '1 lease',
      '1 query insert into product (id) values (1)',
      '1 begin',
      '1 query insert into product (id) values (2)',
      '1 commit',
    ])
  })

  it('tries again to get a connection after a failure, and says where it failed', async () => {
    const { client, shop } = await setUp()
    let refused = 0
    shop.answerWith((step) => {
      if (step.action === 'lease' && refused++ === 0) throw connectionLost(true)
    })
    await using connection = client.reserve()
    await expect(connection.query('select 1')).rejects.toMatchObject({
      code: 'SIGNALBOX_CONNECTION_LOST',
      database: 'default',
    })
    await connection.query('select 2')
    expect(told(shop)).toEqual(['1 lease', '2 lease', '2 query select 2'])
  })

  it('tells those who listen to queries', async () => {
    const { client } = await setUp()
    const seen: string[] = []
    const stop = onQuery(({ sql }) => seen.push(sql))
    await using connection = client.reserve()
    await connection.query('select 1')
    stop()
    expect(seen).toEqual(['select 1'])
  })
})
