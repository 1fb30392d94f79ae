import { ConfigError } from '../../errors.ts'
import { asRecord, readStrings, refuseUnknownKeys } from '../../option.ts'
import type { DeclaredShardMap } from '../shard-map.ts'
import { boundMap } from './bound-map.ts'
import { joined } from './key-shape.ts'
import { checkShards, readKeyShape, readShard, sortedNames, type KeyOption } from './map-options.ts'
import { md5 } from './md5.ts'

/** So many shards at most that a 32-bit number behind a remainder stays exact. */
const mostShards = 1_024

/** What {@link moduloShards} takes. */
export interface ModuloOptions {
  /** The type of each column of the key. */
  readonly key: KeyOption
  /** Every shard once: the first gets the keys whose hash leaves the remainder 0, the next 1, and so on. */
  readonly order: readonly string[]
}

/**
 * The MD5 of the key as a number of 128 bits, modulo the number of shards.
 *
 * For data that was spread this way, such as `1 + md5(key) mod n` of the sample code of "Four multi-database patterns"
 * (DjangoCon 2010), whose `reviews-1` comes first in `order`. Another number of shards moves nearly every row (of three
 * shards to four: three in four), so choose `hashShards` for anything new.
 *
 * @example
 * ```ts
 * import { moduloShards } from 'signalbox'
 *
 * const shardMap = moduloShards({ key: 'integer', order: ['reviews-1', 'reviews-2', 'reviews-3'] })
 * ```
 */
export function moduloShards(options: ModuloOptions): DeclaredShardMap {
  return {
    kind: 'modulo',
    bind(shards, path = 'shardMap') {
      const record = asRecord(options, path)
      refuseUnknownKeys(record, ['key', 'order'], path)
      const shape = readKeyShape(record['key'], path)
      const names = checkShards(shards, path)
      const order = Object.freeze(
        readStrings(record['order'], `${path}.order`).map((name, index) =>
          readShard(name, names, `${path}.order[${index}]`),
        ),
      )
      if (order.length !== names.length || new Set(order).size !== names.length || order.length > mostShards) {
        throw new ConfigError(
          `${path}.order`,
          `${order.length} names for ${names.length} shards are not accepted.`,
          `each shard once, ${mostShards} at most`,
        )
      }
      const ownerOf = (text: string): string => order[remainder(text, order.length)] ?? ''
      return boundMap(
        shape,
        names,
        { kind: 'modulo', key: shape.types, shards: sortedNames(names), order },
        {
          shardOf: (key) => ownerOf(shape.text(key)),
          shardsWithin: (range) => shape.scattered(range, names, (values) => ownerOf(joined(values))),
        },
      )
    },
  }
}

function remainder(text: string, modulus: number): number {
  return md5(text).reduce<number>((rest, word) => (rest * 2 ** 32 + word) % modulus, 0)
}
