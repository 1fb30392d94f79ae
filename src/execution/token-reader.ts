import { inTime, verifyToken, type TokenContent, type TokenFault } from './session-token.ts'

/** Genuine tokens whose content is remembered. */
const mostRemembered = 1_000

/**
 * Reads tokens. A page makes several requests, and each brings the same cookie: the signature of a token is verified once, its
 * age each time. Nothing is remembered of tokens that are not genuine, so no stranger can fill the memory.
 */
export class TokenReader {
  readonly #keys: readonly string[]
  readonly #genuine = new Map<string, TokenContent>()

  constructor(keys: readonly string[]) {
    this.#keys = keys
  }

  /**
   * What the token says, if one of the keys has signed it and it was issued no longer than `maxAgeMs` before `now`
   * (milliseconds since the epoch). Throws nothing.
   */
  read(token: unknown, now: number, maxAgeMs: number): TokenContent | { readonly fault: TokenFault } {
    const known = typeof token === 'string' ? this.#genuine.get(token) : undefined
    if (known !== undefined) return inTime(known, now, maxAgeMs)
    const content = verifyToken(token, this.#keys)
    if ('fault' in content) return content
    if (this.#genuine.size >= mostRemembered) {
      const [oldest] = this.#genuine.keys()
      if (oldest !== undefined) this.#genuine.delete(oldest)
    }
    this.#genuine.set(token as string, content)
    return inTime(content, now, maxAgeMs)
  }
}
