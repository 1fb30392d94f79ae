import { ConfigError, UnknownDatabaseError } from './errors.ts'
import { show } from './option.ts'
import type { DeclaredShardMap, ShardMap } from './routing/shard-map.ts'
import { nearMatches } from './topology/near-match.ts'
import type { Database } from './topology/topology.ts'

/** The shard map of a database's entry, over its shards. Throws {@link ConfigError}. */
export function parseShardMap(entry: unknown, { alias, shards }: Database): ShardMap | undefined {
  const declared = typeof entry === 'object' && entry !== null ? (Reflect.get(entry, 'shardMap') as unknown) : undefined
  if (declared === undefined) return undefined
  const path = `databases.${alias}.shardMap`
  if (!isDeclaredMap(declared)) {
    throw new ConfigError(
      path,
      `${show(declared)} is not accepted.`,
      "a shard map, such as hashShards({ key: 'integer' })",
    )
  }
  return declared.bind(
    shards.map(({ name }) => name),
    path,
  )
}

function isDeclaredMap(value: unknown): value is DeclaredShardMap {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'bind') === 'function'
}

/** The table of owners is in one place. Throws {@link UnknownDatabaseError} or {@link ConfigError}. */
export function checkDirectory(
  path: string,
  directory: string,
  aliases: ReadonlyMap<string, string>,
  databases: ReadonlyMap<string, Database>,
): void {
  const database = databases.get(aliases.get(directory) ?? '')
  const known = [...aliases.keys()]
  if (database === undefined)
    throw new UnknownDatabaseError(directory, known, nearMatches(directory, known), `${path}: `)
  if (database.shards.length > 1)
    throw new ConfigError(
      path,
      `${show(directory)} is spread over several shards itself.`,
      'a database that is not sharded',
    )
}
