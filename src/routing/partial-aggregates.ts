import type { Span } from '../statement/analysis.ts'
import { quotedName } from '../statement/quotes.ts'
import {
  itemName,
  type Expression,
  type QueryShape,
  type SelectItem,
  type SortKey,
} from '../statement/shape/query-shape.ts'
import type { AggregationPlan, PartialRelation, Refusal } from './aggregation/aggregation-plan.ts'
import { FinalExpression, type GroupKey, type Surroundings } from './aggregation/final-expression.ts'
import { copied, type Parts, type PartText, render } from './aggregation/part-text.ts'
import { PartialColumns } from './aggregation/partial-columns.ts'
import { refuseSharedParameters } from './aggregation/shared-parameters.ts'
import { FinishRefusal } from './aggregation/split-aggregate.ts'
import { behindBracket, type TextToken, textTokens, tokenAt } from './aggregation/text-tokens.ts'

export type { AggregationPlan, PartialRelation, Refusal } from './aggregation/aggregation-plan.ts'
export { type PartParameter, type Parts, type PartText, render, valuesOf } from './aggregation/part-text.ts'

export interface AggregationOptions {
  /** PostgreSQL: whether a function of this name that is not built in is known to be no aggregate. Default: none is. */
  readonly isScalar?: (name: string) => boolean
  /** Whether a function of this name may be the application's own, so that its name says nothing of it. Default: none is. */
  readonly isOwn?: (name: string) => boolean
}

/** Whether a statement needs to be finished at all: it has groups, aggregates or DISTINCT. */
export function isAggregated(shape: QueryShape): boolean {
  const outer: readonly Expression[] = [...shape.items, ...(shape.orderBy?.keys ?? [])]
  return (
    shape.distinct === 'all' ||
    shape.groupBy !== undefined ||
    shape.having !== undefined ||
    outer.some(({ aggregates }) => aggregates.length > 0)
  )
}

/**
 * Splits a SELECT with groups, aggregates or DISTINCT into a partial one for each shard and a final one over the partial rows.
 * Pure.
 */
export function aggregationPlan(
  sql: string,
  shape: QueryShape,
  options: AggregationOptions = {},
): AggregationPlan | Refusal {
  try {
    const [obstacle] = shape.obstacles
    if (obstacle !== undefined) return { refused: obstacle }
    const tokens = textTokens(sql, shape.dialect)
    if (tokens === undefined || shape.source === undefined) return { refused: 'a SELECT without FROM' }
    return splitOrGathered((gathers) => new Planner(sql, shape, tokens, options, gathers))
  } catch (error) {
    if (error instanceof FinishRefusal) return { refused: error.construct }
    throw error
  }
}

/** What cannot be split into partial aggregates, as all that depends on an order, is computed of the rows themselves. */
function splitOrGathered(planned: (gathers: boolean) => Planner): AggregationPlan {
  const split = planned(false)
  const plan = unlessRefused(() => split.plan())
  if (plan === undefined) return planned(true).plan()
  return split.isByType ? { ...plan, otherwise: unlessRefused(() => planned(true).plan()) } : plan
}

function unlessRefused(plan: () => AggregationPlan): AggregationPlan | undefined {
  try {
    return plan()
  } catch (error) {
    if (error instanceof FinishRefusal) return undefined
    throw error
  }
}

class Planner {
  readonly #sql: string
  readonly #shape: QueryShape
  readonly #tokens: readonly TextToken[]
  readonly #columns: PartialColumns
  readonly #keys: GroupKey[] = []
  readonly #absent: string[] = []
  readonly #around: Surroundings
  /** DISTINCT of plain rows: every item is a key. */
  readonly #plain: boolean
  readonly #gathers: boolean
  readonly #isOwn: (name: string) => boolean
  /** The final item of each alias, while names of items are in view. */
  #aliases: ReadonlyMap<string, Parts> = new Map()

  constructor(
    sql: string,
    shape: QueryShape,
    tokens: readonly TextToken[],
    { isScalar = () => false, isOwn = () => false }: AggregationOptions,
    gathers: boolean,
  ) {
    this.#gathers = gathers
    this.#isOwn = isOwn
    this.#sql = sql
    this.#shape = shape
    this.#tokens = tokens
    this.#columns = new PartialColumns(sql, shape.dialect, tokens, gathers)
    this.#plain = shape.distinct === 'all' && !isAggregated({ ...shape, distinct: 'none' })
    const source = this.#run(shape.source!)
    this.#around = {
      sql,
      dialect: shape.dialect,
      tokens,
      keys: this.#keys,
      merges: source.some(({ word }) => word === 'USING' || word === 'NATURAL'),
      isScalar,
      columnOf: (span) => `f.s${this.#aggregateAt(span)}`,
      aliased: (name) => this.#aliased(name),
      dependent: (path) => `f.${this.#dependent(path)}`,
    }
  }

  plan(): AggregationPlan {
    const { dialect, items } = this.#shape
    if (items.some(({ star }) => star)) throw new FinishRefusal('"*" beside GROUP BY, aggregates or DISTINCT')
    this.#findKeys()
    const finalItems = items.map((item, i): Parts => (this.#plain ? [this.#keys[i]!.column] : this.#final(item)))
    // PostgreSQL has names of items in view only where one is all of a sort key.
    if (dialect !== 'postgres') this.#aliases = this.#aliasMap(finalItems)
    const having = this.#shape.having && this.#final(this.#shape.having.condition)
    const order = this.#shape.orderBy && this.#order(this.#shape.orderBy)
    const { limit } = this.#shape
    const tail: Parts = [
      ...(having === undefined ? [] : [' where ', ...having]),
      ...(order === undefined ? [] : [' ', ...order]),
      ...(limit === undefined ? [] : [' ', ...this.#copy(limit.span)]),
    ]
    if (this.#columns.dependents > 0 && this.#columns.distinct)
      throw new FinishRefusal('an aggregate of DISTINCT values beside a column that is neither grouped nor aggregated')
    if (this.#columns.listed().length === 0) throw new FinishRefusal('HAVING without an aggregate')
    const partial = this.#partial()
    const model = this.#partial(this.#columns.compared())
    if (dialect === 'postgres') {
      const gathered = this.#gathers ? this.#columns.finals([]).flat() : []
      refuseSharedParameters(partial, [...gathered, ...finalItems.flat(), ...tail], this.#tokens)
    }
    return {
      dialect,
      gathers: this.#gathers,
      shard: render(partial, dialect),
      columns: this.#columns.listed().map(({ name }) => name),
      names: this.#isProved
        ? items.map((item) => item.alias?.name ?? (dialect === 'postgres' ? item.column : undefined))
        : items.map(() => undefined),
      describe: render(this.#describe(), dialect),
      presumed: this.#absent.length === 0 ? undefined : { absent: this.#absent, columnsOf: this.#columnsOf() },
      many: this.#gathers || this.#columns.grouped > 0,
      relation: (relation) => render(rowsOf(relation, model), dialect),
      final: (relation, names) => this.#finish(model, finalItems, tail, relation, names),
    }
  }

  /** Whether types that the text does not tell may refuse the final statement. */
  get isByType(): boolean {
    return this.#columns.byType
  }

  /** Rows that are gathered are not grouped, so that nobody has said yet that columns depend on the keys: describing the statement does. */
  get #isProved(): boolean {
    return !this.#gathers || this.#columns.dependents === 0
  }

  #findKeys(): void {
    const { groupBy, items } = this.#shape
    const keys = this.#plain ? items : (groupBy?.keys ?? []).map((key) => this.#keyOf(key))
    for (const key of keys) {
      if (key.aggregates.length > 0) throw new FinishRefusal('an aggregate in GROUP BY')
      if (key.parameter && !this.#plain) throw new FinishRefusal('a parameter in GROUP BY')
      const column = this.#columns.addKey(this.#copy(key.span))
      this.#keys.push({ tokens: withoutBrackets(this.#run(key.span)), column: `f.${column}` })
    }
  }

  /** The expression that a key of GROUP BY stands for: its own, or an item's by number or name. */
  #keyOf(key: Expression): Expression {
    const { items } = this.#shape
    if (key.collation !== undefined) return key
    if (key.ordinal !== undefined) return items[key.ordinal - 1] ?? key
    if (key.name === undefined) return key
    const same = this.#sameName(key.name)
    const named = items.filter((each) => isNamed(each) && this.#sameName(itemName(each) ?? '') === same)
    const [item] = named
    if (this.#shape.dialect === 'mysql' && item !== undefined && item.aggregates.length === 0) {
      // MySQL takes the item where several tables have such a column; where one has it, both mean the same.
      const path = withoutBrackets(this.#run(item.span))
      if (named.length === 1 && path.length <= 3 && path.at(-1)?.same === same) return item
    }
    if (item === undefined || named.some((each) => each.column !== undefined && this.#sameName(each.column) === same))
      return key
    // The item's own expression names such a column: it exists, and columns come before names of items.
    const usesIt = named.some(({ span }) => {
      const run = this.#run(span)
      // What a bracket follows is a function.
      return run.some(
        ({ same: own, kind }, i) => own === same && /^(?:word|name)$/.test(kind) && run[i + 1]?.word !== '(',
      )
    })
    if (usesIt && this.#shape.dialect === 'mysql')
      throw new FinishRefusal(`"${key.name}" in GROUP BY, which is the name of an item and of a column`)
    if (usesIt) return key
    if (named.length > 1) throw new FinishRefusal(`"${key.name}" in GROUP BY, which is the name of several items`)
    // No aggregate can be grouped by: a column is meant, or else the shards will say that there is none.
    if (item.aggregates.length > 0) return key
    this.#absent.push(same.slice(1))
    return item
  }

  #sameName(name: string): string {
    return `n${this.#shape.dialect === 'postgres' ? name : name.toLowerCase()}`
  }

  #final(expression: Expression): Parts {
    return new FinalExpression(this.#around, expression).write()
  }

  #aliasMap(finalItems: readonly Parts[]): ReadonlyMap<string, Parts> {
    const map = new Map<string, Parts>()
    this.#shape.items.forEach(({ alias }, i) => {
      if (alias !== undefined && !map.has(this.#sameName(alias.name)))
        map.set(this.#sameName(alias.name), finalItems[i]!)
    })
    return map
  }

  /** A column of the same name would come first. */
  #aliased(name: string): Parts | undefined {
    const item = this.#aliases.get(name)
    if (item !== undefined && !this.#absent.includes(name.slice(1))) this.#absent.push(name.slice(1))
    return item
  }

  #aggregateAt(span: Span): number {
    const { items, having, orderBy } = this.#shape
    for (const each of [...items, ...(having === undefined ? [] : [having.condition]), ...(orderBy?.keys ?? [])]) {
      const found = each.aggregates.find((aggregate) => aggregate.span.start === span.start)
      if (found === undefined) continue
      if (this.#gathers && this.#isOwn(found.name)) throw new FinishRefusal(found.name.toUpperCase())
      return this.#columns.addAggregate(found)
    }
    throw new Error('An aggregate is not part of the statement it was read from.')
  }

  /** PostgreSQL allows a column that depends on the grouped ones, and holds us to it; others give any row's value. */
  #dependent(path: string): string {
    if (this.#shape.dialect === 'postgres' && this.#keys.length > 0 && !this.#plain)
      return this.#columns.addDependent(path)
    throw new FinishRefusal(`the column ${path}, which is neither grouped nor aggregated`)
  }

  /** The clause as it stands, but for the keys. An item that is meant by its name goes by its number. */
  #order({ span, keys }: { readonly span: Span; readonly keys: readonly SortKey[] }): Parts {
    const parts: Parts[number][] = []
    let at = span.start
    for (const key of keys) {
      parts.push(...this.#copy({ start: at, end: key.span.start }), ' ', ...this.#sortKey(key))
      at = key.span.end
      if (this.#tokens[tokenAt(this.#tokens, at)]?.word !== ',') parts.push(' ')
    }
    return [...parts, ...this.#copy({ start: at, end: span.end })]
  }

  #sortKey(key: SortKey): Parts {
    // SQLite finds items through a COLLATE.
    const collate = key.collation === undefined ? '' : ` collate ${quotedName(this.#shape.dialect, key.collation)}`
    if (key.ordinal !== undefined) return [`${key.ordinal}${collate}`]
    if (key.name !== undefined) {
      const same = this.#sameName(key.name)
      const is = (name: string | undefined) => name !== undefined && this.#sameName(name) === same
      const { items } = this.#shape
      const isMeant = (each: SelectItem) => is(itemName(each))
      const item = items.findIndex(isMeant)
      // Engines refuse that, or do not agree which one is meant.
      if (new Set(items.filter(isMeant).map((each) => this.#sameText(each))).size > 1)
        throw new FinishRefusal(`"${key.name}" in ORDER BY, which is the name of several items`)
      if (item >= 0) return [`${item + 1}${collate}`]
      const mayBe = items.some(
        (each) => each.hasUnclearLabel === true && this.#run(each.span).some((token) => token.same === same),
      )
      if (mayBe) throw new FinishRefusal(`"${key.name}" in ORDER BY, which may be the name of an item (write AS)`)
    }
    return this.#final(key)
  }

  #sameText({ span }: Expression): string {
    return JSON.stringify(this.#run(span).map(({ same }) => same))
  }

  #partial(columns = this.#columns.listed()): Parts {
    const listed = columns.flatMap(({ name, expression }, i) => [i === 0 ? '' : ', ', ...expression, ` as ${name}`])
    const { grouped } = this.#columns
    const ordinals = Array.from({ length: grouped }, (_, i) => i + 1).join(', ')
    const groupBy = grouped === 0 ? [] : [` group by ${ordinals}`]
    return [...this.#with(), 'select ', ...listed, ' ', ...this.#copy(this.#shape.source!), ...groupBy]
  }

  #with(): Parts {
    return this.#shape.with === undefined ? [] : [...this.#copy(this.#shape.with), ' ']
  }

  #finish(
    model: Parts,
    finalItems: readonly Parts[],
    tail: Parts,
    relation: PartialRelation,
    names: readonly string[],
  ): PartText | Refusal {
    const { dialect, distinct } = this.#shape
    const columns = this.#columns.listed().map(({ name }) => name)
    const kept = columns.filter((name) => /^[gd]/.test(name)).map((name) => `r.${name}`)
    // A cast to what a column of SQLite holds anyway changes no value, and compares as the column does.
    const cast = (name: string, i: number) =>
      dialect === 'sqlite' && relation.types[i] ? `cast(${name} as ${relation.types[i]}) as ${name.slice(2)}` : name
    let finals: readonly Parts[]
    try {
      finals = this.#columns.finals(relation.types)
    } catch (error) {
      if (error instanceof FinishRefusal) return { refused: error.construct }
      throw error
    }
    const inner = [
      ...kept.map((name, i): Parts => [cast(name, i)]),
      ...finals.map((each, i): Parts => [...each, ` as s${i + 1}`]),
    ]
    const groupBy = kept.length === 0 ? '' : ` group by ${kept.join(', ')}`
    return render(
      [
        `with r(${columns.join(', ')}) as (`,
        ...rowsOf(relation, model),
        '), f as (select ',
        ...listOf(inner),
        ` from r${groupBy}) select ${distinct === 'all' && !this.#plain ? 'distinct ' : ''}`,
        ...listOf(finalItems.map((item, i): Parts => [...item, ` as ${quotedName(dialect, names[i] ?? '')}`])),
        ' from f',
        ...tail,
      ],
      dialect,
    )
  }

  #describe(): Parts {
    const { span, orderBy, limit } = this.#shape
    const order = this.#isProved ? orderBy : undefined
    const end = Math.min(order?.span.start ?? span.end, limit?.span.start ?? span.end)
    const parts: Parts[number][] = []
    let at = span.start
    // As it stands, comments too: MySQL and SQLite take names from the text.
    for (const token of this.#run({ start: at, end })) {
      if (token.parameter === undefined) continue
      parts.push(this.#sql.slice(at, token.start), { parameter: token.parameter })
      at = token.end
    }
    return [...parts, this.#sql.slice(at, end), '\nlimit 0']
  }

  #columnsOf(): PartText {
    return render([...this.#with(), 'select * ', ...this.#copy(this.#shape.source!), ' limit 0'], this.#shape.dialect)
  }

  #run({ start, end }: Span): readonly TextToken[] {
    return this.#tokens.slice(tokenAt(this.#tokens, start), tokenAt(this.#tokens, end))
  }

  #copy({ start, end }: Span): Parts {
    return copied(this.#sql, this.#tokens, tokenAt(this.#tokens, start), tokenAt(this.#tokens, end))
  }
}

function withoutBrackets(tokens: readonly TextToken[]): readonly TextToken[] {
  let run = tokens
  while (run[0]?.word === '(' && behindBracket(run, 0) === run.length && !run.some(({ word }) => word === ',')) {
    run = run.slice(1, -1)
  }
  return run
}

/** The rows, behind the query that gives their columns what the values do not have. */
function rowsOf({ modelled, rows }: PartialRelation, model: Parts): Parts {
  return modelled ? ['select * from (', ...model, ' limit 0) as z union all ', ...rows] : rows
}

function listOf(list: readonly Parts[]): Parts {
  return list.flatMap((each, i) => (i === 0 ? each : [', ', ...each]))
}

/** By an alias, or by PostgreSQL; a plain column is itself. */
function isNamed({ alias, label }: SelectItem): boolean {
  return alias !== undefined || label !== undefined
}
