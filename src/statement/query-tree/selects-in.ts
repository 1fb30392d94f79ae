import type { QueryTree, SelectTree } from './query-tree.ts'

/** All SELECTs that a query reads from, also within its expressions if a WITH has them, itself included; each query of a WITH once, however often it is read. */
export function selectsIn(tree: QueryTree): readonly SelectTree[] {
  const found: SelectTree[] = []
  const seen = new Set<QueryTree>()
  const waiting: QueryTree[] = [tree]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    if (next.kind === 'set') waiting.push(...next.members.toReversed())
    if (next.kind !== 'select') continue
    found.push(next)
    for (const { source } of next.from.toReversed()) {
      if (source.kind === 'query') waiting.push(source.query)
      if (source.kind === 'with' && source.query.query !== undefined) waiting.push(source.query.query)
    }
    for (const { query } of next.readInside) if (query !== undefined) waiting.push(query)
  }
  return found
}
