import { describe, expect, it } from 'vitest'
import { type Client, QueryError, type Transaction } from '../../src/index.ts'
import { testedEngines } from '../support/servers.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'

/** What a statement came to; in a transaction, its error goes back to where it began. */
async function outcome(on: Client | Transaction, sql: string): Promise<unknown> {
  try {
    const { rows, rowCount } = await on.transaction(async (inner) => await inner.query(sql))
    return { rows: rows.map((row) => JSON.stringify(row)), rowCount }
  } catch (error) {
    return error instanceof QueryError
      ? `${error.engineCode} ${error.message.replace(/; at character \d+/, '')}`
      : error
  }
}

type Kinds = Record<string, 'augment' | 'replace' | 'base'>

/** Plays the statements in one transaction, or each in one of its own, and gives what the last one came to. */
async function same(
  base: readonly string[],
  tables: Kinds,
  statements: readonly string[],
  inTransaction = false,
): Promise<unknown> {
  await using both = await shadowedShop(base, tables, 'postgres')
  const play = async (client: Client): Promise<readonly unknown[]> => {
    const all: unknown[] = []
    const go = async (on: Client | Transaction): Promise<void> => {
      for (const sql of statements) all.push([sql, await outcome(on, sql)])
    }
    await (inTransaction ? client.transaction(go) : go(client)).catch((error: unknown) =>
      all.push(error instanceof QueryError ? error.message : error),
    )
    return all
  }
  const [shadow, copy] = [await play(both.shadow), await play(both.copy)]
  expect(shadow).toEqual(copy)
  return shadow.at(-1)
}

const groups = [
  'create table grp (id int primary key, name text unique)',
  "insert into grp values (1, 'one'), (2, 'two')",
]
const all = { '*': 'augment' } as const

describe.runIf(testedEngines.includes('postgres'))('keys of a shadow on PostgreSQL', () => {
  it('wait for the end of the transaction when they are told to, and only those that can', async () => {
    const base = [
      ...groups,
      'create table item (id int primary key, grp int references grp (id) deferrable, owner int references grp (id))',
      'insert into item values (1, 1, 1), (2, 2, 2)',
    ]
    const late = ['set constraints all deferred', 'delete from item where id = 1', 'insert into item values (3, 9, 1)']
    expect(await same(base, all, late, true)).toMatch(/item_grp_fkey/)
    expect(await same(base, all, [...late, 'insert into grp values (9)'], true)).toMatchObject([{}, { rowCount: 1 }])
    const never = ['set constraints all deferred', 'update item set grp = 1', 'insert into item values (3, 1, 9)']
    expect(await same(base, all, never, true)).toMatchObject([{}, expect.stringContaining('item_owner_fkey')])
    const named = ['set constraints public.item_grp_fkey deferred', 'insert into item values (3, 9, 1)']
    expect(await same(base, all, [...named, 'set constraints item_grp_fkey immediate'], true)).toMatch(/item_grp_fkey/)
    await using both = await shadowedShop(base, all, 'postgres')
    await expect(both.shadow.query('set constraints item_owner_fkey deferred')).rejects.toThrow(
      /"item_owner_fkey" is not deferrable/,
    )
  })

  it('of rows that refer to each other are kept when they must not wait any more', async () => {
    const base = [
      'create table one (id int primary key, other int)',
      'create table two (id int primary key, other int references one (id) deferrable initially deferred)',
      'insert into one values (1, 1), (2, 2)',
      'insert into two values (1, 1), (2, 2)',
      'alter table one add foreign key (other) references two (id) deferrable initially deferred',
    ]
    const statements = [
      'set constraints all immediate',
      'update one set other = 1 where id = 2',
      'delete from two where id = 2',
    ]
    expect(await same(base, all, statements, true)).toMatchObject([{}, { rowCount: 1 }])
  })

  it('that wait do not keep a table from being emptied', async () => {
    const base = [
      ...groups,
      'create table item (id int primary key, grp int references grp (id) deferrable initially deferred)',
      'insert into item values (1, 1), (2, 2)',
    ]
    expect(await same(base, all, ['truncate item', 'select * from item'])).toMatchObject([{}, { rowCount: 0 }])
    expect(await same(base, all, ['truncate grp'])).toMatchObject([{}, expect.stringContaining('0A000')])
    const again = ['truncate grp cascade', 'insert into grp values (1)', 'select g.id, i.id from grp g, item i']
    expect(await same(base, all, again)).toMatchObject([{}, { rowCount: 0 }])
    // Behind copies that wait, PostgreSQL itself does not empty it: the way out is the one that the docs tell.
    const behind = ['update item set id = id + 10 where id = 1', 'truncate item']
    await using both = await shadowedShop(base, all, 'postgres')
    await both.shadow
      .transaction(async (tx) => {
        await tx.query(behind[0]!)
        await expect(tx.query(behind[1]!)).rejects.toThrow(/pending trigger events/)
      })
      .catch(() => {})
    const proved = [behind[0]!, 'set constraints all immediate', behind[1]!, 'select * from item']
    expect(await same(base, all, proved, true)).toMatchObject([{}, { rowCount: 0 }])
  })

  it('that wait are not proved by a new column of another table', async () => {
    const base = [
      ...groups,
      'create table item (id int primary key, grp int references grp (id) deferrable initially deferred)',
    ]
    const statements = [
      'insert into item values (1, 9)',
      'alter table grp add place int default 3',
      'insert into grp values (9)',
    ]
    const read = 'select * from grp order by id'
    expect(await same(base, all, [...statements, read], true)).toMatchObject([{}, { rowCount: 3 }])
  })

  it('that wait can be there twice, each row with its own value in a column that is new', async () => {
    const base = [
      'create table item (id int primary key deferrable initially deferred, name text)',
      "insert into item values (1, 'a'), (2, 'b'), (3, 'c')",
    ]
    const statements = [
      'alter table item add place int default 3',
      "insert into item values (1, 'd', 4), (2, 'e', null)",
      'select * from item order by id, name',
      'update item set place = f.place + 1 from item f where f.name = item.name and f.id < 3',
      'select * from item order by id, name',
      "delete from item where place = 5 or name = 'e'",
      'select name, place from item order by name',
    ]
    expect(await same(base, all, statements, true)).toMatchObject([
      {},
      { rows: ['{"name":"a","place":4}', '{"name":"b","place":4}', '{"name":"c","place":3}'] },
    ])
  })

  it('are taken by rows that a sequence does not know of', async () => {
    const base = ['create table item (id serial primary key, name text)', "insert into item (name) values ('a')"]
    const statements = ["insert into item values (2, 'b')", "insert into item (name) values ('c'), ('d')"]
    expect(await same(base, all, statements)).toMatchObject([{}, expect.stringContaining('item_pkey')])
    expect(await same(base, all, [...statements, 'select 1'], true)).toMatchObject([{}, { rowCount: 1 }])
  })

  it.each(['augment', 'base'] as const)('go on behind those of the rows in a table of kind %s', async (kind) => {
    const base = [
      'create table item (id serial primary key, name text)',
      "insert into item values (-3, 'a'), (41, 'b')",
      'create table early (id serial primary key)',
      'insert into early values (-3), (0)',
      'create sequence high start 100 minvalue 50',
      "create table late (id int primary key default nextval('high'))",
      'alter sequence high owned by late.id',
      'insert into late values (7)',
    ]
    await using both = await shadowedShop(base, { '*': kind }, 'postgres')
    const sql = "select nextval('item_id_seq') as item, nextval('early_id_seq') as early, nextval('high') as late"
    const { rows } = await both.shadow.query(sql)
    expect(rows).toEqual([{ item: '42', early: '1', late: '100' }])
  })

  it('that are calculated decide which row is in conflict', async () => {
    const base = [
      'create table item (id int primary key, b int, g int generated always as (b * 2) stored unique)',
      'insert into item values (2, 1), (5, 2)',
    ]
    const upsert = 'insert into item values (2, 2) on conflict (g) do update set id = -1 returning id, g'
    expect(await same(base, all, [upsert])).toMatchObject([{}, { rows: ['{"id":-1,"g":4}'] }])
  })

  it('are proved though a foreign key changes the row once more', async () => {
    const base = [
      'create table item (id int primary key, parent int references item (id) on update set null)',
      'insert into item values (2, 2), (4, null)',
    ]
    expect(await same(base, all, ['update item set id = 4 where id = 2'])).toMatchObject([
      {},
      expect.stringContaining('item_pkey'),
    ])
    expect(await same(base, all, ['update item set id = 3 where id = 2 returning *'])).toMatchObject([
      {},
      { rowCount: 1 },
    ])
  })

  it('are numbered from the beginning in a replaced table, too', async () => {
    const base = ['create table item (id serial primary key, name text)', "insert into item (name) values ('a'), ('b')"]
    const statements = ['truncate item restart identity', "insert into item (name) values ('c') returning id"]
    expect(await same(base, { item: 'replace' }, statements)).toMatchObject([{}, { rows: ['{"id":1}'] }])
  })

  it('lead from the rows of replaced tables to those of augmented ones', async () => {
    const base = [...groups, 'create table item (id int primary key, grp int references grp (id) on delete cascade)']
    const statements = ['insert into item values (1, 1), (2, 2)', 'delete from grp where id = 1', 'select * from item']
    expect(await same(base, { grp: 'augment', item: 'replace' }, statements)).toMatchObject([{}, { rowCount: 1 }])
  })

  it('lead to tables of the base and back', async () => {
    const base = [
      'create table grp (id int primary key, best int)',
      'create table item (id int primary key, grp int references grp (id), name text unique)',
      'insert into grp values (1, 1), (2, 2), (3, null)',
      "insert into item values (1, 1, 'a'), (2, 2, 'b')",
      'alter table grp add foreign key (best) references item (id)',
    ]
    const statements = [
      "update item set name = 'b' where id = 2",
      "insert into item values (1, 3, 'b') on conflict (id) do nothing",
    ]
    expect(await same(base, { item: 'augment' }, statements)).toMatchObject([{}, { rowCount: 0 }])
  })

  it('that wait are no conflict, where another one is', async () => {
    const base = [
      'create table item (id int primary key, place int unique deferrable)',
      'insert into item values (1, 1), (2, 2)',
    ]
    const statement = 'insert into item values (1, 3) on conflict do nothing'
    expect(await same(base, all, [statement])).toMatchObject([{}, { rowCount: 0 }])
    expect(await same(base, all, ['insert into item values (3, 3) on conflict do nothing'])).toMatchObject([
      {},
      expect.stringContaining('55000'),
    ])
  })

  it('that wait do not group rows', async () => {
    const base = ['create table item (id int primary key deferrable, name text)', "insert into item values (1, 'a')"]
    expect(await same(base, all, ['select id, name from item group by id'])).toMatchObject([
      {},
      expect.stringContaining('must appear in the GROUP BY clause'),
    ])
  })

  it('are taken by the row in front before those of rows that are copied', async () => {
    const base = [
      'create table item (id int primary key, place int unique default 3, parent int references item (id))',
      'insert into item values (1, 3, null)',
    ]
    const statement = 'insert into item (id, parent) values (7, null), (8, 1)'
    expect(await same(base, all, [statement])).toMatchObject([{}, expect.stringContaining('item_place_key')])
  })
})
