/**
 * A scanner for PostgreSQL's lexical rules: enough to step over comments, strings and quoted names, and to see words
 * and brackets. It decides nothing that the real parser decides; it serves where the parser says too little (where a
 * name ends) or costs too much (texts that are too long or nested too deeply).
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'operator' | 'mark'
  readonly start: number
  readonly end: number
}

const operatorCharacters = '+-*/<>=~!@#%^&|`?'

/** Deepest nesting of comments that is stepped over; see {@link skipBlank}. */
const deepestComment = 32

/**
 * The position of the next token, behind white space and comments.
 * Comments that do not end, or are nested more deeply than 32, give -1: the parser's lexer needs time that grows with the
 * square of the depth.
 */
export function skipBlank(sql: string, from: number): number {
  let position = from
  while (position < sql.length) {
    const code = sql.charCodeAt(position)
    if (code === 32 || (code >= 9 && code <= 13)) {
      position += 1
    } else if (code === 45 && sql.charCodeAt(position + 1) === 45) {
      position = endOfLine(sql, position)
    } else if (code === 47 && sql.charCodeAt(position + 1) === 42) {
      position = endOfComment(sql, position)
      if (position < 0) return -1
    } else {
      return position
    }
  }
  return position
}

function endOfLine(sql: string, from: number): number {
  let position = from
  while (position < sql.length) {
    const code = sql.charCodeAt(position)
    if (code === 10 || code === 13) return position
    position += 1
  }
  return position
}

function endOfComment(sql: string, from: number): number {
  let depth = 1
  let position = from + 2
  while (position < sql.length) {
    const code = sql.charCodeAt(position)
    const next = sql.charCodeAt(position + 1)
    if (code === 42 && next === 47) {
      position += 2
      depth -= 1
      if (depth === 0) return position
    } else if (code === 47 && next === 42) {
      position += 2
      depth += 1
      if (depth > deepestComment) return -1
    } else {
      position += 1
    }
  }
  return -1
}

/** The next token at or behind a position; undefined at the end of the text, or where {@link skipBlank} gives up. */
export function nextToken(sql: string, from: number): Token | undefined {
  const start = skipBlank(sql, from)
  if (start < 0 || start >= sql.length) return undefined
  const code = sql.charCodeAt(start)
  if (isWordStart(code)) return wordOrPrefixed(sql, start, code)
  if (code === 39) return { kind: 'string', start, end: endOfQuoted(sql, start, 39, false) }
  if (code === 34) return { kind: 'quoted', start, end: endOfQuoted(sql, start, 34, false) }
  if (code === 36) return dollar(sql, start)
  if (isDigit(code)) return { kind: 'number', start, end: endOfNumber(sql, start) }
  if (operatorCharacters.includes(sql.charAt(start))) return { kind: 'operator', start, end: endOfOperator(sql, start) }
  if (code === 58 && sql.charCodeAt(start + 1) === 58) return { kind: 'operator', start, end: start + 2 }
  return { kind: 'mark', start, end: start + 1 }
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128
}

function endOfWord(sql: string, from: number): number {
  let position = from
  while (position < sql.length) {
    const code = sql.charCodeAt(position)
    if (!isWordStart(code) && !isDigit(code) && code !== 36) break
    position += 1
  }
  return position
}

/** A word, or a string or quoted name with a prefix: `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`, `U&"…"`. */
function wordOrPrefixed(sql: string, start: number, code: number): Token {
  const next = sql.charCodeAt(start + 1)
  const letter = code | 32
  if (next === 39 && (letter === 101 || letter === 98 || letter === 120 || letter === 110)) {
    return { kind: 'string', start, end: endOfQuoted(sql, start + 1, 39, letter === 101) }
  }
  if (letter === 117 && next === 38) {
    const quote = sql.charCodeAt(start + 2)
    if (quote === 39) return { kind: 'string', start, end: endOfQuoted(sql, start + 2, 39, false) }
    if (quote === 34) return { kind: 'quoted', start, end: endOfQuoted(sql, start + 2, 34, false) }
  }
  return { kind: 'word', start, end: endOfWord(sql, start + 1) }
}

function endOfQuoted(sql: string, from: number, quote: number, backslash: boolean): number {
  let position = from + 1
  while (position < sql.length) {
    const code = sql.charCodeAt(position)
    if (code === quote) {
      if (sql.charCodeAt(position + 1) !== quote) return position + 1
      position += 2
    } else {
      position += backslash && code === 92 ? 2 : 1
    }
  }
  return sql.length
}

function dollar(sql: string, start: number): Token {
  if (isDigit(sql.charCodeAt(start + 1))) return { kind: 'parameter', start, end: endOfNumber(sql, start + 1) }
  let position = start + 1
  if (isWordStart(sql.charCodeAt(position))) {
    while (isWordStart(sql.charCodeAt(position)) || isDigit(sql.charCodeAt(position))) position += 1
  }
  if (sql.charCodeAt(position) !== 36) return { kind: 'mark', start, end: start + 1 }
  const tag = sql.slice(start, position + 1)
  const close = sql.indexOf(tag, position + 1)
  return { kind: 'string', start, end: close < 0 ? sql.length : close + tag.length }
}

function endOfNumber(sql: string, from: number): number {
  let position = from
  while (position < sql.length) {
    const code = sql.charCodeAt(position)
    if (!isDigit(code) && code !== 46 && !isWordStart(code)) break
    position += 1
  }
  return position
}

function endOfOperator(sql: string, from: number): number {
  let position = from + 1
  while (position < sql.length && operatorCharacters.includes(sql.charAt(position))) {
    const code = sql.charCodeAt(position)
    const next = sql.charCodeAt(position + 1)
    if ((code === 45 && next === 45) || (code === 47 && next === 42)) break
    position += 1
  }
  return position
}

/** What a name token means: folded to lower case unless quoted. Unicode escapes are not decoded. */
export function nameOf(sql: string, token: Token): string {
  if (token.kind !== 'quoted') return sql.slice(token.start, token.end).toLowerCase()
  const open = sql.indexOf('"', token.start)
  return sql.slice(open + 1, token.end - 1).replaceAll('""', '"')
}

/**
 * The text with blanks in place of its comments, so that every position stays what it was; undefined if a comment does
 * not end, or where {@link skipBlank} gives up.
 */
export function blankComments(sql: string): string | undefined {
  let text = ''
  let position = 0
  for (;;) {
    const token = nextToken(sql, position)
    if (token === undefined && skipBlank(sql, position) < 0) return undefined
    text += sql.slice(position, token?.start).replaceAll(/\S/g, ' ')
    if (token === undefined) return text
    text += sql.slice(token.start, token.end)
    position = token.end
  }
}
