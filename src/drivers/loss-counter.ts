/** Counts the established connections of a pool that were lost, each once. */
export class LossCounter {
  readonly #seen = new WeakSet<object>()
  #count = 0
  #stopped = false

  get count(): number {
    return this.#count
  }

  /** The connection broke, or was given up because an answer did not come. A second call for it does nothing. */
  note(connection: object): void {
    if (this.#stopped || this.#seen.has(connection)) return
    this.#seen.add(connection)
    this.#count += 1
  }

  /** The pool is being closed: what ends from now on was not lost. */
  stop(): void {
    this.#stopped = true
  }
}
