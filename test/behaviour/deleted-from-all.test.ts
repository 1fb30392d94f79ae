import { describe, expect, it } from 'vitest'
import { ConfigError, connect, DeleteIncompleteError, type Dsn } from '../../src/index.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { freshDatabase, privateServer, testedEngines } from '../support/servers.ts'
import { fill, names, pairs, shop } from '../support/two-shops.ts'

const everywhere = { databases: ['here', 'there'], table: 'product' } as const

describe.each(pairs)('rows deleted from %s and %s', (...pair) => {
  it('are gone from both, or from none', async () => {
    await using there = await shop(pair)
    await fill(there, 8)
    const { client } = there
    await client.copyRows({ from: 'here', to: 'there', table: ['product', 'review'] })
    for (const name of ['here', 'there'] as const)
      await client.using(name).query('delete from review where product_id < 7')
    await client.using('there').query('delete from product where id = 2')
    await expect(client.deleteFromAll({ ...everywhere, keys: [1, 2, 3, 99] })).resolves.toEqual({
      databases: [
        { database: 'here', deleted: 3 },
        { database: 'there', deleted: 2 },
      ],
    })
    // The one has no row any more that points at it, and the other has.
    await client.using('here').query('delete from review')
    const refused = client.deleteFromAll({ ...everywhere, keys: [4, 8] })
    await expect(refused).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', database: 'there' })
    expect(await names(there, 'here')).toHaveLength(5)
    const keys = [
      { product_id: 7, number: 1 },
      { product_id: 8, number: 1 },
    ]
    await expect(client.deleteFromAll({ ...everywhere, table: 'review', keys })).resolves.toMatchObject({
      databases: [{ deleted: 0 }, { deleted: 2 }],
    })
  })
})

describe('deleting from several databases', () => {
  it('is refused for lists that say too little', async () => {
    await using client = await connect({ databases: { here: 'sqlite::memory:', there: 'sqlite::memory:' } })
    for (const [options, message] of [
      [{ ...everywhere, databases: [] }, /options\.databases/],
      [{ ...everywhere, databases: ['here', 'here'], keys: [1] }, /listed twice/],
      [{ databases: ['here'], keys: [1] }, /options\.table/],
      [{ ...everywhere }, /options\.keys/],
      [{ ...everywhere, keys: [1], where: 'x' }, /options\.where/],
    ] as const) {
      const refused = client.deleteFromAll(options as never)
      await expect(refused).rejects.toThrow(ConfigError)
      await expect(refused).rejects.toThrow(message)
    }
  })
})

describe.runIf(testedEngines.includes('postgres'))('a database that is down', () => {
  it('keeps the rows in all others', async () => {
    await using here = await freshDatabase('postgres')
    await using client = await connect({
      databases: { here: here.dsn as Dsn, there: 'postgres://nobody@127.0.0.1:1/none' },
    })
    await client.using('here').query('create table product (id integer primary key)')
    await client.using('here').query('insert into product values (1)')
    const refused = client.deleteFromAll({ ...everywhere, keys: [1] })
    await expect(refused).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST', database: 'there' })
    expect((await client.using('here').query('select * from product')).rows).toHaveLength(1)
  })

  it('when it is to commit is named, and those that have committed', async () => {
    const server = await privateServer('postgres', { max_prepared_transactions: '10' })
    await using proxy = await startFaultProxy({ host: server.host, port: server.port })
    try {
      const [first, second] = [await server.createDatabase(), await server.createDatabase()]
      const behind = proxy.through(second.dsn) as Dsn
      await using client = await connect({ databases: { here: first.dsn, there: behind } })
      for (const name of ['here', 'there'] as const) {
        await client.using(name).query('create table product (id integer primary key)')
        await client.using(name).query('insert into product values (1), (2)')
      }
      proxy.apply({ kind: 'cut-on', pattern: 'COMMIT', moment: 'before' })
      const cut = await client.deleteFromAll({ ...everywhere, keys: [1] }).catch((error: unknown) => error)
      expect(cut).toBeInstanceOf(DeleteIncompleteError)
      expect(cut).toMatchObject({ deleted: ['here'], table: 'product', database: 'there' })
      const { kept, unknown } = cut as DeleteIncompleteError
      expect([...kept, ...unknown]).toEqual(['there'])
      proxy.apply({ kind: 'pass' })
      await client.setUpTransactionLog({ log: 'here' })
      await expect(client.deleteFromAll({ ...everywhere, keys: [1, 2], log: 'here' })).resolves.toMatchObject({
        databases: [
          { database: 'here', deleted: 1 },
          { database: 'there', deleted: expect.any(Number) },
        ],
      })
      expect((await client.using('there').query('select * from product')).rows).toEqual([])
    } finally {
      await server.stop()
    }
  }, 60_000)
})
