/**
 * A question that many ask at a time: one is under way, and all who ask meanwhile share the next, so that each gets an
 * answer to a question that was put after the call, and any number of callers costs at most two.
 */
export class SharedQuestion<T> {
  readonly #put: () => Promise<T>
  #running: Promise<unknown> | undefined
  #next: Promise<T> | undefined

  constructor(put: () => Promise<T>) {
    this.#put = put
  }

  ask(): Promise<T> {
    this.#next ??= this.#after(this.#running)
    return this.#next
  }

  async #after(running: Promise<unknown> | undefined): Promise<T> {
    // Those who ask in the same turn share it.
    await Promise.resolve()
    // Its failure is told to those who put that one.
    await running?.catch(() => {})
    const answer = this.#put()
    this.#running = answer
    this.#next = undefined
    try {
      return await answer
    } finally {
      if (this.#running === answer) this.#running = undefined
    }
  }
}
