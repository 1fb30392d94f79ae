import { ConfigError } from '../../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../../option.ts'
import type { BucketRun, DeclaredShardMap, ShardKey, ShardMap, ShardMapData } from '../shard-map.ts'
import { boundMap } from './bound-map.ts'
import { balanced, readOwners, runsOf, type BucketOwners } from './bucket-owners.ts'
import { joined, type KeyShape } from './key-shape.ts'
import { checkShards, readKeyShape, sortedNames, type KeyOption } from './map-options.ts'
import { md5 } from './md5.ts'

const defaultBuckets = 4_096
const mostBuckets = 65_536

/** What {@link hashShards} takes. */
export interface HashOptions {
  /** The type of each column of the key. */
  readonly key: KeyOption
  /**
   * How many buckets the keys fall into: a power of two from 2 to 65,536; default 4,096. Ten or more for each shard that
   * there will ever be keep the shards even. Twice as many later moves no row: bucket `n` becomes `2n` and `2n + 1`.
   */
  readonly buckets?: number | undefined
  /**
   * Which shard owns which buckets: `{ a: [[0, 2047]], b: [[2048, 4095]] }`, first and last of each run. Default: an equal
   * run for each shard, in the order of their names. That holds for the shards it begins with: before another is added
   * the owners must be written down (`data.owners`), or buckets would change hands without their rows.
   */
  readonly owners?: Readonly<Record<string, readonly BucketRun[]>> | undefined
}

/** A map by buckets. */
export interface HashShardMap extends ShardMap {
  /** The bucket of a key: the leading bits of the MD5 of its canonical text. */
  bucketOf(key: ShardKey): number
  /** The map over other shards that spreads the same buckets evenly and moves the fewest of them. */
  over(shards: readonly string[]): HashShardMap
}

/**
 * Spreads keys evenly: each falls into one of many buckets by its hash, and each bucket belongs to a shard. A new shard
 * takes whole buckets from the others, and no other key moves.
 *
 * The bucket is part of the interface, so that other programs and SQL find it too: the leading bits of the MD5 (RFC 1321)
 * of the UTF-8 of the key's canonical text. Of 4,096 buckets these are the first three hexadecimal digits, for an integer
 * or a UUID on PostgreSQL `left(md5(customer_id::text), 3)`. ADR 14 has test vectors.
 *
 * @example
 * ```ts
 * import { hashShards } from 'signalbox'
 *
 * const byCustomer = hashShards({ key: 'integer' })
 * const byDeviceAndDay = hashShards({ key: ['uuid', 'date'], buckets: 1024 })
 * ```
 */
export function hashShards(options: HashOptions): DeclaredShardMap<HashShardMap> {
  return {
    kind: 'hash',
    bind(shards, path = 'shardMap') {
      const record = asRecord(options, path)
      refuseUnknownKeys(record, ['key', 'buckets', 'owners'], path)
      const shape = readKeyShape(record['key'], path)
      const buckets = readBuckets(record['buckets'], path)
      const names = checkShards(shards, path)
      const given = record['owners']
      const owners =
        given === undefined ? spread(buckets, names, path) : readOwners(given, buckets, names, `${path}.owners`)
      return hashMap(shape, names, owners)
    },
  }
}

function hashMap(shape: KeyShape, shards: readonly string[], owners: BucketOwners): HashShardMap {
  const unused = 32 - Math.log2(owners.length)
  const bucketOfText = (text: string): number => md5(text)[0] >>> unused
  const ownerOfText = (text: string): string => owners[bucketOfText(text)] ?? ''
  const owning = new Set(owners)
  const all = Object.freeze(shards.filter((name) => owning.has(name)))
  const data: ShardMapData = {
    kind: 'hash',
    key: shape.types,
    shards: sortedNames(shards),
    buckets: owners.length,
    owners: runsOf(owners, shards),
  }
  return Object.freeze({
    ...boundMap(shape, shards, data, {
      shardOf: (key) => ownerOfText(shape.text(key)),
      shardsWithin: (range) => shape.scattered(range, all, (values) => ownerOfText(joined(values))),
    }),
    bucketOf: (key: ShardKey) => bucketOfText(shape.text(key)),
    over: (others: readonly string[]) => {
      const names = checkShards(others, 'shards')
      enoughBuckets(owners.length, names, 'shards')
      return hashMap(shape, names, balanced(owners, names))
    },
  })
}

function spread(buckets: number, shards: readonly string[], path: string): BucketOwners {
  enoughBuckets(buckets, shards, `${path}.buckets`)
  return balanced(Array.from({ length: buckets }), shards)
}

function enoughBuckets(buckets: number, shards: readonly string[], path: string): void {
  if (buckets >= shards.length) return
  throw new ConfigError(path, `${buckets} buckets are too few for ${shards.length} shards.`, 'a bucket a shard or more')
}

function readBuckets(value: unknown, path: string): number {
  if (value === undefined) return defaultBuckets
  if (typeof value === 'number' && value >= 2 && value <= mostBuckets && Number.isInteger(Math.log2(value)))
    return value
  throw new ConfigError(
    `${path}.buckets`,
    `${show(value)} is not accepted.`,
    `a power of two from 2 to ${mostBuckets}; default ${defaultBuckets}`,
  )
}
