/** Tells the time that a server can be charged for. Milliseconds from an arbitrary start. */
export interface Clock {
  now(): number
}

/**
 * A clock that leaves out the time in which this process did nothing but one long piece of work (or was stopped): an
 * answer that lay in the socket meanwhile was not slow.
 */
export class WorkClock implements Clock {
  readonly #source: Clock
  #lost = 0

  constructor(source: Clock = performance) {
    this.#source = source
  }

  now(): number {
    return this.#source.now() - this.#lost
  }

  /** Time that passed without this process looking at its sockets. */
  leaveOut(ms: number): void {
    this.#lost += ms
  }
}
