import { ConfigError, ShardKeyError } from '../../errors.ts'
import { show } from '../../option.ts'
import type { CanonicalKey, ShardKey } from '../shard-map.ts'
import { KeyShape } from './key-shape.ts'
import { keyTypes, type KeyType } from './key-type.ts'

const mostColumns = 8

/** The type of the key's column, or of each of its columns. */
export type KeyOption = KeyType | readonly KeyType[]

/** Reads `key`. There is no default: a wrong guess would look for rows on shards where they are not. */
export function readKeyShape(value: unknown, path: string): KeyShape {
  const types: readonly unknown[] = Array.isArray(value) ? value : [value]
  const known: readonly unknown[] = keyTypes
  const wrong = types.find((type) => !known.includes(type))
  if (types.length === 0 || types.length > mostColumns || wrong !== undefined || value === undefined) {
    throw new ConfigError(
      `${path}.key`,
      `${show(types.length === 1 ? types[0] : (wrong ?? value))} is not accepted.`,
      `the type of the shard key's column, or a list of 1 to ${mostColumns}: ${keyTypes.join(', ')}`,
    )
  }
  return new KeyShape(Object.freeze(types.map((type) => type as KeyType)))
}

/** Refuses a database without shards, and one with a shard twice. */
export function checkShards(shards: readonly string[], path: string): readonly string[] {
  const twice = shards.find((name, index) => shards.indexOf(name) !== index)
  if (shards.length === 0 || twice !== undefined) {
    const message = twice === undefined ? 'There are no shards.' : `The shard ${show(twice)} is there twice.`
    throw new ConfigError(path, message, 'a map over one or more shards, each with a name of its own')
  }
  return Object.freeze([...shards])
}

/** The names in an order that does not depend on the configuration's. */
export function sortedNames(shards: readonly string[]): readonly string[] {
  return Object.freeze([...shards].sort())
}

/** Reads the name of a shard of this database. */
export function readShard(value: unknown, shards: readonly string[], path: string): string {
  if (typeof value === 'string' && shards.includes(value)) return value
  throw new ConfigError(
    path,
    `There is no shard ${show(value)}.`,
    shards.map((name) => JSON.stringify(name)).join(', '),
  )
}

/** Reads a key that stands in the configuration; a `leading` one may leave out columns from the end. */
export function readKey(shape: KeyShape, key: ShardKey, path: string, form: 'whole' | 'leading'): CanonicalKey {
  try {
    return form === 'whole' ? shape.values(key) : shape.leading(key)
  } catch (error) {
    if (!(error instanceof ShardKeyError)) throw error
    throw new ConfigError(path, error.message, `a key of the declared type (${shape.types.join(', ')})`)
  }
}
