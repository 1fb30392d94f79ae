import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.runIf(testedEngines.includes('mysql'))('a transaction that MariaDB would end by itself', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await freshDatabase('mysql')
    client = await connect(database.dsn)
    await client.query('create table item (id integer primary key, n integer)')
    await client.query('insert into item (id, n) values (1, 0), (2, 0)')
  })

  afterAll(async () => {
    await client.close()
    await database.drop()
  })

  it('is over after a deadlock: nothing runs outside it, whoever swallowed the error', async () => {
    const one = client.begin()
    const two = client.begin()
    await one.query('update item set n = 1 where id = 1')
    await two.query('update item set n = 2 where id = 2')
    const [first] = await Promise.allSettled([
      one.query('update item set n = 1 where id = 2'),
      two.query('update item set n = 2 where id = 1'),
    ])
    const [loser, winner] = first.status === 'rejected' ? [one, two] : [two, one]
    const deadlock = { code: 'SIGNALBOX_SERIALIZATION', engineCode: 'ER_LOCK_DEADLOCK', database: 'default' }
    await expect(loser.query('insert into item (id, n) values (3, 0)')).rejects.toMatchObject(deadlock)
    await expect(loser.commit()).rejects.toMatchObject(deadlock)
    await winner.commit()
    expect((await client.query('select id from item')).rowCount).toBe(2)
  })

  it('refuses a change of the schema, before which the server would commit it', async () => {
    const run = client.transaction(async (tx) => {
      await tx.query('insert into item (id, n) values (4, 0)')
      await tx.query('create table other (id integer)')
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CONTROL' })
    await expect(client.transaction(async (tx) => await tx.query('truncate table item'))).rejects.toMatchObject({
      code: 'SIGNALBOX_TRANSACTION_CONTROL',
    })
    expect((await client.query('select id from item')).rowCount).toBe(2)
    // A temporary table is the connection's own, and commits nothing.
    await client.transaction(async (tx) => {
      await tx.query('create temporary table note (id integer)')
      await tx.query('insert into note (id) values (1)')
    })
  })
})
