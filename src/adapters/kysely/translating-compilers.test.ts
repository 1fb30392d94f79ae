import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, sql, type Compilable } from 'kysely'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../drivers/driver.ts'
import { CrossEngineError } from '../../errors.ts'
import { compilerOf, Translators } from './translating-compilers.ts'

interface Tables {
  item: { id: number; name: string; data: { a: number }; flag: boolean }
}

const builders = (engine: Engine) =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => compilerOf(engine),
    },
  })

const db = builders('postgres')

function translated(
  query: Compilable,
  to: Engine,
  from: Engine = 'postgres',
): { sql: string; parameters: readonly unknown[] } {
  const compiled = query.compile()
  const { sql, parameters } = new Translators(from).to(to).compileQuery(compiled.query, compiled.queryId)
  return { sql, parameters }
}

describe('a query for another engine', () => {
  it.each([
    ['postgres', 'select "id" from "item" where "name" = $1 and "id" in ($2, $3) order by "id" desc limit $4'],
    ['mysql', 'select `id` from `item` where `name` = ? and `id` in (?, ?) order by `id` desc limit ?'],
    ['sqlite', 'select "id" from "item" where "name" = ? and "id" in (?, ?) order by "id" desc limit ?'],
  ] as const)('is in the words of %s', (engine, text) => {
    const query = db
      .selectFrom('item')
      .select('id')
      .where('name', '=', 'x')
      .where('id', 'in', [1, 2])
      .orderBy('id', 'desc')
      .limit(3)
    expect(translated(query, engine)).toEqual({ sql: text, parameters: ['x', 1, 2, 3] })
  })

  it('escapes texts as that engine needs it', () => {
    const query = db.selectFrom('item').select(sql.lit("a\\'b").as('x'))
    expect(translated(query, 'mysql').sql).toBe("select 'a\\\\''b' as `x` from `item`")
    expect(translated(query, 'sqlite').sql).toBe(`select 'a\\''b' as "x" from "item"`)
  })

  it('may hold what Kysely writes as raw SQL itself, and fragments without text', () => {
    const query = db
      .selectFrom('item')
      .leftJoinLateral(
        (eb) => eb.selectFrom('item as i').select('i.id as other').as('o'),
        (join) => join.onTrue(),
      )
      .select([sql.ref('item.id').as('a'), sql.id('item', 'id').as('b'), sql.lit(null).as('c'), sql.val(1).as('d')])
      .where('id', 'in', sql<number>`(${sql.join([1, 2])})`)
      .orderBy('name', 'asc')
    expect(translated(query, 'mysql').sql).toBe(
      'select `item`.`id` as `a`, `item`.`id` as `b`, null as `c`, ? as `d` from `item` ' +
        'left join lateral (select `i`.`id` as `other` from `item` as `i`) as `o` on true where `id` in (?, ?) order by `name` asc',
    )
  })

  it.each<[string, Compilable]>([
    ['in a selection', db.selectFrom('item').select(sql`now()`.as('n'))],
    [
      'in a condition',
      db
        .selectFrom('item')
        .select('id')
        .where(sql<boolean>`id > ${1}`),
    ],
    ['deep in a value', db.updateTable('item').set({ name: (eb) => eb.fn('coalesce', [sql`current_user`, 'name']) })],
    ['raw text', db.selectFrom('item').select(sql.raw('count(*)').as('n'))],
    [
      'in a common table expression',
      db
        .with('c', () => sql`(select 1 as id)` as never)
        .selectFrom('c' as never)
        .selectAll(),
    ],
    ['a whole query', { compile: () => sql`select 1`.compile(db) }],
    ['one word that is none of Kysely’s own', db.selectFrom('item').select(sql`current_date`.as('d'))],
    [
      'as the order',
      db
        .selectFrom('item')
        .select('id')
        .orderBy('id', sql`desc nulls last`),
    ],
    ['as the type of a column', db.schema.createTable('t').addColumn('c', sql`citext`)],
  ])('is refused with a fragment of text: %s', (_, query) => {
    for (const engine of ['mysql', 'sqlite'] as const) expect(() => translated(query, engine)).toThrow(CrossEngineError)
  })

  it('shows a fragment without its values, in one line, and not at any length', () => {
    const query = db
      .selectFrom('item')
      .select('id')
      .where(sql<boolean>`name\n   = ${'secret'} and ${sql.raw('x'.repeat(300))} <> ''`)
    expect(() => translated(query, 'sqlite')).toThrow(
      "its fragment sql`name = ${…} and ${…} <> ''` was written for PostgreSQL",
    )
    const long = db.selectFrom('item').select(sql.raw(`f(${'x'.repeat(300)})`).as('n'))
    expect(() => translated(long, 'sqlite')).toThrow(`sql\`f(${'x'.repeat(78)}…\``)
  })

  it.each([
    ['||', 'postgres', 'mysql', true],
    ['||', 'sqlite', 'mysql', true],
    ['||', 'mysql', 'sqlite', true],
    ['||', 'postgres', 'sqlite', false],
    ['#', 'postgres', 'mysql', true],
    ['&&', 'postgres', 'mysql', true],
    ['^', 'mysql', 'postgres', true],
    ['?', 'postgres', 'sqlite', true],
    ['+', 'postgres', 'mysql', false],
    ['&', 'postgres', 'mysql', false],
  ] as const)('with the operator %s from %s to %s is refused: %s', (operator, from, to, refused) => {
    const query = builders(from)
      .selectFrom('item')
      .select((eb) => eb('id', operator, eb.ref('id')).as('x'))
    const attempt = expect(() => translated(query, to, from))
    if (refused) attempt.toThrow(`the operator ${operator} does not mean what it means`)
    else attempt.not.toThrow()
  })

  it('is refused with the other engine’s kind of upsert', () => {
    const item = { id: 1, name: 'a', data: { a: 1 }, flag: true }
    const onConflict = db
      .insertInto('item')
      .values(item)
      .onConflict((oc) => oc.column('id').doNothing())
    const onDuplicate = db.insertInto('item').values(item).onDuplicateKeyUpdate({ name: 'b' })
    expect(() => translated(onConflict, 'mysql')).toThrow('onConflict() does not exist on MySQL/MariaDB')
    expect(translated(onConflict, 'sqlite').sql).toMatch(/on conflict \("id"\) do nothing$/)
    expect(() => translated(onDuplicate, 'postgres', 'mysql')).toThrow(
      'onDuplicateKeyUpdate() does not exist on PostgreSQL',
    )
    expect(() => translated(onDuplicate, 'sqlite', 'mysql')).toThrow('onDuplicateKeyUpdate() does not exist on SQLite')
    expect(translated(onDuplicate, 'mysql').sql).toMatch(/on duplicate key update `name` = \?$/)
  })
})
