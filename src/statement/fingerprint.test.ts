import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCorpus as readEngineCorpus } from '../../test/corpus/engine-corpus.ts'
import { readCorpus as readPostgresCorpus } from '../../test/corpus/postgres-corpus.ts'
import { fingerprintOf } from './fingerprint.ts'
import { createMysqlAnalyzer } from './mysql.ts'
import { outlineOf } from './outline.ts'
import { TextTemplate } from './text-template.ts'
import { createPostgresAnalyzer } from './postgres.ts'

const subjects = {
  postgres: { analyzer: await createPostgresAnalyzer(), corpus: readPostgresCorpus() },
  mysql: { analyzer: createMysqlAnalyzer(), corpus: readEngineCorpus('mysql') },
} as const

const dialects = ['postgres', 'mysql'] as const

function isShared(a: string, b: string, dialect: 'postgres' | 'mysql' = 'postgres'): boolean {
  const fingerprint = fingerprintOf(a, dialect)
  return fingerprint !== undefined && fingerprint === fingerprintOf(b, dialect)
}

describe.each(dialects)('on %s', (dialect) => {
  test.each([
    [`select * from t where a = 1`, `select * from t where a = 23`],
    [`select * from t where a = 'x' and b = -1.5`, `select * from t where a = 'it''s -- /* here' and b = -22.75`],
    [`insert into t (a, b) values ('a', 1), ('b', 2)`, `insert into t (a, b) values ('', 10), (';', 2)`],
    [`update "t" set a = '' where "1" = 5`, `update "t" set a = ' ' where "1" = 6`],
    [`delete from t where a in (1, 2)`, `delete from t where a in (3,4)`.replace(',', ', ')],
    [`with c as (select 1) select * from c limit 5 offset 10`, `with c as (select 2) select * from c limit 7 offset 0`],
    [`select 1 from t /*traceparent='00-ab-01'*/`, `select 2 from t /*traceparent='00-cd-01'*/`],
    [`select * from t where a = ? /* x */`, `select * from t where a = ? /* it's y */`],
  ])('%s is the same but for its values as %s', (a, b) => {
    expect(isShared(a, b, dialect)).toBe(true)
  })

  test.each([
    [`select a from t where b = 1`, `select b from t where b = 1`],
    [`select * from t1`, `select * from t2`],
    [`select * from s.t_1 where a = 1`, `select * from s.t_2 where a = 1`],
    [`select "1" from t where a = 1`, `select "2" from t where a = 1`],
    [`select * from t where a = 1`, `select * from t where a = '1'`],
    [`select * from t where a = 1`, `select * from t where a = 1.5`],
    [`select * from t limit 2147483647`, `select * from t limit 2147483648`],
    [`select 1 from t /* signalbox: using=a */`, `select 1 from t /* signalbox: using=b */`],
  ])('%s is another statement than %s', (a, b) => {
    expect(isShared(a, b, dialect)).toBe(false)
  })

  test.each([
    // No values.
    `select * from t where a = ?`,
    // Literals say what it does.
    `set a = 1`,
    `explain (analyze 1) select 2`,
    `copy t to 'x'`,
    `prepare x as select 1`,
    // Read differently by servers, or by this one only with a lexer.
    `select 'a\\'`,
    `select E'a' from t`,
    `select x'1f' from t`,
    `select U&'a' from t`,
    `select U&"d!0061t" uescape '!' from t`,
    `select 1 -- it's`,
    `select 1 /* a /* b */ */`,
    `select /*! 1 */ 1`,
    `select /*+ x */ 1`,
    `select 'open`,
    `select \u0001 from t where a = 1`,
  ])('%s has none', (sql) => {
    expect(fingerprintOf(sql, dialect)).toBeUndefined()
  })
})

test('has to do with the dialect: dollar quotes and names in backticks, comments, variables, strings that are names', () => {
  expect(isShared('select $1, 1', 'select $1, 2')).toBe(true)
  expect(isShared('select $1, 1', 'select $2, 1')).toBe(false)
  expect(fingerprintOf('select $$a$$, 1', 'postgres')).toBeUndefined()
  expect(fingerprintOf('select $x$a$x$, 1', 'postgres')).toBeUndefined()
  expect(isShared('select $a, 1', 'select $a, 2', 'mysql')).toBe(true)
  expect(isShared('select `a 1` where b = 1', 'select `a 2` where b = 1', 'mysql')).toBe(false)
  expect(isShared(`select a #> '{1}' from t`, `select a #> '{2}' from t`)).toBe(true)
  expect(fingerprintOf(`select 1 # it's`, 'mysql')).toBeUndefined()
  expect(fingerprintOf(`select 1, @'a' from t`, 'mysql')).toBeUndefined()
  expect(isShared('select `a`.1, 2', 'select `a`.1, 3', 'mysql')).toBe(true)
  expect(isShared('select `a`.1, 2', 'select `a`.2, 2', 'mysql')).toBe(false)
  expect(fingerprintOf(`select * from 'users' where a = 1`, 'sqlite')).toBeUndefined()
})

const fragment = fc.oneof(
  fc.constantFrom(...`( ) ' " \` $$ /* */ -- ; , . .. :: : := @ # & ? $1 1 0x1 1e 1.5 .5 - = é 𝒳 [ ] \n \\`.split(' ')),
  fc.constantFrom(' select ', ' from ', ' u&', ' n', ' e', ' for update', ' union ', ' limit ', ' into ', ' as ', '\n'),
  fc.string({ maxLength: 3 }),
)
const mutation = fc.record({ at: fc.nat(400), drop: fc.nat(8), insert: fragment })

function mutated(sql: string, mutations: readonly { at: number; drop: number; insert: string }[]): string {
  let text = sql
  for (const { at, drop, insert } of mutations) {
    const place = at % (text.length + 1)
    text = text.slice(0, place) + insert + text.slice(place + drop)
  }
  return text
}

/** Other literals for the marks of a fingerprint, as many as it takes. */
const refills: fc.Arbitrary<Readonly<Record<string, readonly string[]>>> = fc.record({
  '\u0001': three(
    fc.string({ maxLength: 8 }).map((text) => `'${text.replaceAll(/[\\\0]/g, '').replaceAll("'", "''")}'`),
  ),
  '\u0002': three(fc.integer({ min: 0, max: 2 ** 31 - 1 }).map(String)),
  '\u0003': three(fc.bigInt({ min: 2n ** 31n, max: 2n ** 70n }).map(String)),
  '\u0004': three(fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value.toFixed(3))),
})

function three(literal: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc.array(literal, { minLength: 3, maxLength: 3 })
}

// Whatever two texts with one fingerprint are: what is known of the one holds for the other.
test.each(dialects)('texts with one fingerprint are alike, on %s', (dialect) => {
  const { analyzer, corpus } = subjects[dialect]
  const statement = fc.constantFrom(
    ...corpus.map(({ sql }) => sql).filter((sql) => fingerprintOf(sql, dialect) !== undefined),
  )
  let compared = 0
  fc.assert(
    fc.property(statement, fc.array(mutation, { maxLength: 3 }), refills, (sql, mutations, others) => {
      const text = mutated(sql, mutations)
      const fingerprint = fingerprintOf(text, dialect)
      if (fingerprint === undefined) return
      let place = 0
      const other = fingerprint
        .split('')
        .map((mark) => others[mark]?.[place++ % 3] ?? mark)
        .join('')
      expect(fingerprintOf(other, dialect)).toBe(fingerprint)
      const template = TextTemplate.from(fingerprint, text)
      if (template !== undefined) expect(template.valuesOf(other)).toBeTypeOf('number')
      const outline = outlineOf(analyzer.analyze(text))
      if (outline === undefined) return
      compared += 1
      expect(outlineOf(analyzer.analyze(other))).toEqual(outline)
    }),
    { numRuns: 6_000 },
  )
  expect(compared).toBeGreaterThan(1_500)
})

// The one takes longer to find out than the other.
test.each(dialects)('a text fits a template if, and only if, it has its fingerprint, on %s', (dialect) => {
  const statement = fc.constantFrom(
    ...subjects[dialect].corpus.map(({ sql }) => sql).filter((sql) => fingerprintOf(sql, dialect) !== undefined),
  )
  const found = { alike: 0, other: 0 }
  const valueMutation = fc.record({
    at: fc.nat(400),
    drop: fc.nat(2),
    insert: fc.constantFrom(...`0 7 4294967296 1.5 . ' '' 'x' e1 \u0002 /**/ /* */ ; "`.split(' '), ' ', '\\', ''),
  })
  fc.assert(
    fc.property(
      statement,
      fc.array(mutation, { maxLength: 2 }),
      fc.array(valueMutation, { maxLength: 2 }),
      (sql, first, then) => {
        const text = mutated(sql, first)
        const fingerprint = fingerprintOf(text, dialect)
        if (fingerprint === undefined) return
        const template = TextTemplate.from(fingerprint, text)
        if (template === undefined) return
        const other = mutated(text, then)
        const isAlike = fingerprintOf(other, dialect) === fingerprint
        found[isAlike ? 'alike' : 'other'] += 1
        expect(template.valuesOf(other) !== undefined, JSON.stringify([text, other])).toBe(isAlike)
        if (other !== text && isAlike) expect(template.valuesOf(other)).not.toBe(template.valuesOf(text))
      },
    ),
    { numRuns: 6_000 },
  )
  expect(found.alike).toBeGreaterThan(700)
  expect(found.other).toBeGreaterThan(1_000)
})
