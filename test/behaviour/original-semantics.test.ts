import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client, type Router } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

/**
 * What Django's multi-database support promises (its documentation and its `multiple_database` tests), as far as it makes
 * sense without an object-relational mapper, one by one; and the well-known pains of those who use it.
 */
describe.each(testedEngines)('the semantics of the original, on %s', (engine) => {
  const made: TestDatabase[] = []
  let databases: { readonly default: string; readonly other: string }
  let client: Client<'default' | 'other'>
  const insert = sqlFor(engine, 'insert into book (id, title) values (?, ?)')
  const titles = async (alias: 'default' | 'other'): Promise<readonly string[]> =>
    (await client.using(alias).query<{ title: string }>('select title from book order by id')).rows.map(
      ({ title }) => title,
    )
  const routedBy = (...routers: readonly Router[]): Promise<Client<'default' | 'other'>> =>
    connect({ databases, routers })

  beforeAll(async () => {
    made.push(await freshDatabase(engine), await freshDatabase(engine))
    databases = { default: made[0]?.dsn ?? '', other: made[1]?.dsn ?? '' }
    client = await connect({ databases })
    for (const alias of ['default', 'other'] as const) {
      await client.using(alias).query('create table book (id integer primary key, title varchar(80))')
      await client.using(alias).query('create table person (id integer primary key, book_id integer)')
    }
  })

  beforeEach(async () => {
    for (const alias of ['default', 'other'] as const) {
      await client.using(alias).query('delete from book')
      await client.using(alias).query('delete from person')
    }
  })

  afterAll(async () => {
    await client.close()
    for (const database of made) await database.drop()
  })

  describe('selection of the database', () => {
    it('what nobody decides goes to default', async () => {
      await client.query(insert, [1, 'default by default'])
      expect(await titles('default')).toEqual(['default by default'])
      expect(await titles('other')).toEqual([])
    })

    it('creation on one database never leaks to the other, and the same key may be in both', async () => {
      await client.using('other').query(insert, [1, 'in other'])
      await client.using('default').query(insert, [1, 'in default'])
      expect(await titles('default')).toEqual(['in default'])
      expect(await titles('other')).toEqual(['in other'])
    })

    it('every kind of look-up stays on its database: filters, joins, aggregates, subqueries, set operations', async () => {
      const other = client.using('other')
      await other.query(insert, [1, 'a'])
      await other.query('insert into person (id, book_id) values (1, 1)')
      for (const text of [
        'select * from book where id in (select book_id from person)',
        'select * from book join person on person.book_id = book.id',
        'select count(*) from book having count(*) = 1',
        'select id from book union select book_id from person',
      ]) {
        const result = await other.query(text)
        expect(result.route.database).toBe('other')
        expect(result.rowCount).toBe(1)
        expect((await client.query(text)).rowCount).toBe(0)
      }
    })

    it('an update or delete without using does not touch the other database', async () => {
      for (const alias of ['default', 'other'] as const) await client.using(alias).query(insert, [1, 'kept'])
      await client.query('delete from book')
      expect(await titles('other')).toEqual(['kept'])
    })

    it('rows know their database, and a fetch of related rows can be bound to it', async () => {
      await client.using('other').query(insert, [1, 'a'])
      await client.using('other').query('insert into person (id, book_id) values (1, 1)')
      const { rows } = await client.using('other').query<{ id: number; book_id: number }>('select * from person')
      expect(rows.map((row) => client.databaseOf(row))).toEqual(['other'])
      const books = await client
        .using('other')
        .related<{ id: number; book_id: number }, { title: string }>(rows, { key: 'book_id', table: 'book' })
      expect(books.rows.map(({ title }) => title)).toEqual(['a'])
      expect(books.routes.map(({ database }) => database)).toEqual(['other'])
      expect((await client.related(rows, { key: 'book_id', table: 'book' })).missing).toEqual([1])
    })

    it('an unknown alias is an error that names the known ones', () => {
      expect(() => client.using('othr' as 'other')).toThrow(
        /no database "othr".*"default", "other".*Did you mean "other"/,
      )
    })
  })

  describe('moving rows: the documented pitfalls', () => {
    it('saving a row to a second database where its key is taken does not overwrite, it fails', async () => {
      await client.using('default').query(insert, [1, 'mine'])
      await client.using('other').query(insert, [1, 'theirs'])
      const { rows } = await client.query<{ id: number; title: string }>('select id, title from book')
      await expect(client.using('other').query(insert, [rows[0]?.id, rows[0]?.title])).rejects.toMatchObject({
        errorClass: 'constraint',
        database: 'other',
      })
      expect(await titles('other')).toEqual(['theirs'])
    })

    it('a move that cannot be atomic leaves the row where it was if the second half fails', async () => {
      await client.using('default').query(insert, [1, 'mine'])
      await client.using('other').query(insert, [1, 'theirs'])
      const move = client.using('default').transaction(async (source) => {
        await source.query('delete from book where id = 1')
        await client.using('other').query(insert, [1, 'mine'])
      })
      await expect(move).rejects.toMatchObject({ errorClass: 'constraint' })
      expect(await titles('default')).toEqual(['mine'])
    })
  })

  describe('routers', () => {
    it('explicit using always beats them', async () => {
      await using routed = await routedBy({ route: () => 'other' })
      await routed.using('default').query(insert, [1, 'explicit'])
      expect(await titles('default')).toEqual(['explicit'])
    })

    it('reads and writes can go to different databases', async () => {
      await using routed = await routedBy({ route: ({ kind }) => (kind === 'read' ? 'other' : 'default') })
      await routed.query(insert, [1, 'written'])
      expect((await routed.query('select * from book')).route.database).toBe('other')
      expect(await titles('default')).toEqual(['written'])
    })

    it('a partial router falls through to the next, and their order matters', async () => {
      const writes: Router = { route: ({ kind }) => (kind === 'write' ? 'other' : undefined) }
      const all: Router = { route: () => 'default' }
      await using first = await routedBy(writes, all)
      expect(first.explain('delete from book').database).toBe('other')
      expect(first.explain('select * from book').database).toBe('default')
      await using second = await routedBy(all, writes)
      expect(second.explain('delete from book').database).toBe('default')
    })

    it('a locking read counts as a write', async () => {
      if (engine === 'sqlite') {
        // SQLite has no locking reads: the text is not understood, and so is no read either.
        expect(client.explain('select * from book for update').effect).not.toBe('read')
        return
      }
      await using routed = await routedBy({ route: ({ kind }) => (kind === 'read' ? 'other' : 'default') })
      expect(routed.explain('select * from book for update')).toMatchObject({ database: 'default', effect: 'write' })
    })

    it('an error inside a router surfaces, be it a misspelt property', async () => {
      await using routed = await routedBy({
        route: (statement) => (statement as unknown as { missing: { property: string } }).missing.property,
      })
      await expect(routed.query('select * from book')).rejects.toThrow(TypeError)
      await expect(routed.query(insert, [1, 'x'])).rejects.toThrow(TypeError)
      await expect(routed.transaction(async (tx) => await tx.query('delete from book'))).rejects.toThrow(TypeError)
    })

    it('see the table of every statement, and hints of the caller', async () => {
      const seen: unknown[] = []
      await using routed = await routedBy({
        route(statement, hints) {
          seen.push([
            statement.kind,
            statement.tables.map(({ name }) => name).sort((a, b) => a.localeCompare(b)),
            hints['instance'],
          ])
          return undefined
        },
      })
      routed.explain('select * from book, person', [], { hints: { instance: 7 } })
      routed.explain('delete from person')
      expect(seen).toEqual([
        ['read', ['book', 'person'], 7],
        ['write', ['person'], undefined],
      ])
    })

    it('decide about migrations; without an opinion every database may', async () => {
      await using routed = await routedBy({
        allowMigrate: (database, { name }) => (name === 'event' ? database === 'other' : undefined),
      })
      expect(routed.allowMigrate('default', 'event').allowed).toBe(false)
      expect(routed.allowMigrate('other', 'event').allowed).toBe(true)
      expect(routed.allowMigrate('default', 'book').allowed).toBe(true)
      await expect(routed.query('create table event (id integer)')).rejects.toMatchObject({
        code: 'SIGNALBOX_TABLE_NOT_ALLOWED',
      })
      await routed.using('other').query('create table event (id integer)')
      await routed.using('other').query('drop table event')
    })
  })

  describe('relations', () => {
    const homes = { book: 'default', person: 'other' } as const

    it('between databases are refused in joins and subqueries, with the way out', async () => {
      await using separated = await connect({ databases, tables: homes })
      for (const text of [
        'select * from person where book_id in (select id from book)',
        'select * from book join person on person.book_id = book.id',
      ]) {
        await expect(separated.query(text)).rejects.toThrow(
          /book lives in "default".*"other"|"other".*book lives in "default".*Fetch the values of the inner part first/,
        )
      }
    })

    it('work when the inner values are fetched first', async () => {
      await using separated = await connect({ databases, tables: homes })
      await separated.query(insert, [1, 'a'])
      await separated.query('insert into person (id, book_id) values (1, 1), (2, 9)')
      const { rows } = await separated.query<{ id: number; book_id: number }>('select * from person order by id')
      const books = await separated.related<{ id: number; book_id: number }, { title: string }>(rows, {
        key: 'book_id',
        table: 'book',
      })
      expect(rows.map((row) => books.of(row)?.title)).toEqual(['a', undefined])
      // A reference that leads nowhere is reported, not an error: no foreign key can protect it.
      expect(books.missing).toEqual([9])
    })

    it('may be allowed by a router', async () => {
      await using open = await connect({ databases, tables: homes, routers: [{ allowRelation: () => true }] })
      expect(open.allowRelation('book', 'person')).toBe(true)
      expect((await open.query('select * from book join person on person.book_id = book.id')).rowCount).toBe(0)
    })
  })

  describe('transactions', () => {
    it('guard the database that their statements go to, not whichever is called default', async () => {
      await using separated = await connect({ databases, tables: { book: 'other' } })
      const run = separated.transaction(async (tx) => {
        await tx.query(insert, [1, 'undone'])
        throw new Error('undo')
      })
      await expect(run).rejects.toThrow('undo')
      expect(await titles('other')).toEqual([])
    })

    it('read their own writes, whatever routers say of reads', async () => {
      await using routed = await routedBy({ route: ({ kind }) => (kind === 'read' ? 'other' : 'default') })
      const run = routed.transaction(async (tx) => {
        await tx.query(insert, [1, 'mine'])
        return (await tx.query('select * from book')).rowCount
      })
      // A router that sends reads elsewhere would read another database's data: that is refused, not done silently.
      await expect(run).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION' })
      expect(
        await routed.transaction(
          async (tx) => (await tx.query(insert, [1, 'mine']), (await tx.query('select * from book')).rowCount),
          { using: 'default' },
        ),
      ).toBe(1)
    })

    it('on one database do not open connections to the others', async () => {
      await using fresh = await connect({ databases })
      await fresh.transaction(async (tx) => await tx.query('select * from book'))
      expect(Object.keys(fresh.stats())).toEqual(['default/main/primary'])
    })
  })
})
