import { dotEndsAt, keywordOf } from '../shallow/lexer.ts'
import { TokenList, tokenType } from '../shallow/token-list.ts'
import type { Token } from './tokens.ts'
import { nextToken, skipBlank } from './tokens.ts'

/** What a number may look like; `1.5e-3` comes as three tokens, of which the first ends in `e`. */
const number = /^(?:\d[\d_]*\.?[\d_]*(?:e\d*)?|0[xob][\da-f_]+)$/i

/**
 * The tokens of a PostgreSQL text in the form that the shallow readers of the other dialects use. The brackets of
 * subscripts and arrays, `[` and `]`, have partners too. An operator is one token whose word is its text.
 */
export function lexPostgres(sql: string): TokenList {
  const lexer = new PostgresLexer(sql)
  return lexer.run()
}

class PostgresLexer {
  readonly #tokens: TokenList
  readonly #subscripts: number[] = []
  /** Depth of round brackets outside of which no open subscript may close. */
  #depth = 0

  constructor(sql: string) {
    this.#tokens = new TokenList(sql)
  }

  run(): TokenList {
    const tokens = this.#tokens
    const { sql } = tokens
    let position = 0
    for (;;) {
      const token = nextToken(sql, position)
      if (token === undefined) {
        if (skipBlank(sql, position) < 0) tokens.trouble = 'a comment does not end'
        break
      }
      position = this.#push(token)
      if (tokens.trouble !== '') return tokens
    }
    if (tokens.trouble === '' && this.#subscripts.length > 0) tokens.trouble = 'a subscript is not closed'
    tokens.finish()
    return tokens
  }

  /** Gives the position behind what was read. */
  #push(token: Token): number {
    const tokens = this.#tokens
    const { sql } = tokens
    const { start, end } = token
    switch (token.kind) {
      case 'word': {
        // Behind a dot stands a name, whatever blanks are between them.
        const behindDot = dotEndsAt(tokens, start) || tokens.word(tokens.length - 1) === '.'
        tokens.push(tokenType.word, start, end, behindDot ? '' : keywordOf(sql, start, end))
        return end
      }
      case 'quoted':
        if (!isClosed(sql.slice(start, end))) tokens.trouble = 'a quoted name is not closed'
        tokens.push(tokenType.quotedName, start, end, '')
        return end
      case 'string':
        if (!isClosed(sql.slice(start, end))) tokens.trouble = 'a string is not closed'
        tokens.push(tokenType.string, start, end, '')
        return end
      case 'number':
        return this.#number(start, start, end)
      case 'parameter': {
        const digits = sql.slice(start + 1, end)
        const index = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) - 1 : -1
        if (index < 0) tokens.trouble = 'a parameter runs into something else'
        tokens.push(tokenType.parameter, start, end, '', index)
        return end
      }
      case 'operator':
        tokens.pushPunctuation(start, end, sql.slice(start, end))
        return end
      case 'mark':
        return this.#mark(start)
    }
  }

  #number(start: number, from: number, end: number): number {
    const text = this.#tokens.sql.slice(from, end)
    if (!number.test(text)) this.#tokens.trouble = 'a number runs into a name'
    this.#tokens.push(tokenType.number, start, end, '')
    return end
  }

  #mark(start: number): number {
    const tokens = this.#tokens
    const { sql } = tokens
    const mark = sql.charAt(start)
    const behind = mark === '.' ? nextToken(sql, start + 1) : undefined
    if (behind?.kind === 'number' && behind.start === start + 1) return this.#number(start, behind.start, behind.end)
    switch (mark) {
      case '[':
        this.#subscripts.push(tokens.length)
        this.#subscripts.push(this.#depth)
        tokens.push(tokenType.punctuation, start, start + 1, mark)
        break
      case ']':
        this.#closeSubscript(start)
        break
      default:
        if (mark === '(') this.#depth++
        if (mark === ')') this.#depth--
        if (mark === ')' && this.#depth < (this.#subscripts.at(-1) ?? -1)) tokens.trouble = 'a subscript is not closed'
        tokens.pushPunctuation(start, start + 1, mark)
    }
    return start + 1
  }

  #closeSubscript(start: number): void {
    const tokens = this.#tokens
    const depth = this.#subscripts.pop()
    const partner = this.#subscripts.pop()
    if (partner === undefined || depth !== this.#depth) {
      tokens.trouble = 'a closing bracket has no opening one'
      return
    }
    tokens.links[partner] = tokens.length
    tokens.push(tokenType.punctuation, start, start + 1, ']', partner)
  }
}

/** True for a string or quoted name that ends where its quote does, not where the text does. */
function isClosed(text: string): boolean {
  if (text.startsWith('$')) {
    const tag = text.slice(0, text.indexOf('$', 1) + 1)
    return text.length >= 2 * tag.length && text.endsWith(tag)
  }
  const open = text.search(/['"]/)
  const quote = text.charAt(open)
  const inner = /^e/i.test(text) ? text.slice(open).replaceAll(/\\[^]/g, '') : text.slice(open)
  return text.endsWith(quote) && inner.split(quote).length % 2 === 1
}
