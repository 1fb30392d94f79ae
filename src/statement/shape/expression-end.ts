import type { TokenList } from '../shallow/token-list.ts'
import { tokenType } from '../shallow/token-list.ts'
import type { ShapeSyntax } from './shape-syntax.ts'

/** What `INTERVAL expression unit` may end with on MySQL. */
const intervalUnits: ReadonlySet<string> = new Set(
  `MICROSECOND SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR SECOND_MICROSECOND MINUTE_MICROSECOND MINUTE_SECOND
  HOUR_MICROSECOND HOUR_SECOND HOUR_MINUTE DAY_MICROSECOND DAY_SECOND DAY_MINUTE DAY_HOUR YEAR_MONTH`.split(/\s+/),
)

const typeWords: ReadonlySet<string> = new Set(['DATE', 'TIME', 'TIMESTAMP'])

/**
 * The token behind the expression that starts at `from`: `to`, or an alias; -1 where it can't be told. It knows whether an
 * operand or an operator comes next, so that in `a + interval 1 day`, `x is null`, `n::double precision` and `b size`
 * only the last one has an alias.
 */
export function endOfExpression(tokens: TokenList, syntax: ShapeSyntax, from: number, to: number): number {
  const walk = new OperandWalk(tokens, syntax, to)
  return walk.run(from)
}

/** What a step of the walk may answer instead of the next token. */
const unreadable = -1
const ends = -2

class OperandWalk {
  readonly #tokens: TokenList
  readonly #syntax: ShapeSyntax
  readonly #to: number
  #wantsOperand = true
  /** MySQL: INTERVALs whose unit is still to come. */
  #intervals = 0

  constructor(tokens: TokenList, syntax: ShapeSyntax, to: number) {
    this.#tokens = tokens
    this.#syntax = syntax
    this.#to = to
  }

  run(from: number): number {
    let i = from
    while (i < this.#to) {
      const next = this.#wantsOperand ? this.#operand(i) : this.#behindOperand(i)
      if (next === unreadable || next > this.#to) return unreadable
      if (next === ends) break
      i = next
    }
    return this.#wantsOperand || this.#intervals > 0 ? unreadable : i
  }

  #operand(i: number): number {
    const tokens = this.#tokens
    const word = tokens.word(i)
    if (tokens.type(i) === tokenType.punctuation) {
      if (word === '(') return this.#operandEnds(tokens.partner(i) + 1)
      return word !== '*' && this.#syntax.isOperator(word) ? i + 1 : unreadable
    }
    if (tokens.type(i) !== tokenType.word) return this.#operandEnds(i + 1)
    if (this.#syntax.prefix.has(word)) return i + 1
    const next = tokens.word(i + 1)
    if (word === 'CASE') return this.#operandEnds(this.#endOfCase(i))
    if (word === 'ARRAY' && next === '[' && this.#syntax.dialect === 'postgres')
      return this.#operandEnds(tokens.partner(i + 1) + 1)
    if (word === 'INTERVAL' && this.#syntax.dialect === 'mysql' && !isIntervalFunction(tokens, i)) {
      this.#intervals++
      return i + 1
    }
    if (word === 'OPERATOR' && next === '(' && this.#syntax.dialect === 'postgres') {
      // In front of an operand if there is an operator in its brackets; a function may have that name too.
      const close = tokens.partner(i + 1)
      if (this.#syntax.isOperator(tokens.word(close - 1))) return close + 1
    }
    if (next !== '(' && this.#syntax.reserved.has(word) && !this.#syntax.values.has(word)) return unreadable
    return this.#operandEnds(i + 1)
  }

  #operandEnds(next: number): number {
    this.#wantsOperand = false
    return next
  }

  #operandFollows(next: number): number {
    this.#wantsOperand = true
    return next
  }

  /** Behind the END of a CASE; a column called `end` makes it unreadable. */
  #endOfCase(from: number): number {
    const tokens = this.#tokens
    let depth = 0
    for (let i = from; i < this.#to; i++) {
      const word = tokens.word(i)
      if (word === '(' || word === '[') i = Math.max(i, tokens.partner(i))
      else if (word === 'CASE') depth++
      else if (word === 'END') {
        const before = tokens.word(i - 1)
        const behindOperand =
          before === ')' ||
          before === ']' ||
          (tokens.type(i - 1) !== tokenType.punctuation && !/^(CASE|WHEN|THEN|ELSE)$/.test(before))
        if (!behindOperand || this.#syntax.infix.has(before) || tokens.word(i + 1) === '.') return unreadable
        depth--
        if (depth === 0) return i + 1
      }
    }
    return unreadable
  }

  #behindOperand(i: number): number {
    const tokens = this.#tokens
    switch (tokens.type(i)) {
      case tokenType.punctuation:
        return this.#punctuation(i)
      case tokenType.word:
        return this.#word(i)
      case tokenType.string:
      case tokenType.doubleQuoted:
      case tokenType.binary:
        return this.#literal(i)
      default:
        return ends
    }
  }

  #punctuation(i: number): number {
    const tokens = this.#tokens
    const word = tokens.word(i)
    switch (word) {
      case '(':
        return isName(tokens, i - 1) ? tokens.partner(i) + 1 : unreadable
      case '[':
        return this.#syntax.dialect === 'postgres' ? tokens.partner(i) + 1 : unreadable
      case '.':
        return isName(tokens, i + 1) || tokens.word(i + 1) === '*' ? i + 2 : unreadable
      default:
        // `::`, which only PostgreSQL's lexer gives in one piece.
        if (word === '::') return isName(tokens, i + 1) ? i + 2 : unreadable
        return this.#syntax.isOperator(word) ? this.#operandFollows(i + 1) : unreadable
    }
  }

  #word(i: number): number {
    const tokens = this.#tokens
    const word = tokens.word(i)
    const next = tokens.word(i + 1)
    if (word === 'IS') return this.#behindIs(i)
    if (word === 'NOT' && next === 'NULL' && this.#syntax.dialect === 'sqlite') return i + 2
    if (this.#syntax.infix.has(word)) return this.#operandFollows(i + 1)
    if (this.#intervals > 0 && intervalUnits.has(word)) {
      this.#intervals--
      return i + 1
    }
    const suffix = endOfCallSuffix(tokens, i)
    if (suffix > 0) return suffix
    if (this.#syntax.dialect === 'mysql') {
      if (word === 'SOUNDS' && next === 'LIKE') return this.#operandFollows(i + 2)
      if (word === 'MEMBER' && next === 'OF') return this.#operandFollows(i + 2)
      return ends
    }
    if (this.#syntax.dialect === 'postgres') return this.#postgresWord(i)
    return this.#syntax.postfix.has(word) ? i + 1 : ends
  }

  #postgresWord(i: number): number {
    const tokens = this.#tokens
    const word = tokens.word(i)
    const next = tokens.word(i + 1)
    const zone = next === 'TIME' && tokens.word(i + 2) === 'ZONE'
    if ((word === 'WITH' || word === 'WITHOUT') && zone) return i + 3
    if (word === 'AT' && zone) return this.#operandFollows(i + 3)
    if (word === 'AT' && next === 'LOCAL') return i + 2
    if (word === 'SIMILAR' && next === 'TO') return this.#operandFollows(i + 2)
    if (word === 'OPERATOR' && next === '(') return this.#operandFollows(tokens.partner(i + 1) + 1)
    if (word === 'UESCAPE' && tokens.type(i + 1) === tokenType.string) return i + 2
    return this.#syntax.postfix.has(word) ? i + 1 : ends
  }

  #behindIs(at: number): number {
    const tokens = this.#tokens
    const i = tokens.word(at + 1) === 'NOT' ? at + 2 : at + 1
    const word = tokens.word(i)
    const next = tokens.word(i + 1)
    if (word === 'DISTINCT' && next === 'FROM') return this.#operandFollows(i + 2)
    if (this.#syntax.dialect === 'sqlite') return this.#operandFollows(i)
    if (/^(NULL|TRUE|FALSE|UNKNOWN)$/.test(word)) return i + 1
    if (this.#syntax.dialect === 'mysql') return unreadable
    if (word === 'DOCUMENT' || word === 'NORMALIZED') return i + 1
    if (/^NFK?[CD]$/.test(word) && next === 'NORMALIZED') return i + 2
    return word === 'JSON' ? this.#behindIsJson(i + 1) : unreadable
  }

  /** `IS JSON [VALUE | ARRAY | OBJECT | SCALAR] [{WITH | WITHOUT} UNIQUE [KEYS]]`. */
  #behindIsJson(at: number): number {
    const tokens = this.#tokens
    let i = at
    if (/^(VALUE|ARRAY|OBJECT|SCALAR)$/.test(tokens.word(i))) i++
    if (!/^(WITH|WITHOUT)$/.test(tokens.word(i)) || tokens.word(i + 1) !== 'UNIQUE') return i
    return tokens.word(i + 2) === 'KEYS' ? i + 3 : i + 2
  }

  /** A literal right behind an operand is part of it, or an alias. */
  #literal(i: number): number {
    const tokens = this.#tokens
    const type = tokens.type(i)
    // `date '2024-01-01'`, `'a' 'b'` over two lines; PostgreSQL has no alias in single quotes.
    if (this.#syntax.dialect === 'postgres') return type === tokenType.string ? i + 1 : unreadable
    if (this.#syntax.dialect === 'sqlite') return ends
    const before = tokens.type(i - 1)
    const literalBefore = before === tokenType.string || before === tokenType.doubleQuoted
    const word = tokens.word(i - 1)
    const introduced = before === tokenType.word && (word.startsWith('_') || typeWords.has(word))
    if (!literalBefore && !introduced) return type === tokenType.binary ? unreadable : ends
    // In double quotes it is a string or a name, as the server's sql_mode has it.
    if (type === tokenType.doubleQuoted || before === tokenType.doubleQuoted) return unreadable
    return i + 1
  }
}

function isName(tokens: TokenList, i: number): boolean {
  const type = tokens.type(i)
  return type === tokenType.word || type === tokenType.quotedName || type === tokenType.doubleQuoted
}

/** MySQL's function `INTERVAL(n, a, b)`, which has a comma in its brackets. */
function isIntervalFunction(tokens: TokenList, i: number): boolean {
  if (tokens.word(i + 1) !== '(') return false
  const close = tokens.partner(i + 1)
  for (let k = i + 2; k < close; k++) {
    if (tokens.word(k) === '(') k = tokens.partner(k)
    else if (tokens.word(k) === ',') return true
  }
  return false
}

/** Behind `OVER (…)`, `OVER w`, `FILTER (…)`, `WITHIN GROUP (…)`, `AGAINST (…)` at `i`; -1 if it is something else. */
export function endOfCallSuffix(tokens: TokenList, i: number): number {
  if (tokens.word(i - 1) !== ')') return -1
  const next = tokens.word(i + 1)
  switch (tokens.word(i)) {
    case 'OVER':
      if (next === '(') return tokens.partner(i + 1) + 1
      return isName(tokens, i + 1) && next !== 'FROM' ? i + 2 : -1
    case 'FILTER':
      return next === '(' && tokens.word(i + 2) === 'WHERE' ? tokens.partner(i + 1) + 1 : -1
    case 'WITHIN':
      return next === 'GROUP' && tokens.word(i + 2) === '(' ? tokens.partner(i + 2) + 1 : -1
    case 'AGAINST':
      return next === '(' ? tokens.partner(i + 1) + 1 : -1
    default:
      return -1
  }
}
