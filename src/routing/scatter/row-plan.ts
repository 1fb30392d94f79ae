import type { Span } from '../../statement/analysis.ts'
import type { Dialect, Params } from '../../statement/statement.ts'
import {
  isWindow,
  itemName,
  type QueryShape,
  type SelectItem,
  type SortKey,
} from '../../statement/shape/query-shape.ts'
import { shardLimit } from './shard-limit.ts'
import { volatileFunction } from './volatile-key.ts'

/** How the names of the hidden columns begin. */
const hidden = 'signalbox_order_'

/** One key of the order of the rows of several shards. Its value comes in a hidden column behind those that were asked for. */
export interface OrderKey {
  /** The name of the hidden column. */
  readonly name: string
  readonly expression: string
  readonly descending: boolean
  readonly nulls: 'first' | 'last'
  /** The collation as the statement names it. */
  readonly collation: string | undefined
}

/** How a query whose answer is made of rows of the shards, one by one, is asked of each of them. */
export interface RowPlan {
  readonly kind: 'rows'
  /** The text for each shard: up to the hidden columns, behind them, and from LIMIT on. */
  readonly head: string
  readonly tail: string
  readonly end: string
  readonly order: readonly OrderKey[]
  readonly limit: Pick<NonNullable<QueryShape['limit']>, 'count' | 'offset'> | undefined
}

export interface NoPlan {
  readonly kind: 'none'
  /** What stands in the way, for people: "a window function". */
  readonly obstacle: string
}

/**
 * The plan of a query without aggregates, GROUP BY, HAVING or DISTINCT. Window functions are taken for such as each shard computes from
 * its own rows: see `spreadObstacle`.
 *
 * @param sql - the text that the shape was read from
 */
export function rowPlan(sql: string, shape: QueryShape): RowPlan | NoPlan {
  const obstacle = shape.obstacles.find((each) => !isWindow(each))
  if (obstacle !== undefined) return { kind: 'none', obstacle }
  if (isUsedTwice(sql, shape))
    return { kind: 'none', obstacle: 'a parameter that gives LIMIT or OFFSET and something else' }
  if (shape.orderBy !== undefined && sql.toLowerCase().includes(hidden))
    return { kind: 'none', obstacle: `a name with ${hidden} in it, as the columns of the sort keys have them,` }
  const order: OrderKey[] = []
  for (const [index, key] of (shape.orderBy?.keys ?? []).entries()) {
    if (isAmbiguous(sql, shape, key))
      return { kind: 'none', obstacle: `the sort key ${index + 1}, which is the name of several items` }
    const expression = keyText(sql, shape, key)
    if (typeof expression !== 'string')
      return { kind: 'none', obstacle: `the sort key ${index + 1}, which ${expression.why}` }
    // It would stand in the text once more, and the numbers of those behind it would be others.
    if (shape.dialect !== 'postgres' && expression.includes('?'))
      return { kind: 'none', obstacle: `the sort key ${index + 1}, which has a parameter` }
    const changing = volatileFunction(expression, shape.dialect)
    if (changing !== undefined)
      return { kind: 'none', obstacle: `the sort key ${index + 1}, which has another value each time (${changing}())` }
    const { descending, nulls, collation } = key
    // The other engines say which collation comes of it; SQLite does not.
    if (shape.dialect === 'sqlite' && key.collatesInside === true)
      return { kind: 'none', obstacle: `the sort key ${index + 1}, which names a collation within` }
    order.push({ name: `${hidden}${index + 1}`, expression, descending, nulls, collation })
  }
  const { span, itemsSpan, limit } = shape
  return {
    kind: 'rows',
    head: sql.slice(span.start, itemsSpan.end),
    tail: sql.slice(itemsSpan.end, limit?.span.start ?? span.end),
    end: limit === undefined ? '' : `${shardLimit(sql, limit)}${sql.slice(limit.span.end, span.end)}`,
    order,
    limit,
  }
}

/** The text for a shard. `write`: how the value of a key is asked for; default as it is. */
export function shardText(
  { head, tail, end, order }: RowPlan,
  write: (expression: string, key: number) => string = (expression) => `(${expression})`,
): string {
  return `${head}${order.map(({ name, expression }, key) => `, ${write(expression, key)} AS ${name}`).join('')}${tail}${end}`
}

/** The text for a shard without its rows: a LIMIT of 0 takes the place of its own, unless parameters hang on that. */
export function emptyText(plan: RowPlan): string {
  return shardText({ ...plan, end: hasLimitParameter(plan) ? plan.end : '\nlimit 0' })
}

/** The parameters that go with {@link emptyText}. */
export function emptyParams(plan: RowPlan, params: Params): Params {
  if (!hasLimitParameter(plan) || !Array.isArray(params)) return params
  const changed = [...(params as readonly unknown[])]
  for (const source of [plan.limit?.count, plan.limit?.offset])
    if (source?.from === 'parameter') changed[source.index] = 0
  return changed
}

function hasLimitParameter({ limit }: RowPlan): boolean {
  return [limit?.count, limit?.offset].some((source) => source !== undefined && source.from !== 'constant')
}

/** What is sorted by; of a name or a number that means a column of the answer, the expression of that. */
function keyText(sql: string, { items, dialect }: QueryShape, key: SortKey): string | Obstacle {
  if (key.ordinal !== undefined) {
    const before = items.slice(0, key.ordinal)
    const item = before.at(-1)
    if (item === undefined || before.some(({ star }) => star === true)) return { why: 'counts columns behind a *' }
    return textAt(sql, item.span)
  }
  const text = textAt(sql, key.span)
  // Behind a collation, too, MySQL and SQLite have the columns of the answer in view; PostgreSQL only where a name is all.
  const [bare, collate] = key.name === undefined && dialect !== 'postgres' ? withoutCollation(text, key) : [text, '']
  const name = key.name ?? nameIn(bare)
  const item = name === undefined ? undefined : items.find((each) => isCalled(each, name, dialect))
  if (item !== undefined) return `(${textAt(sql, item.span)})${collate}`
  if (
    name !== undefined &&
    items.some((each) => each.hasUnclearLabel === true && mentions(textAt(sql, each.span), name))
  )
    return { why: 'may be the name of an item that has none of its own (write AS)' }
  if (dialect !== 'postgres' && items.some(({ alias }) => alias !== undefined && mentions(bare, alias.name)))
    return { why: 'has a column of the answer within an expression' }
  return text
}

interface Obstacle {
  readonly why: string
}

function withoutCollation(text: string, { collation }: SortKey): readonly [bare: string, collate: string] {
  const at = collation === undefined ? -1 : text.toLowerCase().lastIndexOf('collate')
  return at === -1 ? [text, ''] : [text.slice(0, at).trim(), ` ${text.slice(at)}`]
}

function nameIn(text: string): string | undefined {
  const [, quoted, plain] = /^(?:[`"]([^`"]+)[`"]|([\p{L}_][\p{L}\p{N}_$]*))$/u.exec(text) ?? []
  return quoted ?? plain
}

function mentions(text: string, name: string): boolean {
  const words: readonly string[] = text.toLowerCase().match(/[\p{L}\p{N}_$]+/gu) ?? []
  return words.includes(name.toLowerCase()) || text.toLowerCase().includes(`\`${name.toLowerCase()}\``)
}

/** Engines refuse that, or do not agree which one is meant. */
function isAmbiguous(sql: string, { items, dialect }: QueryShape, { name }: SortKey): boolean {
  if (name === undefined) return false
  const meant = items.filter((item) => {
    const own = itemName(item)
    return own !== undefined && (dialect === 'postgres' ? own === name : own.toLowerCase() === name.toLowerCase())
  })
  const expressions = meant.map(({ span, alias }) =>
    textAt(sql, alias === undefined ? span : { ...span, end: alias.span.start }),
  )
  return new Set(expressions.map((text) => text.replace(/\s+as\s*$/i, '').trim())).size > 1
}

/** A column that is called by its own name is that column also without its item. */
function isCalled({ alias, label }: SelectItem, name: string, dialect: Dialect): boolean {
  const own = alias?.name ?? label
  if (own === undefined) return false
  return dialect === 'postgres' ? own === name : own.toLowerCase() === name.toLowerCase()
}

function textAt(sql: string, { start, end }: Span): string {
  return sql.slice(start, end)
}

/** A numbered parameter of LIMIT or OFFSET gets another value for each shard, so nothing else may hang on it. */
function isUsedTwice(sql: string, { dialect, limit }: QueryShape): boolean {
  if (limit === undefined || limit.offset === undefined) return false
  return [limit.count, limit.offset].some((source) => {
    if (source?.from === 'named') return true
    if (source?.from !== 'parameter') return false
    const written = dialect === 'postgres' ? `\\$${source.index + 1}` : `\\?${source.index + 1}`
    return (sql.match(new RegExp(`${written}(?!\\d)`, 'g')) ?? []).length > 1
  })
}
