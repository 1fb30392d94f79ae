import type { FunctionUse } from '../../statement/analysis.ts'
import type { QueryTree } from '../../statement/query-tree/query-tree.ts'
import { selectsIn } from '../../statement/query-tree/selects-in.ts'

/**
 * The name of a function that may be an aggregate of its own making, in a query without groups that the rows come from: then each shard would
 * answer that query with one row. `undefined` if there is none.
 *
 * @param tree - read with `isOwn` as its aggregates
 */
export function foreignAggregate(tree: QueryTree, isOwn: (call: FunctionUse) => boolean): string | undefined {
  for (const select of selectsIn(tree)) {
    const { items, orderBy, groupBy } = select.shape
    if (select === tree || groupBy !== undefined) continue
    for (const { aggregates } of [...items, ...(orderBy?.keys ?? [])])
      for (const { name } of aggregates) if (isOwn({ name })) return name
  }
  return undefined
}
