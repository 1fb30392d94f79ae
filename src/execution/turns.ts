/** Work that is done in the order of the calls, each when the one before has ended, however that ended. */
export class Turns {
  #last: Promise<void> = Promise.resolve()
  #pending = 0

  /** Whether it is nobody's turn. */
  get isFree(): boolean {
    return this.#pending === 0
  }

  /** If it is nobody else's turn, `work` is done within the call, and its result is given as it is. */
  take<T>(work: () => T | Promise<T>): T | Promise<T> {
    let done: Promise<T>
    if (this.#pending === 0) {
      const result = work()
      if (!(result instanceof Promise)) return result
      done = result
    } else {
      done = this.#last.then(work)
    }
    this.#pending += 1
    this.#last = done.then(this.#over, this.#over)
    return done
  }

  // The caller has the answer and the error; here only the order matters.
  readonly #over = (): void => {
    this.#pending -= 1
  }
}
