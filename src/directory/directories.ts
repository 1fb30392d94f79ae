import type { Decision } from '../execution/decision.ts'
import type { OwnerCheck } from '../execution/owner-check.ts'
import type { ShardAnswerers } from '../execution/shard-answerers.ts'
import { directoryOf } from '../routing/shards/key-owners.ts'
import type { Directory } from './directory.ts'
import { DirectoryError } from './errors.ts'

/** The directories of a client, by the alias of the database whose rows they spread. */
export class Directories {
  readonly #byDatabase: ReadonlyMap<string, Directory>

  constructor(directories: readonly Directory[]) {
    this.#byDatabase = new Map(directories.map((directory) => [directory.database.alias, directory]))
  }

  of(database: string): Directory | undefined {
    return this.#byDatabase.get(database)
  }

  /** Those who choose shards can ask them. */
  registerAt(answerers: ShardAnswerers): void {
    for (const [database, directory] of this.#byDatabase) {
      answerers.register(
        directoryOf(database),
        async (questions, limits) => await directory.answer(questions, limits),
        (question) => directory.remembered(question),
      )
    }
  }

  /** Proves for every database who owns its keys. */
  get check(): OwnerCheck {
    return {
      prove: async (lease, decision, keys, limits, hold) => {
        return await this.#asked(decision).prove(lease, decision, keys, limits, hold)
      },
      keepAll: async (decision, limits) => await this.#asked(decision).keepAll(decision, limits),
    }
  }

  #asked({ database: { alias } }: Decision): Directory {
    const directory = this.of(alias)
    if (directory !== undefined) return directory
    throw new DirectoryError(`"${alias}" has no directory of owners. Nothing was sent.`)
  }
}
