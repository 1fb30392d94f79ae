import { ConfigError } from '../../errors.ts'
import { show } from '../../option.ts'
import type { ShardMap } from '../shard-map.ts'
import type { ShardBinding } from '../surroundings.ts'
import type { BoundShard } from './choose-shards.ts'

/**
 * The shard that a scope or a call is bound to, by its key; `undefined` if it says nothing about this database. Throws
 * `ShardKeyError` for a value that cannot be a key.
 */
export function boundShard(
  database: string,
  binding: ShardBinding | undefined,
  map: ShardMap | undefined,
): BoundShard | undefined {
  if (binding === undefined || (binding.database !== undefined && binding.database !== database)) return undefined
  if (map === undefined) {
    if (binding.database === undefined) return undefined
    throw new ConfigError(
      'database',
      `"${database}" has no shard map, so that no shard can be found from a key.`,
      'a database with a shardMap',
    )
  }
  const shard = map.shardOf(binding.key)
  const because = `${binding.by} names the key ${show(binding.key)}, which is on the shard "${shard}"`
  return { shard, because, byCall: binding.byCall }
}
