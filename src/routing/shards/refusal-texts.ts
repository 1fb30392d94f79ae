/** What keeps tables from being read together on several shards, for people. */

export function notJoined(tables: readonly string[]): string {
  return tables.length === 1
    ? `it joins rows of ${tables[0]} with each other, and not by the shard key alone`
    : `it joins ${tables.join(', ')}, and not by their shard keys`
}

export function keepsOthers(tables: readonly string[]): string {
  return `its outer join keeps rows that belong to none of ${tables.join(', ')}, and every shard would answer with those`
}

export function onlyInExpressions(tables: readonly string[]): string {
  return `${tables.join(', ')} ${tables.length === 1 ? 'is' : 'are'} read only in a subquery of an expression, which each shard would answer from its own rows`
}
