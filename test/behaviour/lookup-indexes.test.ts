import { beforeEach, describe, expect, it } from 'vitest'
import {
  connect,
  hashShards,
  LookupBusyError,
  LookupWriteError,
  QueryError,
  type Client,
  type Config,
} from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { forAllTests } from '../support/for-all-tests.ts'
import { assertInvariant, startLookupCustomers } from '../support/lookup-customers.ts'
import { privateServer, testedEngines } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

describe.each(testedEngines)('lookup indexes on %s', (engine) => {
  const shop = forAllTests(async () => await startLookupCustomers(engine))
  const sql = (text: string): string => sqlFor(engine, text)
  const insert = sql('insert into customer (id, email, name) values (?, ?, ?)')
  const byEmail = sql('select id, name from customer where email = ?')

  beforeEach(async () => {
    await shop.client.query('delete from customer', [], { allShards: true })
  })

  it('a read by the value asks one shard, that of its key', async () => {
    const { client } = shop
    for (let id = 1; id <= 12; id++) await client.query(insert, [id, `c${id}@example.org`, `name ${id}`])
    using queries = subscribedQueries()
    for (let id = 1; id <= 12; id++) {
      const { rows, route } = await client.query<{ id: number }>(byEmail, [`c${id}@example.org`])
      expect(rows).toMatchObject([{ id }])
      expect(route.shards).toEqual([client.shardOf(id)])
      expect(route.reasons.at(-1)).toMatchObject({ rule: 'lookup' })
    }
    const places = queries.all.map(({ route }) => route.database)
    expect(places.filter((place) => place === 'default')).toHaveLength(12)
    expect(places.filter((place) => place === 'control')).toHaveLength(12)
  })

  it('a value that nobody has asks one shard, for the shape', async () => {
    const { rows, route, fields } = await shop.client.query(byEmail, ['nobody@example.org'])
    expect(rows).toEqual([])
    expect(fields.map(({ name }) => name)).toEqual(['id', 'name'])
    expect(route.shards).toHaveLength(1)
    expect(route.reasons.at(-1)).toMatchObject({ rule: 'lookup-empty' })
  })
  it('a value is unique over all shards, and free again after its row', async () => {
    const { client } = shop
    await client.query(insert, [1, 'x@example.org', 'one'])
    for (let id = 2; id <= 6; id++) {
      const error = await client.query(insert, [id, 'x@example.org', 'other']).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(QueryError)
      expect(error).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', errorClass: 'constraint' })
      expect(String(error)).not.toContain('x@example.org')
    }
    await client.query(sql('delete from customer where email = ?'), ['x@example.org'])
    await client.query(insert, [5, 'x@example.org', 'five'])
    await client.query(sql('update customer set email = ? where id = ?'), ['y@example.org', 5])
    await client.query(insert, [6, 'x@example.org', 'six'])
    await client.query(sql('update customer set email = null where id = ?'), [5])
    await client.query(sql('update customer set email = ? where id = ?'), ['y@example.org', 6])
    await client.query(sql('update customer set email = ? where id = ?'), ['x@example.org', 6])
    expect(await assertInvariant(shop)).toEqual(new Map([['x@example.org', 6]]))
  })

  it('IN asks the shards of the values; joins and subqueries on the key go along', async () => {
    const { client } = shop
    for (const id of [1, 4, 9]) {
      await client.query(insert, [id, `c${id}@example.org`, 'x'])
      await client.query(sql('insert into purchase (customer_id, id) values (?, ?)'), [id, 1])
    }
    const several = await client.query<{ id: number }>(
      sql('select id from customer where email in (?, ?, ?) order by id'),
      ['c4@example.org', 'c9@example.org', 'nobody'],
    )
    expect(several.rows.map(({ id }) => id)).toEqual([4, 9])
    expect([...several.route.shards].sort()).toEqual([client.shardOf(4), client.shardOf(9)].sort())
    for (const text of [
      'select p.id from purchase p join customer c on p.customer_id = c.id where c.email = ?',
      'select c.id from customer c where c.email = ? and exists (select 1 from purchase p where p.customer_id = c.id)',
      'select c.id, (select count(*) from purchase p where p.customer_id = c.id) as n from customer c where email = ?',
      'select c.id, p.id as pid from customer c left join purchase p on p.customer_id = c.id where c.email = ?',
      'select count(*) over () as n from customer where email = ?',
    ]) {
      const { rows, route } = await client.query(sql(text), ['c4@example.org'])
      expect(rows, text).toHaveLength(1)
      expect(route.shards, text).toEqual([client.shardOf(4)])
    }
    // What does not follow the row that is looked up is on every shard.
    const other = await client.query(
      sql('select p.id from purchase p left join customer c on p.customer_id = c.id and c.email = ?'),
      ['c4@example.org'],
    )
    expect(other.route.shards).toHaveLength(3)
    expect(other.rows).toHaveLength(3)
    await client.query('delete from purchase', [], { allShards: true })
  })

  it('a change by the value is made on its shard', async () => {
    const { client } = shop
    await client.query(insert, [4, 'c4@example.org', 'x'])
    const { rowCount, route } = await client.query(sql('update customer set name = ? where email = ?'), [
      'y',
      'c4@example.org',
    ])
    expect(rowCount).toBe(1)
    expect(route.shards).toEqual([client.shardOf(4)])
    await client.query(sql('delete from customer where email = ?'), ['c4@example.org'])
    expect((await client.query('select id from customer')).rows).toEqual([])
  })

  it('explain and preview ask nobody, and say that the lookup has to be asked', async () => {
    const { client } = shop
    using queries = subscribedQueries()
    const text = sql('select count(*) over () from customer where email = ?')
    expect(client.explain(text, ['x']).reasons.at(-1)?.text).toContain('the lookup customer.email')
    expect(client.explain(text, ['x']).shards).toHaveLength(3)
    const preview = client.preview(text)
    expect(preview.destination).toBe('by-key')
    expect(preview.reasons.at(-1)?.text).toBe(
      'the lookup customer.email has to be asked, which leads to the shard of a key',
    )
    expect(client.preview(text, ['x']).destination).toBe('by-key')
    expect(queries.all).toEqual([])
  })

  it('rows of several shards: all values are claimed, and none is written if one is taken', async () => {
    const { client } = shop
    const rows = sql('insert into customer (id, email) values (?, ?), (?, ?), (?, ?)')
    const { rowCount } = await client.query(rows, [1, 'a1', 4, 'a4', 9, null])
    expect(rowCount).toBe(3)
    await expect(client.query(rows, [5, 'b1', 6, 'b4', 7, 'a4'])).rejects.toThrow('would not be unique')
    await expect(client.query(rows, [5, 'b1', 6, 'b1', 7, null])).rejects.toThrow('to rows with different shard keys')
    expect(await assertInvariant(shop)).toEqual(
      new Map([
        ['a1', 1],
        ['a4', 4],
      ]),
    )
    await client.query(rows, [5, 'b1', 6, 'b4', 7, null])
    expect((await assertInvariant(shop)).size).toBe(4)
  })

  it('a transaction sees what it claims, may claim again, and a rollback gives it up', async () => {
    const { client } = shop
    const update = sql('update customer set email = ? where id = ?')
    await client.transaction(async (tx) => {
      await tx.query(insert, [4, 'x', 'four'])
      expect((await tx.query(byEmail, ['x'])).rows).toMatchObject([{ id: 4 }])
      await tx.query(update, ['y', 4])
      await tx.query(update, ['x', 4])
      const undone = tx.transaction(async (inner) => {
        await inner.query(update, ['z', 4])
        throw new Error('undone')
      })
      await expect(undone).rejects.toThrow('undone')
      await tx.query(update, ['z', 4])
      await tx.query(update, ['x', 4])
    })
    await expect(
      client.transaction(async (tx) => {
        await tx.query(sql('delete from customer where id = ?'), [4])
        await tx.query(insert, [7, 'x', 'seven'])
      }),
    ).rejects.toThrow('would not be unique')
    await expect(
      client.transaction(async (tx) => {
        await tx.query(update, ['x', 4])
        await tx.query(sql('delete from customer where id = ?'), [4])
        await tx.query(insert, [7, 'x', 'seven'])
      }),
    ).rejects.toThrow('the same transaction has given it to another row')
    expect(await assertInvariant(shop)).toEqual(new Map([['x', 4]]))
    const rolledBack = client.transaction(async (tx) => {
      await tx.query(insert, [9, 'w', 'nine'])
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    await client.query(insert, [1, 'w', 'one'])
    expect((await assertInvariant(shop)).get('w')).toBe(1)
  })

  it('scopes, sessions, reserved connections and streams', async () => {
    const { client } = shop
    await client.shard(
      4,
      async () => {
        await client.query(insert, [4, 'x', 'four'])
        expect((await client.query(byEmail, ['x'])).rows).toHaveLength(1)
      },
      { lock: false },
    )
    await client.session(async () => {
      await client.query(insert, [9, 'y', 'nine'])
      expect((await client.query(byEmail, ['y'])).rows).toHaveLength(1)
    })
    await using connection = client.reserve()
    await expect(connection.query(insert, [5, 'z', 'five'])).rejects.toThrow('which takes a transaction')
    await connection.transaction(async (tx) => void (await tx.query(insert, [4 + 3, 'z', 'seven'])))
    const rows = client.stream(insert, [6, 'w', 'six'])
    await expect(rows.next()).rejects.toThrow('cannot be streamed')
    expect((await assertInvariant(shop)).size).toBe(3)
  })

  it('an insert that meets its own row leaves it, and its value', async () => {
    const { client } = shop
    await client.query(insert, [4, 'x', 'four'])
    const skip =
      engine === 'mysql'
        ? 'insert into customer (id, email, name) values (?, ?, ?) on duplicate key update name = values(name)'
        : sql(
            'insert into customer (id, email, name) values (?, ?, ?) on conflict (id) do update set name = excluded.name',
          )
    await client.query(skip, [4, 'y', 'again'])
    expect(await assertInvariant(shop)).toEqual(new Map([['x', 4]]))
    await client.query(insert, [9, 'y', 'nine'])
    await client.query(skip, [4, 'x', 'and again'])
    expect((await client.query(byEmail, ['x'])).rows).toMatchObject([{ id: 4, name: 'and again' }])
    await assertInvariant(shop)
  })

  it('what gives a value that is not known is refused by name', async () => {
    const { client } = shop
    await client.query(insert, [4, 'x', 'four'])
    const refused: readonly (readonly [text: string, params: readonly unknown[], why: string])[] = [
      ['update customer set email = ? where name = ?', ['y', 'four'], 'SHARD_KEY_MISSING'],
      ['update customer set email = lower(email) where id = ?', [4], 'only the database computes'],
      ['update customer set email = name where id = ?', [4], 'only the database computes'],
      ['update customer set email = ? where email = ?', ['y', 'x'], 'no condition pins to one shard key'],
      ['update customer set email = ? where id in (?, ?)', ['y', 4, 7], 'to rows with 2 shard keys'],
      ['insert into customer (id, email) values (?, lower(?))', [5, 'Y'], 'only the database computes'],
      ['insert into customer values (?, ?, ?)', [5, 'y', 'z'], 'SHARD_KEY_MISSING'],
      ['insert into customer (id, email) select 5, lower(?)', ['Y'], 'only the database computes'],
      ['insert into customer (id, email) select 5, name from customer where id = 5', [], 'only the database computes'],
      ['insert into customer (id, email) values (?, ?)', [5, 'y '], 'cannot be looked up as the type "text"'],
      ['insert into customer (id, email) values (?, ?)', [5, 7], 'cannot be looked up as the type "text"'],
      ['insert into customer (id, email) values (?, ?)', [5, 'y'.repeat(256)], 'cannot be looked up'],
    ]
    for (const [text, params, why] of refused) {
      const error: unknown = await client.query(sql(text), params).catch((thrown: unknown) => thrown)
      expect(`${String((error as { code?: string }).code)} ${String(error)}`, text).toContain(why)
      expect(String(error), text).toContain('Nothing was sent.')
    }
    const bound: readonly (readonly [text: string, params: readonly unknown[]])[] = [
      ['update customer set email = ? where name = ?', ['y', 'four']],
      ['insert into customer values (?, ?, ?)', [7, 'y', 'z']],
      ['insert into customer (id, email) select 7, name from customer', []],
      ['insert into customer (id, email) select id + 3, ? from customer', ['y']],
      ['frobnicate customer', []],
    ]
    for (const [text, params] of bound) {
      const work = client.shard(4, async () => await client.query(sql(text), params))
      await expect(work, text).rejects.toThrow(LookupWriteError)
    }
    await expect(client.query(sql('update customer set email = ?'), ['y'], { allShards: true })).rejects.toThrow(
      LookupWriteError,
    )
    const move = client.moveRow({ table: 'customer', key: { id: 4 }, set: { id: 9 } }, { log: 'control' })
    await expect(move).rejects.toThrow('Rows of customer cannot be moved, since customer.email is looked up')
    expect(() => client.explain(sql('update customer set email = upper(email) where id = ?'), [4])).toThrow(
      LookupWriteError,
    )
    expect(() => client.preview(sql('update customer set email = upper(email) where id = ?'))).toThrow(LookupWriteError)
    expect((await client.query('select email from customer')).rows).toEqual([{ email: 'x' }])
  })

  it('so are the statements of this engine that do, and no others', async () => {
    const { client } = shop
    const texts = {
      postgres: [
        'merge into customer using (select 4 as id) as new on customer.id = new.id when matched then update set email = null',
        'insert into customer (id, email) values ($1, $2) on conflict (id) do update set email = excluded.email',
        'update customer set (email, name) = ($2, $2) where id = $1',
        'with changed as (update customer set email = lower($2) where id = $1 returning id) select * from changed',
      ],
      mysql: [
        'insert ignore into customer (id, email) values (?, ?)',
        'update ignore customer set name = ?, email = ? where id = 4',
        'insert into customer (id, email) values (?, ?) on duplicate key update email = values(email)',
        'call change_customers()',
      ],
      sqlite: [
        'insert into customer (id, email) values (?, ?) on conflict (id) do update set email = excluded.email',
        'update customer set (email, name) = (?, ?) where id = 4',
      ],
    }[engine]
    for (const text of texts) {
      const work = client.shard(4, async () => await client.query(text, [4, 'x']))
      await expect(work, text).rejects.toThrow(LookupWriteError)
    }
    await client.query(insert, [4, 'x', 'four'])
    const empty = engine === 'sqlite' ? 'delete from customer' : 'truncate customer'
    await client.shard(4, async () => await client.query(empty))
    expect((await client.query('select * from customer')).rows).toEqual([])
    const replace = {
      postgres: 'insert into customer (email, id) values ($1, $2) on conflict do nothing returning id',
      mysql: 'replace into customer (email, id) values (?, ?)',
      sqlite: 'insert or replace into customer (email, id) values (?, ?)',
    }[engine]
    await client.query(replace, ['x', 4])
    await client.query(replace, ['x', 4])
    await client.query('insert into customer (id, name) values (9, null)')
    await client.query(sql('insert into customer (id, email) select 7, ?'), ['selected'])
    const either = sql('select id from customer where email = ? or email = ?')
    expect((await client.query(either, ['x', 'selected'])).route.shards).toHaveLength(1)
    const within = sql('select id from (select * from customer) c where c.email = ?')
    expect((await client.query(within, ['x'])).route.shards).toEqual([client.shardOf(4)])
    expect(await assertInvariant(shop)).toEqual(
      new Map([
        ['x', 4],
        ['selected', 7],
      ]),
    )
  })

  it('an entry that nobody can have made wrong is not waited for: a claim that is open is, for waitMs', async () => {
    const { client } = shop
    const impatient = await shop.connect((config) => {
      const tables = structuredClone(config.tables) as unknown as Record<
        string,
        { lookups: { email: { waitMs?: number } } }
      >
      tables['customer']!.lookups.email.waitMs = 800
      return { ...config, tables } as unknown as Config
    })
    await using tx = client.begin()
    await tx.query(insert, [4, 'x', 'four'])
    const error: unknown = await impatient.query(insert, [9, 'x', 'nine']).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(LookupBusyError)
    expect(error).toMatchObject({ code: 'SIGNALBOX_LOOKUP_BUSY', safeToRetry: true })
    const limited = impatient.query(insert, [9, 'x', 'nine'], { timeoutMs: 200 })
    await expect(limited).rejects.toMatchObject({ code: 'SIGNALBOX_TIMEOUT' })
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 50)
    const aborted = client.query(insert, [9, 'x', 'nine'], { signal: abort.signal })
    await expect(aborted).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    await tx.rollback()
    await impatient.query(insert, [9, 'x', 'nine'])
    expect(await assertInvariant(shop)).toEqual(new Map([['x', 9]]))
  })
})

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))('distributed transactions on %s', (engine) => {
  it('claim on each of their shards, and give up together', async () => {
    const settings = engine === 'postgres' ? { max_prepared_transactions: '10' } : {}
    const server = await privateServer(engine, settings)
    try {
      await using shop = await startLookupCustomers(engine, engine, async () => {
        const { dsn } = await server.createDatabase()
        return { engine, dsn, drop: async () => {}, [Symbol.asyncDispose]: async () => {} }
      })
      const { client } = shop
      const log = 'control'
      await client.setUpTransactionLog({ log })
      const update = sqlFor(engine, 'update customer set email = ? where id = ?')
      const rows = sqlFor(engine, 'insert into customer (id, email) values (?, ?), (?, ?)')
      await client.distributedTransaction(async (tx) => void (await tx.query(rows, [4, 'x', 9, 'y'])), { log })
      expect(await assertInvariant(shop)).toEqual(
        new Map([
          ['x', 4],
          ['y', 9],
        ]),
      )
      await client.distributedTransaction(
        async (tx) => {
          await tx.query(update, ['z', 4])
          await tx.query(update, ['w', 9])
          await tx.query(update, ['z2', 4])
        },
        { log },
      )
      const swap = client.distributedTransaction(
        async (tx) => {
          await tx.query(update, ['v', 4])
          await tx.query(update, ['z2', 9])
        },
        { log },
      )
      await expect(swap).rejects.toThrow('would not be unique')
      const rolledBack = client.distributedTransaction(
        async (tx) => {
          await tx.query(rows, [1, 'p', 7, 'q'])
          throw new Error('no')
        },
        { log },
      )
      await expect(rolledBack).rejects.toThrow('no')
      expect(await assertInvariant(shop)).toEqual(
        new Map([
          ['z2', 4],
          ['w', 9],
        ]),
      )
      await client.query(rows, [2, 'q', 6, 'p'])
      expect((await assertInvariant(shop)).size).toBe(4)
    } finally {
      await server.stop()
    }
  })
})

describe.each(testedEngines)('filling a lookup on %s', (engine) => {
  it('makes the entries of rows that are there, in batches, and again; until then every shard is asked', async () => {
    await using shop = await startLookupCustomers(engine)
    const { client } = shop
    const sql = (text: string): string => sqlFor(engine, text)
    // As if the rows were older than the lookup.
    for (const [name, database] of Object.entries(shop.databases)) {
      if (name === 'control') continue
      await using plain = await connect(database.dsn)
      for (let id = 1; id <= 40; id++)
        if (client.shardOf(id) === name)
          await plain.query(sql('insert into customer (id, email) values (?, ?)'), [id, id % 4 === 0 ? null : `c${id}`])
    }
    await client.using('control').query('delete from signalbox_lookup')
    const text = sql('select id from customer where email = ?')
    const before = await client.query(text, ['c7'])
    expect(before.route.shards).toHaveLength(3)
    expect(before.rows).toHaveLength(1)
    expect(await client.lookups.backfill({ table: 'customer', column: 'email', batch: 3 })).toEqual({
      rows: 30,
      added: 30,
    })
    expect(await client.lookups.backfill({ table: 'customer', column: 'email' })).toEqual({ rows: 30, added: 0 })
    expect((await assertInvariant(shop)).size).toBe(30)
    const after = await client.query(text, ['c7'])
    expect(after.route.shards).toHaveLength(1)
    expect(after.rows).toHaveLength(1)
  })

  it('refuses two rows with one value, and is not asked then', async () => {
    await using shop = await startLookupCustomers(engine)
    const { client } = shop
    const sql = (text: string): string => sqlFor(engine, text)
    for (const id of [4, 9]) {
      await using plain = await connect(shop.databases[client.shardOf(id) as 'a'].dsn)
      await plain.query(sql('insert into customer (id, email) values (?, ?)'), [id, 'same'])
    }
    await client.using('control').query('delete from signalbox_lookup')
    const filling = client.lookups.backfill({ table: 'customer', column: 'email' })
    await expect(filling).rejects.toThrow(/the rows with the shard keys \["[49]"\] and \["[49]"\] both have it/)
    const { rows } = await client.query(sql('select id from customer where email = ?'), ['same'])
    expect(rows).toHaveLength(2)
  })
})

describe.each(testedEngines)('checking a lookup on %s', (engine) => {
  it('finds rows without an entry, with a wrong one, and double values', async () => {
    await using shop = await startLookupCustomers(engine)
    const { client } = shop
    const sql = (text: string): string => sqlFor(engine, text)
    const target = { table: 'customer', column: 'email' }
    for (const id of [1, 4, 7, 9])
      await client.query(sql('insert into customer (id, email) values (?, ?)'), [id, `c${id}`])
    const well = { lookup: 'customer.email', filled: true, missing: 0, wrong: 0, doubles: 0, examples: [] }
    expect(await client.lookups.check({ ...target, batch: 2 })).toEqual({ ...well, rows: 4 })
    const control = client.using('control')
    await control.query("delete from signalbox_lookup where value = 'c1'")
    await control.query("update signalbox_lookup set shard_key = '[\"9\"]' where value = 'c4'")
    await using plain = await connect(shop.databases[client.shardOf(6) as 'a'].dsn)
    await plain.query(sql('insert into customer (id, email) values (?, ?)'), [6, 'c7'])
    const report = await client.lookups.check(target)
    expect(report).toMatchObject({ rows: 5, missing: 1, wrong: 1, doubles: 1 })
    expect([...report.examples].sort()).toEqual(['["1"]', '["4"]', '["6"]'])
  })

  it('refuses a column that takes more for the same than its type', async () => {
    await using shop = await startLookupCustomers(engine)
    const { client } = shop
    const types = { postgres: 'citext', mysql: 'varchar(60) collate utf8mb4_general_ci', sqlite: 'text collate nocase' }
    for (const [name, { dsn }] of Object.entries(shop.databases)) {
      if (name === 'control') continue
      await using plain = await connect(dsn)
      if (engine === 'postgres') await plain.query('create extension if not exists citext')
      await plain.query('drop table customer')
      await plain.query(
        `create table customer (id integer primary key, email ${types[engine]} unique, name varchar(40))`,
      )
    }
    const filling = client.lookups.backfill({ table: 'customer', column: 'email' })
    await expect(filling).rejects.toThrow('the column takes different texts for the same')
    const caseless = await shop.connect((config) => {
      const tables = structuredClone(config.tables) as unknown as Record<
        string,
        { lookups: { email: { type: string } } }
      >
      tables['customer']!.lookups.email.type = 'caseless-text'
      return { ...config, tables } as unknown as Config
    })
    await caseless.lookups.backfill({ table: 'customer', column: 'email' })
    const sql = (text: string): string => sqlFor(engine, text)
    await caseless.query(sql('insert into customer (id, email) values (?, ?)'), [4, 'Anna@Example.org'])
    const { rows, route } = await caseless.query(sql('select id from customer where email = ?'), ['ANNA@example.ORG'])
    expect(rows).toHaveLength(1)
    expect(route.shards).toHaveLength(1)
    await expect(
      caseless.query(sql('insert into customer (id, email) values (?, ?)'), [9, 'anna@example.org']),
    ).rejects.toThrow('would not be unique')
    // What has no entry may be equal all the same, as far as anybody knows.
    const other = await caseless.query(sql('select id from customer where email = ?'), ['Ännä@example.org'])
    expect(other.route.shards).toHaveLength(3)
  })

  it('says what is missing before it is set up; reads ask every shard', async () => {
    await using shop = await startLookupCustomers(engine)
    const { client } = shop
    const sql = (text: string): string => sqlFor(engine, text)
    await client.using('control').query('drop table signalbox_lookup')
    expect((await client.query(sql('select id from customer where email = ?'), ['x'])).route.shards).toHaveLength(3)
    const work = client.query(sql('insert into customer (id, email) values (?, ?)'), [4, 'x'])
    await expect(work).rejects.toThrow('Allowed: tables that client.lookups.setUp() has made')
    await client.lookups.setUp()
    await client.query(sql('insert into customer (id, email) values (?, ?)'), [4, 'x'])
  })
})

describe('declaring lookups', () => {
  const shards = { a: 'sqlite::memory:', b: 'sqlite::memory:' } as const
  const shardMap = hashShards({ key: 'integer' })
  const from = async (lookups: unknown, more: object = {}): Promise<unknown> =>
    await connect({
      databases: { default: { shards, shardMap }, control: 'sqlite::memory:' },
      tables: { customer: { database: 'default', shardKey: 'id', lookups, ...more } },
    } as unknown as Config)

  it.each([
    [{ email: { in: 'controll', type: 'text' } }, 'controll'],
    [{ email: { in: 'default', type: 'text' } }, 'tables.customer.lookups.email.in: "default" has several shards.'],
    [{ email: { in: 'control' } }, 'tables.customer.lookups.email.type: undefined is not accepted.'],
    [{ email: { in: 'control', type: 'instant' } }, 'Allowed: "integer", "text", "caseless-text", "uuid", "bytes".'],
    [{ id: { in: 'control', type: 'text' } }, 'It is part of the shard key'],
    [{ email: { in: 'control', type: 'text', default: 'x' } }, 'lookups.email.default: "x" is not accepted.'],
    [{ email: { in: 'control', type: 'text', waitMs: 1 } }, 'lookups.email.waitMs: 1 is not accepted.'],
    [{ email: { in: 'control', type: 'text', wait: 1 } }, 'lookups.email.wait: There is no such option.'],
  ])('%o is refused', async (lookups, message) => {
    await expect(from(lookups)).rejects.toThrow(message)
  })

  it('a lookup that nobody has declared is not filled', async () => {
    await using client = (await from({ email: { in: 'control', type: 'text' } })) as Client
    const filling = client.lookups.backfill({ table: 'customer', column: 'name' })
    await expect(filling).rejects.toThrow('options: There is no lookup "customer.name". Allowed: customer.email.')
  })
})
