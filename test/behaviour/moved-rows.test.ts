import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, listShards, type Client, type DistributedEvent, type Dsn, type RowMove } from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, privateServer, testedEngines, type TestDatabase } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

const log = 'control'
const engines = testedEngines.filter((engine) => engine !== 'sqlite')

/** 1 and 4 live on "a", 2 and 5 on "b". */
function configOf(a: Dsn, b: Dsn, control: Dsn) {
  return {
    databases: {
      default: { shards: { a, b }, shardMap: listShards({ key: 'integer', lists: { a: [1, 4], b: [2, 5] } }) },
      control,
    },
    tables: {
      customer: { database: 'default', shardKey: 'id' },
      purchase: { database: 'default', shardKey: 'customer_id' },
      line: { database: 'default', shardKey: 'customer_id' },
      thing: { database: 'default', shardKey: 'owner' },
      country: { database: 'default', kind: 'reference' },
    },
  } as const
}

describe.each(engines)('moved rows on %s', (engine) => {
  let server: TestServer
  let dsns: Record<'a' | 'b' | 'control', Dsn>
  let client: Client<'default' | 'control'>
  const sql = (text: string): string => sqlFor(engine, text)
  const shards = ['a', 'b'] as const

  beforeAll(async () => {
    server = await privateServer(engine, engine === 'postgres' ? { max_prepared_transactions: '20' } : {})
  }, 60_000)
  afterAll(async () => {
    await server.stop()
  })
  beforeEach(async () => {
    const made = async (): Promise<Dsn> => (await server.createDatabase()).dsn
    dsns = { a: await made(), b: await made(), control: await made() }
    client = await connect(configOf(dsns.a, dsns.b, dsns.control))
    await client.setUpTransactionLog({ log })
    await client.query('create table customer (id integer primary key, name varchar(20))')
    await client.query(
      'create table purchase (customer_id integer not null, id integer primary key, note varchar(20), foreign key (customer_id) references customer (id))',
    )
    for (const id of [1, 2, 4]) await client.query(`insert into customer (id, name) values (${id}, 'customer ${id}')`)
    await client.query("insert into purchase (customer_id, id, note) values (1, 10, 'ten'), (1, 11, null)")
  })
  afterEach(async () => {
    await client.close()
  })

  /** The rows of a shard, as it gives them itself. */
  async function on(shard: 'a' | 'b', text: string): Promise<unknown[][]> {
    await using plain = await connect(dsns[shard])
    return (await plain.query(text, [], { rowMode: 'array' })).rows as unknown as unknown[][]
  }

  /** Ends all connections to a shard but its own. */
  async function killConnections(shard: 'a' | 'b'): Promise<void> {
    await using plain = await connect(dsns[shard])
    if (engine === 'postgres') {
      await plain.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
      return
    }
    const { rows } = await plain.query<{ id: number }>(
      'select id from information_schema.processlist where db = database() and id <> connection_id()',
    )
    for (const { id } of rows) await plain.query(`kill ${id}`).catch(() => undefined)
  }

  const purchases = async (): Promise<unknown> => ({
    a: await on('a', 'select customer_id, id, note from purchase order by id'),
    b: await on('b', 'select customer_id, id, note from purchase order by id'),
  })
  const before = {
    a: [
      [1, 10, 'ten'],
      [1, 11, null],
    ],
    b: [],
  }

  function steps(listener: (event: DistributedEvent) => void): Disposable {
    const receive = (message: unknown): void => listener(message as DistributedEvent)
    subscribe('signalbox:distributed-transaction', receive)
    return { [Symbol.dispose]: () => void unsubscribe('signalbox:distributed-transaction', receive) }
  }

  const move: RowMove = { table: 'purchase', key: { customer_id: 1, id: 10 }, set: { customer_id: 2, note: 'moved' } }

  it('a row goes to the shard of its new key, by a two-phase commit', async () => {
    const seen: string[] = []
    using _ = steps(({ step }) => void seen.push(step))
    expect(await client.moveRow(move, { log })).toEqual({ table: 'purchase', database: 'default', from: 'a', to: 'b' })
    expect(await purchases()).toEqual({ a: [[1, 11, null]], b: [[2, 10, 'moved']] })
    expect(seen.at(-1)).toBe('forgotten')
    const found = await client.query('select note from purchase where customer_id = 2')
    expect(found.rows).toEqual([{ note: 'moved' }])
  })

  it('a row whose new key lives on the same shard is changed by one UPDATE, without a log', async () => {
    const seen: string[] = []
    using _ = steps(({ step }) => void seen.push(step))
    using queries = subscribedQueries()
    const same = { table: 'purchase', key: { customer_id: 1, id: 10 }, set: { customer_id: 4 } }
    expect(await client.moveRow(same)).toMatchObject({ from: 'a', to: 'a' })
    expect(seen).toEqual([])
    const texts = queries.all.map(({ sql: text }) => text.split(' ', 1)[0])
    expect(texts.filter((verb) => verb !== 'select')).toEqual(['update'])
    expect(await on('a', 'select customer_id, id from purchase order by id')).toEqual([
      [4, 10],
      [1, 11],
    ])
  })

  it.each([
    ['no row', { customer_id: 1, id: 99 }, 0],
    ['several rows', { customer_id: 1 }, 2],
  ])('a key that names %s is refused, and nothing is changed', async (_, key, matched) => {
    for (const customer_id of [2, 4]) {
      const moved = client.moveRow({ table: 'purchase', key, set: { customer_id } }, { log })
      await expect(moved).rejects.toMatchObject({ code: 'SIGNALBOX_MOVE_ROW', matched, table: 'purchase', shard: 'a' })
      await expect(moved).rejects.toThrow('Nothing was changed.')
    }
    expect(await purchases()).toEqual(before)
  })

  it('what is no move is refused before anything is sent', async () => {
    using queries = subscribedQueries()
    const wrong: readonly (readonly [RowMove, object])[] = [
      [{ table: 'country', key: { code: 'de' }, set: { code: 'fr' } }, { path: 'moves[0].table' }],
      [{ table: 'nothing', key: { id: 1 }, set: { id: 2 } }, { path: 'moves[0].table' }],
      [{ table: 'purchase', key: { id: 10 }, set: { customer_id: 2 } }, { path: 'moves[0].key' }],
      [{ table: 'purchase', key: { customer_id: 1 }, set: {} }, { path: 'moves[0].set' }],
      [{ table: 'purchase', key: { customer_id: 1 }, set: { customer_id: undefined } }, { path: 'moves[0]' }],
      [
        { table: 'purchase', key: { customer_id: 1, id: 10 }, set: { customer_id: 77 } },
        { code: 'SIGNALBOX_SHARD_KEY' },
      ],
    ]
    for (const [each, error] of wrong) await expect(client.moveRow(each, { log })).rejects.toMatchObject(error)
    await expect(client.moveRow(move)).rejects.toMatchObject({ path: 'options.log' })
    const locked = client.shard(1, async () => await client.moveRow(move, { log }), { lock: true })
    await expect(locked).rejects.toMatchObject({ code: 'SIGNALBOX_WRONG_SHARD' })
    expect(queries.all).toEqual([])
    const refused = client.query('update purchase set customer_id = 2 where customer_id = 1 and id = 10')
    await expect(refused).rejects.toThrow('client.moveRow')
  })

  it('a row that others belong to stays, unless these go with it', async () => {
    const parent: RowMove = { table: 'customer', key: { id: 1 }, set: { id: 5 } }
    await expect(client.moveRow(parent, { log })).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
    expect(await on('b', 'select id from customer order by id')).toEqual([[2]])
    const children = [10, 11].map((id): RowMove => {
      return { table: 'purchase', key: { customer_id: 1, id }, set: { customer_id: 5 } }
    })
    expect((await client.moveRows([parent, ...children], { log })).map(({ to }) => to)).toEqual(['b', 'b', 'b'])
    expect(await on('a', 'select id from customer order by id')).toEqual([[4]])
    expect(await on('b', 'select id, name from customer order by id')).toEqual([
      [2, 'customer 2'],
      [5, 'customer 1'],
    ])
    expect(await purchases()).toEqual({
      a: [],
      b: [
        [5, 10, 'ten'],
        [5, 11, null],
      ],
    })
    expect(await client.moveRows([], { log })).toEqual([])
  })

  it('a family can also be moved to a key of its own shard', async () => {
    await client.query('delete from customer where id = 4')
    const parent: RowMove = { table: 'customer', key: { id: 1 }, set: { id: 4 } }
    const children = [10, 11].map((id): RowMove => {
      return { table: 'purchase', key: { customer_id: 1, id }, set: { customer_id: 4 } }
    })
    await client.moveRows([parent, ...children])
    expect(await on('a', 'select id, name from customer')).toEqual([[4, 'customer 1']])
    expect(await on('a', 'select customer_id, id, note from purchase order by id')).toEqual([
      [4, 10, 'ten'],
      [4, 11, null],
    ])
  })

  it.each(['cascade', 'set null'])('rows that ON DELETE %s would take along are not lost', async (rule) => {
    await client.query(
      `create table line (customer_id integer, number integer primary key, foreign key (customer_id) references customer (id) on delete ${rule})`,
    )
    await client.query('insert into line (customer_id, number) values (4, 1)')
    const parent: RowMove = { table: 'customer', key: { id: 4 }, set: { id: 5 } }
    const alone = client.moveRow(parent, { log })
    await expect(alone).rejects.toMatchObject({ code: 'SIGNALBOX_MOVE_ROW' })
    await expect(alone).rejects.toThrow('line')
    expect(await on('a', 'select customer_id, number from line')).toEqual([[4, 1]])
    expect(await on('b', 'select id from customer')).toEqual([[2]])
    await client.moveRows([parent, { table: 'line', key: { customer_id: 4, number: 1 }, set: { customer_id: 5 } }], {
      log,
    })
    expect([await on('a', 'select * from line'), await on('b', 'select customer_id, number from line')]).toEqual([
      [],
      [[5, 1]],
    ])
  })

  it('a failure in between leaves the row where it was, once', async () => {
    await client.query("insert into purchase (customer_id, id, note) values (2, 10, 'in the way')")
    await expect(client.moveRow(move, { log })).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', shard: 'b' })
    expect(await on('a', 'select customer_id, id, note from purchase order by id')).toEqual(before.a)
    await client.query('delete from purchase where customer_id = 2')
    // The table is another one on the new shard.
    await using plain = await connect(dsns.b)
    await plain.query('alter table purchase add column extra integer')
    await expect(client.moveRow(move, { log })).rejects.toMatchObject({ code: 'SIGNALBOX_MOVE_ROW' })
    await expect(client.moveRow(move, { log })).rejects.toThrow('extra')
    await plain.query('alter table purchase drop column extra')
    expect(await purchases()).toEqual(before)
    await client.moveRow(move, { log })
    expect(await purchases()).toEqual({ a: [[1, 11, null]], b: [[2, 10, 'moved']] })
  })

  it('a trigger that keeps the new row out does not lose the old one', async () => {
    await using plain = await connect(dsns.b)
    if (engine === 'postgres') {
      await plain.query('create function no() returns trigger language plpgsql as $$ begin return null; end $$')
      await plain.query('create trigger no before insert on purchase for each row execute function no()')
    } else {
      await plain.query(
        "create trigger no before insert on purchase for each row signal sqlstate '45000' set message_text = 'no'",
      )
    }
    await expect(client.moveRow(move, { log })).rejects.toMatchObject({
      code: engine === 'postgres' ? 'SIGNALBOX_MOVE_ROW' : 'SIGNALBOX_QUERY_FAILED',
    })
    expect(await purchases()).toEqual(before)
  })

  it.each(['all-prepared', 'decided'] as const)(
    'the row exists once if a server connection dies when %s',
    async (step) => {
      let killed: Promise<void> | undefined
      using _ = steps(({ step: now }) => {
        if (now === step) killed ??= killConnections('a')
      })
      await client.moveRow(move, { log }).catch(() => undefined)
      await killed!
      await expect
        .poll(async () => {
          await client.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 })
          const all = await Promise.all(
            shards.map(async (shard) => await on(shard, 'select id from purchase where id = 10')),
          )
          return all.flat()
        })
        .toEqual([[10]])
    },
  )

  it('a change that comes later waits, and finds the row gone; one that came before is moved with it', async () => {
    const text = sql('update purchase set note = ? where customer_id = ? and id = ?')
    const changing = client.begin()
    await changing.query(text, ['changed', 1, 11])
    const moving = client.moveRow(
      { table: 'purchase', key: { customer_id: 1, id: 11 }, set: { customer_id: 2 } },
      { log },
    )
    await new Promise((resolve) => setTimeout(resolve, 150))
    await changing.commit()
    await moving
    expect(await on('b', 'select customer_id, id, note from purchase')).toEqual([[2, 11, 'changed']])
    // Now the other way round: the row is locked until the move is over.
    let late: Promise<{ rowCount: number }> | undefined
    using _ = steps(({ step }) => {
      if (step === 'all-prepared') late ??= client.query(text, ['too late', 1, 10])
    })
    await client.moveRow({ ...move, set: { customer_id: 2 } }, { log })
    expect((await late!).rowCount).toBe(0)
    expect(await on('b', 'select note from purchase where id = 10')).toEqual([['ten']])
  })

  it('two moves of one row: one wins, the other finds none', async () => {
    const to = (customer_id: number) => client.moveRow({ ...move, set: { customer_id } }, { log })
    const outcomes = await Promise.allSettled([to(2), to(2)])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await purchases()).toEqual({ a: [[1, 11, null]], b: [[2, 10, 'ten']] })
  })
})

describe.runIf(testedEngines.includes('sqlite'))('moved rows on SQLite', () => {
  let databases: TestDatabase[]
  let client: Client<'default' | 'control'>
  beforeEach(async () => {
    databases = [await freshDatabase('sqlite'), await freshDatabase('sqlite')]
    client = await connect(configOf(databases[0]!.dsn as Dsn, databases[1]!.dsn as Dsn, 'sqlite::memory:'))
    await client.query('create table purchase (customer_id integer, id integer, note text)')
    await client.query("insert into purchase (customer_id, id, note) values (1, 10, 'ten')")
  })
  afterEach(async () => {
    await client.close()
    for (const database of databases) await database.drop()
  })

  it('stay in their file, or are refused', async () => {
    const key = { customer_id: 1, id: 10 }
    await client.moveRow({ table: 'purchase', key, set: { Customer_ID: 4 } })
    expect((await client.query('select customer_id, note from purchase')).rows).toEqual([
      { customer_id: 4, note: 'ten' },
    ])
    const away = client.moveRow({ table: 'purchase', key: { ...key, customer_id: 4 }, set: { Customer_ID: 2 } })
    await expect(away).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
    await expect(away).rejects.toThrow('SQLite')
    const none = client.moveRow({ table: 'purchase', key, set: { customer_id: 4 } })
    await expect(none).rejects.toMatchObject({ code: 'SIGNALBOX_MOVE_ROW', matched: 0 })
  })
})
