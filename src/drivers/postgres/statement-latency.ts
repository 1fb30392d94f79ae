/** Quick runs on a connection of its own before a text may share one. */
const firstTrust = 2
/** After each slow run a text needs this many times more quick runs in a row before it may share again. */
const trustFactor = 8
const mostTrust = 8_192
/** Quick shared runs in a row after which one slow run is forgiven. */
const forgivenAfter = 4_096

/**
 * Whether a text has shown itself quick enough to share a connection.
 *
 * A text starts on connections of its own. Each run there is a probe that costs nothing extra, so a slow text is watched
 * without ever being sent to others' connection: with every slow run the number of quick runs in a row that it must
 * show grows eightfold (2, 16, 128, 1,024, 8,192). A text that is slow once in a hundred runs practically never passes
 * 1,024; one that met a hiccup of the machine is back after 16.
 */
export class LatencyRecord {
  #required = firstTrust
  #quickRuns = 0
  #sharedRuns = 0
  #runs = 0

  /** The text has come again often enough to be worth a shared connection, if it is quick. */
  get comesAgain(): boolean {
    return this.#runs >= firstTrust
  }

  get mayShare(): boolean {
    return this.#quickRuns >= this.#required
  }

  /** Notes a run whose time says nothing. */
  sighted(): void {
    this.#runs++
  }

  /** Notes a run on a connection of its own, or on a shared one. */
  observe(ms: number, slowMs: number): void {
    this.#runs++
    if (ms >= slowMs) this.slow()
    else if (this.#quickRuns < this.#required) this.#quickRuns++
    else if (this.#required > firstTrust && ++this.#sharedRuns >= forgivenAfter) this.#forgive()
  }

  /** Notes a slow run: from now on the text has connections of its own. */
  slow(): void {
    // A text that is being watched already only starts its row of quick runs again.
    if (this.mayShare || this.#required === firstTrust)
      this.#required = Math.min(this.#required * trustFactor, mostTrust)
    this.#quickRuns = 0
    this.#sharedRuns = 0
  }

  #forgive(): void {
    this.#required = Math.max(firstTrust, this.#required / trustFactor)
    this.#quickRuns = this.#required
    this.#sharedRuns = 0
  }
}
