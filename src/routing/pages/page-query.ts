import type { Dialect } from '../../statement/statement.ts'
import type { QueryShape } from '../../statement/shape/query-shape.ts'
import { isAggregated } from '../partial-aggregates.ts'
import { rowPlan, type OrderKey } from '../scatter/row-plan.ts'

/** A query that can begin anywhere in its order. */
export interface PageQuery {
  readonly dialect: Dialect
  /** What it is sorted by, in the order that was asked for. */
  readonly keys: readonly OrderKey[]
  /** Up to the hidden columns. */
  readonly head: string
  /** From there to the condition behind WHERE. */
  readonly from: string
  /** That condition; `''` if there is none. */
  readonly where: string
  /** The ORDER BY clause. */
  readonly order: string
}

/** Why a query has no pages, for people: "it has no ORDER BY". */
export interface NoPages {
  readonly refused: string
}

/**
 * The parts of a query that is read page by page: rows, not groups of them, in an order that it says.
 *
 * @param sql - the text that the shape was read from
 */
export function pageQuery(sql: string, shape: QueryShape): PageQuery | NoPages {
  const refused = obstacleOf(shape)
  if (refused !== undefined) return { refused }
  const plan = rowPlan(sql, shape)
  if (plan.kind === 'none') return { refused: `it has ${plan.obstacle}` }
  const { dialect, itemsSpan, span, source, where, orderBy } = shape
  const sourceEnd = source?.end ?? itemsSpan.end
  return {
    dialect,
    keys: plan.order,
    head: sql.slice(span.start, itemsSpan.end),
    from: sql.slice(itemsSpan.end, where?.start ?? sourceEnd),
    where: where === undefined ? '' : sql.slice(where.start, where.end),
    order: sql.slice(orderBy?.span.start, orderBy?.span.end),
  }
}

function obstacleOf(shape: QueryShape): string | undefined {
  const [obstacle] = shape.obstacles
  if (obstacle !== undefined) return `it has ${obstacle}`
  if (shape.orderBy === undefined)
    return 'it has no ORDER BY, so there is no order in which a page could follow another'
  if (shape.limit !== undefined) return 'it has a LIMIT or OFFSET of its own; the size of a page is an option'
  if (isAggregated(shape)) return 'it has aggregates, GROUP BY, HAVING or DISTINCT, whose rows are not rows of a table'
  return undefined
}

/** The order of the keys when it is read from its end. */
export function reversed(keys: readonly OrderKey[]): readonly OrderKey[] {
  return keys.map((key) => ({
    ...key,
    descending: !key.descending,
    nulls: key.nulls === 'first' ? 'last' : 'first',
  }))
}

/** One more column of the answer, behind those that were asked for. */
export interface HiddenColumn {
  readonly name: string
  readonly expression: string
}

/**
 * The text of a page. `condition`: where it begins; `limit`: the parameter that gives its size.
 */
export function pageText(
  query: PageQuery,
  page: {
    readonly hidden: readonly HiddenColumn[]
    readonly condition: string | undefined
    readonly isReversed: boolean
    readonly limit: string
  },
): string {
  const { head, from, where } = query
  const columns = page.hidden.map(({ name, expression }) => `, ${expression} AS ${name}`).join('')
  const conditions = [where, page.condition ?? ''].filter((each) => each !== '')
  const order = page.isReversed ? orderOf(query) : query.order
  return (
    `${head}${columns}${from}${where === '' && conditions.length > 0 ? ' WHERE ' : ''}` +
    `${conditions.length > 1 ? conditions.map((each) => `(${each})`).join(' AND ') : (conditions[0] ?? '')} ${order} LIMIT ${page.limit}`
  )
}

function orderOf({ keys, dialect }: PageQuery): string {
  const written = reversed(keys).map(({ expression, descending, nulls }) => {
    const direction = `(${expression}) ${descending ? 'DESC' : 'ASC'}`
    // MySQL and MariaDB have one place for NULLs, which changes with the direction as it should.
    return dialect === 'mysql' ? direction : `${direction} NULLS ${nulls === 'first' ? 'FIRST' : 'LAST'}`
  })
  return `ORDER BY ${written.join(', ')}`
}
