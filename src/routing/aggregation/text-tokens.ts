import type { Span } from '../../statement/analysis.ts'
import { lexMysql } from '../../statement/mysql/lexer.ts'
import { nameOf, nextToken } from '../../statement/postgres/tokens.ts'
import { tokenType, type TokenList } from '../../statement/shallow/token-list.ts'
import { lexSqlite } from '../../statement/sqlite/lexer.ts'
import type { Dialect } from '../../statement/statement.ts'

/** A token as the finishing of aggregates looks at it, the same for all dialects. */
export interface TextToken extends Span {
  readonly kind: 'word' | 'name' | 'string' | 'literal' | 'parameter' | 'symbol'
  /** In upper case for a word, the text of a symbol, else empty. */
  readonly word: string
  /** Equal for two tokens that mean the same; unique for a parameter that is no other one's equal. */
  readonly same: string
  /** Its index from 0, or its name with the sigil. */
  readonly parameter?: number | string
}

/** The tokens of a text; `undefined` if it cannot be read. */
export function textTokens(sql: string, dialect: Dialect): readonly TextToken[] | undefined {
  if (dialect === 'postgres') return postgresTokens(sql)
  const list = dialect === 'mysql' ? lexMysql(sql) : lexSqlite(sql)
  return list.trouble === '' && list.executableTokens.length === 0 ? listed(list, sql) : undefined
}

function postgresTokens(sql: string): readonly TextToken[] {
  const tokens: TextToken[] = []
  for (let token = nextToken(sql, 0); token !== undefined; token = nextToken(sql, token.end)) {
    const { start, end } = token
    const text = sql.slice(start, end)
    if (token.kind === 'word')
      tokens.push({ kind: 'word', word: text.toUpperCase(), same: `n${nameOf(sql, token)}`, start, end })
    else if (token.kind === 'quoted')
      tokens.push({ kind: 'name', word: '', same: `n${nameOf(sql, token)}`, start, end })
    else if (token.kind === 'parameter')
      tokens.push({ kind: 'parameter', word: '', same: text, parameter: Number(text.slice(1)) - 1, start, end })
    else if (token.kind === 'string' || token.kind === 'number')
      tokens.push({ kind: token.kind === 'string' ? 'string' : 'literal', word: '', same: `l${text}`, start, end })
    else tokens.push({ kind: 'symbol', word: text, same: text, start, end })
  }
  return tokens
}

function listed(list: TokenList, sql: string): readonly TextToken[] {
  const tokens: TextToken[] = []
  for (let i = 0; i < list.length; i++) {
    const start = list.start(i)
    const end = list.end(i)
    const text = sql.slice(start, end)
    const type = list.type(i)
    if (type === tokenType.word || type === tokenType.quotedName) {
      const same = `n${list.unquoted(i).toLowerCase()}`
      const word = type === tokenType.word
      tokens.push({ kind: word ? 'word' : 'name', word: word ? text.toUpperCase() : '', same, start, end })
    } else if (type === tokenType.parameter || type === tokenType.namedParameter) {
      const parameter = type === tokenType.parameter ? list.links[i]! : text
      const anonymous = text === '?'
      tokens.push({ kind: 'parameter', word: '', same: anonymous ? `?${i}` : text, parameter, start, end })
    } else if (type === tokenType.punctuation) {
      tokens.push({ kind: 'symbol', word: text, same: text, start, end })
    } else {
      const string = type === tokenType.string || type === tokenType.doubleQuoted
      tokens.push({ kind: string ? 'string' : 'literal', word: '', same: `l${text}`, start, end })
    }
  }
  return tokens
}

/** Index of the first token at or behind a position of the text. */
export function tokenAt(tokens: readonly TextToken[], position: number): number {
  let low = 0
  let high = tokens.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (tokens[middle]!.start < position) low = middle + 1
    else high = middle
  }
  return low
}

/** Index behind the bracket that closes the one at `open`. */
export function behindBracket(tokens: readonly TextToken[], open: number): number {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    const { word } = tokens[i]!
    if (word === '(') depth++
    else if (word === ')' && --depth === 0) return i + 1
  }
  return tokens.length
}

/** Whether a run of tokens says the same as another one. */
export function sameTokens(tokens: readonly TextToken[], from: number, other: readonly TextToken[]): boolean {
  return other.every((token, i) => tokens[from + i]?.same === token.same)
}
