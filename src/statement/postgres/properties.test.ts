import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCorpus } from '../../../test/corpus/postgres-corpus.ts'
import type { TableAppearance } from '../analysis.ts'
import { nextToken } from './tokens.ts'
import { createPostgresAnalyzer } from '../postgres.ts'

const analyzer = await createPostgresAnalyzer()
const corpus = readCorpus().map(({ sql }) => sql)
const statement = fc.constantFrom(...corpus)

/** Whatever the text: an answer whose parts fit together. */
function check(sql: string): void {
  const analysis = analyzer.analyze(sql)
  expect(analysis.dialect).toBe('postgres')
  expect(analysis.why).not.toBe('')
  for (const { name, spans } of analysis.tables) {
    expect(name).not.toBe('')
    for (const { start, end } of spans) {
      expect(start).toBeGreaterThanOrEqual(0)
      expect(end).toBeGreaterThan(start)
      expect(end).toBeLessThanOrEqual(sql.length)
    }
  }
  if (analysis.kind === 'unknown' && !analysis.complete) return
  expect(analysis.kind === 'read' || analysis.statements > 0).toBe(true)
}

test('no text throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), check), {
    numRuns: 1_000,
  })
})

const fragment = fc.oneof(
  fc.constantFrom(
    '(',
    ')',
    "'",
    '"',
    '$$',
    '/*',
    '*/',
    '--',
    ';',
    ',',
    '.',
    '::',
    '\n',
    '\0',
    '\ud83d',
    'é',
    '𝒳',
    '$1',
  ),
  fc.constantFrom(' select ', ' from ', ' with x as (', ' for update', ' union ', ' not ', ' and ', ' into ', ' temp '),
  fc.string({ maxLength: 4 }),
)

test('no mutation of a statement throws', () => {
  const mutation = fc.record({ at: fc.nat(400), drop: fc.nat(12), insert: fragment })
  fc.assert(
    fc.property(statement, fc.array(mutation, { minLength: 1, maxLength: 4 }), (sql, mutations) => {
      let text = sql
      for (const { at, drop, insert } of mutations) {
        const place = at % (text.length + 1)
        text = text.slice(0, place) + insert + text.slice(place + drop)
      }
      check(text)
    }),
    { numRuns: 3_000 },
  )
})

test('no splice of two statements throws', () => {
  fc.assert(
    fc.property(statement, statement, fc.nat(400), fc.nat(400), (one, other, end, start) => {
      check(one.slice(0, end) + other.slice(start % other.length))
    }),
    { numRuns: 1_000 },
  )
})

/** What must not depend on comments and white space. */
function meaning(sql: string): object {
  const { why: _why, tables, appearances, ...rest } = analyzer.analyze(sql)
  // A list is at the same token, wherever that stands.
  const places = seams(sql)
  const conditionsOf = ({ conditions }: TableAppearance): object[] =>
    conditions.map(({ at, ...condition }) => ({ ...condition, token: at === undefined ? -1 : places.indexOf(at) }))
  return {
    ...rest,
    appearances: appearances.map((each) => ({ ...each, conditions: conditionsOf(each) })),
    tables: tables.map(({ name, schema, access, spans }) => JSON.stringify([name, schema, access, spans.length])),
  }
}

/** The positions between tokens. The scanner takes `:=` for two tokens; nothing may stand between its halves. */
function seams(sql: string): number[] {
  const found: number[] = []
  for (let token = nextToken(sql, 0); token !== undefined; token = nextToken(sql, token.end)) {
    if (sql.charAt(token.start - 1) !== ':') found.push(token.start)
  }
  return found
}

test('comments between tokens change nothing', () => {
  const comment = fc.constantFrom(
    ' /* x */ ',
    ' -- from t for update\n',
    '/* ; delete /* from */ t */',
    '\n\t',
    ' /*é𝒳*/ ',
  )
  fc.assert(
    fc.property(
      statement,
      fc.array(fc.tuple(fc.nat(200), comment), { minLength: 1, maxLength: 6 }),
      (sql, comments) => {
        const places = seams(sql)
        const inserts = new Map(comments.map(([index, text]) => [places[index % places.length], text] as const))
        let text = ''
        for (const [position, unit] of sql.split('').entries()) text += (inserts.get(position) ?? '') + unit
        const { kind, complete } = analyzer.analyze(sql)
        if (kind === 'unknown' && !complete) expect(analyzer.analyze(text).kind).toBe('unknown')
        else expect(meaning(text)).toEqual(meaning(sql))
      },
    ),
    { numRuns: 3_000 },
  )
})

test('spans find the names behind characters of any width', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((each) => each.replaceAll(/['\0\\]/g, ''))
  fc.assert(
    fc.property(text, fc.constantFrom('t', 's.t', '"t"', '"ü"."𝒳"'), (before, name) => {
      const sql = `select '${before}' from ${name} where a = '${before}'`
      const analysis = analyzer.analyze(sql)
      expect(analysis.kind).toBe('read')
      expect(analysis.tables.flatMap(({ spans }) => spans.map(({ start, end }) => sql.slice(start, end)))).toEqual([
        name,
      ])
      expect(analysis.values[0]?.values).toEqual([{ from: 'constant', value: before }])
    }),
    { numRuns: 500 },
  )
})
