/** Work that is done in the order of the calls, each when the one before has ended, however that ended. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.then(ignore, ignore)
    return done
  }
}

// The caller has the answer and the error; here only the order matters.
function ignore(): void {}
