import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { createDatabase } from '../../src/testing/index.ts'
import { freshDatabase, privateServer, sharedServer, testedEngines } from '../support/servers.ts'
import { casesOf, shopOf } from '../support/shadow-cases.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'

const shop = shopOf('postgres')
const augmented = { product: 'augment', review: 'augment', note: 'augment' } as const

async function rowsOf(client: Pick<Client, 'query'>, sql: string): Promise<readonly unknown[]> {
  return (await client.query(sql)).rows.map((row) => ({ ...(row as object) }))
}

function configOf(base: string, local: string, tables: Record<string, 'augment' | 'replace'> = augmented) {
  return {
    databases: { default: 'dev', shop: base, dev: { shadow: { base: 'shop', local }, tables } },
  } as Parameters<typeof connect>[0]
}

describe.runIf(testedEngines.includes('postgres'))('a shadow on PostgreSQL', () => {
  it('of another server sends reads alone there: its log shows nothing else', async () => {
    await using server = await privateServer('postgres', { log_statement: 'all', log_line_prefix: '' })
    const { dsn } = await createDatabase(server)
    await using local = await freshDatabase('postgres')
    await using base = await connect(dsn)
    for (const sql of shop) await base.query(sql)
    const before = server.log().length
    await using shadow = await connect(configOf(dsn, local.dsn))
    for (const statement of Object.values(casesOf('postgres')).flat()) {
      const [sql, params] = typeof statement === 'string' ? [statement, []] : statement
      await shadow.query(sql, params).catch(() => {})
    }
    await shadow.query('select * from signalbox_base.product').catch(() => {})
    const sent = server
      .log()
      .slice(before)
      .matchAll(/^LOG: {2}(?:statement|execute [^:]*): (\w+)/gm)
      .map(([, verb]) => verb?.toUpperCase())
      .toArray()
    expect(sent.length).toBeGreaterThan(100)
    const reading =
      'SELECT EXPLAIN DECLARE FETCH CLOSE START BEGIN COMMIT ABORT ROLLBACK SAVEPOINT RELEASE SET DEALLOCATE DISCARD'
    expect([...new Set(sent)].filter((verb) => !reading.split(' ').includes(verb ?? ''))).toEqual([])
  })

  it('keeps the base from being written at its own server, too', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await both.shadow.query('select 1 from product')
    await using direct = await connect(both.local)
    // Whoever takes away what keeps PostgreSQL here from sending a change meets the base's server.
    await direct.query("alter server signalbox_base options (set updatable 'true')")
    await expect(direct.query('delete from signalbox_base.product where id = 1')).rejects.toThrow(
      /read-only transaction/,
    )
    expect(await rowsOf(both.base, 'select id from product where id = 1')).toEqual([{ id: 1 }])
  })

  it('has keys of several columns, expressions and conditions, types of its own, and names that need quotes', async () => {
    const statements = [
      "create type mood as enum ('sad', 'ok')",
      'create domain amount as numeric check (value > 0)',
      `create table "Odd ""Names" (a int, "B c" text, mood mood default 'ok', amount amount, doubled numeric generated always as (amount * 2) stored,
        primary key ("B c", a))`,
      'create unique index on "Odd ""Names" (lower("B c"), mood) where a > 1',
      `create table part (id bigint generated always as identity primary key, a int, "of" text, foreign key (a, "of") references "Odd ""Names" (a, "B c") on update cascade)`,
      `insert into "Odd ""Names" values (1, 'x', 'sad', 1), (2, 'x', 'sad', 2), (2, 'y', 'ok', 3)`,
      `insert into part (a, "of") values (1, 'x'), (2, 'y')`,
    ]
    await using both = await shadowedShop(statements, { '*': 'augment' }, 'postgres')
    for (const sql of [
      `insert into "Odd ""Names" (a, "B c", amount) values (2, 'y', 1)`,
      `insert into "Odd ""Names" (a, "B c", mood, amount) values (3, 'X', 'sad', 1)`,
      `insert into "Odd ""Names" (a, "B c", mood, amount) values (0, 'X', 'sad', -1)`,
      `insert into "Odd ""Names" (a, "B c", mood, amount) values (0, 'X', 'sad', 5) returning *`,
      `update "Odd ""Names" set a = 3 where "B c" = 'y' returning *`,
      `update "Odd ""Names" set a = 5, mood = 'sad' where a = 1`,
      `delete from "Odd ""Names" where a = 2 returning doubled`,
      `delete from "Odd ""Names"`,
      `insert into part (a, "of") values (3, 'y') returning id`,
      `insert into part values (50, 3, 'y')`,
      'select * from part order by id',
      'select * from "Odd ""Names" order by a, "B c"',
    ]) {
      const outcome = (client: Client) => rowsOf(client, sql).catch(String)
      expect(await outcome(both.shadow), sql).toEqual(await outcome(both.copy))
    }
  })

  it('refuses what a function would change, and what a foreign key would change in a table of the base', async () => {
    const change = `create function cheaper() returns void language sql as 'update product set price = 1'`
    await using both = await shadowedShop([...shop, change], { product: 'augment' }, 'postgres')
    await expect(both.shadow.query('select cheaper()')).rejects.toThrow(/product is changed by statements of their own/)
    await expect(both.shadow.query('delete from product where id = 1')).rejects.toThrow(
      /(?:review|note) is shown as the base has it, and a foreign key would change its rows/,
    )
    expect((await both.shadow.query('delete from product where id = 7')).rowCount).toBe(1)
    await expect(both.shadow.query('select 1 from product for update skip locked')).rejects.toThrow(
      /cannot skip the rows/,
    )
  })

  it('copies a row once for transactions that change it at the same time', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    const raise = async (): Promise<unknown> =>
      await both.shadow.query('update product set price = price + 1 where id = 1')
    await Promise.all([raise(), raise(), raise(), raise()])
    expect(await rowsOf(both.shadow, 'select price from product where id = 1')).toEqual([{ price: '14' }])
  })

  it('holds nobody up by the first change of a table, which an open transaction has read', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await both.shadow.transaction(async (tx) => {
      await tx.query('select * from product')
      // The view cannot be replaced as long as this transaction reads it: it does so itself.
      await tx.query('update product set price = 3 where id = 1')
      expect((await tx.query('select price from product where id = 1')).rows).toEqual([{ price: '3' }])
    })
    await both.shadow.transaction(async (tx) => {
      await tx.query('update note set text = null')
      const other = await Promise.race([
        rowsOf(both.shadow, 'select count(*)::int as n from note'),
        delay(5_000, 'held up'),
      ])
      expect(other).toEqual([{ n: 2 }])
    })
  })

  it('shows values that both have given meanwhile, and changes neither row unasked', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await both.shadow.query("insert into product (id, name, sku) values (50, 'ours', null), (51, 'ours', 'x')")
    await both.base.query("insert into product (id, name, sku) values (50, 'theirs', 'y'), (60, 'theirs', 'x')")
    // The base's row of that value is not shown: ours is in its place.
    await both.shadow.query("update product set sku = 'y' where id = 50")
    expect(await rowsOf(both.shadow, 'select id, sku from product where id > 7 order by id')).toEqual([
      { id: 50, sku: 'y' },
      { id: 51, sku: 'x' },
      { id: 60, sku: 'x' },
    ])
    for (const sql of ['update product set price = 1 where id = 60', 'delete from product where id = 60'])
      await expect(both.shadow.query(sql), sql).rejects.toThrow(
        'A row of the base that would be copied has a value that a row of product was given here before (Key (sku)=(x) already exists). Give that one another value first.',
      )
    await expect(both.shadow.query("insert into product (name, sku) values ('third', 'x')")).rejects.toThrow(
      'duplicate key value violates unique constraint "product_sku_key"',
    )
    await both.shadow.query("update product set sku = 'z' where id = 51")
    await both.shadow.query('delete from product where id = 60')
    expect(await rowsOf(both.shadow, "select id from product where sku in ('x', 'z')")).toEqual([{ id: 51 }])
  })

  it('makes the same once more behind a change of the address or the password of the base', async () => {
    await using both = await shadowedShop(shop, augmented, 'postgres')
    await both.shadow.query('delete from product where id = 2')
    await using again = await connect(configOf(`${both.baseDsn}?application_name=moved`, both.local))
    expect(await rowsOf(again, 'select count(*)::int as n from product')).toEqual([{ n: 3 }])
    expect(
      await rowsOf(again, "select 'application_name=moved' = any(srvoptions) as moved from pg_foreign_server"),
    ).toEqual([{ moved: true }])
  })

  it('says what to run where its role lacks the rights, and never the password', async () => {
    const server = sharedServer('postgres')
    const [base, local] = [await createDatabase(server), await createDatabase(server)]
    await using shop = await connect(base.dsn)
    await shop.query('create table product (id integer primary key)')
    await shop.query('insert into product values (1)')
    await using admin = await connect(local.dsn)
    const role = `plain_${local.name}`
    await admin.query(`create role ${role} login password 'secret-of-plain'`)
    await admin.query(`grant create on database ${local.name} to ${role}`)
    const dsn = new URL(local.dsn)
    dsn.username = role
    dsn.password = 'secret-of-plain'
    try {
      await using shadow = await connect(configOf(base.dsn, dsn.href))
      const error = await shadow.query('select 1').catch((thrown: unknown) => thrown)
      expect(String(error)).toMatch(/"dev" could not be opened: permission denied.*CREATE EXTENSION postgres_fdw/)
      expect(String(error)).not.toContain('secret-of-plain')
      await admin.query('create extension postgres_fdw')
      await admin.query(`grant usage on foreign data wrapper postgres_fdw to ${role}`)
      await expect(shadow.query('select 1')).rejects.toThrow(/schema public.*GRANT CREATE ON SCHEMA public/)
      await admin.query(`grant create on schema public to ${role}`)
      expect(await rowsOf(shadow, 'select count(*)::int as n from product')).toEqual([{ n: 1 }])
    } finally {
      await admin.query(`drop owned by ${role}`)
      await admin.query(`drop role ${role}`)
    }
  })
})
