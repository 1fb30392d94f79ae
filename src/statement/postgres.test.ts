import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Analysis } from './analysis.ts'
import { StatementFacts } from './postgres/facts.ts'
import { verdictOf } from './postgres/kinds.ts'
import { createPostgresAnalyzer } from './postgres.ts'

const analyzer = await createPostgresAnalyzer()
const analyze = (sql: string): Analysis => analyzer.analyze(sql)

/** `write:schema.name` for each table, with the text at its spans where it differs from the name. */
function tables(sql: string): string[] {
  return analyze(sql).tables.map(({ access, schema, name, spans }) => {
    const full = schema === undefined ? name : `${schema}.${name}`
    const texts = spans.map(({ start, end }) => sql.slice(start, end))
    return texts.every((text) => text === full) ? `${access}:${full}` : `${access}:${full}=${texts.join('|')}`
  })
}

describe('tables', () => {
  test.each([
    ['select * from a join b on true, c', ['read:a', 'read:b', 'read:c']],
    ['select * from a x, a y where exists (select 1 from s.a)', ['read:a', 'read:s.a']],
    ['select * from "A b" , S . T, "x""y"', ['read:A b="A b"', 'read:s.t=S . T', 'read:x"y="x""y"']],
    ['select * from ü, "é" /* ö */ . -- ß\n "Ж", 𝒳', ['read:ü', 'read:é.Ж="é" /* ö */ . -- ß\n "Ж"', 'read:𝒳']],
    ['select * from U&"d!0061t" UESCAPE \'!\' x, y', ['read:dat=U&"d!0061t" UESCAPE \'!\'', 'read:y']],
    ['select * from only (a), b *', ['read:a', 'read:b']],
    ['insert into t select * from t', ['write:t', 'read:t']],
    ['insert into t (a) values ((select max(a) from u)) returning (select 1 from v)', ['write:t', 'read:u', 'read:v']],
    ['update s.t set a = 1 from u where t.id in (select id from t)', ['write:s.t', 'read:u', 'read:t']],
    ['delete from t using u, t as again', ['write:t', 'read:u', 'read:t']],
    ['merge into t using s on t.a = s.a when matched then delete', ['write:t', 'read:s']],
    ['select * from generate_series(1, 2), unnest(array[1]) u', []],
    ['select * from t for update of t', ['read:t']],
    ['copy t from stdin', ['write:t']],
    ['copy t to stdout', ['read:t']],
    ['explain insert into t select * from u', ['read:t', 'read:u']],
    ['explain analyze insert into t select * from u', ['write:t', 'read:u']],
    ['create table t (a int references u)', ['write:t', 'read:u']],
    ['create view v as select * from t', ['write:v', 'read:t']],
    ['create rule r as on insert to t do instead delete from u', ['write:t', 'read:u']],
    ['create index i on t (a)', ['write:t']],
    ['create sequence s', []],
    ['drop table a, s."B", c', ['write:a', 'write:s.B=s."B"', 'write:c']],
    ['drop index i', []],
    ['drop trigger t on s.t', ['write:s.t']],
    ['comment on column s.t.c is $$t$$', ['write:s.t']],
    ['truncate a, b', ['write:a', 'write:b']],
    ['grant select on a, b to public', ['write:a', 'write:b']],
    ['alter table p attach partition c default', ['write:p', 'write:c']],
    ['vacuum a, b (x)', ['write:a', 'write:b']],
    ['select * from a; insert into b values (1)', ['read:a', 'write:b']],
  ])('%s', (sql, expected) => {
    expect(tables(sql)).toEqual(expected)
  })

  test.each([
    ['with x as (select 1) select * from x', []],
    ['with x as (select 1) select * from s.x', ['read:s.x']],
    ['with x as (select * from x) select * from x', ['read:x']],
    ['with recursive x as (select * from x) select * from x', []],
    ['with x as (select * from y), y as (select 1) select * from x', ['read:y']],
    ['with recursive x as (select * from y), y as (select 1) select * from x', []],
    ['select * from (with x as (select 1) select * from x) s, x', ['read:x']],
    ['(with x as (select 1) select * from x) union select * from x', ['read:x']],
    ['with x as (select 1) (select * from x union select * from x)', []],
    ['with x as (select 1) select (select 1 from x), (select 1 from (select * from x) y)', []],
    ['with t as (select 1 as a) insert into t select * from t', ['write:t']],
    ['with x as (with y as (select 1) select * from y) select * from y, x', ['read:y']],
    ['with d as (delete from t returning *) select * from d', ['write:t']],
    ['with x as (select 1) update t set a = 1 from x where exists (select 1 from x)', ['write:t']],
  ])('common table expressions: %s', (sql, expected) => {
    expect(tables(sql)).toEqual(expected)
  })

  test('one entry has a span for each appearance', () => {
    const sql = 'select * from t a, t b where exists (select 1 from t)'
    expect(analyze(sql).tables).toEqual([
      {
        name: 't',
        access: 'read',
        spans: [
          { start: 14, end: 15 },
          { start: 19, end: 20 },
          { start: 51, end: 52 },
        ],
      },
    ])
  })
})

describe('functions', () => {
  const functions = (sql: string): string[] =>
    analyze(sql).functions.map(({ name, schema }) => (schema === undefined ? name : `${schema}.${name}`))

  test.each([
    ['select F(1), "G"(2), s.h(3), f(4)', ['f', 'G', 's.h']],
    [
      'select extract(year from a), trim(a), a at time zone $1',
      ['pg_catalog.extract', 'pg_catalog.btrim', 'pg_catalog.timezone'],
    ],
    ['select current_date, coalesce(a, b), a + b, a::int', []],
    ['select a @@@@ b, a operator(s.+) b, a operator(pg_catalog.+) b', ['operator(@@@@)', 's.operator(+)']],
    ['select 1 where a @@@@ any (select 1) order by 1 using ###', ['operator(@@@@)', 'operator(###)']],
    ['select * from f() where g() limit h()', ['f', 'g', 'h']],
    ['select sum(a) filter (where f(a)) over (partition by g(a) order by h(a))', ['sum', 'f', 'g', 'h']],
    ['select * from t tablesample system (1), u tablesample other (f())', ['other', 'f']],
    ['explain select f()', []],
    ['explain analyze select f()', ['f']],
    ['insert into t values (f()) on conflict (g(a)) do update set a = h()', ['f', 'g', 'h']],
  ])('%s', (sql, expected) => {
    expect(functions(sql).toSorted()).toEqual(expected.toSorted())
  })
})

describe('kinds', () => {
  test('every statement of the grammar has one', () => {
    const types = readFileSync(new URL('../../node_modules/@pgsql/types/types.d.ts', import.meta.url), 'utf8')
    const inner = new Set(['RawStmt', 'SetOperationStmt', 'ReturnStmt', 'PLAssignStmt'])
    const statements = [...types.matchAll(/^export interface (\w+Stmt) /gm)].map(([, name = '']) => name)
    expect(statements.length).toBeGreaterThan(110)
    const nameless = statements.filter(
      (type) => !inner.has(type) && verdictOf(type, {}, new StatementFacts()).why.startsWith('Nothing is known'),
    )
    expect(nameless).toEqual([])
    expect(verdictOf('FutureStmt', {}, new StatementFacts()).kind).toBe('unknown')
  })

  test.each([
    ['begin', 'begin'],
    ['start transaction read only', 'begin'],
    ['commit', 'commit'],
    ['end', 'commit'],
    ['abort', 'rollback'],
    ['savepoint a', 'savepoint'],
    ['release a', 'release'],
    ['rollback to a', 'rollback-to'],
    ['set transaction read only', 'set-transaction'],
    ["prepare transaction 'a'", 'two-phase'],
    ["commit prepared 'a'", 'two-phase'],
    ['commit and chain', undefined],
  ])('%s is transaction control: %s', (sql, verb) => {
    expect(analyze(sql)).toMatchObject({ kind: 'transaction', statements: 1, complete: true })
    expect(analyze(sql).verb).toBe(verb)
  })

  test.each([
    ['set a = 1', true],
    ['set local a = 1', false],
    ['listen a', true],
    ['create temp table a (b int)', true],
    ['insert into pg_temp.a values (1)', true],
    ["insert into a select set_config('b', 'c', false)", true],
    ['select pg_advisory_lock(1)', true],
    ['select other.pg_advisory_lock(1)', false],
    ['select lastval()', false],
    ['declare c cursor for select 1', false],
    ['declare c cursor with hold for select 1', true],
    ['select 1; listen a', true],
    ['insert into a values (1); listen a', true],
    ['select 1', false],
    ['insert into a values (1)', false],
    ["explain select set_config('b', 'c', false)", false],
  ])('%s leaves something on its connection: %s', (sql, leavesState) => {
    expect(analyze(sql).leavesState).toBe(leavesState)
  })

  test.each([
    ['', 'read', 0],
    [' ; -- nothing\n /* at all */ ;', 'read', 0],
    ['select 1; select 2;', 'read', 2],
    ['select 1; select 2 for update', 'locking-read', 2],
    ['select 1 from a for update; insert into a values (1)', 'write', 2],
    ['insert into a values (1); drop table a', 'ddl', 2],
    ['select 1; set a = 1', 'session', 2],
    ['insert into a values (1); set a = 1', 'unknown', 2],
    ['begin; select 1', 'unknown', 2],
    ['do $$ $$; select 1', 'unknown', 2],
  ])('%j is %s, of %d statements', (sql, kind, statements) => {
    expect(analyze(sql)).toMatchObject({ kind, statements })
  })

  test.each([
    'select * from t where a not /* é */ in (1, 2) and b = 3',
    'select * from t order by a nulls -- ö\n last',
    'select * from unnest($1::int[]) with /* x */ ordinality, t',
    'select a::timestamp with /* x */ time zone from /* ü */ t',
    'select U&"d!0061t" /* x */ uescape \'!\' from t',
  ])('comments between words that belong together: %s', (sql) => {
    const { kind, tables: uses } = analyze(sql)
    expect(kind).toBe('read')
    expect(uses.flatMap(({ spans }) => spans.map(({ start, end }) => sql.slice(start, end)))).toEqual(['t'])
  })

  test('what cannot be parsed is unknown, and says why', () => {
    for (const sql of [
      'selec 1',
      'select * from t where id = ?',
      'select 1\0; delete from t',
      'select \ud800',
      'select 1 /* a',
      'select a is not /*'.concat('/*'.repeat(40), '*/'.repeat(41), ' in (1); delete from t'),
    ]) {
      expect(analyze(sql)).toMatchObject({ kind: 'unknown', complete: false, tables: [], functions: [], values: [] })
      expect(analyze(sql).why).not.toBe('')
    }
  })
})

test('an analysis is frozen through and through, and the same each time', () => {
  const sql = 'select f(a) from s.t where t.a in (1, $1)'
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
  const analysis = analyze(sql)
  expect(analysis.tables).toHaveLength(1)
  expect(analysis.functions).toHaveLength(1)
  expect(analysis.values).toHaveLength(1)
  expect(frozen(analysis)).toBe(true)
  expect(analyze(sql)).toEqual(analysis)
})
