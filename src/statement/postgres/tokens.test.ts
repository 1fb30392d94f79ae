import { expect, test } from 'vitest'
import { blankComments, nameOf, nextToken, skipBlank } from './tokens.ts'

function tokens(sql: string): string[] {
  const found: string[] = []
  for (let token = nextToken(sql, 0); token !== undefined; token = nextToken(sql, token.end)) {
    found.push(`${token.kind} ${sql.slice(token.start, token.end)}`)
  }
  return found
}

test.each([
  ['select a1$b, Ü', ['word select', 'word a1$b', 'mark ,', 'word Ü']],
  [
    "'it''s' E'\\'' B'1' n'x' U&'\\0061' e",
    ["string 'it''s'", "string E'\\''", "string B'1'", "string n'x'", "string U&'\\0061'", 'word e'],
  ],
  ["'\\' '", ["string '\\'", "string '"]],
  ['"a""b" U&"c" u', ['quoted "a""b"', 'quoted U&"c"', 'word u']],
  ['$1 $$a$b$$ $t$ $$ $t$ $', ['parameter $1', 'string $$a$b$$', 'string $t$ $$ $t$', 'mark $']],
  ['1.5e3 .a 0x1F', ['number 1.5e3', 'mark .', 'word a', 'number 0x1F']],
  ['a::b <= c->>d', ['word a', 'operator ::', 'word b', 'operator <=', 'word c', 'operator ->>', 'word d']],
  ['a+--b\n-c', ['word a', 'operator +', 'operator -', 'word c']],
  ['a+/* /* b */ */c', ['word a', 'operator +', 'word c']],
  ['"open', ['quoted "open']],
  ["'open", ["string 'open"]],
  ['$$open', ['string $$open']],
  ['/* open', []],
])('%j', (sql, expected) => {
  expect(tokens(sql)).toEqual(expected)
})

test('names are folded unless quoted', () => {
  const names = (sql: string): string[] => {
    const token = nextToken(sql, 0)
    return token === undefined ? [] : [nameOf(sql, token)]
  }
  expect(names('ABC')).toEqual(['abc'])
  expect(names('"A""b"')).toEqual(['A"b'])
  expect(names('U&"A"')).toEqual(['A'])
})

test('comments give way to blanks of the same length', () => {
  expect(blankComments("a /* é */ '/* */' -- b\n c")).toBe("a         '/* */'     \n c")
  expect(blankComments('a /* b')).toBeUndefined()
  expect(blankComments(`a ${'/*'.repeat(40)}${'*/'.repeat(40)} b`)).toBeUndefined()
  expect(blankComments('')).toBe('')
})

test('comments are stepped over to a depth of 32', () => {
  const nested = (depth: number): string => `${'/*'.repeat(depth)}${'*/'.repeat(depth)}x`
  expect(skipBlank(nested(32), 0)).toBe(128)
  expect(skipBlank(nested(33), 0)).toBe(-1)
})
