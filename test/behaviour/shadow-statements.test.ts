import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, connect, type Params } from '../../src/index.ts'
import { shadowedShop, type ShadowedShop } from '../support/shadowed-shop.ts'

type Played = readonly (string | readonly [string, Params])[]

async function outcome(client: ShadowedShop['copy'], sql: string, params: Params = []): Promise<unknown> {
  try {
    const { rows, rowCount, insertId } = await client.query(sql, params)
    return { rows: rows.map((row) => ({ ...row })), rowCount, insertId }
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error
  }
}

/** Statements in a shadow, whose tables are all augmented, and in a full copy. */
async function expectSame(base: readonly string[], tables: readonly string[], statements: Played): Promise<void> {
  await using both = await shadowedShop(base, { '*': 'augment' })
  const reads = tables.map((table) => `select * from ${table} order by 1, 2`)
  for (const statement of [...statements, ...reads]) {
    const [sql, params] = typeof statement === 'string' ? [statement, []] : statement
    expect(await outcome(both.shadow, sql, params), sql).toEqual(await outcome(both.copy, sql, params))
  }
}

const items = [
  'create table item (id integer primary key, n int unique, name text)',
  "insert into item values (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')",
]

const cases: Readonly<
  Record<string, readonly [base: readonly string[], tables: readonly string[], statements: Played]>
> = {
  'names that are keywords, have blanks, or are not ASCII': [
    [
      'create table "replace" (id integer primary key, "where" text)',
      'create table ignore (id integer primary key, [from] text)',
      'create table "two words" (id integer primary key, "a ""b""" text)',
      'create table straße (id integer primary key, größe text)',
      ...['"replace"', 'ignore', '"two words"', 'straße'].map(
        (name) => `insert into ${name} values (1, 'x'), (2, 'y')`,
      ),
    ],
    ['"replace"', 'ignore', '"two words"', 'straße'],
    [
      `update "replace" set "where" = "replace"."where" || 1 where id = 1 returning "replace"."where"`,
      'update or ignore ignore set [from] = 2 where ignore.id = 2',
      'delete from ignore where id = 1',
      'insert or replace into ignore values (2, 3)',
      'update `two words` set [a "b"] = upper("a ""b""") where [two words].id < 3',
      'update \'two words\' set "a ""b""" = \'z\' where \'two words\'.id = 2',
      "update straße set größe = 'g' where straße.id = 2 returning straße.größe",
    ],
  ],
  'parents without a type, of which 1 and its text are two, and children with one': [
    [
      'create table p (id primary key, a int unique)',
      "create table c (id integer primary key, p text default 'a' unique references p (id))",
      "insert into p values ('1', 1), (1, 2)",
      "insert into c values (1, null), (2, '1')",
    ],
    ['p', 'c'],
    [
      ['insert into p values (?, ?) returning *', ['a', -1]],
      ['update or replace p set id = ? where id in (?)', [1, 'a']],
      'delete from p where id = 1',
      "delete from p where id = '1'",
    ],
  ],
  'names with their schema, and comments between': [
    items,
    ['item'],
    [
      "update main.item set name = 'm' where item.id = 1",
      "update MAIN /* x */ . -- y\n item set name = 'n' where id = 2",
      'insert into "main"."item" (name) values (1) returning item.id',
      'delete from main.item where id = 3 -- end',
    ],
  ],
  'INDEXED BY, and IS DISTINCT FROM': [
    [...items, 'create index item_name on item (name)'],
    ['item'],
    [
      "update item indexed by item_name set n = 5 where name = 'a'",
      'update item not indexed set n = 6 where id = 2',
      "update item set n = (name is distinct from 'c') + 70 from (select 3 as k) x where item.id = x.k and n is not distinct from 30",
    ],
  ],
  'queries in RETURNING': [
    items,
    ['item'],
    [
      'update item set n = n + 1 returning id, (select count(*) from item i where i.n < item.n and i.id = item.id)',
      'delete from item where id = 2 returning (select 1 where item.id = 2)',
      'update item as i set n = 9 where id = 1 returning (select item.n)',
      'update item set n = n + 1 returning item.n + 1, -item.n, item.n collate nocase, item.id, upper(item.name) u, item.id is null as x, item.*',
    ],
  ],
  'parameters with and without their sigil': [
    items,
    ['item'],
    [
      ['update item set n = :n where id = :id', { ':n': 5, ':id': 1 }],
      ['update item set n = @n where id = $id', { n: 6, $id: 2 }],
      ['delete from item where id in (?2, ?1)', [2, 3]],
      ['update item set n = :n where id = :id', { n: 5 }],
      ['update item set n = 1 where id = ?', []],
    ],
  ],
  'OR FAIL keeps what was changed before': [
    items,
    ['item'],
    ['update or fail item set n = case id when 3 then 21 else 22 - id end', 'update or rollback item set n = 5'],
  ],
  'the last id in a condition, and in a transaction': [
    items,
    ['item'],
    [
      'delete from item where id = (select max(id) from item)',
      "insert into item (name) values ('new')",
      "insert or replace into item (n, name) values (20, 'again')",
    ],
  ],
  'REPLACE that takes a default for NULL': [
    ['create table t (id integer primary key, n int not null default 5 unique)', 'insert into t values (1, 5), (2, 6)'],
    ['t'],
    ['insert or replace into t values (3, null)'],
  ],
  'an AUTOINCREMENT whose last rows are gone': [
    [
      'create table t (id integer primary key autoincrement, n int)',
      'insert into t values (1, 1), (90, 2)',
      'delete from t where id = 90',
    ],
    ['t'],
    ['insert into t (n) values (3) returning id'],
  ],
  'a key that is set by its other name': [
    items,
    ['item'],
    ['update item set rowid = 2 where id = 1', 'update item set rowid = 8 where id = 1'],
  ],
  'a unique index with a collation of its own': [
    [
      'create table t (id integer primary key, name text)',
      'create unique index t_name on t (name collate nocase)',
      "insert into t values (1, 'Ada'), (2, 'Bob')",
    ],
    ['t'],
    [
      "insert into t (name) values ('ADA')",
      "update t set name = 'bob' where id = 1",
      "insert or replace into t values (3, 'BOB')",
    ],
  ],
  'a calculated key': [
    [
      'create table t (id integer primary key, n int, twice as (n * 2) unique)',
      'insert into t (id, n) values (1, 1), (2, 2)',
    ],
    ['t'],
    ['update t set n = 2 where id = 1', 'insert into t (n) values (1)'],
  ],
  'NULL in a primary key, and no key twice': [
    ['create table t (k text primary key, n int)', "insert into t values (null, 1), (null, 2), ('a', 3)"],
    ['t'],
    [
      'update t set n = n + 1 where n = 1',
      'delete from t where n = 2',
      "insert into t values (null, 4), ('a', 1)",
      'select count(*) as n from t',
    ],
  ],
  'keys of bytes, floats, and of any type': [
    [
      'create table t (k any primary key, n any, m any) strict',
      "insert into t values (x'01', '01', 1), (1.5, 1.5, '1.0'), ('01', null, 3)",
    ],
    ['t'],
    [
      "update t set m = 7 where k = x'01'",
      'update t set m = 8 where k = 1.5',
      "insert into t values ('01', 1, 1)",
      'select k, typeof(n) as n from t order by m',
    ],
  ],
  'REPLACE of a row that refers to nothing, where the reference would be set to null': [
    [
      'create table p (k text primary key)',
      'create table q (m text primary key)',
      'create table c (id integer primary key, k text references p (k) on delete set null, m text references q (m) on delete set null)',
      "insert into p values ('a')",
    ],
    ['p', 'c'].map((name) => `(select *, 1 from ${name})`),
    ["replace into c (k) values ('b')", "replace into c (m) values ('b')", "replace into c (k) values ('a')"],
  ],
  'rows that refer to each other, and to a row that is deleted': [
    [
      'create table p (id integer primary key)',
      'create table c (id integer primary key, p int references p on delete set null, friend int references c)',
      'insert into p values (1)',
      'insert into c values (1, null, null), (2, 1, null), (3, 1, 2), (4, 1, 3)',
      'update c set friend = 4 where id = 2',
    ],
    ['(select *, 1 from p)', 'c'],
    ['delete from p'],
  ],
  'children by the collation of their parents': [
    [
      'create table p (code text collate nocase primary key)',
      'create table c (id integer primary key, code text references p (code) on delete cascade)',
      "insert into p values ('Abc')",
      "insert into c values (1, 'aBC')",
    ],
    ['p', 'c'].map((name) => `(select *, 1 from ${name})`),
    ["delete from p where code = 'ABC'"],
  ],
}

/** A shadow of a file of that name, which has a journal of that kind and is used by nobody else. */
async function shadowOfFile(name: string, journal: 'wal' | 'delete'): Promise<Client> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-base-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  const file = join(folder, `${name}.db`)
  const db = new DatabaseSync(file)
  for (const sql of [...items, `pragma journal_mode = ${journal}`]) db.exec(sql)
  db.close()
  const path = file.split('/').map(encodeURIComponent).join('/')
  return await connect({
    databases: {
      default: 'dev',
      dev: { shadow: { base: 'shop', local: `sqlite:${join(folder, 'local.db')}` }, tables: { item: 'augment' } },
      shop: `sqlite:${path}`,
    },
  })
}

describe('a shadow comes to the same as a full copy', () => {
  it.each(Object.entries(cases))('with %s', async (_, [base, tables, statements]) => {
    await expectSame(base, tables, statements)
  })

  it('where chance decides which rows are changed', async () => {
    await using both = await shadowedShop(items, { item: 'augment' })
    const { rowCount } = await both.shadow.query(
      'delete from item where id = (select id from item order by random() limit 1)',
    )
    expect(rowCount).toBe(1)
    expect((await both.shadow.query('select count(*) as n from item')).rows).toEqual([{ n: 2 }])
  })
})

describe('a shadow refuses by name', () => {
  it.each([
    ['update item set n = changes()', /changes\(\) would tell of what the shadow copies/],
    ['select * from main.item', /item is read from two databases, and so in no schema\. Call it item alone/],
    ['create view v as select * from item', /a definition that lasts cannot name item/],
    [
      'create table mine (id integer primary key, item int references item)',
      /a definition that lasts cannot name item/,
    ],
    ['create unique index mine on item (n)', /the definition of item is the base's/],
    ['update item set n = 1; delete from item', /must be sent statement by statement/],
  ])('%s', async (sql, message) => {
    await using both = await shadowedShop(items, { item: 'augment' })
    await expect(both.shadow.query(sql)).rejects.toThrow(
      expect.objectContaining({ code: 'SIGNALBOX_SHADOW', message: expect.stringMatching(message) }),
    )
    expect((await both.shadow.query('select count(*) as n from item')).rows).toEqual([{ n: 3 }])
  })

  it('a row behind a long chain of others, until those in front are copied', async () => {
    const chain =
      'with recursive c (i) as (select 1 union all select i + 1 from c where i < 500) insert into item select i, nullif(i - 1, 0) from c'
    await using both = await shadowedShop(
      ['create table item (id integer primary key, previous int references item)', chain],
      { item: 'augment' },
    )
    const last = 'update item set previous = 1 where id = 500'
    await expect(both.shadow.query(last)).rejects.toThrow(/lead through foreign keys to too many others/)
    await both.shadow.query('update item set previous = previous where id = 250')
    expect((await both.shadow.query(last)).rowCount).toBe(1)
  })

  it('lets tables be made of what is shown, and the file be cleaned up', async () => {
    await using both = await shadowedShop(items, { item: 'augment' })
    await both.shadow.query('update item set n = 1 where id = 1')
    await both.shadow.query('create table mine as select * from item')
    await both.shadow.query('vacuum')
    expect((await both.shadow.query('select n from mine order by id')).rows).toEqual([{ n: 1 }, { n: 20 }, { n: 30 }])
    expect((await both.shadow.query('select n from item order by id')).rows).toEqual([{ n: 1 }, { n: 20 }, { n: 30 }])
  })
})

describe('the base of a shadow', () => {
  it('may get a row with the key of one that was added here: the local one wins', async () => {
    await using both = await shadowedShop(items, { item: 'augment' })
    const { rows } = await both.shadow.query("insert into item (name) values ('mine') returning id")
    expect(rows).toEqual([{ id: 4 }])
    await both.base.query("insert into item (id, name) values (4, 'theirs'), (5, 'later')")
    expect((await both.shadow.query('select name from item where id > 3 order by id')).rows).toEqual([
      { name: 'mine' },
      { name: 'later' },
    ])
    await both.shadow.query("update item set name = name || '!' where id > 3")
    expect((await both.shadow.query('select name from item where id > 3 order by id')).rows).toEqual([
      { name: 'mine!' },
      { name: 'later!' },
    ])
  })

  it.each(['two words', 'a?b', 'a#b', 'a%41b', "it's"])('may be a file %s', async (name) => {
    await using client = await shadowOfFile(name, 'wal')
    await client.query('update item set n = 1 where id = 1')
    expect((await client.query('select sum(n) as n from item')).rows).toEqual([{ n: 51 }])
  })

  it('keeps its own journal, and the local file becomes a write-ahead log', async () => {
    await using client = await shadowOfFile('base', 'delete')
    await client.query('update item set n = 1 where id = 1')
    expect((await client.query('pragma main.journal_mode')).rows).toEqual([{ journal_mode: 'wal' }])
    expect((await client.query('pragma signalbox_base.journal_mode')).rows).toEqual([{ journal_mode: 'delete' }])
  })

  it('may be shown by several clients at once, who change its rows in turn', async () => {
    await using both = await shadowedShop(items, { item: 'augment' })
    const clients = [both.shadow, await both.again(), await both.again()]
    await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 10 }, async () => await client.query('update item set n = n + 100 where id = 1')),
      ),
    )
    expect((await both.shadow.query('select n from item where id = 1')).rows).toEqual([{ n: 3_010 }])
  })

  it('may get columns later, which are not shown, and must keep the tables that are', async () => {
    await using both = await shadowedShop(items, { item: 'augment' })
    await both.shadow.query('update item set n = 1 where id = 1')
    await both.base.query('alter table item add column more text')
    const later = await both.again()
    expect((await later.query('select * from item where id = 2')).rows).toEqual([{ id: 2, n: 20, name: 'b' }])
    await both.base.query('drop table item')
    await expect((await both.again()).query('select 1 from item')).rejects.toThrow(/other declarations: item differ/)
  })
})
