import type { DriverPool, DriverResult } from '../../src/drivers/driver.ts'
import type { PartialAnswer, RelationContext } from '../../src/execution/relation/partial-answer.ts'
import { floatsOf, withDoubles } from '../../src/execution/relation/mysql-relation.ts'
import { relationOf } from '../../src/execution/relation/relation-of.ts'
import { TemporaryTable } from '../../src/execution/relation/temporary-table.ts'
import {
  aggregationPlan,
  valuesOf,
  type AggregationPlan,
  type PartText,
  type Refusal,
} from '../../src/routing/partial-aggregates.ts'
import { readQueryShape } from '../../src/statement/shape/read-query-shape.ts'
import { parts } from './scattered-table.ts'

/** How the partial rows come to the server: in the final statement itself (at most so many), or in a temporary table. */
export type FinishedBy = { readonly limit?: number } | 'temporary table'

/** The answer of a statement over `item`, made of the answers of its parts; the first part's server finishes. */
export async function finished(
  pool: DriverPool,
  sql: string,
  params: readonly unknown[],
  by: FinishedBy = {},
): Promise<DriverResult | Refusal> {
  const shape = readQueryShape(sql, pool.engine)
  if (shape === undefined) return { refused: 'no shape' }
  const plan = aggregationPlan(sql, shape)
  if ('refused' in plan) return plan
  const answer = await finishedBy(plan, pool, params, by)
  // What the client asks for before it reads is found out by trying here.
  return 'refused' in answer && plan.otherwise !== undefined
    ? await finishedBy(plan.otherwise, pool, params, by)
    : answer
}

async function finishedBy(
  given: AggregationPlan,
  pool: DriverPool,
  params: readonly unknown[],
  by: FinishedBy,
): Promise<DriverResult | Refusal> {
  const on = async (table: string, text: PartText): Promise<DriverResult> =>
    pool.query({
      sql: text.sql.replaceAll(/\bitem\b/g, table),
      params: valuesOf(text, params),
      access: 'read',
      rowMode: 'raw',
    })
  if (given.presumed !== undefined) {
    const { fields } = await on('item_1', given.presumed.columnsOf)
    const present = given.presumed.absent.filter((name) => fields.some((field) => field.name.toLowerCase() === name))
    if (present.length > 0) return { refused: `the name ${present.join()} in GROUP BY, which is a column's` }
  }
  const onParts = async (text: PartText): Promise<readonly DriverResult[]> =>
    await Promise.all(Array.from({ length: parts }, (_, i) => on(`item_${i + 1}`, text)))
  const first = await onParts(given.shard)
  const plan = given.dialect === 'mysql' ? withDoubles(given, floatsOf(given, first)) : given
  const answers = plan === given ? first : await onParts(plan.shard)
  const described = plan.names.every((name) => name !== undefined)
    ? plan.names
    : (await on('item', plan.describe)).fields.map(({ name }) => name)
  const context: RelationContext = {
    plan,
    params,
    answers: answers as unknown as [PartialAnswer, ...PartialAnswer[]],
    ask: async (request) =>
      pool.query({ ...request, sql: request.sql.replaceAll(/\bitem\b/g, 'item_1'), access: 'read' }),
  }
  if (by === 'temporary table') return await throughTable(pool, context, described)
  const relation = await relationOf(context, by.limit)
  if ('refused' in relation) return relation
  const text = plan.final(relation, described)
  // Of the whole table it takes no rows, but the names of items may hold its name.
  return 'refused' in text ? text : on('item', text)
}

async function throughTable(
  pool: DriverPool,
  { plan, params, answers }: RelationContext,
  names: readonly string[],
): Promise<DriverResult | Refusal> {
  if (!Array.isArray(params)) return { refused: 'named parameters' }
  const lease = await pool.lease({ access: 'session' })
  try {
    // As in the client: what is of the session is not prepared on MariaDB, and parameters have other types then.
    const access = pool.engine === 'sqlite' ? 'session' : 'read'
    const onPart = (text: string): string => text.replaceAll(/\bitem\b/g, 'item_1')
    const [first, ...others] = answers.map(({ fields }) => ({ fields, rows: [] }))
    const table = new TemporaryTable(plan, params, [first!, ...others], async (request) =>
      lease.query({ ...request, sql: onPart(request.sql), access }),
    )
    if (plan.dialect === 'postgres') await lease.begin({})
    const created = await table.create()
    if (created !== undefined) return created
    for (const { rows } of answers) {
      for (let from = 0; from < rows.length; from += 300) {
        const refused = await table.add(rows.slice(from, from + 300))
        if (refused !== undefined) return refused
      }
    }
    const relation = await table.relation()
    if ('refused' in relation) return relation
    const text = plan.final(relation, names)
    if ('refused' in text) return text
    const values = valuesOf(text, params)
    const answer = await lease.query({ sql: text.sql, params: values, access, rowMode: 'raw' })
    // SQLite describes them as long as there is a connection.
    void answer.fields
    return answer
  } finally {
    await lease.release('reset')
  }
}
