import type { ShardKey, ShardMap } from '../shard-map.ts'
import { Unanswered, type ShardAnswers, type ShardQuestion } from './unanswered.ts'

/** What the shard of a key is found from. */
export interface KeyOwnersInput {
  /** The alias of the database. */
  readonly database: string
  /** `undefined`: the database has none, and so no sharded table. */
  readonly map: ShardMap | undefined
  readonly answers?: ShardAnswers | undefined
}

/** For each shard the canonical texts of its keys. */
export type KeysByShard = ReadonlyMap<string, readonly string[]>

/** Under this name the directory of a database is asked for the owners of keys, by their canonical texts. */
export function directoryOf(database: string): string {
  return `the directory of "${database}"`
}

/** The shards of the keys of one statement: from the map, or, where owners stand in a table, from what was asked. */
export class KeyOwners {
  readonly #input: KeyOwnersInput
  readonly #owners = new Map<string, string>()
  readonly #missing = new Map<string, ShardQuestion>()

  constructor(input: KeyOwnersInput) {
    this.#input = input
  }

  /**
   * The shard of a key. Where it has to be asked for first that is noted, and any shard is given: see `settle`. `place`: rows
   * with this key are new. `afresh`: what is remembered does not count.
   */
  shardOf(key: ShardKey, intent: ShardQuestion['intent'], afresh = false): string {
    const { map, answers, database } = this.#input
    if (map?.directory === undefined) return map?.shardOf(key) ?? ''
    const subject = map.keyText(key)
    const known = this.#owners.get(subject)
    if (known !== undefined) return known
    const question: ShardQuestion = { about: directoryOf(database), subject, intent }
    const owner = answers?.of(afresh ? question : { ...question, intent: 'find' })
    if (typeof owner === 'string') {
      this.#owners.set(subject, owner)
      return owner
    }
    if (owner === undefined || intent === 'place') this.#missing.set(`${intent} ${subject}`, question)
    // Where nobody owns it there are no rows of it, and where it would be placed nobody finds any.
    return map.directory.placeOf(subject)
  }

  /** Throws `Unanswered` if a shard has to be asked for: all questions of the statement at once. */
  settle(): void {
    if (this.#missing.size > 0) throw new Unanswered([...this.#missing.values()])
  }

  /** The keys whose owners stand in a directory; `undefined` if it is another map, or none of them has an owner. */
  keys(): KeysByShard | undefined {
    if (this.#owners.size === 0) return undefined
    const groups = Map.groupBy(this.#owners, ([, shard]) => shard)
    return new Map([...groups].map(([shard, some]) => [shard, some.map(([key]) => key)]))
  }
}

/** The keys of both. */
export function keysOfBoth(one: KeysByShard | undefined, other: KeysByShard | undefined): KeysByShard | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const shards = new Set([...one.keys(), ...other.keys()])
  return new Map(
    [...shards].map((shard) => [shard, [...new Set([...(one.get(shard) ?? []), ...(other.get(shard) ?? [])])]]),
  )
}
