import fc from 'fast-check'
import { expect, it } from 'vitest'
import { commentsOf } from './text-comments.ts'
import type { Dialect } from './statement.ts'

const dialects: readonly Dialect[] = ['postgres', 'mysql', 'sqlite']

function found(sql: string, dialect: Dialect): readonly string[] {
  return commentsOf(sql, dialect).comments.map(({ text, place, isLine }) => `${place}${isLine ? ' line' : ''}:${text}`)
}

it.each(dialects)('finds those before, within and behind a statement on %s', (dialect) => {
  const sql = '  /*a*/ -- b\n/*c*/ select /*d*/ 1 -- e\n, 2 /*f*/ ; /*g*/ -- h'
  const all = ['start:a', 'start line: b', 'start:c', 'within:d', 'within line: e', 'end:f', 'end:g', 'end line: h']
  expect(found(sql, dialect)).toEqual(all)
})

it.each(dialects)('finds none in strings and quoted names on %s', (dialect) => {
  const name = dialect === 'mysql' ? '`/*n*/`' : '"/*n*/"'
  for (const sql of [`select '/*x*/'`, `select 'it''s -- x'`, `select ${name} from t`])
    expect(commentsOf(sql, dialect)).toEqual({ comments: [], isWhole: true })
  expect(found(`select '/*x*/' /*y*/`, dialect)).toEqual(['end:y'])
})

it('reads each dialect by its own rules', () => {
  expect(found('/* a /* b */ c */ select 1', 'postgres')).toEqual(['start: a /* b */ c '])
  expect(found('select $$ /*x*/ $$ /*y*/', 'postgres')).toEqual(['end:y'])
  expect(found("select E'\\' /*x*/' /*y*/", 'postgres')).toEqual(['end:y'])
  expect(found('select 1 # /*x*/', 'mysql')).toEqual(['end line: /*x*/'])
  expect(found('select 5--1 /*y*/', 'mysql')).toEqual(['end:y'])
  expect(found('select 5--1 /*y*/', 'sqlite')).toEqual(['end line:1 /*y*/'])
  expect(found("select 'it\\'s /*x*/' /*y*/", 'mysql')).toEqual(['end:y'])
  expect(found('/*!50000 select */ /*a*/ 1 /*M! , 2 */ /*b*/', 'mysql')).toEqual(['within:a', 'end:b'])
  expect(found('/*+ MAX_EXECUTION_TIME(1) */ select [a /*x*/] from t /*y*/', 'sqlite')).toEqual([
    'start:+ MAX_EXECUTION_TIME(1) ',
    'end:y',
  ])
})

it('finds what stands before the place from which on a text cannot be read, and says so', () => {
  for (const dialect of dialects) {
    expect(commentsOf("/*a*/ select 'never closed /*x*/", dialect)).toEqual({
      comments: [{ text: 'a', isLine: false, place: 'start' }],
      isWhole: false,
    })
    expect(commentsOf("/*a*/ 'never closed /*x*/", dialect)).toMatchObject({ comments: [{ text: 'a' }] })
  }
  expect(commentsOf('/*a*/ /* never closed', 'postgres')).toMatchObject({ comments: [{ text: 'a' }] })
})

it('whatever stands in a string, there is no comment in it', () => {
  const letters = fc.string({
    unit: fc.constantFrom('/', '*', '-', '#', '$', "'", '"', '`', '\\', ' ', 'x', '\n', '[', ']'),
  })
  fc.assert(
    fc.property(letters, fc.constantFrom(...dialects), (text, dialect) => {
      const literal = dialect === 'mysql' ? text.replaceAll('\\', '\\\\') : text
      const sql = `select '${literal.replaceAll("'", "''")}' /*end*/`
      expect(found(sql, dialect)).toEqual(['end:end'])
    }),
    { numRuns: 2_000 },
  )
})
