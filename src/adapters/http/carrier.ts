import { randomBytes } from 'node:crypto'
import { cookieValues, isCarriable, ourCookies, setCookie } from './cookie.ts'
import { readHttpOptions, type HttpSessionOptions, type HttpSettings, type Pinning } from './options.ts'
import type { SessionStart } from './session-host.ts'

/** A request, as far as it matters here. */
export interface Arriving {
  readonly method: string
  /** With or without the query. */
  readonly url: string
  /** A header's value, by its name in lower case. */
  readonly header: (name: string) => string | undefined
}

/** What a request brought. */
export interface Arrival {
  readonly start: SessionStart
  /** The names of our cookies that it had, with whatever values. */
  readonly cookies: readonly string[]
  /** It had our header, with whatever value. */
  readonly header: boolean
}

/** How the request ended. */
export interface Departing {
  readonly status: number
  readonly wrote: boolean
  /** What the session's `token()` gave, if {@link Carrier.asks} said that it is to be asked. */
  readonly token?: string | undefined
}

/** What the response says about the session. */
export interface Departure {
  /** Further Set-Cookie headers. */
  readonly cookies: readonly string[]
  /** The token's header; an empty value says that the caller may forget its token. */
  readonly header?: readonly [name: string, value: string] | undefined
}

/** Tokens of one request; more are ignored. */
const mostTokens = 64

/**
 * Decides, from a request alone, how its session begins, and from its end, what the response carries. No I/O.
 *
 * Requests of one caller overlap, and their responses come in any order. So every response that carries a write has a cookie
 * with a name of its own, and a response removes no cookies but those that its request had: see ADR 12.
 */
export class Carrier {
  readonly settings: HttpSettings
  readonly #suffix: () => string

  /** `suffix` tells a new cookie's name from all others of the caller. */
  constructor(options?: HttpSessionOptions, suffix = (): string => randomBytes(6).toString('base64url')) {
    this.settings = readHttpOptions(options)
    this.#suffix = suffix
  }

  /** What the request brought: every token counts. */
  arrive({ method, url, header }: Arriving): Arrival {
    const { pinning, cookieName, header: headerName } = this.settings
    const cookies = header('cookie')
    if (pinning !== undefined) {
      // As of old, the cookie's value is not looked at: being there is what counts.
      const isPinned = cookieValues(cookies, pinning.cookieName).length > 0
      const names = isPinned ? [pinning.cookieName] : []
      return { start: { primary: isPinned || writes(pinning, method, url) }, cookies: names, header: false }
    }
    const ours = cookieName === undefined ? [] : ourCookies(cookies, cookieName).slice(0, mostTokens)
    const inHeader = headerName === undefined ? undefined : header(headerName)
    const values = [...(inHeader?.split(',') ?? []), ...ours.map(({ value }) => value)]
    const token = values.map((value) => value.trim()).filter(isCarriable)
    return {
      start: token.length === 0 ? {} : { token: token.slice(0, mostTokens) },
      cookies: [...new Set(ours.map(({ name }) => name))],
      header: inHeader !== undefined,
    }
  }

  /** True if the response depends on the session's token; without it, most requests need not wait for anything. */
  asks({ start }: Arrival, wrote: boolean): boolean {
    if (this.settings.pinning !== undefined) return false
    return wrote || (this.settings.dropEarly && start.token !== undefined)
  }

  /** What the response carries; undefined if it says nothing, so that the caller keeps what it has. */
  depart(arrival: Arrival, request: Arriving, { status, wrote, token }: Departing): Departure | undefined {
    const { pinning, header, dropEarly } = this.settings
    if (pinning !== undefined) return this.#pin(pinning, arrival, request, { status, wrote })
    if (token !== undefined) {
      return {
        cookies: this.#carrying(token, arrival, wrote),
        header: header === undefined ? undefined : [header, token],
      }
    }
    // Not needed any more, or never was a token at all.
    const forgets = wrote || dropEarly || arrival.start.token === undefined
    if (!forgets || !(arrival.cookies.length > 0 || arrival.header)) return undefined
    return {
      cookies: this.#removed(arrival.cookies),
      header: arrival.header && header !== undefined ? [header, ''] : undefined,
    }
  }

  /**
   * A cookie with the token, instead of those that the request had. A name never comes to stand for less than what it was made
   * for: only the request that has this one cookie, and wrote nothing, renews it under its name.
   */
  #carrying(token: string, { cookies }: Arrival, wrote: boolean): readonly string[] {
    const { cookieName, maxAge, attributes } = this.settings
    if (cookieName === undefined) return []
    const [first] = cookies
    const renewed = !wrote && cookies.length === 1 ? first : undefined
    const name = renewed ?? `${cookieName}.${this.#suffix()}`
    const obsolete = cookies.filter((other) => other !== name)
    return [...this.#removed(obsolete), setCookie(name, token, maxAge, attributes)]
  }

  #removed(names: readonly string[]): readonly string[] {
    return names.map((name) => setCookie(name, '', 0, this.settings.attributes))
  }

  #pin(pinning: Pinning, arrival: Arrival, request: Arriving, { status, wrote }: Departing): Departure | undefined {
    const { mode, cookieName, seconds } = pinning
    const pinned = { cookies: [setCookie(cookieName, 'y', seconds, this.settings.attributes)] }
    if (mode === 'redirect') {
      // One that ran on the primary because of the redirect before hands that on: redirects may follow each other.
      if ((status === 302 || status === 303) && (wrote || arrival.start.primary === true)) return pinned
      return arrival.cookies.length > 0 ? { cookies: this.#removed(arrival.cookies) } : undefined
    }
    return wrote || writes(pinning, request.method, request.url) ? pinned : undefined
  }
}

function writes({ readOnlyMethods, optOut }: Pinning, method: string, url: string): boolean {
  if (readOnlyMethods.includes(method)) return false
  const path = url.split(/[?#]/, 1)[0] ?? ''
  return !optOut.some((pattern) => pattern.test(path))
}
