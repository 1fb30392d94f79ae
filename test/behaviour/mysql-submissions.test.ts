import type mysql2 from 'mysql2'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { connect, hashShards, listShards, onQuery, type Client, type Config, type QueryEvent } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.runIf(testedEngines.includes('mysql'))('what is handed to the driver of mysql2', () => {
  const made: TestDatabase[] = []

  beforeAll(async () => {
    for (let index = 0; index < 2; index += 1) made.push(await freshDatabase('mysql'))
    for (const { dsn } of made) {
      await using client = await connect(dsn)
      await client.query('create table item (id integer primary key, n integer)')
    }
  })
  afterAll(async () => {
    for (const database of made) await database.drop()
  })

  const opened = async (
    config: Config | string,
    options: mysql2.PoolOptions = {},
  ): Promise<{ readonly client: Client; readonly leased: mysql2.PoolConnection }> => {
    const client = await connect(config as Config)
    const pool = mysql2For(client).createPool({ connectionLimit: 2, ...options })
    onTestFinished(async () => {
      pool.end(() => undefined)
      await client.close()
    })
    const leased = await new Promise<mysql2.PoolConnection>((resolve, reject) => {
      pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection)))
    })
    return { client, leased }
  }

  const filled = async (client: Client): Promise<void> => {
    await client.query('delete from item', [], { allShards: true })
    for (let id = 1; id <= 5; id += 1) await client.query('insert into item (id, n) values (?, ?)', [id, id])
  }

  /** What listeners have heard of the tables' statements since. */
  const listening = (): readonly QueryEvent[] => {
    const heard: QueryEvent[] = []
    const stop = onQuery((event) => {
      if (event.sql.includes('item')) heard.push(event)
    })
    onTestFinished(stop)
    return heard
  }

  /** A command without a callback: its rows come as events. */
  const submitted = async (command: mysql2.Query): Promise<unknown[]> =>
    await new Promise((resolve, reject) => {
      const rows: unknown[] = []
      command.on('result', (row: unknown) => rows.push(row))
      command.on('error', reject)
      command.on('end', () => resolve(rows))
    })

  it('is heard of like every statement: its text, its route, its rows, how long it took', async () => {
    const { client, leased } = await opened(made[0]!.dsn, { multipleStatements: true })
    await filled(client)
    const heard = listening()
    const rows: unknown[] = []
    for await (const row of leased.query('select id from item where id < ? order by id', [5]).stream()) rows.push(row)
    expect(rows).toHaveLength(4)
    await submitted(leased.query('update item set n = n + 1 where id < 3'))
    await submitted(leased.execute('select n from item where id < ?', [4]))
    await submitted(leased.query('select id from item; select n from item'))
    await submitted(leased.query('begin'))
    await submitted(leased.query('select * from item'))
    await submitted(leased.query('rollback'))
    // From here on, it is a connection of its own that answers, with a callback, too.
    await leased.promise().query('set @kept = 1')
    const [kept] = await leased.promise().query<mysql2.RowDataPacket[]>('select id from item where id > @kept')
    await leased.promise().execute('update item set n = ? where id = 5', [9])
    expect(kept).toHaveLength(4)
    leased.release()
    await expect.poll(() => heard).toHaveLength(7)
    const told = heard.map(({ sql, params, rowCount, inTransaction, error }) => [
      sql,
      params,
      rowCount,
      inTransaction,
      error,
    ])
    expect(told).toEqual([
      ['select id from item where id < ? order by id', [5], 4, false, undefined],
      ['update item set n = n + 1 where id < 3', [], 2, false, undefined],
      ['select n from item where id < ?', [4], 3, false, undefined],
      ['select id from item; select n from item', [], 10, false, undefined],
      ['select * from item', [], 5, true, undefined],
      ['select id from item where id > @kept', [], 4, false, undefined],
      ['update item set n = ? where id = 5', [9], 1, false, undefined],
    ])
    for (const { route, durationMs } of heard) {
      expect(route.database).toBe('default')
      expect(durationMs).toBeGreaterThan(0)
    }
  })

  it('is heard of when it fails, with the error that a query would have had', async () => {
    const { client, leased } = await opened(made[0]!.dsn)
    await filled(client)
    const heard = listening()
    const refused = [
      [leased.query('insert into item values (1, 1)'), 'ER_DUP_ENTRY', 'SIGNALBOX_CONSTRAINT'],
      [leased.execute('select no_such_column from item'), 'ER_BAD_FIELD_ERROR', 'SIGNALBOX_SYNTAX'],
      // After its first rows.
      [
        leased.query('select (select n from item union select id + 1 from item where id > 1) as one from item'),
        'ER_SUBQUERY_NO_1_ROW',
        'SIGNALBOX_QUERY_FAILED',
      ],
    ] as const
    for (const [command, code] of refused) await expect(submitted(command)).rejects.toMatchObject({ code })
    leased.release()
    // The driver tells its user by itself, perhaps before we know.
    await expect.poll(() => heard).toHaveLength(refused.length)
    expect(heard.map(({ error }) => error)).toEqual(
      refused.map(([, engineCode, code]) => expect.objectContaining({ code, engineCode, database: 'default' })),
    )
    expect(heard[0]?.rowCount).toBeUndefined()
  })

  it('counts where statements are counted: on shards', async () => {
    const [a = '', b = ''] = made.map(({ dsn }) => dsn)
    const shards = listShards({ key: 'integer', lists: { a: [1, 2, 3], b: [4, 5] } })
    const { client, leased } = await opened({
      databases: { default: { shards: { a, b }, shardMap: shards } },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
    await filled(client)
    client.shardStats({ reset: true })
    expect(await submitted(leased.query('select * from item where id = 2'))).toEqual([{ id: 2, n: 2 }])
    await expect(submitted(leased.query('insert into item (id, n) values (2, 1)'))).rejects.toMatchObject({
      code: 'ER_DUP_ENTRY',
    })
    leased.release()
    const byKey = (): unknown => client.shardStats()['default']!.shards['a']!.byKey
    await expect.poll(byKey).toMatchObject({ statements: 2, failed: 1, rows: 1 })
  })

  it('is refused where a statement is: on databases without writes, all over the shards', async () => {
    const [a = '', b = ''] = made.map(({ dsn }) => dsn)
    const { leased: guarded } = await opened({ databases: { default: a }, noWritesTo: ['default'] })
    const { leased: sharded } = await opened({
      databases: { default: { shards: { a, b }, shardMap: hashShards({ key: 'integer' }), scatter: 'refuse' } },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
    const heard = listening()
    const missing = { code: 'SIGNALBOX_SHARD_KEY_MISSING' }
    await expect(submitted(guarded.query('delete from item'))).rejects.toMatchObject({ code: 'SIGNALBOX_NO_WRITES' })
    await expect(submitted(sharded.query('select * from item'))).rejects.toMatchObject(missing)
    await expect(submitted(sharded.query('delete from item'))).rejects.toMatchObject(missing)
    expect(await submitted(guarded.query('select count(*) as items from item'))).toHaveLength(1)
    guarded.release()
    sharded.release()
    await expect.poll(() => heard.map(({ sql }) => sql)).toEqual(['select count(*) as items from item'])
  })
})
