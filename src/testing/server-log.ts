/** What a server wrote, over all its restarts. Keeps the newest million characters, so that a chatty server costs no memory. */
export class ServerLog {
  static readonly limit = 1_000_000
  #text = ''

  append(text: string): void {
    this.#text += text
    // Cut at twice the limit, so that a long log is not copied for every line.
    if (this.#text.length > 2 * ServerLog.limit) this.#text = this.#text.slice(-ServerLog.limit)
  }

  text(): string {
    return this.#text.slice(-ServerLog.limit)
  }

  /** The last lines, for an error message. */
  tail(lines = 20): string {
    return this.#text.trimEnd().split('\n').slice(-lines).join('\n')
  }
}
