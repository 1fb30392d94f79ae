/** A stream that can hold back what is written to it. */
interface Corkable {
  cork?(): void
  uncork?(): void
}

/**
 * Has statements that come together go out together: what is written to a connection from a call of `gather` on leaves with the end of the present
 * turn. The answers of a shared connection come in one piece as a rule, and each caller who gets one asks for the next thing; to write
 * takes a process as long as all else that a statement takes.
 */
export class GatheredWrites {
  #held: Corkable | undefined

  gather(stream: Corkable): void {
    if (this.#held !== undefined || stream.cork === undefined) return
    this.#held = stream
    stream.cork()
    // Behind all that was waiting for what is told now.
    process.nextTick(this.#release)
  }

  readonly #release = (): void => {
    const stream = this.#held
    this.#held = undefined
    stream?.uncork?.()
  }
}
