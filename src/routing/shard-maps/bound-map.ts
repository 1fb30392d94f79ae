import type { KeyRange, ShardKey, ShardMap, ShardMapData } from '../shard-map.ts'
import type { KeyShape } from './key-shape.ts'
import { md5Hex } from './md5.ts'

/** Puts a map together from its data and its two answers. The data has its parts in a fixed order, so equal maps have equal text. */
export function boundMap(
  shape: KeyShape,
  shards: readonly string[],
  data: ShardMapData,
  answers: {
    readonly shardOf: (key: ShardKey) => string
    readonly shardsWithin: (range: KeyRange) => readonly string[]
  },
): ShardMap {
  return Object.freeze({
    kind: data.kind,
    keyTypes: shape.types,
    shards,
    data: frozen(data),
    fingerprint: md5Hex(JSON.stringify(data)),
    keyText: (key: ShardKey) => shape.text(key),
    ...answers,
  })
}

function frozen<T>(data: T): T {
  if (typeof data === 'object' && data !== null && !Object.isFrozen(data)) Object.values(data).forEach(frozen)
  return Object.freeze(data)
}
