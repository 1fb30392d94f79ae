import type { FunctionUse, Span } from '../analysis.ts'
import type { TokenList } from '../shallow/token-list.ts'
import { tokenType } from '../shallow/token-list.ts'
import type { ShapeSyntax } from './shape-syntax.ts'

/** Half-open range of tokens. */
export interface Tokens {
  readonly from: number
  readonly to: number
}

/** What all parts of the reading of one text share. */
export class ShapeReader {
  readonly tokens: TokenList
  readonly syntax: ShapeSyntax
  readonly obstacles = new Set<string>()
  readonly #isOwnAggregate: (call: FunctionUse) => boolean

  constructor(tokens: TokenList, syntax: ShapeSyntax, isOwnAggregate: (call: FunctionUse) => boolean) {
    this.tokens = tokens
    this.syntax = syntax
    this.#isOwnAggregate = isOwnAggregate
  }

  /** An aggregate of the engine, or one that the caller knows. */
  isAggregate(call: FunctionUse): boolean {
    const builtIn = call.schema === undefined || (call.schema === 'pg_catalog' && this.syntax.dialect === 'postgres')
    return (builtIn && this.syntax.aggregates.has(call.name)) || this.#isOwnAggregate(call)
  }

  span({ from, to }: Tokens): Span {
    return { start: this.tokens.start(from), end: this.tokens.end(to - 1) }
  }

  isName(index: number): boolean {
    const type = this.tokens.type(index)
    return type === tokenType.word || type === tokenType.quotedName || type === tokenType.doubleQuoted
  }

  /** The name as the engine shows it: PostgreSQL folds the letters A to Z of an unquoted one. */
  nameAt(index: number): string {
    const { tokens } = this
    if (this.syntax.dialect === 'postgres') {
      if (tokens.type(index) === tokenType.word) return foldAscii(tokens.text(index))
      const text = tokens.text(index)
      return text.slice(text.indexOf('"') + 1, -1).replaceAll('""', '"')
    }
    return tokens.unquoted(index)
  }

  /** The name as the engine compares it: without regard to case on MySQL and SQLite. */
  comparedNameAt(index: number): string {
    const name = this.nameAt(index)
    if (this.syntax.dialect === 'postgres') return name
    return this.syntax.dialect === 'mysql' ? name.toLowerCase() : foldAscii(name)
  }

  /** Splits a range at commas outside brackets; an empty range has one empty part. */
  split({ from, to }: Tokens): Tokens[] {
    const { tokens } = this
    const parts: Tokens[] = []
    let start = from
    for (let i = from; i < to; i++) {
      const word = tokens.word(i)
      if (word === '(' || (word === '[' && this.syntax.dialect === 'postgres')) i = tokens.partner(i)
      else if (word === ',') {
        parts.push({ from: start, to: i })
        start = i + 1
      }
    }
    parts.push({ from: start, to })
    return parts
  }

  /** True if the bracket at `open` holds a query: `(select …)`, `((select …) union …)`, but not `((select …) + 1)`. */
  opensQuery(open: number): boolean {
    const { tokens } = this
    let inner = open
    while (tokens.word(inner + 1) === '(') inner++
    const word = tokens.word(inner + 1)
    const startsQuery =
      word === 'SELECT' ||
      (word === 'VALUES' && /^(\(|ROW)$/.test(tokens.word(inner + 2))) ||
      word === 'TABLE' ||
      (word === 'WITH' && (this.isName(inner + 2) || tokens.word(inner + 2) === 'RECURSIVE'))
    if (!startsQuery) return false
    for (; inner > open; inner--) {
      const behind = tokens.word(tokens.partner(inner) + 1)
      if (behind !== ')' && !queryGoesOn.has(behind)) return false
    }
    return true
  }
}

/** What may follow a query in brackets, if the brackets around it hold a query too. */
const queryGoesOn: ReadonlySet<string> = new Set([
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'MINUS',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'FETCH',
  'FOR',
])

function foldAscii(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}
