import type { Span } from '../../statement/analysis.ts'
import { nonVolatileBuiltIns } from '../../statement/postgres/built-ins.ts'
import type { Expression } from '../../statement/shape/query-shape.ts'
import type { Dialect } from '../../statement/statement.ts'
import { gapBefore, type Parts } from './part-text.ts'
import { FinishRefusal } from './split-aggregate.ts'
import { behindBracket, sameTokens, type TextToken, tokenAt } from './text-tokens.ts'

/** An expression that is grouped by, and the column that holds it. */
export interface GroupKey {
  readonly tokens: readonly TextToken[]
  readonly column: string
}

/** What stands for the parts of an expression once the rows are grouped. */
export interface Surroundings {
  readonly sql: string
  readonly dialect: Dialect
  readonly tokens: readonly TextToken[]
  readonly keys: readonly GroupKey[]
  /** `x` and `t.x` are one column wherever both can be written: not where a join merges columns. */
  readonly merges: boolean
  /** Whether a function of this name is known to be no aggregate. */
  readonly isScalar: (name: string) => boolean
  /** The column that holds an aggregate. */
  columnOf(aggregate: Span): string
  /** The expression of the item of this name, where such names are in view. */
  aliased(name: string): Parts | undefined
  /** The column that holds a column which is neither grouped nor aggregated. @throws FinishRefusal */
  dependent(path: string): string
}

/** Words that begin an operand, or stand where one is expected, and can be no column. */
const operandWords = new Set(
  `NULL TRUE FALSE NOT CASE WHEN THEN ELSE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER SESSION_USER
  LOCALTIME LOCALTIMESTAMP DISTINCT ALL BOTH LEADING TRAILING BINARY INTERVAL ARRAY`.split(/\s+/),
)
/** Of these, the ones that are an operand themselves. */
const operands = new Set(
  `NULL TRUE FALSE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER SESSION_USER LOCALTIME LOCALTIMESTAMP`.split(
    /\s+/,
  ),
)
/** Words behind which an expression has ended although another operand does not follow. */
const endingWords = new Set(['END', 'NULL', 'ISNULL', 'NOTNULL', 'TRUE', 'FALSE', 'UNKNOWN', 'LOCAL'])
/** What looks like a function of PostgreSQL and is grammar. */
const grammarFunctions = new Set(
  `coalesce nullif greatest least extract position substring trim overlay cast row array any some all in exists not and
  or case when then else random gen_random_uuid clock_timestamp timeofday`.split(/\s+/),
)
const boundaries = new Set(['(', ')', ',', 'WHEN', 'THEN', 'ELSE', 'END', 'CASE', 'AS'])
/** Functions whose first argument is a unit: `extract(year FROM …)`, `timestampdiff(day, …)`. */
const unitFirst = new Set(['EXTRACT', 'TIMESTAMPDIFF', 'TIMESTAMPADD', 'GET_FORMAT'])
/** A type before one of these goes on. */
const typeGoesOn = new Set(['(', '[', '.', 'WITH', 'WITHOUT', 'PRECISION', 'VARYING'])

/**
 * Writes an expression of the grouped query over the columns that hold its aggregates and its group keys.
 *
 * Nothing of the tables may be left in it. Where an operand is expected, a word is a literal, a function, an expression that
 * is grouped by, or else a column; where an operator is expected, it is a keyword.
 */
export class FinalExpression {
  readonly #around: Surroundings
  readonly #expression: Expression
  readonly #end: number
  readonly #parts: Parts[number][] = []
  #at: number
  #first: number
  /** True where an operator is expected. */
  #behindOperand = false
  /** Brackets in which a type, a character set or a unit stands behind a keyword or comma. */
  readonly #brackets: string[] = []

  constructor(around: Surroundings, expression: Expression) {
    if (expression.hasSubquery) throw new FinishRefusal('a subquery beside aggregates or group keys')
    this.#around = around
    this.#expression = expression
    this.#first = this.#at = tokenAt(around.tokens, expression.span.start)
    this.#end = tokenAt(around.tokens, expression.span.end)
  }

  write(): Parts {
    while (this.#at < this.#end) {
      if (this.#behindOperand) this.#operator()
      else this.#operand()
    }
    return this.#parts
  }

  #token(at = this.#at): TextToken | undefined {
    return at < this.#end ? this.#around.tokens[at] : undefined
  }

  #operand(): void {
    const token = this.#token()!
    const aggregate = this.#expression.aggregates.find((each) => each.span.start === token.start)
    if (aggregate !== undefined) {
      this.#put(this.#around.columnOf(aggregate.span), tokenAt(this.#around.tokens, aggregate.span.end))
      this.#behindOperand = true
      return
    }
    if (
      token.kind === 'word' &&
      this.#token(this.#at - 1)?.word === '(' &&
      unitFirst.has(this.#brackets.at(-1) ?? '')
    ) {
      this.#copy(2)
      return
    }
    const key = this.#keyHere()
    if (key !== undefined) {
      this.#put(key.column, this.#at + key.length)
      this.#behindOperand = true
    } else if (token.kind === 'word' || token.kind === 'name') this.#word(token)
    else if (token.kind === 'symbol') this.#symbol(token)
    else {
      this.#copy()
      this.#behindOperand = true
    }
  }

  #symbol({ word }: TextToken): void {
    if (word === '(') {
      const before = this.#token(this.#at - 1)
      this.#brackets.push(this.#at > this.#first && before !== undefined ? before.word : '')
    }
    if (word === ')') {
      this.#brackets.pop()
      this.#behindOperand = true
    }
    if (word === ']') this.#behindOperand = true
    if (word === '*' && !this.#behindOperand) throw new FinishRefusal('"*" beside aggregates or group keys')
    this.#copy()
  }

  /** A word where an operand is expected. */
  #word(token: TextToken): void {
    const next = this.#token(this.#at + 1)
    if (token.kind === 'word') {
      if (this.#atKeyword(token, next)) return
      if (next?.word === '(') {
        this.#function(token.same.slice(1))
        return
      }
      if (next?.kind === 'string' && this.#around.dialect !== 'sqlite') {
        // `date '2024-02-29'`, `_utf8mb4'…'`
        this.#copy(2)
        this.#behindOperand = true
        return
      }
    }
    this.#column()
  }

  #atKeyword({ word }: TextToken, next: TextToken | undefined): boolean {
    if (word === 'INTERVAL' && next !== undefined && next.kind !== 'word' && next.kind !== 'symbol') {
      const unit = this.#token(this.#at + 2)
      this.#copy(
        unit?.kind === 'word' && /^(?:MICROSECOND|SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)$/.test(unit.word)
          ? 3
          : 2,
      )
      this.#behindOperand = true
      return true
    }
    if (!operandWords.has(word) || next?.word === '.') return false
    if (word === 'INTERVAL') throw new FinishRefusal('INTERVAL over an expression')
    this.#copy()
    this.#behindOperand = operands.has(word)
    return true
  }

  #function(name: string): void {
    const { dialect, isScalar } = this.#around
    if (dialect === 'postgres' && !nonVolatileBuiltIns.has(name) && !grammarFunctions.has(name) && !isScalar(name)) {
      throw new FinishRefusal(`the function ${name}() outside of an aggregate, which may be an aggregate itself`)
    }
    this.#copy()
  }

  #column(): void {
    let last = this.#at
    while (this.#token(last + 1)?.word === '.' && this.#token(last + 2) !== undefined) last += 2
    const { sql, tokens } = this.#around
    if (this.#token(last)!.word === '*') throw new FinishRefusal('"*" beside aggregates or group keys')
    if (this.#token(last + 1)?.word === '(') {
      throw new FinishRefusal(`the function ${sql.slice(tokens[this.#at]!.start, tokens[last]!.end)}() of a schema`)
    }
    const aliased = last === this.#at ? this.#around.aliased(tokens[last]!.same) : undefined
    if (aliased === undefined) {
      const path = sql.slice(tokens[this.#at]!.start, tokens[last]!.end)
      this.#put(this.#around.dependent(path), last + 1)
    } else {
      this.#parts.push(' (', ...aliased, ')')
      this.#at = last + 1
    }
    this.#behindOperand = true
  }

  /** A token where an operator is expected. */
  #operator(): void {
    const token = this.#token()!
    const { word } = token
    if (token.kind === 'symbol') {
      if (word === '::') return this.#type()
      if (word === ',' && this.#brackets.at(-1) === 'CONVERT') return this.#untilBracket()
      if (word === '.') this.#copy(2)
      else if (word === ')' || word === ']') this.#symbol(token)
      else {
        this.#behindOperand = false
        this.#symbolAsOperator(token)
      }
      return
    }
    const opened = this.#brackets.at(-1)
    if ((word === 'AS' && opened === 'CAST') || (word === 'USING' && opened === 'CONVERT')) return this.#untilBracket()
    if (word === 'COLLATE') {
      this.#copy(this.#token(this.#at + 2)?.word === '.' ? 4 : 2)
      return
    }
    if (word === 'AT') {
      // `AT TIME ZONE …`, `AT LOCAL`
      const local = this.#token(this.#at + 1)?.word === 'LOCAL'
      this.#copy(local ? 2 : 3)
      this.#behindOperand = local
      return
    }
    this.#copy()
    if (word === 'IS') {
      if (this.#token()?.word === 'NOT') this.#copy()
      if (this.#token()?.word === 'DISTINCT') this.#copy(2)
      else if (this.#token()?.kind === 'word') this.#copy()
      this.#behindOperand = endingWords.has(this.#around.tokens[this.#at - 1]!.word)
    } else this.#behindOperand = endingWords.has(word)
  }

  #symbolAsOperator(token: TextToken): void {
    if (token.word === '(') this.#symbol(token)
    else this.#copy()
  }

  /** `::` and the type behind it. */
  #type(): void {
    this.#copy(2)
    if (this.#around.tokens[this.#at - 1]!.word === 'DOUBLE') this.#copy()
    for (;;) {
      const word = this.#token()?.word
      if (word === '.') this.#copy(2)
      else if (word === 'VARYING') this.#copy()
      else if (word === 'WITH' || word === 'WITHOUT') this.#copy(3)
      else if (word === '(') this.#copy(behindBracket(this.#around.tokens, this.#at) - this.#at)
      else if (word === '[') while (this.#token(this.#at - 1)?.word !== ']') this.#copy()
      else return
    }
  }

  /** The rest of a bracket as it stands: a type or a character set. */
  #untilBracket(): void {
    let depth = 0
    for (;;) {
      const word = this.#token()?.word
      if (word === undefined || (word === ')' && depth === 0)) return
      if (word === '(') depth++
      if (word === ')') depth--
      this.#copy()
    }
  }

  /** The group key that stands here as a whole. */
  #keyHere(): { readonly column: string; readonly length: number } | undefined {
    const { tokens, keys } = this.#around
    const path = this.#pathLength(tokens, this.#at)
    let found: { readonly column: string; readonly length: number } | undefined
    for (const key of keys) {
      const length = key.tokens.length
      const isColumn = this.#pathLength(key.tokens, 0) === length
      if (isColumn) {
        if (
          path > 0 &&
          found === undefined &&
          this.#sameColumn(key.tokens, path) &&
          this.#token(this.#at + path)?.word !== '('
        )
          found = { column: key.column, length: path }
      } else if (
        length > (found?.length ?? 0) &&
        this.#at + length <= this.#end &&
        sameTokens(tokens, this.#at, key.tokens) &&
        this.#standsAlone(key.tokens)
      ) {
        found = { column: key.column, length }
      }
    }
    return found
  }

  /** Tokens of a name with what qualifies it; 0 if there is none. */
  #pathLength(tokens: readonly TextToken[], from: number): number {
    const named = (token: TextToken | undefined) =>
      token?.kind === 'name' || (token?.kind === 'word' && !operandWords.has(token.word))
    if (!named(tokens[from])) return 0
    let length = 1
    while (tokens[from + length]?.word === '.' && /^(?:word|name)$/.test(tokens[from + length + 1]?.kind ?? ''))
      length += 2
    return length
  }

  #sameColumn(key: readonly TextToken[], path: number): boolean {
    const { tokens, merges } = this.#around
    if (key.length !== path && merges) return false
    for (let i = 1; i <= Math.min(key.length, path); i++) {
      if (key[key.length - i]!.same !== tokens[this.#at + path - i]!.same) return false
    }
    return true
  }

  /** Whether no operator around binds more tightly than those within. */
  #standsAlone(key: readonly TextToken[]): boolean {
    const behind = this.#token(this.#at + key.length)
    const cast = key.findLastIndex(({ word }) => word === '::')
    const call = cast < 0 ? key.length : cast
    const path = this.#pathLength(key, 0)
    const bracket = key[path]?.word === '(' && behindBracket(key, path) === call
    const primary = bracket || (cast > 0 && path === call)
    if (primary && (cast < 0 || behind === undefined || !typeGoesOn.has(behind.word))) return true
    const before = this.#at > this.#first ? this.#token(this.#at - 1) : undefined
    return (
      (before === undefined || boundaries.has(before.word)) && (behind === undefined || boundaries.has(behind.word))
    )
  }

  #put(text: string, next: number): void {
    this.#parts.push(this.#gap(), text)
    this.#at = next
  }

  #copy(count = 1): void {
    for (let i = 0; i < count && this.#at < this.#end; i++) {
      const token = this.#token()!
      const gap = this.#gap()
      if (token.parameter === undefined) this.#parts.push(gap + this.#around.sql.slice(token.start, token.end))
      else this.#parts.push(gap, { parameter: token.parameter })
      this.#at++
    }
  }

  #gap(): string {
    return this.#at === this.#first ? '' : gapBefore(this.#around.sql, this.#around.tokens, this.#at)
  }
}
