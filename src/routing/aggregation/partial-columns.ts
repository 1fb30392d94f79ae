import type { Span } from '../../statement/analysis.ts'
import type { Aggregate } from '../../statement/shape/query-shape.ts'
import type { Dialect } from '../../statement/statement.ts'
import { gatheredAggregate } from './gathered-aggregate.ts'
import { copied, type Parts } from './part-text.ts'
import { type FinalExpression, FinishRefusal, spaced, splitAggregate } from './split-aggregate.ts'
import { sameTokens, type TextToken, tokenAt } from './text-tokens.ts'

/** One aggregate of the statement: the columns it needs of each shard, and what it is made of in the end. */
interface FinalAggregate {
  readonly columns: readonly number[]
  readonly final: FinalExpression
}

/** Aggregates that pass over NULL, so that a FILTER may turn what it leaves out into one. */
const ignoringNull = new Set(
  `count sum avg min max string_agg group_concat total std stddev stddev_pop stddev_samp variance var_pop
  var_samp`.split(/\s+/),
)

/**
 * The columns of the partial query: group keys first, then what a DISTINCT is about, which is grouped by too, then values that
 * depend on the keys, then partial aggregates. Equal ones are computed once.
 *
 * Where it gathers, nothing is grouped or aggregated yet: behind the keys and what depends on them come the expressions in the aggregates.
 */
export class PartialColumns {
  readonly #sql: string
  readonly #dialect: Dialect
  readonly #tokens: readonly TextToken[]
  readonly #lists = { g: [] as Parts[], k: [] as Parts[], d: [] as Parts[], a: [] as Parts[], e: [] as Parts[] }
  readonly #aggregates: FinalAggregate[] = []
  readonly #known = new Map<string, number>()
  readonly #compared = new Map<number, Parts>()
  readonly #gathers: boolean
  #byType = false

  constructor(sql: string, dialect: Dialect, tokens: readonly TextToken[], gathers: boolean) {
    this.#sql = sql
    this.#dialect = dialect
    this.#tokens = tokens
    this.#gathers = gathers
  }

  /** By how many columns the partial query is grouped. */
  get grouped(): number {
    return this.#gathers ? 0 : this.#lists.g.length + this.#lists.k.length
  }

  /** Whether an aggregate is over distinct values. */
  get distinct(): boolean {
    return this.#lists.k.length > 0
  }

  /** Whether the types of the columns, which nobody knows yet, may refuse the final aggregates. */
  get byType(): boolean {
    return this.#byType
  }

  get dependents(): number {
    return this.#lists.d.length
  }

  addKey(expression: Parts): string {
    return `g${this.#add('g', expression)}`
  }

  addDependent(path: string): string {
    return `d${this.#add('d', [path])}`
  }

  /** The number of the aggregate, from 1. */
  addAggregate(aggregate: Aggregate): number {
    const text = JSON.stringify(this.#copy(aggregate.span))
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const number = this.#aggregates.push(this.#split(aggregate))
    this.#known.set(text, number)
    return number
  }

  /** Names and expressions in the order of the partial query. */
  listed(): readonly { readonly name: string; readonly expression: Parts }[] {
    const listed = (['g', 'k', 'd', 'a', 'e'] as const).flatMap((letter) =>
      this.#lists[letter].map((expression, i) => ({ name: `${letter}${i + 1}`, expression })),
    )
    // Rows without a value are rows all the same: `count(*)` counts them.
    return listed.length === 0 && this.#aggregates.length > 0 ? [{ name: 'e1', expression: ['1'] }] : listed
  }

  /** The same, with expressions that compare as the values are to be compared. */
  compared(): readonly { readonly name: string; readonly expression: Parts }[] {
    return this.listed().map(({ name, expression }) => ({
      name,
      expression: (name.startsWith('a') ? this.#compared.get(Number(name.slice(1))) : undefined) ?? expression,
    }))
  }

  /** The final aggregates, from the types of all partial columns. */
  finals(types: readonly string[]): readonly Parts[] {
    const { g, k, d } = this.#lists
    // There are partial aggregates or gathered expressions behind these, and never both.
    const before = g.length + k.length + d.length
    return this.#aggregates.map(({ columns, final }) =>
      final(
        columns.map((number) => `r.a${number}`),
        columns.map((number) => types[before + number - 1] ?? ''),
      ),
    )
  }

  #add(letter: 'g' | 'k' | 'd' | 'a' | 'e', expression: Parts): number {
    const list = this.#lists[letter]
    const text = JSON.stringify(expression)
    const known = list.findIndex((each) => JSON.stringify(each) === text)
    // Two parameters that are written as `?` are two.
    return known < 0 || (letter === 'g' && text.includes('"parameter"')) ? list.push(expression) : known + 1
  }

  #copy(span: Span | undefined): Parts {
    if (span === undefined) return []
    return copied(this.#sql, this.#tokens, tokenAt(this.#tokens, span.start), tokenAt(this.#tokens, span.end))
  }

  #gather(aggregate: Aggregate): FinalAggregate {
    const add = (expression: Parts): string => `e${this.#add('e', expression)}`
    const { call, written } = gatheredAggregate(this.#sql, this.#dialect, this.#tokens, aggregate, add)
    const final = (_: readonly string[], types: readonly string[]): Parts => {
      if (this.#dialect === 'mysql' && types.includes('zerofill'))
        throw new FinishRefusal(`${aggregate.name.toUpperCase()} of a ZEROFILL column`)
      return call
    }
    return { columns: written.map((name) => Number(name.slice(1))), final }
  }

  #split(aggregate: Aggregate): FinalAggregate {
    if (this.#gathers) return this.#gather(aggregate)
    const { name } = aggregate
    if (aggregate.distinct && !/^(?:min|max)$/.test(name)) return this.#distinct(aggregate)
    const what = name.toUpperCase()
    if (aggregate.order !== undefined) throw new FinishRefusal(`${what} with an ORDER BY of its own`)
    const second = aggregate.args[1]
    const split = splitAggregate(this.#dialect, {
      name,
      star: aggregate.star,
      args: aggregate.args.map((span) => this.#copy(span)),
      constantSeparator: second !== undefined && this.#isConstant(second),
      separator: this.#copy(aggregate.separator),
      filter: spaced(this.#copy(aggregate.filter)),
    })
    if (split === undefined) throw new FinishRefusal(what)
    const columns = split.partials.map((each) => this.#add('a', each))
    if (split.byType === true) this.#byType = true
    if (split.comparedAs !== undefined) this.#compared.set(columns[0]!, split.comparedAs)
    return { columns, final: split.final }
  }

  /** What is distinct is grouped by on the shards, and the aggregate itself is left to the end. */
  #distinct(aggregate: Aggregate): FinalAggregate {
    const { name, args, filter } = aggregate
    if (filter !== undefined && (!ignoringNull.has(name) || args.length > 2))
      throw new FinishRefusal(`${name.toUpperCase()} of DISTINCT values with FILTER`)
    const condition = this.#condition(filter)
    const finalArgs = args.map((span, i): Parts => {
      if (this.#isConstant(span)) return this.#copy(span)
      if (i > 0 && filter !== undefined) throw new FinishRefusal(`${name.toUpperCase()} of DISTINCT values with FILTER`)
      const value = this.#copy(span)
      return [
        `r.k${this.#add('k', condition === undefined ? value : ['case when ', ...condition, ' then ', ...value, ' end'])}`,
      ]
    })
    const listed = finalArgs.flatMap((each, i) => (i === 0 ? each : [', ', ...each]))
    const order = aggregate.order === undefined ? [] : this.#order(aggregate, finalArgs)
    const rest = [...spaced(order), ...spaced(this.#copy(aggregate.separator)), ')']
    return { columns: [], final: () => [`${name}(distinct `, ...listed, ...rest] }
  }

  /** `FILTER (WHERE x)` → `x` */
  #condition(filter: Span | undefined): Parts | undefined {
    if (filter === undefined) return undefined
    const from = tokenAt(this.#tokens, filter.start)
    return ['(', ...copied(this.#sql, this.#tokens, from + 3, tokenAt(this.#tokens, filter.end) - 1), ')']
  }

  /** The order within an aggregate of distinct values, which engines allow by its arguments only, or is refused here. */
  #order(aggregate: Aggregate, finalArgs: readonly Parts[]): Parts {
    const order = aggregate.order!
    const end = tokenAt(this.#tokens, order.end)
    const parts: Parts[number][] = []
    let at = tokenAt(this.#tokens, order.start)
    while (at < end) {
      const { word, start } = this.#tokens[at]!
      const argument = aggregate.args.findIndex((span) => sameTokens(this.#tokens, at, this.#run(span)))
      if (parts.length > 0 && word !== ',') parts.push(' ')
      if (argument >= 0) {
        parts.push(...finalArgs[argument]!)
        at += this.#run(aggregate.args[argument]!).length
      } else if (/^(?:ORDER|BY|ASC|DESC|NULLS|FIRST|LAST|,)$/.test(word)) {
        parts.push(this.#sql.slice(start, this.#tokens[at]!.end))
        at++
      } else throw new FinishRefusal(`${aggregate.name.toUpperCase()} with an ORDER BY of its own`)
    }
    return parts
  }

  #run(span: Span): readonly TextToken[] {
    return this.#tokens.slice(tokenAt(this.#tokens, span.start), tokenAt(this.#tokens, span.end))
  }

  #isConstant(span: Span): boolean {
    const run = this.#run(span)
    return run.length === 1 && /^(?:string|literal|parameter)$/.test(run[0]!.kind)
  }
}
