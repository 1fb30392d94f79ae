/** What ran on a shard. Plain data, which `JSON.stringify` takes, as all of this. */
export interface ShardFigures {
  /** Also those that failed. */
  readonly statements: number
  readonly failed: number
  /** Returned by reads, changed by writes. */
  readonly rows: number
  /**
   * Milliseconds from their calls to their answers, of streams to their first rows. Of statements by key one in eight is timed, and
   * this is what all of them come to at that rate.
   */
  readonly ms: number
}

/** How a statement came to its shard. */
export type ShardUse =
  /** By the shard key in its text, or its parameters. */
  | 'byKey'
  /** By a scope, an option of the call, or a router. */
  | 'bound'
  /** As one part of a scattered read; what is asked besides, to put the parts together, counts as well. */
  | 'scattered'
  /** As one part of a change of several shards. */
  | 'everyShard'
  /** As it might have come to any other: reference tables, unsharded tables, no table. */
  | 'other'

/** What ran on one shard. */
export interface OneShardStats extends Readonly<Record<ShardUse, ShardFigures>> {
  readonly total: ShardFigures
  /** What it has of all, in proportion to the mean of all shards: 1 is its share, 2 twice as much. */
  readonly skew: { readonly statements: number; readonly rows: number; readonly ms: number }
}

/** A text that was scattered. */
export interface ScatteredText {
  /** At most its first 2,000 characters. */
  readonly sql: string
  /** How often; at most `error` times less, because more texts were scattered than are kept. */
  readonly statements: number
  readonly error: number
  /** Milliseconds from the call to the whole answer, of a stream to its first row: the mean since the text is kept. */
  readonly meanMs: number
  /** How many shards it was asked of the last time. */
  readonly shards: number
  /** Why, for people: which table had no key. */
  readonly why: string
}

/** A key that statements named. */
export interface HotKey {
  /** Its canonical text, at most 256 characters. */
  readonly key: string
  readonly shard: string
  /** How many statements named it; at most `error` less, because more keys came than are kept. */
  readonly statements: number
  readonly error: number
}

/** What ran on the shards of one database. */
export interface ShardStats {
  /** When the counting began: ISO 8601. */
  readonly since: string
  /** By the name of the shard, in the order of the configuration. */
  readonly shards: Readonly<Record<string, OneShardStats>>
  /** Reads that were asked of several shards. */
  readonly scattered: {
    readonly statements: number
    /** How many of them were asked of so many shards. */
    readonly toShards: Readonly<Record<string, number>>
    /** Those that come most often, at most 20, of 200 that are kept. */
    readonly texts: readonly ScatteredText[]
  }
  /** Absent unless `limits.countedKeys` says how many are kept. */
  readonly keys?: {
    /** How many keys the statements named in all. No count is too high by more than this divided by `limits.countedKeys`. */
    readonly named: number
    /** The most frequent, at most 20. */
    readonly hottest: readonly HotKey[]
  }
}
