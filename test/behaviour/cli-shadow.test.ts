import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/cli/check-report.ts'
import { connect, type Client } from '../../src/index.ts'
import { folderOfEachTest, runCli, type CliAnswer, type CliWishes } from '../support/cli.ts'

const folder = folderOfEachTest()
let file: string

const at = (name: string): string => join(folder.path, name)

/** A configuration with one shadow, `dev`, of `snapshot`, which is a copy of `shop`. */
beforeEach(async () => {
  for (const name of ['shop.db', 'snapshot.db']) {
    await using database = await connect(`sqlite:${at(name)}`)
    await database.query('create table product (id integer primary key, name text, price numeric, sku text unique)')
    await database.query('create table country (code text primary key, name text)')
    await database.query(
      "insert into product values (1, 'lamp', 10, 's1'), (2, 'chair', 20.5, 's2'), (3, 'table', 30, null)",
    )
    await database.query("insert into country values ('de', 'Germany')")
  }
  file = at('signalbox.config.mjs')
  await writeFile(file, `export default ${JSON.stringify(config())}`)
})

function config() {
  return {
    databases: {
      default: 'dev',
      shop: `sqlite:${at('shop.db')}`,
      snapshot: { primary: `sqlite:${at('snapshot.db')}` },
      dev: {
        shadow: { base: 'snapshot', local: `sqlite:${at('dev.db')}` },
        tables: { product: 'augment', country: 'replace' },
      },
    },
  } as const
}

async function changed(...statements: readonly string[]): Promise<void> {
  await using client: Client = await connect(config())
  for (const sql of statements) await client.query(sql)
}

async function shadow(args: readonly string[], wishes?: CliWishes): Promise<CliAnswer> {
  return await runCli(['shadow', ...args, '--config', file], wishes)
}

const changes = [
  "insert into product values (4, 'stool', 5, 'a\nb')",
  "update product set name = 'Lamp', price = 11 where id = 1",
  'delete from product where id = 2',
]

describe('signalbox shadow', () => {
  it('diff shows rows side by side, as JSON, and as SQL', async () => {
    await changed(...changes, "insert into country values ('de', 'Germany')")
    const { code, out } = await shadow(['diff'])
    expect(code).toBe(0)
    expect(out).toMatchInlineSnapshot(`
      "product (augment): 1 added, 1 changed, 1 deleted

         KEY   COLUMN  SNAPSHOT  DEV
      ~  id 1  name    lamp      Lamp
               price   10        11
      -  id 2  id      2
               name    chair
               price   20.5
               sku     s2
      +  id 4  id                4
               name              stool
               price             5
               sku               "a\\nb"
      "
    `)
    const limited = await shadow(['diff', 'product', '--limit', '1'])
    expect(limited.out).toMatch(/… and 2 more rows; --limit shows more/)
    const json = JSON.parse((await shadow(['diff', '--json'])).out) as { tables: { table: string; rows: unknown[] }[] }
    expect(json.tables.map(({ table, rows }) => [table, rows.length])).toEqual([
      ['product', 3],
      ['country', 0],
    ])
    expect((await shadow(['diff', 'product', '--sql'])).out).toBe(
      [
        'BEGIN;',
        `UPDATE "product" SET "name" = 'Lamp', "price" = 11 WHERE "id" = 1;`,
        `INSERT INTO "product" ("id", "name", "price", "sku") VALUES (4, 'stool', 5, 'a\nb');`,
        'DELETE FROM "product" WHERE "id" = 2;',
        'COMMIT;',
        '',
      ].join('\n'),
    )
  })

  it('diff names columns that were added, with rows and without', async () => {
    await changed('alter table product add column stock integer default 5')
    expect((await shadow(['diff', 'product'])).out).toBe('product (augment): 1 new column: stock\n')
    await changed('alter table product add column tag', 'update product set stock = 6 where id = 1')
    expect((await shadow(['diff', 'product'])).out).toMatchInlineSnapshot(`
      "product (augment): 2 new columns: stock, tag; 1 changed

         KEY   COLUMN  SNAPSHOT  DEV
      ~  id 1  stock   5         6
      "
    `)
    expect((await shadow(['diff', 'product', '--sql'])).out).toBe(
      [
        'BEGIN;',
        'ALTER TABLE "product" ADD COLUMN stock integer default 5;',
        'ALTER TABLE "product" ADD COLUMN tag;',
        'UPDATE "product" SET "stock" = 6 WHERE "id" = 1;',
        'COMMIT;',
        '',
      ].join('\n'),
    )
  })

  it('diff of a shadow that was never used says so, and makes nothing', async () => {
    expect(await shadow(['diff'])).toMatchObject({ code: 0, out: '"dev" shows "snapshot" as it is.\n' })
    expect(existsSync(at('dev.db'))).toBe(false)
  })

  it('create makes it, and says what it keeps', async () => {
    const { code, out } = await shadow(['create'])
    expect(code).toBe(0)
    expect(out).toMatchInlineSnapshot(`
      "dev over snapshot

      TABLE    KIND
      product  augment  new
      country  replace  new
      "
    `)
    expect((await shadow(['create'])).out).not.toContain('new')
    expect(existsSync(at('dev.db'))).toBe(true)
  })

  it('conflicts shows rows as they were, ours and theirs, and is a problem', async () => {
    await changed(...changes)
    expect(await shadow(['conflicts'])).toMatchObject({
      code: 0,
      out: 'Nothing that was changed on "dev" is in conflict with "snapshot".\n',
    })
    await using snapshot = await connect(`sqlite:${at('snapshot.db')}`)
    await snapshot.query('update product set price = 12 where id < 3')
    const { code, out } = await shadow(['conflicts'])
    expect(code).toBe(1)
    expect(out).toMatchInlineSnapshot(`
      "TABLE    KEY   COLUMN  WAS   OURS (dev)  THEIRS (snapshot)
      product  id 1  price   10    11          12
      product  id 2  price   20.5  (deleted)   12

      2 rows of "dev" rest on what has changed in "snapshot" since.
      "
    `)
    const json = await shadow(['conflicts', 'product', '--json'])
    expect(JSON.parse(json.out)).toMatchObject({
      count: 2,
      rows: [{ key: { id: 1 }, ours: { price: 11 } }, { ours: null }],
    })
  })

  it('promote shows what it would do, asks, and does it', async () => {
    await changed(...changes)
    const prices = async (): Promise<unknown> => {
      await using shop = await connect(`sqlite:${at('shop.db')}`)
      return (await shop.query<{ price: number }>('select price from product order by id')).rows.map(
        ({ price }) => price,
      )
    }
    const preview = await shadow(['promote', '--to', 'shop', '--preview'])
    expect(preview).toMatchObject({ code: 0, out: expect.stringContaining('3 changes of "dev" to be made on "shop".') })
    expect(await shadow(['promote', '--to', 'shop'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no terminal to ask at; --yes answers for it.'),
    })
    const declined = await shadow(['promote', '--to', 'shop'], { answer: '' })
    expect(declined).toMatchObject({ code: 1, err: 'Make these changes on "shop"? [y/N] Nothing was changed.\n' })
    expect(await prices()).toEqual([10, 20.5, 30])
    const done = await shadow(['promote', '--to', 'shop'], { answer: 'y' })
    expect(done.code).toBe(0)
    expect(done.out).toMatchInlineSnapshot(`
      "TABLE    ADDED  CHANGED  DELETED
      product  1      1        1

      3 changes of "dev" to be made on "shop".

      Not named, and so left out: country (replaced).
      TABLE    ADDED  CHANGED  DELETED
      product  1      1        1

      ✓ 3 changes of "dev" made on "shop".

      "dev" still has them, too: \`signalbox shadow reset\` ends that.
      "
    `)
    expect(await prices()).toEqual([11, 30, 5])
    const again = await shadow(['promote', '--to', 'shop', '--json', '--yes'])
    expect(JSON.parse(again.out)).toMatchObject({ tables: [], alike: 3 })
  })

  it('promote is refused where rows were changed there, unless a policy says who wins', async () => {
    await changed(...changes)
    await using shop = await connect(`sqlite:${at('shop.db')}`)
    await shop.query("update product set name = 'theirs' where id = 1")
    const refused = await shadow(['promote', '--to', 'shop', '--yes'])
    expect(refused.code).toBe(1)
    expect(refused.out).toMatchInlineSnapshot(`
      "TABLE    KEY   COLUMN  WAS   OURS (dev)  THEIRS (shop)
      product  id 1  name    lamp  Lamp        theirs

      1 row of "dev" rests on what has changed in "shop" since.

      ✗ Nothing is promoted. --on-conflict ours or theirs settles all of them.

      Not named, and so left out: country (replaced).
      "
    `)
    expect((await shadow(['promote', '--to', 'shop', '--yes', '--on-conflict', 'theirs'])).code).toBe(0)
    expect((await shop.query('select name, price from product order by id')).rows).toEqual([
      { name: 'theirs', price: 10 },
      { name: 'table', price: 30 },
      { name: 'stool', price: 5 },
    ])
  })

  it('promote says what another constraint refuses, with exit code 1', async () => {
    await changed(...changes)
    await using shop = await connect(`sqlite:${at('shop.db')}`)
    await shop.query("insert into product values (50, 'x', 1, 'a\nb')")
    expect(await shadow(['promote', '--to', 'shop', '--yes', '--json'])).toMatchObject({
      code: 1,
      out: expect.stringContaining('"code": "SIGNALBOX_CONSTRAINT"'),
      err: expect.stringContaining('UNIQUE constraint failed: product.sku'),
    })
  })

  it('reset and drop ask first', async () => {
    await changed(...changes)
    expect((await shadow(['reset', 'product'], { answer: 'n' })).code).toBe(1)
    expect((await shadow(['drop'])).code).toBe(2)
    const reset = await shadow(['reset', 'product'], { answer: 'yes' })
    expect(reset).toMatchObject({ code: 0, out: '✓ The changes of product on "dev" thrown away.\n' })
    expect((await shadow(['diff'])).out).toContain('country')
    expect(await shadow(['drop', '--yes', '--json'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('"dropped": true'),
    })
    await using plain = await connect(`sqlite:${at('dev.db')}`)
    expect((await plain.query('select * from sqlite_schema')).rows).toEqual([])
  })

  it('needs to know which shadow', async () => {
    const { databases } = config()
    await writeFile(file, `export default ${JSON.stringify({ databases: { ...databases, more: databases.dev } })}`)
    expect(await shadow(['diff'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('There are several shadows: dev, more.'),
    })
    expect((await shadow(['diff', '--shadow', 'more'])).code).toBe(0)
    expect(await shadow(['diff', '--shadow', 'shop'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('"shop" is no shadow'),
    })
    expect(await runCli(['shadow', 'diff', '--url', 'sqlite::memory:'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('The configuration has no shadow.'),
    })
  })
})

describe('the other commands', () => {
  it('look at the base of a shadow, and make nothing of it', async () => {
    const before = await readFile(at('snapshot.db'))
    const check = await runCli(['check', '--json', '--config', file])
    const { ok, databases } = JSON.parse(check.out) as CheckReport
    const bases = databases.map(({ alias, shadowOf }) => [alias, shadowOf])
    expect({ ok, bases }).toEqual({
      ok: true,
      bases: expect.arrayContaining([
        ['dev', 'snapshot'],
        ['snapshot', undefined],
      ]),
    })
    const status = await runCli(['status', '--json', '--config', file])
    expect(status.code).toBe(0)
    expect((await runCli(['shards', '--config', file])).code).toBe(2)
    expect(existsSync(at('dev.db'))).toBe(false)
    await changed(...changes)
    const made = await readFile(at('dev.db'))
    expect(await runCli(['check', '--config', file])).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^ {2}dev: sqlite:.*dev\.db \(a shadow: not looked at, but at "snapshot", which it shows\)$/m,
      ),
    })
    expect((await runCli(['status', '--config', file])).code).toBe(0)
    expect(await readFile(at('dev.db'))).toEqual(made)
    expect(await readFile(at('snapshot.db'))).toEqual(before)
  })

  it('explain says where the rows of each table come from', async () => {
    const { out } = await runCli(['explain', 'select * from product, country', '--config', file])
    expect(out).toContain('product: rows of "snapshot", with the local ones of "dev" laid over them [shadow]')
    expect(out).toContain('country: local rows of "dev" alone [shadow]')
    expect(existsSync(at('dev.db'))).toBe(false)
  })
})
