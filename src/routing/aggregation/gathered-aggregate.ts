import type { Span } from '../../statement/analysis.ts'
import { aggregateNames } from '../../statement/shape/aggregate-names.ts'
import type { Aggregate } from '../../statement/shape/query-shape.ts'
import type { Dialect } from '../../statement/statement.ts'
import { copied, type Parts } from './part-text.ts'
import { FinishRefusal } from './split-aggregate.ts'
import { behindBracket, type TextToken, tokenAt } from './text-tokens.ts'

/** An aggregate over rows that were gathered: nothing of it was computed by the shards. */
export interface GatheredAggregate {
  /** The call, with a column of the gathered rows for each expression of the tables. */
  readonly call: Parts
  /** Columns whose values become part of a text, or of JSON: there the type may say more than the values do. */
  readonly written: readonly string[]
}

/** What gathers: gives an expression a column of the gathered rows, and tells its name. */
export type Gather = (expression: Parts) => string

/** Words of a constant. */
const constantWords = /^(?:ARRAY|NULL|TRUE|FALSE)$/

/**
 * Writes an aggregate over the rows of all shards, as it stands but for its expressions: with DISTINCT, ORDER BY, SEPARATOR, WITHIN
 * GROUP and FILTER. So it does what it would do in one database, whatever it is.
 *
 * @throws FinishRefusal for functions that are not known to be aggregates of the engine, and where a value would lose what makes it JSON
 */
export function gatheredAggregate(
  sql: string,
  dialect: Dialect,
  tokens: readonly TextToken[],
  aggregate: Aggregate,
  gather: Gather,
): GatheredAggregate {
  return new Writer(sql, dialect, tokens, aggregate, gather).write()
}

class Writer {
  readonly #sql: string
  readonly #dialect: Dialect
  readonly #tokens: readonly TextToken[]
  readonly #aggregate: Aggregate
  readonly #gather: Gather
  readonly #what: string
  readonly #written: string[] = []

  constructor(sql: string, dialect: Dialect, tokens: readonly TextToken[], aggregate: Aggregate, gather: Gather) {
    this.#sql = sql
    this.#dialect = dialect
    this.#tokens = tokens
    this.#aggregate = aggregate
    this.#gather = gather
    this.#what = aggregate.name.toUpperCase()
  }

  write(): GatheredAggregate {
    const { name, star, distinct, args, order, separator } = this.#aggregate
    if (!aggregateNames[this.#dialect].has(name)) throw new FinishRefusal(this.#what)
    const { open, within, filter } = this.#ends()
    const parts: Parts[number][] = [...this.#copyTokens(this.#first, open), '(']
    if (distinct) parts.push('distinct ')
    if (star) parts.push('*')
    args.forEach((span, i) => parts.push(i === 0 ? '' : ', ', ...this.#argument(span, within !== undefined)))
    if (order !== undefined) parts.push(' ', ...this.#order(order))
    if (separator !== undefined) parts.push(' ', ...this.#copy(separator))
    parts.push(')')
    if (within !== undefined) parts.push(' within group (', ...this.#order(within), ')')
    if (filter !== undefined) parts.push(' filter (where r.', this.#gather(['(', ...this.#copy(filter), ')']), ')')
    return { call: parts, written: this.#written }
  }

  get #first(): number {
    return tokenAt(this.#tokens, this.#aggregate.span.start)
  }

  /** Where the arguments open, and what stands in the brackets behind them: `ORDER BY …` of WITHIN GROUP, the condition of FILTER. */
  #ends(): { readonly open: number; readonly within: Span | undefined; readonly filter: Span | undefined } {
    const end = tokenAt(this.#tokens, this.#aggregate.span.end)
    let open = this.#first
    while (this.#tokens[open]!.word !== '(') open++
    if (open > this.#first + 1 && this.#tokens[this.#first]!.same !== 'npg_catalog') throw new FinishRefusal(this.#what)
    let within: Span | undefined
    let filter: Span | undefined
    for (let at = behindBracket(this.#tokens, open); at < end; at++) {
      if (this.#tokens[at]!.word !== '(') continue
      const next = behindBracket(this.#tokens, at)
      const inside = (from: number): Span => ({ start: this.#tokens[from]!.start, end: this.#tokens[next - 2]!.end })
      if (this.#tokens[at - 1]!.word === 'FILTER') filter = inside(at + 2)
      else within = inside(at + 1)
      at = next - 1
    }
    return { open, within, filter }
  }

  #argument(span: Span, isDirect: boolean): Parts {
    const run = this.#run(span)
    if (isConstant(run)) return this.#copy(span)
    if (isDirect) throw new FinishRefusal(`${this.#what} of something that is no constant`)
    if (run.at(-1)?.word === '*' || run[0]?.word === 'VARIADIC')
      throw new FinishRefusal(`"${run.at(-1)?.word}" in ${this.#what}`)
    this.#refuseLostJson(span, run)
    // MySQL takes deviations of doubles, whatever it is given; and a FLOAT may come as a text of six digits.
    const isDouble = this.#dialect === 'mysql' && /^(?:std|var)/.test(this.#aggregate.name)
    const column = this.#gather(isDouble ? ['(', ...this.#copy(span), ') + 0e0'] : this.#copy(span))
    if (/json|concat/.test(this.#aggregate.name)) this.#written.push(column)
    return [`r.${column}`]
  }

  /** Outside of PostgreSQL a value that is JSON, or a truth value, is told by the expression that it comes from, and not by the value. */
  #refuseLostJson(span: Span, run: readonly TextToken[]): void {
    if (this.#dialect === 'postgres' || !this.#aggregate.name.includes('json')) return
    const fromJson = this.#tokens.some(({ word }) => word === 'JSON_EACH' || word === 'JSON_TREE')
    if (fromJson) throw new FinishRefusal(`${this.#what} of what JSON_EACH or JSON_TREE make`)
    const isColumn = run.every(({ kind, word }) => kind === 'name' || kind === 'word' || word === '.')
    const hasJson =
      run.some(({ word }) => word.startsWith('JSON')) || this.#sql.slice(span.start, span.end).includes('->')
    if (!isColumn && (hasJson || this.#dialect === 'mysql')) throw new FinishRefusal(`${this.#what} of an expression`)
  }

  /** `ORDER BY a DESC, b` over the gathered columns. */
  #order(clause: Span): Parts {
    const from = tokenAt(this.#tokens, clause.start) + 2
    const to = tokenAt(this.#tokens, clause.end)
    const parts: Parts[number][] = ['order by ']
    let begin = from
    for (let at = from; at <= to; at++) {
      const word = at < to ? this.#tokens[at]!.word : ','
      if (word === '(' || word === '[') at = this.#behind(at) - 1
      if (word !== ',') continue
      parts.push(begin === from ? '' : ', ', ...this.#sortKey(begin, at))
      begin = at + 1
    }
    return parts
  }

  #sortKey(from: number, to: number): Parts {
    let end = to
    while (end > from && /^(?:ASC|DESC|NULLS|FIRST|LAST)$/.test(this.#tokens[end - 1]!.word) && end - 1 > from) end--
    const run = this.#tokens.slice(from, end)
    if (run.some(({ word }) => word === 'USING')) throw new FinishRefusal(`${this.#what} with ORDER BY … USING`)
    const direction: Parts = end < to ? [' ', ...this.#copyTokens(end, to)] : []
    // A number is the place of an argument on MariaDB, and a constant elsewhere.
    if (isConstant(run)) return [...this.#copyTokens(from, end), ...direction]
    return [`r.${this.#gather(this.#copyTokens(from, end))}`, ...direction]
  }

  #behind(open: number): number {
    const [opening, closing] = this.#tokens[open]!.word === '(' ? ['(', ')'] : ['[', ']']
    let depth = 0
    for (let at = open; at < this.#tokens.length; at++) {
      const { word } = this.#tokens[at]!
      if (word === opening) depth++
      else if (word === closing && --depth === 0) return at + 1
    }
    return this.#tokens.length
  }

  #run(span: Span): readonly TextToken[] {
    return this.#tokens.slice(tokenAt(this.#tokens, span.start), tokenAt(this.#tokens, span.end))
  }

  #copy(span: Span): Parts {
    return this.#copyTokens(tokenAt(this.#tokens, span.start), tokenAt(this.#tokens, span.end))
  }

  #copyTokens(from: number, to: number): Parts {
    return copied(this.#sql, this.#tokens, from, to)
  }
}

/** Nothing of the tables is in it. A word behind `::` is a type. */
function isConstant(run: readonly TextToken[]): boolean {
  return (
    run.some(({ kind, word }) => /^(?:string|literal|parameter)$/.test(kind) || constantWords.test(word)) &&
    run.every(
      ({ kind, word }, i) =>
        kind !== 'name' && (kind !== 'word' || constantWords.test(word) || run[i - 1]?.word === '::'),
    )
  )
}
