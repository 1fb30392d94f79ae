import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import { connectionLost, simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'

const databases = { default: 'sqlite:shop.db', reviews: 'sqlite:reviews.db' } as const

async function setUp(): Promise<{
  client: Client<'default' | 'reviews'>
  shop: SimulatedServer
  reviews: SimulatedServer
}> {
  const simulated = simulateDrivers()
  const client = await connect({ databases, tables: { review: 'reviews' } }, { drivers: simulated.drivers })
  return { client, shop: simulated.server(databases.default), reviews: simulated.server(databases.reviews) }
}

const told = (server: SimulatedServer): readonly string[] =>
  server.steps.map(({ action, detail, lease }) => `${lease} ${action}${detail === '' ? '' : ` ${detail}`}`)

describe('a transaction', () => {
  it('sends nothing before its first statement, and nothing at all without one', async () => {
    const { client, shop } = await setUp()
    await client.transaction(async (tx) => {
      expect(tx.database).toBeUndefined()
      await Promise.resolve()
    })
    expect(told(shop)).toEqual([])
  })

  it('is bound to the database of its first statement', async () => {
    const { client, shop, reviews } = await setUp()
    await client.transaction(async (tx) => {
      await tx.query('insert into review (id) values (1)')
      expect(tx.database).toBe('reviews')
      await tx.query('select 1')
    })
    expect(told(shop)).toEqual([])
    expect(told(reviews)).toEqual([
      '1 lease',
      '1 begin',
      '1 query insert into review (id) values (1)',
      '1 query select 1',
      '1 commit',
      '1 release clean',
    ])
  })

  it('rolls everything back when a statement belongs to another database, even if the error is swallowed', async () => {
    const { client, shop, reviews } = await setUp()
    const run = client.transaction(async (tx) => {
      await tx.query('insert into product (id) values (1)')
      await tx.query('insert into review (id) values (1)').catch(() => undefined)
      await tx.query('insert into product (id) values (2)').catch(() => undefined)
    })
    await expect(run).rejects.toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION',
      tables: [
        { table: 'product', database: 'default' },
        { table: 'review', database: 'reviews' },
      ],
    })
    expect(told(shop)).toEqual([
      '1 lease',
      '1 begin',
      '1 query insert into product (id) values (1)',
      '1 rollback',
      '1 release clean',
    ])
    expect(told(reviews)).toEqual([])
  })

  it('is bound by one of two first statements that start together, and refuses the other', async () => {
    const { client, shop, reviews } = await setUp()
    const run = client.transaction(
      async (tx) =>
        await Promise.all([
          tx.query('insert into product (id) values (1)'),
          tx.query('insert into review (id) values (1)'),
        ]),
    )
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION' })
    expect(told(reviews)).toEqual([])
    expect(told(shop)).toContain('1 rollback')
    expect(told(shop)).not.toContain('1 commit')
    expect(shop.leased).toBe(0)
  })

  it('begins again, unseen, when the connection is lost before the first statement', async () => {
    const { client, shop } = await setUp()
    let broken = 0
    shop.answerWith((step) => {
      if (step.action === 'begin' && broken++ === 0) throw connectionLost(true)
    })
    await client.transaction(async (tx) => await tx.query('insert into product (id) values (1)'))
    expect(told(shop)).toEqual([
      '1 lease',
      '1 begin',
      '1 release destroy',
      '2 lease',
      '2 begin',
      '2 query insert into product (id) values (1)',
      '2 commit',
      '2 release clean',
    ])
  })

  it('never repeats a statement, and is over when its connection is lost', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'query') throw connectionLost(true)
    })
    const later: unknown[] = []
    const run = client.transaction(async (tx) => {
      await tx.query('insert into product (id) values (1)').catch(() => undefined)
      await tx.query('insert into product (id) values (2)').catch((error: unknown) => later.push(error))
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST', database: 'default', role: 'primary' })
    expect(later).toHaveLength(1)
    expect(told(shop)).toEqual([
      '1 lease',
      '1 begin',
      '1 query insert into product (id) values (1)',
      '1 release destroy',
    ])
  })

  it('passes the error of a failed COMMIT on, and does not use the connection again', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'commit') throw connectionLost(false)
    })
    const called: string[] = []
    const run = client.transaction(async (tx) => {
      await tx.query('insert into product (id) values (1)')
      tx.onCommit(() => called.push('committed'))
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN', safeToRetry: false })
    expect(called).toEqual([])
    expect(told(shop).at(-1)).toBe('1 release destroy')
    expect(told(shop).filter((step) => step.includes('commit'))).toHaveLength(1)
  })

  it('throws the error of its function and not that of the rollback', async () => {
    const { client, shop } = await setUp()
    shop.answerWith((step) => {
      if (step.action === 'rollback') throw connectionLost(false)
    })
    const run = client.transaction(async (tx) => {
      await tx.query('select 1')
      throw new Error('the application’s own')
    })
    await expect(run).rejects.toThrow('the application’s own')
    expect(told(shop).at(-1)).toBe('1 release destroy')
  })

  it('refuses writes when it is read-only, before it sends anything', async () => {
    const { client, shop } = await setUp()
    const run = client.transaction(async (tx) => await tx.query('delete from product'), { readOnly: true })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_READ_ONLY_TRANSACTION' })
    expect(told(shop)).toEqual([])
  })

  it('refuses transaction control as text', async () => {
    const { client, shop } = await setUp()
    for (const text of ['begin', 'commit', 'rollback', 'savepoint x']) {
      await expect(client.query(text)).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CONTROL' })
      await expect(client.transaction(async (tx) => await tx.query(text))).rejects.toMatchObject({
        code: 'SIGNALBOX_TRANSACTION_CONTROL',
      })
    }
    expect(told(shop)).toEqual([])
  })

  it('resets a connection whose state it changed', async () => {
    const { client, shop } = await setUp()
    await client.transaction(async (tx) => await tx.query('create temp table t (id integer)'))
    expect(told(shop).at(-1)).toBe('1 release reset')
  })

  it('refuses statements after its end', async () => {
    const { client } = await setUp()
    const tx = client.begin()
    await tx.query('select 1')
    await tx.commit()
    await expect(tx.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    await expect(tx.commit()).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    await expect(tx.rollback()).resolves.toBeUndefined()
  })

  it('rolls back at the end of its block what was not committed', async () => {
    const { client, shop } = await setUp()
    {
      await using tx = client.begin()
      await tx.query('insert into product (id) values (1)')
    }
    expect(told(shop).slice(-2)).toEqual(['1 rollback', '1 release clean'])
  })

  it('refuses to go on once its signal fired', async () => {
    const { client, shop } = await setUp()
    const controller = new AbortController()
    const run = client.transaction(
      async (tx) => {
        await tx.query('select 1')
        controller.abort()
        await tx.query('select 2')
      },
      { signal: controller.signal },
    )
    await expect(run).rejects.toMatchObject({ name: 'AbortError', code: 'SIGNALBOX_ABORTED' })
    expect(told(shop)).toEqual(['1 lease', '1 begin', '1 query select 1', '1 rollback', '1 release clean'])
  })
})

describe('a nested transaction', () => {
  it('is a savepoint, set with its first statement', async () => {
    const { client, shop } = await setUp()
    await client.transaction(async (tx) => {
      await tx.query('select 1')
      await tx.transaction(async () => await Promise.resolve())
      await tx.transaction(async (inner) => await inner.query('select 2'))
      await tx
        .transaction(async (inner) => {
          await inner.query('select 3')
          await inner.transaction(async (innermost) => await innermost.query('select 4'))
          throw new Error('undo')
        })
        .catch(() => undefined)
    })
    expect(told(shop).map((step) => step.slice(2))).toEqual([
      'lease',
      'begin',
      'query select 1',
      'savepoint signalbox_1',
      'query select 2',
      'release-savepoint signalbox_1',
      'savepoint signalbox_1',
      'query select 3',
      'savepoint signalbox_2',
      'query select 4',
      'release-savepoint signalbox_2',
      'rollback-to signalbox_1',
      'release-savepoint signalbox_1',
      'commit',
      'release clean',
    ])
  })

  it('may hold the first statement of all', async () => {
    const { client, shop } = await setUp()
    await client.transaction(async (tx) => await tx.transaction(async (inner) => await inner.query('select 1')))
    expect(told(shop).map((step) => step.slice(2))).toEqual([
      'lease',
      'begin',
      'savepoint signalbox_1',
      'query select 1',
      'release-savepoint signalbox_1',
      'commit',
      'release clean',
    ])
  })

  it('keeps the outer handle from being used meanwhile', async () => {
    const { client } = await setUp()
    await client.transaction(async (tx) => {
      await tx.transaction(async (inner) => {
        await inner.query('select 1')
        await expect(tx.query('select 2')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
      })
      await tx.query('select 3')
    })
  })
})

describe('onCommit', () => {
  it('runs after the outermost COMMIT, in order, and never for what was rolled back', async () => {
    const { client, shop } = await setUp()
    const called: string[] = []
    await client.transaction(async (tx) => {
      await tx.query('select 1')
      tx.onCommit(() => called.push(`first, after ${shop.steps.at(-1)?.action ?? ''}`))
      await tx.transaction(async (inner) => {
        inner.onCommit(async () => called.push('inner'))
        await Promise.resolve()
      })
      await tx
        .transaction(async (inner) => {
          inner.onCommit(() => called.push('never'))
          await Promise.reject(new Error('undo'))
        })
        .catch(() => undefined)
      expect(called).toEqual([])
    })
    expect(called).toEqual(['first, after release', 'inner'])
  })

  it('reports callbacks that failed, after all have run, and says that the transaction is committed', async () => {
    const { client } = await setUp()
    const called: string[] = []
    const run = client.transaction(async (tx) => {
      await tx.query('select 1')
      tx.onCommit(() => {
        throw new Error('mail server down')
      })
      tx.onCommit(() => called.push('second'))
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_ON_COMMIT_FAILED', database: 'default' })
    await expect(run).rejects.toThrow(/committed.*mail server down/)
    expect(called).toEqual(['second'])
  })
})

describe('autocommit statements', () => {
  it('are repeated once when their error says that this is safe', async () => {
    const { client, shop } = await setUp()
    let broken = 0
    shop.answerWith(() => {
      if (broken++ === 0) throw connectionLost(true)
      return [{ one: 1 }]
    })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(shop.steps).toHaveLength(2)
  })

  it('are repeated no oftener than readAttempts says', async () => {
    const { client, shop } = await setUp()
    shop.answerWith(() => {
      throw connectionLost(true)
    })
    await expect(client.query('select 1')).rejects.toMatchObject({
      code: 'SIGNALBOX_CONNECTION_LOST',
      database: 'default',
    })
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST' })
    expect(shop.steps).toHaveLength(4)
  })

  it('are not repeated when it is not', async () => {
    const { client, shop } = await setUp()
    shop.answerWith(() => {
      throw connectionLost(false)
    })
    await expect(client.query('insert into product (id) values (1)')).rejects.toMatchObject({ safeToRetry: false })
    expect(shop.steps).toHaveLength(1)
  })

  it('are refused after close()', async () => {
    const { client } = await setUp()
    await client.close()
    await client.close()
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
    expect(() => client.begin()).toThrow(/closed/)
  })
})

describe('a reserved connection', () => {
  it('keeps its connection, belongs to one database, and is reset at its end', async () => {
    const { client, shop, reviews } = await setUp()
    {
      await using connection = client.reserve()
      await connection.query('create temp table t (id integer)')
      await connection.query('select 1')
      expect(connection.database).toBe('default')
      await expect(connection.query('select * from review')).rejects.toMatchObject({
        code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
      })
    }
    expect(told(shop)).toEqual([
      '1 lease',
      '1 query create temp table t (id integer)',
      '1 query select 1',
      '1 release reset',
    ])
    expect(told(reviews)).toEqual([])
  })

  it('costs nothing if it is not used', async () => {
    const { client, shop } = await setUp()
    const connection = client.reserve()
    await connection.release()
    await connection.release()
    await expect(connection.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    expect(told(shop)).toEqual([])
  })
})
