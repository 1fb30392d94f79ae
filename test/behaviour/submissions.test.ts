import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, hashShards, listShards, onQuery, type Client, type Config, type QueryEvent } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

/** pg-cursor has no types of its own. */
interface CursorOfRows extends pg.Submittable {
  read(rows: number): Promise<readonly unknown[]>
  close(): Promise<void>
}
const packageName = 'pg-cursor'
const { default: Cursor } = (await import(packageName)) as {
  readonly default: new (text: string, values?: unknown[]) => CursorOfRows
}

describe.runIf(testedEngines.includes('postgres'))('what is handed to the driver of pg', () => {
  const made: TestDatabase[] = []

  beforeAll(async () => {
    for (let index = 0; index < 2; index += 1) made.push(await freshDatabase('postgres'))
    for (const { dsn } of made) {
      await using client = await connect(dsn)
      await client.query('create table item (id integer primary key, n integer)')
    }
  })
  afterAll(async () => {
    for (const database of made) await database.drop()
  })

  const opened = async (config: Config | string): Promise<{ readonly client: Client; readonly pool: pg.Pool }> => {
    const client = await connect(config as Config)
    const pool = new (pgFor(client).Pool)({ max: 2 })
    onTestFinished(async () => {
      void pool.end()
      await client.close()
    })
    await client.query('delete from item', [], { allShards: true })
    for (let id = 1; id <= 5; id += 1) await client.query('insert into item (id, n) values ($1, $2)', [id, id])
    return { client, pool }
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

  const cursorOf = (text: string, values?: unknown[]): CursorOfRows => new Cursor(text, values)

  const submitted = (client: pg.PoolClient, text: string): Promise<pg.QueryResult> => {
    const query = new pg.Query<Record<string, unknown>>(text)
    const rows = new Promise<pg.QueryResult>((resolve, reject) => {
      query.on('row', () => undefined)
      query.on('end', (result) => resolve(result as unknown as pg.QueryResult))
      query.on('error', reject)
    })
    client.query(query)
    return rows
  }

  it('is heard of like every statement: its text, its route, its rows, how long it took', async () => {
    const { pool } = await opened(made[0]!.dsn)
    const client = await pool.connect()
    const heard = listening()
    const cursor = client.query(cursorOf('select id from item where id < $1 order by id', [5]))
    expect([(await cursor.read(3)).length, (await cursor.read(3)).length]).toEqual([3, 1])
    await cursor.close()
    await submitted(client, 'update item set n = n + 1 where id < 3')
    await client.query('begin')
    await submitted(client, 'select * from item')
    await client.query('commit')
    client.release()
    expect(
      heard.map(({ sql, params, rowCount, inTransaction, error }) => [sql, params, rowCount, inTransaction, error]),
    ).toEqual([
      ['select id from item where id < $1 order by id', ['5'], 4, false, undefined],
      ['update item set n = n + 1 where id < 3', [], 2, false, undefined],
      ['select * from item', [], 5, true, undefined],
    ])
    for (const { route, durationMs } of heard) {
      expect(route.database).toBe('default')
      expect(durationMs).toBeGreaterThan(0)
    }
  })

  it('is heard of when it fails, with the error that a query would have had', async () => {
    const { pool } = await opened(made[0]!.dsn)
    const client = await pool.connect()
    const heard = listening()
    const cursor = client.query(cursorOf('select 1 / (id - 3) from item order by id'))
    await expect(cursor.read(10)).rejects.toMatchObject({ code: '22012' })
    await expect(submitted(client, 'insert into item values (1, 1)')).rejects.toMatchObject({ code: '23505' })
    client.release()
    // The driver tells its user by itself, perhaps before we know.
    await expect.poll(() => heard).toHaveLength(2)
    expect(heard.map(({ error }) => error)).toEqual([
      expect.objectContaining({ code: 'SIGNALBOX_QUERY_FAILED', engineCode: '22012', database: 'default' }),
      expect.objectContaining({ code: 'SIGNALBOX_CONSTRAINT', engineCode: '23505', database: 'default' }),
    ])
    expect(heard[1]?.rowCount).toBeUndefined()
  })

  it('counts where statements are counted: on shards, and among the connections', async () => {
    const [a = '', b = ''] = made.map(({ dsn }) => dsn)
    const shards = listShards({ key: 'integer', lists: { a: [1, 2, 3], b: [4, 5] } })
    const { client, pool } = await opened({
      databases: { default: { shards: { a, b }, shardMap: shards } },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
    const leased = await pool.connect()
    client.shardStats({ reset: true })
    const cursor = leased.query(cursorOf('select * from item where id = $1', [2]))
    expect(await cursor.read(1)).toEqual([{ id: 2, n: 2 }])
    expect(Object.values(client.stats()).reduce((sum, { total, idle }) => sum + total - idle, 0)).toBeGreaterThan(0)
    await cursor.close()
    await expect(submitted(leased, 'select 1 / (n - n) from item where id = 1')).rejects.toMatchObject({
      code: '22012',
    })
    leased.release()
    const byKey = (): unknown => client.shardStats()['default']!.shards['a']!.byKey
    await expect.poll(byKey).toMatchObject({ statements: 2, failed: 1, rows: 1 })
  })

  it('is refused where a statement is: on databases without writes, in read-only transactions, all over the shards', async () => {
    const [a = '', b = ''] = made.map(({ dsn }) => dsn)
    const guarded = await connect({ databases: { default: a }, noWritesTo: ['default'] })
    const refusing = await connect({
      databases: { default: { shards: { a, b }, shardMap: hashShards({ key: 'integer' }), scatter: 'refuse' } },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
    const pools = [guarded, refusing].map((client) => new (pgFor(client).Pool)())
    onTestFinished(async () => {
      for (const pool of pools) void pool.end()
      await guarded.close()
      await refusing.close()
    })
    const heard = listening()
    const [one, other] = await Promise.all(pools.map(async (pool) => await pool.connect()))
    await expect(submitted(one!, 'delete from item')).rejects.toMatchObject({ code: 'SIGNALBOX_NO_WRITES' })
    await expect(submitted(other!, 'select * from item')).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY_MISSING' })
    await expect(submitted(other!, 'delete from item')).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY_MISSING' })
    const cursor = one!.query(cursorOf('select count(*)::integer as items from item'))
    expect(await cursor.read(1)).toHaveLength(1)
    await cursor.close()
    await other!.query('begin read only')
    await expect(submitted(other!, 'delete from item where id = 1')).rejects.toMatchObject({
      code: 'SIGNALBOX_READ_ONLY_TRANSACTION',
    })
    await other!.query('rollback')
    one!.release()
    other!.release()
    expect(heard.map(({ sql }) => sql)).toEqual(['select count(*)::integer as items from item'])
  })
})
