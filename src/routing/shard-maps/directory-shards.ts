import { ConfigError, OwnerUnknownError, ShardKeyError } from '../../errors.ts'
import { asRecord, readOptions, refuseUnknownKeys, show, type OptionTable } from '../../option.ts'
import type { DeclaredShardMap, ShardMap } from '../shard-map.ts'
import { boundMap } from './bound-map.ts'
import { checkShards, readKeyShape, readShard, sortedNames, type KeyOption } from './map-options.ts'
import { md5Hex } from './md5.ts'
import { rendezvous, type Contender } from './rendezvous.ts'

/** What {@link directoryShards} takes. */
export interface DirectoryOptions {
  /** The type of each column of the key. */
  readonly key: KeyOption
  /** The alias of the database that has the table of owners: declared, and not sharded. */
  readonly directory: string
  /** The table there, perhaps with its schema: letters, digits and `_`. Default `signalbox_shard_owner`. */
  readonly table?: string | undefined
  /** How many of the new keys a shard gets, in proportion to the others: from 0 to 1,000, default 1. 0: none. */
  readonly weights?: Readonly<Record<string, number>> | undefined
  /** `{ c: false }`: the shard keeps the keys that it has, and gets no new ones. Default true for each. */
  readonly acceptNew?: Readonly<Record<string, boolean>> | undefined
  /**
   * How long a read may take an owner that it remembers for the owner, in milliseconds: 0 to 3,600,000, default 10,000. A change
   * proves the owner in any case.
   */
  readonly maxStalenessMs?: number | undefined
  /** Of how many keys a process remembers the owners: 1 to 10,000,000, default 100,000. */
  readonly cachedKeys?: number | undefined
}

/** What may be remembered of a directory. */
export const directoryLimits = {
  maxStalenessMs: {
    default: 10_000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    about: 'How long a read may take a remembered owner for the owner. 0: each statement asks.',
  },
  cachedKeys: {
    default: 100_000,
    min: 1,
    max: 10_000_000,
    unit: 'entries',
    about: 'Keys whose owners a process remembers.',
  },
} as const satisfies OptionTable

const optionNames = ['key', 'directory', 'table', 'weights', 'acceptNew', ...Object.keys(directoryLimits)]
const defaultTable = 'signalbox_shard_owner'
const tablePattern = /^[a-z_]\w{0,62}(?:\.[a-z_]\w{0,62})?$/i
const mostWeight = 1_000
/** In UTF-8. The primary key of the table has to hold it on every engine. */
const mostKeyBytes = 512

/**
 * The owner of each key stands in a table, so that any key can be moved, and nothing is said about where new ones go but how many.
 * A key gets its owner with its first row: of several processes that insert it at once, all get the same. Make the tables once, with
 * `client.setUpShardDirectory()`; docs/shard-directory.md says what it costs.
 *
 * @example
 * ```ts
 * import { directoryShards } from 'signalbox'
 *
 * const shardMap = directoryShards({ key: 'integer', directory: 'control', weights: { a: 2 }, acceptNew: { c: false } })
 * ```
 */
export function directoryShards(options: DirectoryOptions): DeclaredShardMap {
  return {
    kind: 'directory',
    bind(shards, path = 'shardMap') {
      const record = asRecord(options, path)
      refuseUnknownKeys(record, optionNames, path)
      const shape = readKeyShape(record['key'], path)
      const names = checkShards(shards, path)
      const { maxStalenessMs, cachedKeys } = record
      const limits = readOptions(directoryLimits, { maxStalenessMs, cachedKeys }, path)
      const alias = readText(
        record['directory'],
        `${path}.directory`,
        /./,
        'the alias of a database that is not sharded',
      )
      const table = readText(
        record['table'] ?? defaultTable,
        `${path}.table`,
        tablePattern,
        'a name of letters, digits and _, perhaps behind that of its schema',
      )
      const weights = readEach(
        record['weights'],
        names,
        `${path}.weights`,
        1,
        isWeight,
        `numbers from 0 to ${mostWeight}`,
      )
      const acceptNew = readEach(
        record['acceptNew'],
        names,
        `${path}.acceptNew`,
        true,
        isBoolean,
        'true or false for a shard',
      )
      const contenders = contendersOf(names, weights, acceptNew, path)
      const keyText = (key: unknown): string => shortEnough(shape.text(key))
      const map = boundMap(
        shape,
        names,
        {
          kind: 'directory',
          key: shape.types,
          shards: sortedNames(names),
          directory: alias,
          table,
          weights,
          acceptNew,
        },
        {
          shardOf(key) {
            throw new OwnerUnknownError(
              `Which shard owns the key ${show(keyText(key))} stands in the table ${table} of "${alias}", and shardOf() asks nobody. Use client.findShard(key).`,
            )
          },
          // Of one key, too, only the directory can tell.
          shardsWithin: (range) => (shape.scattered(range, names, () => '').length === 0 ? [] : names),
        },
      )
      const directory = { alias, table, ...limits, placeOf: (text: string) => rendezvous(text, contenders) }
      // Where rows are is said by the table alone: other weights, or one more shard, leave them where they are.
      const fingerprint = md5Hex(JSON.stringify(['directory', shape.types, alias, table]))
      return Object.freeze<ShardMap>({ ...map, fingerprint, keyText, directory: Object.freeze(directory) })
    },
  }
}

/** The shards that new keys go to. */
function contendersOf(
  shards: readonly string[],
  weights: Readonly<Record<string, number>>,
  acceptNew: Readonly<Record<string, boolean>>,
  path: string,
): readonly Contender[] {
  const contenders = sortedNames(shards).flatMap((shard): readonly Contender[] => {
    const weight = acceptNew[shard] === true ? (weights[shard] ?? 0) : 0
    return weight > 0 ? [{ shard, weight }] : []
  })
  if (contenders.length > 0) return contenders
  throw new ConfigError(path, 'No shard gets new keys.', 'a shard that accepts new keys, with a weight above 0')
}

function readText(value: unknown, path: string, pattern: RegExp, allowed: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new ConfigError(path, `${show(value)} is not accepted.`, allowed)
}

/** One value for each shard, in the order of their names. */
function readEach<T>(
  given: unknown,
  shards: readonly string[],
  path: string,
  otherwise: T,
  fits: (value: unknown) => value is T,
  allowed: string,
): Readonly<Record<string, T>> {
  const values = new Map<string, T>(sortedNames(shards).map((name) => [name, otherwise]))
  for (const [name, value] of Object.entries(given === undefined ? {} : asRecord(given, path))) {
    const shard = readShard(name, shards, `${path}.${name}`)
    if (!fits(value)) throw new ConfigError(`${path}.${name}`, `${show(value)} is not accepted.`, allowed)
    values.set(shard, value)
  }
  return Object.fromEntries(values)
}

function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= mostWeight
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function shortEnough(text: string): string {
  // A UTF-16 unit has three bytes at most.
  if (text.length * 3 <= mostKeyBytes || encoder.encode(text).length <= mostKeyBytes) return text
  throw new ShardKeyError(
    `The key ${show(text)} is longer than ${mostKeyBytes} bytes, and the directory of owners holds no longer one. Nothing was sent.`,
  )
}

const encoder = new TextEncoder()
