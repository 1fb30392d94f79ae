import { checkFunction } from './call-check.ts'
import type { Directory } from './directory/directory.ts'
import { OwnerMove, type MoveWork } from './directory/move-owner.ts'
import { ConfigError } from './errors.ts'
import { asRecord, refuseUnknownKeys, show } from './option.ts'
import type { ShardMap } from './routing/shard-map.ts'
import type { ClientParts } from './client-parts.ts'
import { beginOn, setUpDirectory } from './shard-directories.ts'

/** Which of the databases with shard maps is meant, where there are several. */
export interface ShardMapChoice<A extends string = string> {
  readonly database?: A
}

/** Where a key is to go, and how its rows go along: both `copy` and `remove`, or neither. */
export interface MoveOwnerOptions<A extends string = string> extends ShardMapChoice<A>, Partial<MoveWork> {
  /** The name of the shard. */
  readonly to: string
  /** Time limit of each statement in milliseconds. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
}

/** The shards of keys, for those who ask for them by name. */
export class ShardKeys {
  readonly #parts: ClientParts

  constructor(parts: ClientParts) {
    this.#parts = parts
  }

  shardOf(key: unknown, choice: ShardMapChoice): string {
    return this.#chosen(choice).map.shardOf(key)
  }

  async find(keys: readonly unknown[], choice: ShardMapChoice): Promise<readonly (string | undefined)[]> {
    const { map, directory } = this.#chosen(choice)
    if (directory === undefined) return keys.map((key) => map.shardOf(key))
    const texts = keys.map((key) => map.keyText(key))
    const { queryTimeoutMs: timeoutMs } = this.#parts.config.limits
    const owners = await directory.ask([...new Set(texts)], { timeoutMs })
    return texts.map((text) => owners.get(text)?.shard)
  }

  /** How many keys each shard owns; `undefined` where no directory counts them. */
  async counts(choice: ShardMapChoice): Promise<Readonly<Record<string, number>> | undefined> {
    const { map, directory } = this.#chosen(choice)
    if (directory === undefined) return undefined
    const { queryTimeoutMs: timeoutMs } = this.#parts.config.limits
    const counts = await directory.counts({ timeoutMs })
    return Object.fromEntries(map.shards.map((shard) => [shard, counts.get(shard) ?? 0]))
  }

  async setUp(choice: ShardMapChoice): Promise<void> {
    await setUpDirectory(this.#withDirectory(choice), this.#parts)
  }

  async move(key: unknown, options: MoveOwnerOptions): Promise<void> {
    refuseUnknownKeys(asRecord(options, 'options'), ['to', 'database', 'copy', 'remove', 'timeoutMs'], 'options')
    const { to, copy, remove, timeoutMs } = options
    const directory = this.#withDirectory(options)
    const { map } = directory
    if (!map.shards.includes(to))
      throw new ConfigError('options.to', `There is no shard ${show(to)}.`, map.shards.map(show).join(', '))
    for (const [name, work] of Object.entries({ copy, remove }))
      if (work !== undefined) checkFunction(work, `options.${name}`)
    if ((copy === undefined) !== (remove === undefined))
      throw new ConfigError('options', 'Of copy and remove one is missing.', 'both, or neither')
    const work = copy === undefined || remove === undefined ? undefined : { copy, remove }
    await new OwnerMove(directory, map.keyText(key), to, work, beginOn(directory, key, this.#parts, timeoutMs)).run()
  }

  #withDirectory(choice: ShardMapChoice): Directory {
    const { alias, directory } = this.#chosen(choice)
    if (directory !== undefined) return directory
    throw new ConfigError(
      'database',
      `The shard map of "${alias}" has no directory.`,
      'a database with directoryShards',
    )
  }

  #chosen({ database }: ShardMapChoice): { alias: string; map: ShardMap; directory: Directory | undefined } {
    const { config, databases, directories } = this.#parts
    const { shardMaps } = config
    const named = database === undefined ? undefined : databases.resolve(database).alias
    const [only, ...others] = shardMaps.keys()
    const alias = named ?? (others.length === 0 ? (only ?? '') : '')
    const map = shardMaps.get(alias)
    if (map !== undefined) return { alias, map, directory: directories.of(alias) }
    throw new ConfigError(
      'database',
      `It is ${named === undefined ? 'not said' : `"${named}", which has no shard map`}.`,
      [...shardMaps.keys()].join(', ') || 'none has a shard map',
    )
  }
}
