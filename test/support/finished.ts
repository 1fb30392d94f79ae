import type { DriverPool, DriverResult } from '../../src/drivers/driver.ts'
import type { PartialAnswer, RelationContext } from '../../src/execution/relation/partial-answer.ts'
import { relationOf } from '../../src/execution/relation/relation-of.ts'
import { aggregationPlan, valuesOf, type PartText, type Refusal } from '../../src/routing/partial-aggregates.ts'
import { readQueryShape } from '../../src/statement/shape/read-query-shape.ts'
import { parts } from './scattered-table.ts'

/** The answer of a statement over `item`, made of the answers of its parts; the first part's server finishes. */
export async function finished(
  pool: DriverPool,
  sql: string,
  params: readonly unknown[],
  limit?: number,
): Promise<DriverResult | Refusal> {
  const shape = readQueryShape(sql, pool.engine)
  if (shape === undefined) return { refused: 'no shape' }
  const plan = aggregationPlan(sql, shape)
  if ('refused' in plan) return plan
  const on = async (table: string, text: PartText): Promise<DriverResult> =>
    pool.query({
      sql: text.sql.replaceAll(/\bitem\b/g, table),
      params: valuesOf(text, params),
      access: 'read',
      rowMode: 'raw',
    })
  if (plan.presumed !== undefined) {
    const { fields } = await on('item_1', plan.presumed.columnsOf)
    const present = plan.presumed.absent.filter((name) => fields.some((field) => field.name.toLowerCase() === name))
    if (present.length > 0) return { refused: `the name ${present.join()} in GROUP BY, which is a column's` }
  }
  const answers = await Promise.all(Array.from({ length: parts }, (_, i) => on(`item_${i + 1}`, plan.shard)))
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
  const relation = await relationOf(context, limit)
  if ('refused' in relation) return relation
  const text = plan.final(relation, described)
  // Of the whole table it takes no rows, but the names of items may hold its name.
  return 'refused' in text ? text : on('item', text)
}
