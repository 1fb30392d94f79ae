import { floatsOf, withDoubles } from '../relation/mysql-relation.ts'
import { partialRows, type Aggregation, type PartialRows } from './aggregate.ts'

/** With these columns of the partial rows as doubles, too. */
export function asDoubles<Asked extends Aggregation>(asked: Asked, places: readonly number[]): Asked {
  if (places.length === 0) return asked
  const { plan, planOf } = asked
  return { ...asked, plan: withDoubles(plan, places), planOf: (shard) => withDoubles(planOf(shard), places) }
}

/**
 * The partial rows, with all digits. Where MySQL answers with a FLOAT, the shards are asked once more, for a double beside it; the text
 * does not tell the types, so this is remembered for the calls that follow.
 */
export async function exactRows<Asked extends Aggregation>(
  asked: Asked,
  most: number,
): Promise<{ readonly asked: Asked; readonly rows: PartialRows }> {
  const rows = await partialRows(asked, most)
  if (asked.plan.dialect !== 'mysql' || rows.count === 0) return { asked, rows }
  const known = asked.plan.doubles ?? []
  const others = floatsOf(asked.plan, rows.answers).filter((place) => !known.includes(place))
  if (others.length === 0) return { asked, rows }
  asked.memo.doubles = [...known, ...others]
  return await exactRows(asDoubles(asked, others), most)
}
