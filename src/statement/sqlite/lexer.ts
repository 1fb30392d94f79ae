import {
  charClass,
  classOf,
  dotEndsAt,
  endOfName,
  endOfNumber,
  endOfQuoted,
  isDigit,
  isHexDigit,
  isNamePart,
  keywordOf,
  nameEndsAt,
  operatorTable,
  pushOperator,
} from '../shallow/lexer.ts'
import { TokenList, tokenType } from '../shallow/token-list.ts'

const operators = operatorTable(['->>', '->', '||', '<<', '>>', '<=', '>=', '==', '!=', '<>'])

/**
 * The tokens of `sql` up to `end`, by the rules of SQLite's tokenizer (https://sqlite.org/lang_expr.html,
 * https://sqlite.org/lang_keywords.html). SQLite itself takes a comment without an end for a whole one; here it is
 * trouble, as is every character that SQLite doesn't know.
 */
export function lexSqlite(sql: string, end: number = sql.length): TokenList {
  const tokens = new TokenList(sql)
  const numbering = new ParameterNumbering()
  let i = 0
  while (i < end && tokens.trouble === '') {
    const code = sql.charCodeAt(i)
    switch (classOf(code)) {
      case charClass.space:
        i++
        break
      case charClass.letter:
        i = lexWord(tokens, i, end)
        break
      case charClass.digit:
        i = lexNumber(tokens, i, end)
        break
      case charClass.dollar:
        i = lexNamed(tokens, i, end, numbering)
        break
      case charClass.punctuation:
        i = lexPunctuation(tokens, i, end, numbering)
        break
      default:
        tokens.trouble = 'a character stands where SQLite has no use for it'
    }
  }
  numbering.settle(tokens)
  tokens.finish()
  return tokens
}

/** Parameters share one numbering: `?` takes the number behind the largest one so far, as a new name does. */
class ParameterNumbering {
  #largest = 0
  readonly #names = new Set<string>()
  #anonymous = false

  next(): number {
    this.#anonymous = true
    return ++this.#largest
  }

  numbered(number: number): number {
    this.#largest = Math.max(this.#largest, number)
    return number
  }

  named(name: string): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    this.#largest++
  }

  /** Drivers disagree on what a list of values means for a text with both `?` and names: then no index is known. */
  settle(tokens: TokenList): void {
    if (!this.#anonymous || this.#names.size === 0) return
    for (let i = 0; i < tokens.length; i++) if (tokens.types[i] === tokenType.parameter) tokens.links[i] = -1
  }
}

function lexWord(tokens: TokenList, start: number, end: number): number {
  const sql = tokens.sql
  const next = endOfName(sql, start, end)
  if (next === start + 1 && sql[next] === "'" && (sql[start] === 'x' || sql[start] === 'X'))
    return lexBlob(tokens, start, end)
  tokens.push(tokenType.word, start, next, dotEndsAt(tokens, start) ? '' : keywordOf(sql, start, next))
  return next
}

function lexBlob(tokens: TokenList, start: number, end: number): number {
  const next = endOfQuoted(tokens.sql, start + 1, "'", end)
  if (next < 0) return trouble(tokens, 'a blob literal is not closed')
  for (let i = start + 2; i < next - 1; i++)
    if (!isHexDigit(tokens.sql.charCodeAt(i))) return trouble(tokens, 'a blob literal holds something else than digits')
  tokens.push(tokenType.binary, start, next, '')
  return next
}

function lexNumber(tokens: TokenList, start: number, end: number): number {
  const sql = tokens.sql
  let next: number
  let type: number = tokenType.number
  if (
    sql[start] === '0' &&
    (sql[start + 1] === 'x' || sql[start + 1] === 'X') &&
    isHexDigit(sql.charCodeAt(start + 2))
  ) {
    next = start + 2
    while (next < end && (isHexDigit(sql.charCodeAt(next)) || sql[next] === '_')) next++
    type = tokenType.binary
  } else {
    next = endOfNumber(sql, start, end, true)
  }
  if (next < end && isNamePart(sql.charCodeAt(next))) return trouble(tokens, 'a number runs into a name')
  tokens.push(type, start, next, '')
  return next
}

/** `:name`, `@name`, `$name`, and Tcl's `$name::part(suffix)`. */
function lexNamed(tokens: TokenList, start: number, end: number, numbering: ParameterNumbering): number {
  const sql = tokens.sql
  let next = endOfName(sql, start + 1, end)
  if (next === start + 1) return trouble(tokens, 'a parameter has no name')
  if (sql[next] === ':' || sql[next] === '(') {
    if (sql[start] === '$') return trouble(tokens, 'a parameter has a Tcl suffix')
    if (sql[next] === ':' && sql[next + 1] === ':') return trouble(tokens, 'a parameter has a Tcl suffix')
  }
  numbering.named(sql.slice(start, next))
  tokens.push(tokenType.namedParameter, start, next, '')
  return next
}

function lexPunctuation(tokens: TokenList, i: number, end: number, numbering: ParameterNumbering): number {
  const sql = tokens.sql
  switch (sql.charAt(i)) {
    case "'":
      return lexQuoted(tokens, i, end, tokenType.string)
    case '"':
    case '`':
      return lexQuoted(tokens, i, end, tokenType.quotedName)
    case '[': {
      const close = sql.indexOf(']', i)
      if (close < 0 || close >= end) return trouble(tokens, 'a name in brackets is not closed')
      tokens.push(tokenType.quotedName, i, close + 1, '')
      return close + 1
    }
    case '-':
      if (sql[i + 1] === '-') return endOfLine(sql, i, end)
      break
    case '/':
      if (sql[i + 1] === '*') {
        const close = sql.indexOf('*/', i + 2)
        return close < 0 || close + 2 > end ? trouble(tokens, 'a comment is not closed') : close + 2
      }
      break
    case '.':
      if (isDigit(sql.charCodeAt(i + 1)) && !nameEndsAt(tokens, i)) return lexNumber(tokens, i, end)
      break
    case '?':
      return lexQuestionMark(tokens, i, end, numbering)
    case ':':
    case '@':
      return lexNamed(tokens, i, end, numbering)
    case '#':
    case '\\':
    case ']':
    case '^':
    case '{':
    case '}':
      return trouble(tokens, 'a character stands where SQLite has no use for it')
    case '!':
      if (sql[i + 1] !== '=') return trouble(tokens, 'a character stands where SQLite has no use for it')
      break
    default:
  }
  return pushOperator(tokens, i, end, operators)
}

function lexQuestionMark(tokens: TokenList, start: number, end: number, numbering: ParameterNumbering): number {
  let next = start + 1
  while (next < end && isDigit(tokens.sql.charCodeAt(next))) next++
  if (next < end && isNamePart(tokens.sql.charCodeAt(next))) return trouble(tokens, 'a parameter runs into a name')
  const number = Number(tokens.sql.slice(start + 1, next))
  if (next > start + 1 && (number < 1 || number > 32_766)) return trouble(tokens, 'a parameter number is out of range')
  const index = next > start + 1 ? numbering.numbered(number) : numbering.next()
  tokens.push(tokenType.parameter, start, next, '', index - 1)
  return next
}

function lexQuoted(tokens: TokenList, start: number, end: number, type: number): number {
  const next = endOfQuoted(tokens.sql, start, tokens.sql[start] ?? '', end)
  if (next < 0)
    return trouble(tokens, type === tokenType.string ? 'a string is not closed' : 'a quoted name is not closed')
  tokens.push(type, start, next, '')
  return next
}

function endOfLine(sql: string, from: number, end: number): number {
  const next = sql.indexOf('\n', from)
  return next < 0 || next >= end ? end : next + 1
}

function trouble(tokens: TokenList, text: string): number {
  tokens.trouble = text
  return tokens.sql.length
}
