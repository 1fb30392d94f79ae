import { describe, expect, test } from 'vitest'
import { lexMysql, usualReading } from '../mysql/lexer.ts'
import { lexSqlite } from '../sqlite/lexer.ts'
import type { TokenList } from './token-list.ts'
import { tokenType } from './token-list.ts'

const texts = (tokens: TokenList): string[] => Array.from({ length: tokens.length }, (_, i) => tokens.text(i))
const types = (tokens: TokenList): number[] => [...tokens.types]
const t = tokenType

describe('MySQL tokens', () => {
  test.each([
    ["'it''s' 'a\\'b' \"say \"\"x\"\"\"", ["'it''s'", "'a\\'b'", '"say ""x"""'], [t.string, t.string, t.doubleQuoted]],
    ['`a``b`.c', ['`a``b`', '.', 'c'], [t.quotedName, t.punctuation, t.word]],
    ["x'4D' 0x1F b'01' 0b1 N'x' \\N", ["x'4D'", '0x1F', "b'01'", '0b1', "N'x'", '\\N'], [6, 6, 6, 6, t.string, 6]],
    ['1 1.5 .5 1e3 1.5e-3 1st', ['1', '1.5', '.5', '1e3', '1.5e-3', '1st'], [5, 5, 5, 5, 5, t.word]],
    ['a:=1 b->c d->>e f<=>g', ['a', ':=', '1', 'b', '->', 'c', 'd', '->>', 'e', 'f', '<=>', 'g'], undefined],
    ['@a @`b c` @@global.x ? :name', ['@a', '@`b c`', '@@global.x', '?', ':name'], [9, 9, 10, t.parameter, 8]],
    ['5--1', ['5', '-', '-', '1'], undefined],
    ['5-- 1', ['5'], undefined],
    ['a # b\nc', ['a', 'c'], undefined],
    ['a/* ; */b', ['a', 'b'], undefined],
    ['a /*!50110 b */ c', ['a', 'b', 'c'], undefined],
    ['a /*!b*/ c', ['a', 'b', 'c'], undefined],
    ['a /*M!100100 b*/ c', ['a', 'b', 'c'], undefined],
    ['a /*+ b */ c', ['a', 'c'], undefined],
  ])('%s', (sql, expectedTexts, expectedTypes) => {
    const tokens = lexMysql(sql)
    expect(tokens.trouble).toBe('')
    expect(texts(tokens)).toEqual(expectedTexts)
    if (expectedTypes !== undefined) expect(types(tokens)).toEqual(expectedTypes)
  })

  test.each([
    "'abc",
    '"abc',
    '`abc',
    '/* abc',
    '/*! abc',
    '/*! a /*! b */ */',
    "x'4G'",
    '(',
    ')',
    '(;)',
    "'a'\\",
    '@',
    '\0',
    '/*+ x(`*/ a',
    '('.repeat(500) + ')'.repeat(500),
  ])('trouble: %j', (sql) => {
    expect(lexMysql(sql).trouble).not.toBe('')
  })

  test('numbers parameters in the order of the text, brackets know their partner', () => {
    const tokens = lexMysql("? (?) '?' /* ? */ ?")
    expect(tokens.links.filter((_, i) => tokens.types[i] === t.parameter)).toEqual([0, 1, 2])
    expect(tokens.partner(1)).toBe(3)
    expect(tokens.partner(3)).toBe(1)
  })

  test('a name behind a dot is no keyword, and a word with letters beyond ASCII is none either', () => {
    expect(lexMysql('t.select ſelect SeLeCt').words).toEqual(['T', '.', '', 'ſelect', 'SELECT'])
  })

  test('other readings: without backslash escapes, and without executable comments', () => {
    const plain = lexMysql("'a\\' b", { ...usualReading, singleEscapes: false })
    expect(texts(plain)).toEqual(["'a\\'", 'b'])
    expect(lexMysql("'a\\'b'").escapedSingle).toBe(true)
    expect(lexMysql("'a\\\\'").escapedSingle).toBe(false)
    expect(texts(lexMysql('a /*! b /* c */ d */ e', { ...usualReading, runComments: false }))).toEqual(['a', 'e'])
  })
})

describe('SQLite tokens', () => {
  test.each([
    ['\'it\'\'s\' "a""b" [a b] `c`', ["'it''s'", '"a""b"', '[a b]', '`c`'], [t.string, 2, 2, 2]],
    ["x'4D' 0x1F 1_000 .5 1e3", ["x'4D'", '0x1F', '1_000', '.5', '1e3'], [6, 6, 5, 5, 5]],
    ['a==b a->>b a||b', ['a', '==', 'b', 'a', '->>', 'b', 'a', '||', 'b'], undefined],
    ["'a\\' b", ["'a\\'", 'b'], undefined],
    ['5--1', ['5'], undefined],
    ['a /*! b */ c', ['a', 'c'], undefined],
    ['a /* b /* c */ d', ['a', 'd'], undefined],
  ])('%s', (sql, expectedTexts, expectedTypes) => {
    const tokens = lexSqlite(sql)
    expect(tokens.trouble).toBe('')
    expect(texts(tokens)).toEqual(expectedTexts)
    if (expectedTypes !== undefined) expect(types(tokens)).toEqual(expectedTypes)
  })

  test.each([
    "'abc",
    '"abc',
    '[abc',
    '/* abc',
    '1a',
    '?0',
    '?99999',
    '#',
    '{',
    "x'1G'",
    '$a::b',
    '@',
    '\0',
    '\u{feff}',
  ])('trouble: %j', (sql) => {
    expect(lexSqlite(sql).trouble).not.toBe('')
  })

  test.each([
    ['? ? ?', [0, 1, 2]],
    ['?3 ? ?1', [2, 3, 0]],
    ['?2 ?2 ?', [1, 1, 2]],
    ['? :a ?', [-1, -1]],
  ])('parameter indexes of %s', (sql, expected) => {
    const tokens = lexSqlite(sql)
    expect(tokens.links.filter((_, i) => tokens.types[i] === t.parameter)).toEqual(expected)
  })
})
