import { ConfigError, ShardKeyError } from '../../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../../option.ts'
import type { CanonicalKey, DeclaredShardMap, KeyRange, ShardKey, ShardMap } from '../shard-map.ts'
import { boundMap } from './bound-map.ts'
import { joined, type KeyShape } from './key-shape.ts'
import { checkShards, readKey, readKeyShape, readShard, sortedNames, type KeyOption } from './map-options.ts'

/** What {@link listShards} takes. */
export interface ListOptions {
  /** The type of each column of the key. */
  readonly key: KeyOption
  /** For each shard its keys: `{ eu: ['de', 'fr'], us: ['us'] }`. A key of several columns is an array. */
  readonly lists: Readonly<Record<string, readonly ShardKey[]>>
  /** The shard of all other keys. Default: none, so that a row with another key is refused. */
  readonly default?: string | null | undefined
}

interface Entry {
  readonly values: CanonicalKey
  readonly shard: string
}

/**
 * Names the keys of each shard: countries, regions, a few large customers.
 *
 * @example
 * ```ts
 * import { listShards } from 'signalbox'
 *
 * const shardMap = listShards({ key: 'text', lists: { eu: ['de', 'fr'], us: ['us'] }, default: 'eu' })
 * ```
 */
export function listShards(options: ListOptions): DeclaredShardMap {
  return {
    kind: 'list',
    bind(shards, path = 'shardMap') {
      const record = asRecord(options, path)
      refuseUnknownKeys(record, ['key', 'lists', 'default'], path)
      const shape = readKeyShape(record['key'], path)
      const names = checkShards(shards, path)
      const entries = readLists(record['lists'], shape, names, `${path}.lists`)
      const rest = record['default'] ?? undefined
      return listMap(shape, names, entries, rest === undefined ? null : readShard(rest, names, `${path}.default`))
    },
  }
}

function listMap(
  shape: KeyShape,
  shards: readonly string[],
  entries: ReadonlyMap<string, Entry>,
  rest: string | null,
): ShardMap {
  const sorted = [...entries.values()].sort((one, other) =>
    shape.compare({ values: one.values, behind: false }, { values: other.values, behind: false }),
  )
  const lists = Object.fromEntries(
    sortedNames(shards).map((name) => [name, sorted.filter(({ shard }) => shard === name).map(({ values }) => values)]),
  )
  return boundMap(
    shape,
    shards,
    { kind: 'list', key: shape.types, shards: sortedNames(shards), lists, default: rest },
    {
      shardOf(key) {
        const text = shape.text(key)
        const shard = entries.get(text)?.shard ?? rest
        if (shard !== null) return shard
        throw new ShardKeyError(
          `No shard owns the key ${show(text)}: it is in no list. Add it to one, or give the map a default.`,
        )
      },
      shardsWithin(range) {
        const owners = new Set(ownersWithin(shape, entries, rest, range))
        return shards.filter((name) => owners.has(name))
      },
    },
  )
}

function ownersWithin(
  shape: KeyShape,
  entries: ReadonlyMap<string, Entry>,
  rest: string | null,
  range: KeyRange,
): readonly (string | null)[] {
  const { low, high } = shape.ends(range)
  if (low !== undefined && high !== undefined) {
    if (shape.compare(low, high) >= 0) return []
    if (shape.isOneKey(low, high)) return [entries.get(joined(low.values))?.shard ?? rest]
  }
  const within = [...entries.values()].filter(({ values }) => {
    const place = { values, behind: false }
    return (
      (low === undefined || shape.compare(low, place) <= 0) && (high === undefined || shape.compare(place, high) < 0)
    )
  })
  return [...within.map(({ shard }) => shard), rest]
}

function readLists(
  given: unknown,
  shape: KeyShape,
  shards: readonly string[],
  path: string,
): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const [name, keys] of Object.entries(asRecord(given, path))) {
    const shard = readShard(name, shards, `${path}.${name}`)
    if (!Array.isArray(keys))
      throw new ConfigError(`${path}.${name}`, `${show(keys)} is not accepted.`, 'a list of keys')
    for (const [index, key] of (keys as readonly ShardKey[]).entries()) {
      const place = `${path}.${name}[${index}]`
      const values = readKey(shape, key, place, 'whole')
      const other = entries.get(joined(values))
      if (other !== undefined) {
        throw new ConfigError(
          place,
          `The key ${show(joined(values))} belongs to ${show(other.shard)} already.`,
          'each key once',
        )
      }
      entries.set(joined(values), { values, shard })
    }
  }
  return entries
}
