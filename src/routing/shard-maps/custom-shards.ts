import { ConfigError, ShardKeyError } from '../../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../../option.ts'
import type { CanonicalKey, DeclaredShardMap } from '../shard-map.ts'
import { boundMap } from './bound-map.ts'
import { joined } from './key-shape.ts'
import { checkShards, readKeyShape, sortedNames, type KeyOption } from './map-options.ts'

/** What {@link customShards} takes. */
export interface CustomOptions {
  /** The type of each column of the key. */
  readonly key: KeyOption
  /** Names what the function does; another text whenever it gives another answer for any key. */
  readonly version: string
  /**
   * The shard of a key, given the canonical text of each of its columns. Must be pure: the same answer for the same key in
   * every process. What it throws reaches the caller.
   */
  readonly shardOf: (values: CanonicalKey) => string
}

/**
 * The application's own function. Nothing is known about it, so a range of keys goes to all shards, and what moves between
 * two versions can only be found by asking for each row.
 *
 * @example
 * ```ts
 * import { customShards } from 'signalbox'
 *
 * const shardMap = customShards({ key: ['text', 'integer'], version: '1', shardOf: ([region]) => (region === 'us' ? 'us' : 'eu') })
 * ```
 */
export function customShards(options: CustomOptions): DeclaredShardMap {
  return {
    kind: 'custom',
    bind(shards, path = 'shardMap') {
      const record = asRecord(options, path)
      refuseUnknownKeys(record, ['key', 'version', 'shardOf'], path)
      const shape = readKeyShape(record['key'], path)
      const names = checkShards(shards, path)
      const { version, shardOf } = options
      if (typeof version !== 'string' || version === '') {
        throw new ConfigError(`${path}.version`, `${show(version)} is not accepted.`, 'a text that names the version')
      }
      if (typeof shardOf !== 'function') {
        throw new ConfigError(
          `${path}.shardOf`,
          `${show(shardOf)} is not accepted.`,
          'a function: key → name of a shard',
        )
      }
      const ownerOf = (values: CanonicalKey): string => {
        const shard: unknown = shardOf(values)
        if (typeof shard === 'string' && names.includes(shard)) return shard
        throw new ShardKeyError(
          `The shard map's own function answered ${show(shard)} for the key ${show(joined(values))}, and the shards are: ` +
            `${names.map(show).join(', ')}. Make it answer with one of these names, and at once.`,
        )
      }
      return boundMap(
        shape,
        names,
        { kind: 'custom', key: shape.types, shards: sortedNames(names), version },
        {
          shardOf: (key) => ownerOf(shape.values(key)),
          shardsWithin: (range) => shape.scattered(range, names, ownerOf),
        },
      )
    },
  }
}
