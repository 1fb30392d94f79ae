/**
 * A map that forgets what has not been used for long, so that it never holds more than about `limit` entries.
 *
 * Two generations instead of a list ordered by use: a hit in the young generation, the common case, is one `Map.get`
 * and moves nothing. When the young one has `limit / 2` entries it becomes the old one, whose entries come back when
 * they are used and are otherwise dropped at the next change.
 */
export class BoundedMap<K, V> {
  readonly #half: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  /** `limit`: at least 1 entry is kept. */
  constructor(limit: number) {
    this.#half = Math.max(1, Math.ceil(limit / 2))
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.#old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }

  /** Entries held now; one that was used again since it grew old counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size
  }
}
