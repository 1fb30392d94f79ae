import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Analysis } from '../analysis.ts'
import type { Analyzer } from '../analyzer.ts'
import { lexMysql } from '../mysql/lexer.ts'
import { lexSqlite } from '../sqlite/lexer.ts'
import { createMysqlAnalyzer } from '../mysql.ts'
import { createSqliteAnalyzer } from '../sqlite.ts'
import type { TokenList } from './token-list.ts'
import { tokenType } from './token-list.ts'

interface Subject {
  readonly analyzer: Analyzer
  readonly lex: (sql: string) => TokenList
  /** White space and comments, and nothing else. */
  readonly gap: RegExp
  readonly samples: readonly string[]
}

const mysqlSamples = [
  'select t.a, count(*) as n from t join s.u as x on x.i = t.i where t.a = ? and x.b in (1, 2) group by t.a having n > 1 order by n limit 5',
  'with c as (select a from t where b = 1) select * from c left join u using (a) union all (select 1 from v)',
  "insert into t (a, b) values (1, 'x'), (?, now()) on duplicate key update a = values(a)",
  'update t set a = 1, b = (select max(c) from u) where id = ?',
  'delete a from a join b on a.i = b.i where b.x = 1',
  'select * from t where a = 1 for update',
  'create table t (a int, foreign key (a) references u (b))',
  'set @a = 1, names = 2',
  'explain select * from t',
  'start transaction read only',
  'select case when a = 1 then 2 end from `t x` where (a, b) in ((1, 2), (3, 4))',
]
const sqliteSamples = [
  'select t.a, count(*) as n from t join main.u as x on x.i = t.i where t.a = ?1 and x.b in (1, 2) group by t.a having n > 1 order by n limit 5',
  'with c as (select a from t where b = 1) select * from c left join u using (a) union all select 1 from v',
  "insert or ignore into t (a, b) values (1, 'x'), (:p, date('now')) on conflict (a) do update set b = 2 returning *",
  'update t set a = 1 from u where u.i = t.i and t.id = ?',
  'delete from [t x] where id = 1',
  'pragma table_info(t)',
  'create temp table t (a references u)',
  'explain query plan select * from t',
  'begin immediate',
  'select * from t, json_each(t.j) where a in u and b is not distinct from 1',
]

const subjects: Readonly<Record<string, Subject>> = {
  mysql: {
    analyzer: createMysqlAnalyzer(),
    lex: lexMysql,
    gap: /^(?:[\t-\r ]|--(?=[^!-~\u0080-\uffff]|$)[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*M?!\d{0,6}|\/\*[^]*?\*\/|\*\/)*$/,
    samples: mysqlSamples,
  },
  sqlite: {
    analyzer: createSqliteAnalyzer(),
    lex: lexSqlite,
    gap: /^(?:[\t\n\f\r ]|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*$/,
    samples: sqliteSamples,
  },
}

/** Pieces that mean something to one of the lexers or readers. */
const fragments =
  `select from where group by order limit offset union all except intersect with recursive as ( ) ( ) , , ; . * = == <=> := -> ->> || &&
  insert into values value set update delete replace on duplicate key conflict do nothing returning using join left inner natural cross straight_join
  for share lock in mode outfile dumpfile @x @@global.y @@z ? ?3 :n $n 'a' 'it''s' "b" \`c\` [d] x'41' 0x1f 1 1.5 .5 1e3 -- # /* */ /*! /*!50110 /*M! /*+ ' " \` \\ \\'
  t u main temp create table temporary view trigger begin end commit explain analyze pragma table_info not and or xor between case when then is null exists
  values(1) count(*) sleep(1) next value for over partition window lateral json_table columns {oj } use index show set statement call table dual`
    .split(/\s+/)
    .filter((fragment) => fragment !== '')

const soup = fc
  .array(fc.tuple(fc.constantFrom(...fragments), fc.constantFrom(' ', '', '\n', '\t')), { maxLength: 60 })
  .map((pieces) => pieces.map(([fragment, space]) => fragment + space).join(''))

/** A sample with a piece taken out, doubled or replaced. */
const mutation = (samples: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(12), fc.oneof(fc.constantFrom(...fragments), fc.constant('')))
    .map(([sql, at, length, piece]) => {
      const start = at % (sql.length + 1)
      return `${sql.slice(0, start)} ${piece} ${sql.slice(start + length)}`
    })

const anyText = (samples: readonly string[]) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    soup,
    mutation(samples),
  )

const essence = ({ kind, verb, statements, complete, leavesState, tables, functions, values }: Analysis): unknown => ({
  kind,
  verb,
  statements,
  complete,
  leavesState,
  functions,
  values,
  tables: tables.map(({ name, schema, access, spans }) => ({ name, schema, access, count: spans.length })),
})

describe.each(Object.entries(subjects))('%s: for any text', (_, { analyzer, lex, gap, samples }) => {
  test('the analysis comes, is quick, and is the same again', () => {
    fc.assert(
      fc.property(anyText(samples), (sql) => {
        const started = performance.now()
        const analysis = analyzer.analyze(sql)
        expect(performance.now() - started).toBeLessThan(1000)
        expect(analyzer.analyze(sql)).toEqual(analysis)
        for (const { spans } of analysis.tables)
          for (const { start, end } of spans) expect(start >= 0 && start < end && end <= sql.length).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  test('tokens stand in order, and only white space and comments between them', () => {
    fc.assert(
      fc.property(anyText(samples), (sql) => {
        const tokens = lex(sql)
        let position = 0
        for (let i = 0; i < tokens.length; i++) {
          expect(sql.slice(position, tokens.start(i))).toMatch(gap)
          expect(tokens.end(i)).toBeGreaterThan(tokens.start(i))
          position = tokens.end(i)
        }
        if (tokens.trouble === '') expect(sql.slice(position)).toMatch(gap)
      }),
      { numRuns: 3000 },
    )
  })

  test('a comment between two tokens changes nothing', () => {
    const sample = fc.constantFrom(...samples)
    fc.assert(
      fc.property(sample, fc.nat(), fc.constantFrom('/* x */', ' -- x\n', ' ', '\n'), (sql, at, comment) => {
        const tokens = lex(sql)
        const start = tokens.start(at % tokens.length)
        const changed = sql.slice(0, start) + comment + sql.slice(start)
        expect(essence(analyzer.analyze(changed))).toEqual(essence(analyzer.analyze(sql)))
      }),
      { numRuns: 500 },
    )
  })

  test('the case of keywords does not matter', () => {
    for (const sql of samples) {
      const tokens = lex(sql)
      let upper = sql
      for (let i = 0; i < tokens.length; i++)
        if (tokens.types[i] === tokenType.word && /^[a-z]{2,}$/.test(tokens.text(i)))
          upper = upper.slice(0, tokens.start(i)) + tokens.text(i).toUpperCase() + upper.slice(tokens.end(i))
      expect(JSON.stringify(essence(analyzer.analyze(upper))).toLowerCase()).toBe(
        JSON.stringify(essence(analyzer.analyze(sql))).toLowerCase(),
      )
    }
  })
})

describe.each(Object.entries(subjects))('%s: long and deep texts', (_, { analyzer }) => {
  const deep = (depth: number): string => `select ${'('.repeat(depth)}1${')'.repeat(depth)}`
  test.each([
    ['10 MB', `select '${'x'.repeat(10_000_000)}'`, 'unknown'],
    ['10 MB of rows', `insert into t (a) values ${'(1),'.repeat(2_500_000)}(1)`, 'write'],
    ['brackets 10,000 deep', deep(10_000), 'unknown'],
    ['brackets 300 deep', deep(300), 'read'],
    ['subqueries 300 deep', `${'select * from ('.repeat(300)}select 1${') x'.repeat(300)}`, 'read'],
    ['60,000 values', `select * from t where a in (${'1,'.repeat(60_000)}1)`, 'read'],
    ['5,000 unions', `select 1${' union select 1'.repeat(5000)}`, 'read'],
    ['quotes', "'".repeat(131_071), 'unknown'],
    ['open brackets', '('.repeat(131_071), 'unknown'],
    ['open comments', '/*'.repeat(65_000), 'unknown'],
    ['a long chain', `select * from t where a = 1${' and b = 2'.repeat(12_000)}`, 'read'],
  ])('%s', (_, sql, kind) => {
    const started = performance.now()
    const analysis = analyzer.analyze(sql)
    expect(performance.now() - started).toBeLessThan(2000)
    expect(analysis.kind).toBe(kind)
  })
})
