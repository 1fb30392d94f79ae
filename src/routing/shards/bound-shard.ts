import { ConfigError } from '../../errors.ts'
import { show } from '../../option.ts'
import type { ShardBinding } from '../surroundings.ts'
import type { BoundShard } from './choose-shards.ts'
import { KeyOwners, type KeyOwnersInput } from './key-owners.ts'
import type { ShardQuestion } from './unanswered.ts'

/**
 * The shard that a scope or a call is bound to, by its key; `undefined` if it says nothing about this database. Throws
 * `ShardKeyError` for a value that cannot be a key, and `Unanswered` where its shard has to be asked for.
 */
export function boundShard(
  binding: ShardBinding | undefined,
  input: KeyOwnersInput,
  intent: ShardQuestion['intent'],
): BoundShard | undefined {
  const { database, map } = input
  if (binding === undefined || (binding.database !== undefined && binding.database !== database)) return undefined
  if (map === undefined) {
    if (binding.database === undefined) return undefined
    throw new ConfigError(
      'database',
      `"${database}" has no shard map, so that no shard can be found from a key.`,
      'a database with a shardMap',
    )
  }
  const owners = new KeyOwners(input)
  const shard = owners.shardOf(binding.key, intent)
  owners.settle()
  const because = `${binding.by} names the key ${show(binding.key)}, which is on the shard "${shard}"`
  return { shard, because, byCall: binding.byCall, keys: owners.keys() }
}
