/** The cookies of one browser. */
export class CookieJar {
  readonly #cookies: Map<string, string>

  /** Empty, or with what another one has now. */
  constructor(other?: CookieJar) {
    this.#cookies = new Map(other === undefined ? [] : other.#cookies)
  }

  /** Takes in what a response sets and removes, now. */
  take({ cookies }: { readonly cookies: readonly string[] }): void {
    for (const cookie of cookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (cookie.includes('; Max-Age=0;')) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
  }

  /** What the next request sends. */
  get header(): string {
    return [...this.#cookies].map((pair) => pair.join('=')).join('; ')
  }

  get values(): readonly string[] {
    return [...this.#cookies.values()]
  }
}
