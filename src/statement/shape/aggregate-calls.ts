import type { FunctionUse } from '../analysis.ts'
import { tokenType } from '../shallow/token-list.ts'
import { endOfCallSuffix } from './expression-end.ts'
import type { Aggregate } from './query-shape.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

/** What is in an expression besides names and operators. */
export interface Findings {
  readonly aggregates: readonly Aggregate[]
  readonly hasSubquery: boolean
  /** A COLLATE stands outside of subqueries. */
  readonly collates: boolean
}

/** Looks through an expression, brackets included, but not into its subqueries. Notes obstacles with the reader. */
export function findingsIn(reader: ShapeReader, { from, to }: Tokens): Findings {
  const { tokens } = reader
  const aggregates: Aggregate[] = []
  let insideUntil = from
  let hasSubquery = false
  let collates = false
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') {
      // First the call: `sum((select 1))` is an aggregate of a subquery.
      const call = i >= insideUntil && i > from ? readCall(reader, i, from) : undefined
      if (call !== undefined) {
        aggregates.push(call.aggregate)
        insideUntil = call.to
      } else if (reader.opensQuery(i)) {
        hasSubquery = true
        noteOuterAggregates(reader, i)
        i = tokens.partner(i)
      }
    } else if (word === 'OVER' && endOfCallSuffix(tokens, i) > 0) {
      reader.obstacles.add('a window function')
    } else if (word === 'COLLATE') {
      collates = true
    } else if (word === ':=') {
      reader.obstacles.add('an assignment to a variable')
    }
  }
  return { aggregates, hasSubquery, collates }
}

/** Words before brackets that call nothing. */
const noCalls = /^(?:IN|ANY|ALL|SOME|EXISTS|ARRAY|AND|OR|NOT|LIKE|BETWEEN|CASE|WHEN|THEN|ELSE|BY|DISTINCT|WHERE)$/

interface Call {
  readonly aggregate: Aggregate
  /** The token behind it. */
  readonly to: number
}

/** The aggregate whose arguments open at `open`; undefined for any other call. */
function readCall(reader: ShapeReader, open: number, from: number): Call | undefined {
  const { tokens } = reader
  if (!reader.isName(open - 1) || noCalls.test(tokens.word(open - 1))) return undefined
  const call = calledAt(reader, open, from)
  const close = tokens.partner(open)
  // PostgreSQL: `numeric(3, 1) '1.5'` is a type and its literal.
  if (tokens.type(close + 1) === tokenType.string && reader.syntax.dialect === 'postgres') return undefined
  let to = close + 1
  let filter: Tokens | undefined
  let within = false
  for (let end = endOfCallSuffix(tokens, to); end > 0; end = endOfCallSuffix(tokens, to)) {
    const word = tokens.word(to)
    if (word === 'OVER') return undefined
    if (word === 'FILTER') filter = { from: to, to: end }
    if (word === 'WITHIN') within = true
    to = end
  }
  if (call.name === 'grouping' && reader.syntax.dialect !== 'sqlite') reader.obstacles.add('GROUPING()')
  const inside = readArguments(reader, open)
  const byName = reader.isAggregate(call) && !isScalar(reader, call.name, inside.args.length)
  const byForm =
    within || filter !== undefined || inside.distinct || (inside.order !== undefined && !opensOrder(reader, open))
  if (!byName && !byForm) return undefined
  if (inside.limited) reader.obstacles.add(`LIMIT in ${call.name.toUpperCase()}`)
  return {
    to,
    aggregate: {
      span: reader.span({ from: call.first, to }),
      name: call.name,
      star: inside.star,
      distinct: inside.distinct,
      args: inside.args.map((each) => reader.span(each)),
      ...(inside.order === undefined ? {} : { order: reader.span(inside.order) }),
      ...(inside.separator === undefined ? {} : { separator: reader.span(inside.separator) }),
      ...(filter === undefined ? {} : { filter: reader.span(filter) }),
    },
  }
}

/** `OVER (ORDER BY …)` and `WITHIN GROUP (ORDER BY …)` are brackets of their own and no call. */
function opensOrder({ tokens }: ShapeReader, open: number): boolean {
  const word = tokens.word(open - 1)
  const before = tokens.word(open - 2)
  return (word === 'OVER' && before === ')') || (word === 'GROUP' && before === 'WITHIN')
}

/** SQLite: `min(a, b)` and `max(a, b)` are no aggregates. */
function isScalar(reader: ShapeReader, name: string, args: number): boolean {
  return reader.syntax.dialect === 'sqlite' && (name === 'min' || name === 'max') && args > 1
}

/** The function before the bracket: `count`, `pg_catalog.count`. `first` is its first token. */
function calledAt(reader: ShapeReader, open: number, from: number): FunctionUse & { readonly first: number } {
  const { tokens } = reader
  const name = reader.nameAt(open - 1).toLowerCase()
  if (open - 3 < from || tokens.word(open - 2) !== '.' || !reader.isName(open - 3)) return { name, first: open - 1 }
  return { name, schema: reader.comparedNameAt(open - 3), first: open - 3 }
}

interface Arguments {
  readonly star: boolean
  readonly distinct: boolean
  readonly args: readonly Tokens[]
  readonly order?: Tokens
  readonly separator?: Tokens
  /** MariaDB: LIMIT within GROUP_CONCAT. */
  readonly limited: boolean
}

function readArguments(reader: ShapeReader, open: number): Arguments {
  const { tokens } = reader
  const close = tokens.partner(open)
  let from = open + 1
  const distinct = tokens.word(from) === 'DISTINCT'
  if (distinct || tokens.word(from) === 'ALL') from++
  const marks = { order: -1, separator: -1, limit: -1 }
  for (let i = from; i < close; i++) {
    const word = tokens.word(i)
    if (word === '(' || word === '[') i = Math.max(i, tokens.partner(i))
    else if (word === 'ORDER' && tokens.word(i + 1) === 'BY') marks.order = i
    else if (word === 'SEPARATOR' && reader.syntax.dialect === 'mysql') marks.separator = i
    else if (word === 'LIMIT') marks.limit = i
  }
  const ends = [marks.order, marks.separator, marks.limit, close].filter((mark) => mark >= 0).sort((a, b) => a - b)
  const endOf = (mark: number): number => ends.find((end) => end > mark) ?? close
  const to = ends[0] ?? close
  const star = to === from + 1 && tokens.word(from) === '*'
  return {
    star,
    distinct,
    args: star || to === from ? [] : reader.split({ from, to }).filter((part) => part.to > part.from),
    ...(marks.order < 0 ? {} : { order: { from: marks.order, to: endOf(marks.order) } }),
    ...(marks.separator < 0 ? {} : { separator: { from: marks.separator, to: endOf(marks.separator) } }),
    limited: marks.limit >= 0,
  }
}

/**
 * An aggregate in a subquery belongs to the outer query if its arguments name columns of that one only. That is told here
 * by the tables that they are qualified with; a subquery without FROM has no columns of its own.
 */
function noteOuterAggregates(reader: ShapeReader, open: number): void {
  const { tokens } = reader
  const close = tokens.partner(open)
  let hasFrom = false
  for (let i = open + 1; i < close; i++) if (tokens.word(i) === 'FROM') hasFrom = true
  for (let i = open + 2; i < close; i++) {
    if (tokens.word(i) !== '(' || !reader.isName(i - 1)) continue
    const call = calledAt(reader, i, open + 1)
    if (!reader.isAggregate(call)) continue
    const args = { from: i + 1, to: tokens.partner(i) }
    const qualifiers = qualifiersIn(reader, args)
    const outer =
      qualifiers.length > 0 && qualifiers.every((each) => !isDefined(reader, each, { from: open, to: close }))
    if (outer || (!hasFrom && namesAnything(reader, args)))
      reader.obstacles.add('an aggregate of the outer query in a subquery')
  }
}

function qualifiersIn(reader: ShapeReader, { from, to }: Tokens): string[] {
  const qualifiers: string[] = []
  for (let i = from; i + 1 < to; i++)
    if (reader.tokens.word(i + 1) === '.' && reader.isName(i)) qualifiers.push(reader.comparedNameAt(i))
  return qualifiers
}

/** True if a name stands somewhere without a dot behind it, as that of a table or an alias does in its FROM. */
function isDefined(reader: ShapeReader, name: string, { from, to }: Tokens): boolean {
  for (let i = from; i < to; i++)
    if (reader.isName(i) && reader.tokens.word(i + 1) !== '.' && reader.comparedNameAt(i) === name) return true
  return false
}

function namesAnything(reader: ShapeReader, { from, to }: Tokens): boolean {
  for (let i = from; i < to; i++) if (reader.isName(i)) return true
  return false
}
