/** Quick runs in a row on a connection of its own before a text may share one. */
const firstTrust = 2
/** Runs over which the share of slow ones is taken, the newest counting most. */
const shareOver = 1_024
/** A text that is slow more often than this has connections of its own. */
const mostSlow = 3 / 1_000
/** A run that takes this many times the slow limit is no hiccup, and counts twice. */
const verySlow = 5

/**
 * Whether a text has shown itself quick enough to share a connection. Knows no clock and decides by counting, so it is
 * the same for the same history.
 *
 * A text starts on connections of its own. Each run there is a probe that costs nothing extra: a slow text is watched
 * without ever being sent to others' connection. One slow run says little (machines hiccup, and a run that holds others
 * up is worked around within the slow limit), so the share of slow runs decides: about four slow runs in a thousand, or
 * two very slow ones, bar a text; to come back it needs several hundred quick ones, or thousands if it was slow often.
 */
export class LatencyRecord {
  #runs = 0
  #quickInRow = 0
  #slowShare = 0
  #holdUps = 0

  /** The text has come again often enough to be worth a shared connection, if it is quick. */
  get comesAgain(): boolean {
    return this.#runs >= firstTrust
  }

  get mayShare(): boolean {
    return this.#quickInRow >= firstTrust && this.#slowShare < mostSlow && this.#holdUps === 0
  }

  /** Notes a run whose time says nothing. */
  sighted(): void {
    this.#runs++
  }

  /** Notes how long a run took, on a connection of its own or on a shared one. */
  observe(ms: number, slowMs: number): void {
    const weight = ms < slowMs ? 0 : ms < slowMs * verySlow ? 1 : 2
    this.#runs++
    this.#quickInRow = weight > 0 ? 0 : this.#quickInRow + 1
    this.#slowShare += (weight - this.#slowShare) / shareOver
  }

  /** A run of the text holds a shared connection up: until it has ended no other is sent to one. */
  holdsUp(): void {
    this.#holdUps++
  }

  holdUpEnded(): void {
    this.#holdUps--
  }
}
