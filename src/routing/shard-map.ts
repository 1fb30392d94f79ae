import type { KeyType } from './shard-maps/key-type.ts'

/**
 * The value of a shard key: of its one column, or an array with the value of each column in the declared order. A byte
 * string is no array here.
 */
export type ShardKey = unknown

/** One end of a range of keys. `key` may leave out columns from the end: `[7]` of `(tenant, day)` means every day of tenant 7. */
export interface KeyBound {
  readonly key: ShardKey
  readonly inclusive: boolean
}

/** The keys from one bound to another; an absent bound is an open end. */
export interface KeyRange {
  readonly from?: KeyBound | undefined
  readonly to?: KeyBound | undefined
}

/**
 * The function from a key's value to the shard that owns it.
 *
 * Pure, synchronous and frozen: the same map gives the same answer for ever, in every process. Values that a database
 * takes for the same key lead to the same shard, in whatever form they come (`7`, `7n`, `'07'` for an integer).
 */
export interface ShardMap {
  readonly kind: ShardMapData['kind']
  /** The type of each column of the key. */
  readonly keyTypes: readonly KeyType[]
  /** All shards, each once, in the order in which the database declares them: where a statement without a key goes. */
  readonly shards: readonly string[]
  /** What the map is, as plain data; `storedShardMap` makes the map of it again, a user's own function excepted. */
  readonly data: ShardMapData
  /** 32 hexadecimal digits; two maps with the same ones give the same answers. Short enough to be stored beside the rows. */
  readonly fingerprint: string
  /** Of a map whose owners stand in a table, which has to be asked. */
  readonly directory?: OwnerDirectory | undefined
  /**
   * The one shard that owns a key. `NULL` is no key: a condition drops it first, and a row with it is refused.
   *
   * @throws {ShardKeyError} The value cannot be a key of the declared type, or no shard owns it.
   * @throws {OwnerUnknownError} The map has a directory: only that can tell.
   */
  shardOf(key: ShardKey): string
  /**
   * The canonical text of a key; equal for values that a database takes for the same key.
   *
   * @throws {ShardKeyError} The value cannot be a key of the declared type.
   */
  keyText(key: ShardKey): string
  /**
   * Every shard in which rows with keys of the range may live, in the order of `shards`: never too few, all of them where
   * nothing better is known, none where the range is empty or nobody owns any of it.
   *
   * @throws {ShardKeyError} A bound cannot be a key of the declared type.
   */
  shardsWithin(range: KeyRange): readonly string[]
}

/** Where the owners of keys stand, and what of them may be remembered. */
export interface OwnerDirectory {
  /** The alias of the database that has the table. */
  readonly alias: string
  readonly table: string
  /** How long an owner that was read may be taken for the owner by reads, in milliseconds. */
  readonly maxStalenessMs: number
  /** Of how many keys the owners are remembered. */
  readonly cachedKeys: number
  /** The shard that gets a key, given by its canonical text, that nobody owns. */
  placeOf(keyText: string): string
}

/** A map as it is written in the configuration. The names of the shards are the database's, so they come later. */
export interface DeclaredShardMap<M extends ShardMap = ShardMap> {
  readonly kind: ShardMapData['kind']
  /**
   * The map over these shards. `path` is where it stands in the configuration, for messages.
   *
   * @throws {ConfigError} An option is missing, unknown or wrong, or does not fit the shards.
   */
  bind(shards: readonly string[], path?: string): M
}

/** A run of buckets, both ends included. */
export type BucketRun = readonly [first: number, last: number]

/** Part of a map's data: its canonical values, one text for each column. */
export type CanonicalKey = readonly string[]

/** A map as plain data: survives JSON, and is equal for equal maps. Shards stand in the order of their names. */
export type ShardMapData = { readonly key: readonly KeyType[]; readonly shards: readonly string[] } & (
  | { readonly kind: 'hash'; readonly buckets: number; readonly owners: Readonly<Record<string, readonly BucketRun[]>> }
  | { readonly kind: 'range'; readonly ranges: readonly RangeData[]; readonly gaps: boolean }
  | {
      readonly kind: 'list'
      readonly lists: Readonly<Record<string, readonly CanonicalKey[]>>
      readonly default: string | null
    }
  | { readonly kind: 'modulo'; readonly order: readonly string[] }
  | { readonly kind: 'custom'; readonly version: string }
  | {
      readonly kind: 'directory'
      readonly directory: string
      readonly table: string
      readonly weights: Readonly<Record<string, number>>
      readonly acceptNew: Readonly<Record<string, boolean>>
    }
)

/** The keys from `from` up to but without `to`; `null` is an open end. */
export interface RangeData {
  readonly shard: string
  readonly from: CanonicalKey | null
  readonly to: CanonicalKey | null
}

/** The rows that change their shard between two maps. */
export interface ShardMove {
  readonly from: string
  /** `null`: no shard owns them any more. */
  readonly to: string | null
  readonly part: MovedPart
}

/** The keys that change their shard, as their kind of map tells them. */
export type MovedPart =
  | { readonly kind: 'hash'; readonly buckets: readonly BucketRun[] }
  | { readonly kind: 'range'; readonly from: CanonicalKey | null; readonly to: CanonicalKey | null }
  /** `others`: besides the values, every key that neither of the two maps lists. */
  | { readonly kind: 'list'; readonly values: readonly CanonicalKey[]; readonly others: boolean }
  /** The keys whose MD5, as a number, leaves one of these remainders. */
  | { readonly kind: 'modulo'; readonly modulus: number; readonly remainders: readonly number[] }
