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

/** One of the ways in which a server may read a text; which one depends on its `sql_mode`, its version and its make. */
export interface MysqlReading {
  /** A backslash escapes in `'…'`: off under `NO_BACKSLASH_ESCAPES`. */
  readonly singleEscapes: boolean
  /** A backslash escapes in `"…"`: off under `NO_BACKSLASH_ESCAPES` and under `ANSI_QUOTES`. */
  readonly doubleEscapes: boolean
  /** What stands in executable comments is code: off for a server whose version the comment excludes. */
  readonly runComments: boolean
}

export const usualReading: MysqlReading = { singleEscapes: true, doubleEscapes: true, runComments: true }

const operators = operatorTable(['<=>', '->>', '->', ':=', '||', '&&', '<<', '>>', '<=', '>=', '!=', '<>'])

/**
 * The tokens of `sql` up to `end`, by the rules of MySQL's and MariaDB's lexers
 * (https://dev.mysql.com/doc/refman/8.4/en/language-structure.html, https://mariadb.com/kb/en/comment-syntax/).
 */
export function lexMysql(sql: string, reading: MysqlReading = usualReading, end: number = sql.length): TokenList {
  const lexer = new MysqlLexer(sql, reading, end)
  return lexer.run()
}

class MysqlLexer {
  readonly #sql: string
  readonly #reading: MysqlReading
  readonly #end: number
  readonly #tokens: TokenList
  #parameters = 0
  #inComment = false

  constructor(sql: string, reading: MysqlReading, end: number) {
    this.#sql = sql
    this.#reading = reading
    this.#end = end
    this.#tokens = new TokenList(sql)
  }

  run(): TokenList {
    const tokens = this.#tokens
    let i = 0
    while (i < this.#end && tokens.trouble === '') {
      const code = this.#sql.charCodeAt(i)
      switch (classOf(code)) {
        case charClass.space:
          i++
          break
        case charClass.letter:
        case charClass.dollar:
          i = this.#word(i)
          break
        case charClass.digit:
          i = this.#number(i)
          break
        case charClass.punctuation:
          i = this.#punctuation(i)
          break
        default:
          if (code === 0x0b) i++
          else i = this.#trouble('a character stands where MySQL has no use for it')
      }
    }
    if (this.#inComment && tokens.trouble === '') tokens.trouble = 'an executable comment is not closed'
    tokens.finish()
    return tokens
  }

  #word(start: number): number {
    const sql = this.#sql
    const next = endOfName(sql, start, this.#end)
    const afterDot = dotEndsAt(this.#tokens, start)
    if (next === start + 1 && sql[next] === "'" && next < this.#end && !afterDot) {
      const prefix = sql[start]
      if (prefix === 'x' || prefix === 'X' || prefix === 'b' || prefix === 'B') return this.#binary(start)
      if (prefix === 'n' || prefix === 'N') return this.#string(start, next)
    }
    this.#tokens.push(tokenType.word, start, next, afterDot ? '' : keywordOf(sql, start, next))
    return next
  }

  #binary(start: number): number {
    const close = this.#sql.indexOf("'", start + 2)
    if (close < 0 || close >= this.#end) return this.#trouble('a binary literal is not closed')
    for (let i = start + 2; i < close; i++)
      if (!isHexDigit(this.#sql.charCodeAt(i)))
        return this.#trouble('a binary literal holds something else than digits')
    this.#tokens.push(tokenType.binary, start, close + 1, '')
    return close + 1
  }

  /** A number, or a name that starts with digits (`1st`), which MySQL allows. */
  #number(start: number): number {
    const sql = this.#sql
    const whole = endOfName(sql, start, this.#end)
    if (dotEndsAt(this.#tokens, start)) {
      this.#tokens.push(tokenType.word, start, whole, '')
      return whole
    }
    const prefix = sql[start] === '0' ? sql[start + 1] : undefined
    if ((prefix === 'x' || prefix === 'b') && whole > start + 2) {
      let i = start + 2
      while (i < whole && isHexDigit(sql.charCodeAt(i))) i++
      if (i === whole) {
        this.#tokens.push(tokenType.binary, start, whole, '')
        return whole
      }
    }
    const next = endOfNumber(sql, start, this.#end, false)
    if (next >= whole) {
      // `1.e` and the like: where the number ends depends on what follows.
      if (next < this.#end && isNamePart(sql.charCodeAt(next))) return this.#trouble('a number runs into a name')
      this.#tokens.push(tokenType.number, start, next, '')
      return next
    }
    this.#tokens.push(tokenType.word, start, whole, sql.slice(start, whole))
    return whole
  }

  #punctuation(i: number): number {
    const sql = this.#sql
    switch (sql.charAt(i)) {
      case "'":
        return this.#string(i, i)
      case '"':
        return this.#doubleQuoted(i)
      case '`': {
        const next = endOfQuoted(sql, i, '`', this.#end)
        if (next < 0) return this.#trouble('a quoted name is not closed')
        this.#tokens.push(tokenType.quotedName, i, next, '')
        return next
      }
      case '#':
        return this.#endOfLine(i)
      case '-':
        if (sql[i + 1] === '-' && this.#startsLineComment(i + 2)) return this.#endOfLine(i)
        break
      case '/':
        if (sql[i + 1] === '*') return this.#comment(i)
        break
      case '*':
        if (this.#inComment && sql[i + 1] === '/') return this.#leaveComment(i + 2)
        break
      case '.':
        if (isDigit(sql.charCodeAt(i + 1)) && !nameEndsAt(this.#tokens, i)) return this.#leadingDot(i)
        break
      case '?':
        this.#tokens.push(tokenType.parameter, i, i + 1, '', this.#parameters++)
        return i + 1
      case '@':
        return this.#variable(i)
      case ':':
        if (sql[i + 1] !== '=') return this.#named(i)
        break
      case '\\':
        if (sql[i + 1] !== 'N') return this.#trouble('a backslash stands outside a string')
        this.#tokens.push(tokenType.binary, i, i + 2, '')
        return i + 2
      default:
    }
    return pushOperator(this.#tokens, i, this.#end, operators)
  }

  #leadingDot(start: number): number {
    const next = endOfNumber(this.#sql, start, this.#end, false)
    if (next < this.#end && isNamePart(this.#sql.charCodeAt(next))) return this.#trouble('a number runs into a name')
    this.#tokens.push(tokenType.number, start, next, '')
    return next
  }

  /** MySQL wants white space or a control character behind `--`: `5--1` is a subtraction. */
  #startsLineComment(i: number): boolean {
    const code = this.#sql.charCodeAt(i)
    return i >= this.#end || code <= 0x20 || code === 0x7f
  }

  #endOfLine(from: number): number {
    const next = this.#sql.indexOf('\n', from)
    return next < 0 || next >= this.#end ? this.#end : next + 1
  }

  #comment(start: number): number {
    const sql = this.#sql
    const marker = sql[start + 2] === '!' ? 3 : sql[start + 2] === 'M' && sql[start + 3] === '!' ? 4 : 0
    if (marker > 0) return this.#executableComment(start, start + marker)
    const close = sql.indexOf('*/', start + 2)
    if (close < 0 || close + 2 > this.#end) return this.#trouble('a comment is not closed')
    // MySQL reads quoted names inside a hint, which could hold the end of the comment.
    if (sql[start + 2] === '+' && hasOddQuotes(sql.slice(start, close)))
      return this.#trouble('a hint has an open quote')
    return close + 2
  }

  #executableComment(start: number, from: number): number {
    if (this.#inComment) return this.#trouble('executable comments are nested')
    this.#tokens.executableTokens.push(this.#tokens.length)
    if (!this.#reading.runComments) {
      const close = this.#endOfSkipped(start + 2)
      return close < 0 ? this.#trouble('an executable comment is not closed') : this.#leaveComment(close)
    }
    let i = from
    while (i < from + 6 && isDigit(this.#sql.charCodeAt(i))) i++
    this.#inComment = true
    return i
  }

  #leaveComment(close: number): number {
    this.#inComment = false
    this.#tokens.executableEnds.push(close)
    this.#tokens.executableTokens.push(this.#tokens.length)
    return close
  }

  /** A skipped executable comment may hold plain ones. */
  #endOfSkipped(from: number): number {
    let i = from
    for (;;) {
      const close = this.#sql.indexOf('*/', i)
      if (close < 0 || close + 2 > this.#end) return -1
      const inner = this.#sql.indexOf('/*', i)
      if (inner < 0 || inner > close) return close + 2
      const innerClose = this.#sql.indexOf('*/', inner + 2)
      if (innerClose < 0) return -1
      i = innerClose + 2
    }
  }

  #string(start: number, quote: number): number {
    const next = this.#endOfString(quote, "'", this.#reading.singleEscapes)
    if (next < 0) return this.#trouble('a string is not closed')
    this.#tokens.push(tokenType.string, start, next, '')
    return next
  }

  #doubleQuoted(start: number): number {
    const next = this.#endOfString(start, '"', this.#reading.doubleEscapes)
    if (next < 0) return this.#trouble('a string is not closed')
    this.#tokens.push(tokenType.doubleQuoted, start, next, '')
    return next
  }

  #endOfString(start: number, quote: string, escapes: boolean): number {
    if (!escapes) return endOfQuoted(this.#sql, start, quote, this.#end)
    const sql = this.#sql
    const quoteCode = quote.charCodeAt(0)
    for (let i = start + 1; i < this.#end; i++) {
      const code = sql.charCodeAt(i)
      if (code === 0x5c) {
        i++
        if (sql.charCodeAt(i) === quoteCode) {
          if (quote === "'") this.#tokens.escapedSingle = true
          else this.#tokens.escapedDouble = true
        }
      } else if (code === quoteCode) {
        if (sql.charCodeAt(i + 1) !== quoteCode || i + 1 >= this.#end) return i + 1
        i++
      }
    }
    return -1
  }

  #variable(start: number): number {
    const sql = this.#sql
    if (sql[start + 1] === '@') return this.#systemVariable(start)
    const quote = sql[start + 1]
    let next: number
    if (quote === "'" || quote === '"') {
      next = this.#endOfString(
        start + 1,
        quote,
        quote === "'" ? this.#reading.singleEscapes : this.#reading.doubleEscapes,
      )
      if (next < 0) return this.#trouble('a string is not closed')
    } else if (quote === '`') {
      next = endOfQuoted(sql, start + 1, '`', this.#end)
      if (next < 0) return this.#trouble('a quoted name is not closed')
    } else {
      next = start + 1
      while (next < this.#end && (isNamePart(sql.charCodeAt(next)) || sql[next] === '.')) next++
      if (next === start + 1) return this.#trouble('a variable has no name')
    }
    this.#tokens.push(tokenType.userVariable, start, next, '')
    return next
  }

  #systemVariable(start: number): number {
    const sql = this.#sql
    let next = start + 2
    while (next < this.#end && (isNamePart(sql.charCodeAt(next)) || sql[next] === '.')) next++
    if (next === start + 2) return this.#trouble('a variable has no name')
    this.#tokens.push(tokenType.systemVariable, start, next, keywordOf(sql, start + 2, next))
    return next
  }

  /** `:name` is no syntax of the servers, but drivers replace it (mysql2's `namedPlaceholders`). */
  #named(start: number): number {
    const next = endOfName(this.#sql, start + 1, this.#end)
    if (next === start + 1) {
      this.#tokens.pushPunctuation(start, next, ':')
      return next
    }
    this.#tokens.push(tokenType.namedParameter, start, next, '')
    return next
  }

  #trouble(text: string): number {
    this.#tokens.trouble = text
    return this.#sql.length
  }
}

function hasOddQuotes(text: string): boolean {
  for (const quote of ['`', '"', "'"]) if ((text.split(quote).length - 1) % 2 === 1) return true
  return false
}
