import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

describe.each(testedEngines)('transactions on %s', (engine) => {
  let database: TestDatabase
  let client: Client<'default'>
  const sql = (text: string): string => sqlFor(engine, text)
  const insert = sql('insert into item (id, name) values (?, ?)')
  const names = async (): Promise<readonly string[]> =>
    (await client.query<{ name: string }>('select name from item order by id')).rows.map(({ name }) => name)

  beforeEach(async () => {
    database = await freshDatabase(engine)
    client = await connect(database.dsn)
    await client.query('create table item (id integer primary key, name varchar(40))')
  })

  afterEach(async () => {
    await client.close()
    await database.drop()
  })

  it('commit what their function did, and give its result', async () => {
    const result = await client.transaction(async (tx) => {
      await tx.query(insert, [1, 'one'])
      expect((await tx.query('select id from item')).rowCount).toBe(1)
      return 'done'
    })
    expect(result).toBe('done')
    expect(await names()).toEqual(['one'])
  })

  it('roll back when their function throws', async () => {
    const run = client.transaction(async (tx) => {
      await tx.query(insert, [1, 'one'])
      throw new Error('no')
    })
    await expect(run).rejects.toThrow('no')
    expect(await names()).toEqual([])
  })

  it('leave nothing behind of statements that were on their way when one of them failed', async () => {
    for (let round = 0; round < 5; round++) {
      const run = client.transaction(
        async (tx) =>
          await Promise.all([
            tx.query(insert, [1, 'one']),
            tx.query('select * from missing_table'),
            tx.query(insert, [2, 'two']),
            tx.transaction(async (inner) => await inner.query(insert, [3, 'three'])),
            tx.query(insert, [4, 'four']),
          ]),
      )
      await expect(run).rejects.toThrow()
      expect(await names()).toEqual([])
    }
  })

  it('keep the order of calls that nobody waited for', async () => {
    const tx = client.begin()
    const running = [1, 2, 3].map((id) => tx.query(insert, [id, String(id)]))
    const ending = tx.commit()
    const late = tx.query(insert, [4, 'four'])
    await expect(late).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    await Promise.all([...running, ending])
    expect(await names()).toEqual(['1', '2', '3'])
  })

  it('go on to their end while the client is being closed', async () => {
    const tx = client.begin()
    await tx.query(insert, [1, 'one'])
    const closing = client.close()
    await tx.query(insert, [2, 'two'])
    await tx.commit()
    await closing
    await using again = await connect(database.dsn)
    expect((await again.query('select id from item')).rowCount).toBe(2)
  })

  it('are not ended by a COMMIT that is hidden among several statements of one text', async () => {
    const run = client.transaction(async (tx) => {
      await tx.query(insert, [1, 'one'])
      const hidden = tx.query("insert into item (id, name) values (2, 'two'); commit")
      await expect(hidden).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CONTROL' })
      await tx.query(insert, [3, 'three'])
      throw new Error('no')
    })
    await expect(run).rejects.toThrow('no')
    expect(await names()).toEqual([])
  })

  it('nest as savepoints', async () => {
    await client.transaction(async (tx) => {
      await tx.query(insert, [1, 'one'])
      await tx
        .transaction(async (inner) => {
          await inner.query(insert, [2, 'two'])
          throw new Error('undo')
        })
        .catch(() => undefined)
      await tx.transaction(async (inner) => await inner.query(insert, [3, 'three']))
    })
    expect(await names()).toEqual(['one', 'three'])
  })

  it('go on after a statement failed inside a savepoint', async () => {
    await client.transaction(async (tx) => {
      await tx.query(insert, [1, 'one'])
      await tx.transaction(async (inner) => await inner.query(insert, [1, 'again'])).catch(() => undefined)
      await tx.query(insert, [2, 'two'])
    })
    expect(await names()).toEqual(['one', 'two'])
  })

  it('never report a COMMIT that the server turned into a rollback', async () => {
    const run = client.transaction(async (tx) => {
      await tx.query(insert, [1, 'one'])
      await tx.query(insert, [1, 'again']).catch(() => undefined)
    })
    // PostgreSQL gives the transaction up at the first error; the others undo the failed statement alone.
    if (engine === 'postgres') {
      await expect(run).rejects.toThrow(/rolled back|aborted/)
      expect(await names()).toEqual([])
    } else {
      await run
      expect(await names()).toEqual(['one'])
    }
  })

  it('read only: the server refuses writes that look like reads, and Signalbox refuses writes', async () => {
    await client.query(insert, [1, 'one'])
    const rows = await client.transaction(async (tx) => (await tx.query('select id from item')).rowCount, {
      readOnly: true,
    })
    expect(rows).toBe(1)
    await expect(
      client.transaction(async (tx) => await tx.query('delete from item'), { readOnly: true }),
    ).rejects.toMatchObject({
      code: 'SIGNALBOX_READ_ONLY_TRANSACTION',
    })
    expect(await names()).toEqual(['one'])
  })

  it('take every isolation level', async () => {
    for (const isolation of ['read uncommitted', 'read committed', 'repeatable read', 'serializable'] as const) {
      await client.transaction(
        async (tx) => {
          const { rows } = await tx.query<{ level: string }>(
            engine === 'postgres'
              ? "select current_setting('transaction_isolation') as level"
              : engine === 'mysql'
                ? 'select lower(trx_isolation_level) as level from information_schema.innodb_trx where trx_mysql_thread_id = connection_id()'
                : "select 'serializable' as level",
          )
          if (engine === 'postgres') expect(rows[0]?.level).toBe(isolation)
        },
        { isolation },
      )
    }
    if (engine === 'mysql') {
      // A level must not stay on the connection for the next user.
      const { rows } = await client
        .query<{ level: string }>('select @@transaction_isolation as level')
        .catch(async () => await client.query<{ level: string }>('select @@tx_isolation as level'))
      expect(rows[0]?.level).toBe('REPEATABLE-READ')
    }
  })

  it('keep their writes to themselves until the commit', async () => {
    const tx = client.begin()
    await tx.query(insert, [1, 'one'])
    expect(await names()).toEqual([])
    await tx.commit()
    expect(await names()).toEqual(['one'])
  })

  it('stream, and go on after the stream', async () => {
    await client.query(sql('insert into item (id, name) values (?, ?), (?, ?)'), [1, 'one', 2, 'two'])
    await client.transaction(async (tx) => {
      const ids: number[] = []
      for await (const { id } of tx.stream<{ id: number }>('select id from item order by id')) {
        ids.push(id)
        if (ids.length === 1) break
      }
      expect(ids).toEqual([1])
      await tx.query(insert, [3, 'three'])
    })
    expect(await names()).toEqual(['one', 'two', 'three'])
  })

  it('give every connection back', async () => {
    for (let round = 0; round < 25; round++) {
      await client
        .transaction(async (tx) => {
          await tx.query(insert, [round, 'x'])
          if (round % 3 === 0) throw new Error('undo')
        })
        .catch(() => undefined)
    }
    expect((await names()).length).toBe(16)
    for (const { total, idle, shared } of Object.values(client.stats()))
      expect(total - idle - shared).toBeLessThanOrEqual(0)
  })

  it('of two that want the same row, the second waits for the first', async () => {
    await client.query(insert, [1, 'old'])
    const first = client.begin()
    await first.query(sql('update item set name = ? where id = 1'), ['first'])
    const second = client.transaction(
      async (tx) => await tx.query(sql('update item set name = ? where id = 1'), ['second']),
    )
    await first.commit()
    await second
    expect(await names()).toEqual(['second'])
  })
})

describe('a transaction over two databases', () => {
  it('is refused, naming both tables and both databases, and everything is rolled back', async () => {
    const [one, two] = [testedEngines[0] ?? 'sqlite', testedEngines.at(-1) ?? 'sqlite']
    await using shop = await freshDatabase(one)
    await using other = await freshDatabase(two)
    await using client = await connect({
      databases: { default: shop.dsn, reviews: other.dsn },
      tables: { review: 'reviews' },
    })
    await client.query('create table product (id integer primary key)')
    await client.query('create table review (id integer primary key)')
    const run = client.transaction(async (tx) => {
      await tx.query('insert into product (id) values (1)')
      await tx.query('insert into review (id) values (1)')
    })
    await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION' })
    await expect(run).rejects.toThrow(/"default".*table product.*"reviews".*table review.*rolled back/)
    expect((await client.query('select id from product')).rowCount).toBe(0)
    expect((await client.query('select id from review')).rowCount).toBe(0)
  })
})
