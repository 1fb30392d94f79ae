import { cookieValues, isCarriable, setCookie } from './cookie.ts'
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
  /** It had our cookie, with whatever value. */
  readonly cookie: boolean
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
  /** One more Set-Cookie. */
  readonly cookie?: string | undefined
  /** The token's header; an empty value says that the caller may forget its token. */
  readonly header?: readonly [name: string, value: string] | undefined
}

/** Decides, from a request alone, how its session begins, and from its end, what the response carries. No I/O. */
export class Carrier {
  readonly settings: HttpSettings

  constructor(options?: HttpSessionOptions) {
    this.settings = readHttpOptions(options)
  }

  /** What the request brought. Of several tokens the header's is taken, then the first cookie that can be one. */
  arrive({ method, url, header }: Arriving): Arrival {
    const { pinning, cookieName, header: headerName } = this.settings
    const cookies = header('cookie')
    if (pinning !== undefined) {
      // As of old, the cookie's value is not looked at: being there is what counts.
      const cookie = cookieValues(cookies, pinning.cookieName).length > 0
      return { start: { primary: cookie || writes(pinning, method, url) }, cookie, header: false }
    }
    const inCookie = cookieName === undefined ? [] : cookieValues(cookies, cookieName)
    const inHeader = headerName === undefined ? undefined : header(headerName)
    const token = [inHeader, ...inCookie].find((value) => value !== undefined && isCarriable(value))
    return { start: { token }, cookie: inCookie.length > 0, header: inHeader !== undefined }
  }

  /** True if the response depends on the session's token; without it, most requests need not wait for anything. */
  asks({ start }: Arrival, wrote: boolean): boolean {
    if (this.settings.pinning !== undefined) return false
    return wrote || (this.settings.dropEarly && start.token !== undefined)
  }

  /** What the response carries; undefined if it says nothing, so that the caller keeps what it has. */
  depart(arrival: Arrival, request: Arriving, { status, wrote, token }: Departing): Departure | undefined {
    const { pinning, cookieName, header, maxAge, attributes, dropEarly } = this.settings
    if (pinning !== undefined) return this.#pin(pinning, arrival, request, { status, wrote })
    if (token !== undefined) {
      return {
        cookie: cookieName === undefined ? undefined : setCookie(cookieName, token, maxAge, attributes),
        header: header === undefined ? undefined : [header, token],
      }
    }
    // Not needed any more, or never was a token at all.
    const forgets = wrote || dropEarly || arrival.start.token === undefined
    if (!forgets || !(arrival.cookie || arrival.header)) return undefined
    return {
      cookie: arrival.cookie && cookieName !== undefined ? setCookie(cookieName, '', 0, attributes) : undefined,
      header: arrival.header && header !== undefined ? [header, ''] : undefined,
    }
  }

  #pin(pinning: Pinning, arrival: Arrival, request: Arriving, { status, wrote }: Departing): Departure | undefined {
    const { mode, cookieName, seconds } = pinning
    const pinned = { cookie: setCookie(cookieName, 'y', seconds, this.settings.attributes) }
    if (mode === 'redirect') {
      // One that ran on the primary because of the redirect before hands that on: redirects may follow each other.
      if ((status === 302 || status === 303) && (wrote || arrival.start.primary === true)) return pinned
      return arrival.cookie ? { cookie: setCookie(cookieName, '', 0, this.settings.attributes) } : undefined
    }
    return wrote || writes(pinning, request.method, request.url) ? pinned : undefined
  }
}

function writes({ readOnlyMethods, optOut }: Pinning, method: string, url: string): boolean {
  if (readOnlyMethods.includes(method)) return false
  const path = url.split(/[?#]/, 1)[0] ?? ''
  return !optOut.some((pattern) => pattern.test(path))
}
