import { isUnreachable } from './shard-parts.ts'

/** The shards of one read, less those that turn out to be out of reach, where the call allows to go on without them. */
export class ReachableShards {
  readonly #shards: readonly string[]
  readonly #partial: boolean
  readonly #failures = new Map<string, unknown>()

  constructor(shards: readonly string[], partial: boolean | undefined) {
    this.#shards = shards
    this.#partial = partial === true
  }

  /** Those that are not known to be out of reach. */
  get present(): readonly string[] {
    return this.#shards.filter((shard) => !this.#failures.has(shard))
  }

  get missing(): readonly string[] {
    return this.#shards.filter((shard) => this.#failures.has(shard))
  }

  /** What the work on a shard comes to; `undefined` if the shard is left out. Throws the work's other errors, and all of them if none may be left out. */
  async ask<T extends object>(shard: string, work: (shard: string) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(shard)
    } catch (error) {
      if (!this.leaves(shard, error)) throw error
      return undefined
    }
  }

  /** Whether the shard is left out from now on, because of this error. */
  leaves(shard: string, error: unknown): boolean {
    const isLeft = this.#partial && isUnreachable(error)
    if (isLeft) this.#failures.set(shard, error)
    return isLeft
  }

  /** Does something on the first shard that can be reached. */
  async first<T extends object>(work: (shard: string) => Promise<T>): Promise<T> {
    for (const shard of this.present) {
      const done = await this.ask(shard, work)
      if (done !== undefined) return done
    }
    throw this.#noneLeft()
  }

  /** Throws the first error if no shard is left. */
  refuseNone(): void {
    if (this.present.length === 0) throw this.#noneLeft()
  }

  #noneLeft(): unknown {
    const [failure] = this.#failures.values()
    return failure
  }
}
