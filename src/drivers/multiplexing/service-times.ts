/** Answers over which the mean is taken, the newest counting most. */
const meanOver = 256

/** How long the server works on the statements of one lane, by when they were sent and answered. Milliseconds. */
export class ServiceTimes {
  /** The way there and back. */
  roundTripMs = 0
  #lastAnswerAt = 0
  #meanMs = 0

  /** What so many statements will take, by experience. */
  of(statements: number): number {
    return statements * this.#meanMs
  }

  /** The time, until `now`, of the first one that is not answered: the server can't have begun before the one ahead was answered, nor before the statement had arrived. */
  since(sentAt: number, now: number): number {
    return now - Math.max(this.#lastAnswerAt, sentAt + this.roundTripMs)
  }

  /** The first one is answered; returns its time. */
  answered(sentAt: number, now: number): number {
    const ms = this.since(sentAt, now)
    this.#lastAnswerAt = now
    // One that came in less time than the quickest way takes no time of the server's.
    this.#meanMs += (Math.max(ms, 0) - this.#meanMs) / meanOver
    return ms
  }
}
