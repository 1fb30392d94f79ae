/** Attributes of a cookie, as they are sent. */
export interface CookieAttributes {
  readonly sameSite: 'Lax' | 'Strict' | 'None'
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly path: string
  readonly domain: string | undefined
}

/** Longest value that is read or sent, in characters: a browser keeps 4,096 together with the name. */
export const longestValue = 4_000

/** True if a value can stand in a cookie and in a header as it is. */
export function isCarriable(value: string): boolean {
  return value.length > 0 && value.length <= longestValue && /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/.test(value)
}

/** All values that a Cookie header gives for a name, in its order; parts that make no sense are passed over. */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  return cookies(header).flatMap((cookie) => (cookie.name === name ? [cookie.value] : []))
}

/** All cookies of a Cookie header whose names begin with `‹name›.`, in its order. */
export function ourCookies(header: string | undefined, name: string): readonly Cookie[] {
  return cookies(header).filter((cookie) => cookie.name.startsWith(`${name}.`))
}

interface Cookie {
  readonly name: string
  readonly value: string
}

function cookies(header: string | undefined): readonly Cookie[] {
  if (header === undefined) return []
  return header.split(';').flatMap((part) => {
    const equals = part.indexOf('=')
    if (equals === -1) return []
    const value = part.slice(equals + 1).trim()
    const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"')
    return [{ name: part.slice(0, equals).trim(), value: isQuoted ? value.slice(1, -1) : value }]
  })
}

/** The text of a Set-Cookie header; `maxAge` in seconds, 0 removes the cookie. */
export function setCookie(name: string, value: string, maxAge: number, attributes: CookieAttributes): string {
  const { sameSite, httpOnly, secure, path, domain } = attributes
  return [
    `${name}=${value}`,
    `Max-Age=${maxAge}`,
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    `SameSite=${sameSite}`,
    ...(httpOnly ? ['HttpOnly'] : []),
    ...(secure ? ['Secure'] : []),
  ].join('; ')
}
