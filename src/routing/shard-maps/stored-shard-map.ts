import { ConfigError } from '../../errors.ts'
import { asRecord, readStrings, show } from '../../option.ts'
import type { DeclaredShardMap, ShardMap } from '../shard-map.ts'
import { directoryShards, type DirectoryOptions } from './directory-shards.ts'
import { hashShards, type HashOptions } from './hash-shards.ts'
import { listShards, type ListOptions } from './list-shards.ts'
import { moduloShards, type ModuloOptions } from './modulo-shards.ts'
import { rangeShards, type RangeOptions } from './range-shards.ts'

/**
 * The map that a map's `data` describes, also after JSON. It is read like a configuration: what somebody changed by hand is
 * checked. `path` names its place in messages.
 *
 * @throws {ConfigError} The data is no map's, or a user's own function's, which only the application has.
 */
export function storedShardMap(data: unknown, path = 'shardMap'): ShardMap {
  const { kind, shards, ...options } = asRecord(data, path)
  return declared(kind, options, path).bind(readStrings(shards, `${path}.shards`), path)
}

function declared(kind: unknown, options: unknown, path: string): DeclaredShardMap {
  switch (kind) {
    case 'hash':
      return hashShards(options as HashOptions)
    case 'range':
      return rangeShards(options as RangeOptions)
    case 'list':
      return listShards(options as ListOptions)
    case 'modulo':
      return moduloShards(options as ModuloOptions)
    case 'directory':
      return directoryShards(options as DirectoryOptions)
    default:
      throw new ConfigError(`${path}.kind`, `${show(kind)} is not accepted.`, 'hash, range, list, modulo, directory')
  }
}
