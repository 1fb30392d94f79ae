import { DatabaseSync } from 'node:sqlite'
import mysql from 'mysql2'
import mysqlPromise from 'mysql2/promise'
import { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { connect } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

const one = 'select 1 as one'

describe('a pool or handle of the application’s own', () => {
  it.runIf(testedEngines.includes('postgres'))('may be a pg.Pool, and stays open', async () => {
    await using database = await freshDatabase('postgres')
    const pool = new Pool({ connectionString: database.dsn })
    const client = await connect({ databases: { default: pool } })
    expect((await client.query(one)).rows).toEqual([{ one: 1 }])
    await client.transaction(async (tx) => await tx.query(one))
    expect((await client.using(pool).query(one)).rowCount).toBe(1)
    expect(await Array.fromAsync(client.stream(one))).toEqual([{ one: 1 }])
    await client.close()
    expect((await pool.query(one)).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  it.runIf(testedEngines.includes('mysql'))(
    'may be a mysql2 pool, of callbacks or of promises, and stays open',
    async () => {
      await using database = await freshDatabase('mysql')
      const promises = mysqlPromise.createPool(database.dsn)
      const callbacks = mysql.createPool(database.dsn)
      for (const pool of [promises, callbacks]) {
        const client = await connect({ databases: { default: { primary: pool } } })
        expect((await client.query(one)).rowCount).toBe(1)
        await client.transaction(async (tx) => await tx.query(one))
        expect(await Array.fromAsync(client.stream<{ one: number }>(one))).toEqual([{ one: 1 }])
        await client.close()
      }
      expect((await promises.query(one))[0]).toEqual([{ one: 1 }])
      await promises.end()
      await callbacks.promise().end()
    },
  )

  it('may be a DatabaseSync, and stays open', async () => {
    const handle = new DatabaseSync(':memory:')
    const client = await connect({
      databases: { default: 'shop', shop: 'sqlite::memory:', notes: handle },
      tables: { note: 'notes' },
    })
    await client.query('create table note (id integer primary key)')
    await client.transaction(async (tx) => await tx.query('insert into note (id) values (1)'))
    expect((await client.query('select id from note')).route.database).toBe('notes')
    await client.close()
    expect(handle.prepare('select count(*) as n from note').get()).toEqual({ n: 1 })
    handle.close()
  })
})
