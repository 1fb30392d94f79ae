import { ConfigError } from '../../index.ts'
import type { CookieAttributes } from './cookie.ts'

/** The cookies that carry tokens: each response that wrote has one of its own. */
export interface CookieOptions {
  /** How their names begin, before a dot and a random part. Default `signalbox`. */
  readonly name?: string | undefined
  /** Seconds that a browser keeps it. Default 30; 1 to 86,400. */
  readonly maxAge?: number | undefined
  /** Default `Lax`. `None` needs `secure`. */
  readonly sameSite?: 'Lax' | 'Strict' | 'None' | undefined
  /** Default true: scripts of the page do not see it. */
  readonly httpOnly?: boolean | undefined
  /** Default false, so that it works without TLS; true wherever there is TLS. */
  readonly secure?: boolean | undefined
  /** Default `/`. */
  readonly path?: string | undefined
  /** Default none: the host that answered, without its subdomains. */
  readonly domain?: string | undefined
}

/** Time instead of positions, for engines that have none: a cookie sends every read to the primary for some seconds. */
export interface PinningOptions {
  /**
   * `method` (default): after a request of a method that writes, or one that wrote. `redirect`: only from a redirect
   * (302, 303) of such a request to the response that follows it.
   */
  readonly mode?: 'method' | 'redirect' | undefined
  /** Default 15, with `redirect` 5; 1 to 86,400. */
  readonly seconds?: number | undefined
  /** Name of the cookie; its attributes are those of `cookie`. Default `signalbox_pin`. */
  readonly cookieName?: string | undefined
  /** Paths on which the method says nothing: `/login`, `/likes/*` (one segment), `/api/**` (any). Default none. */
  readonly optOut?: readonly string[] | undefined
  /** Default GET, HEAD, OPTIONS and TRACE. */
  readonly readOnlyMethods?: readonly string[] | undefined
}

/** How a session's token travels between requests. */
export interface HttpSessionOptions {
  /** The cookies; `false` for none. */
  readonly cookie?: CookieOptions | false | undefined
  /**
   * Name of a header that carries the token, both ways, for callers that keep no cookies. A request may bring several
   * tokens, separated by commas. Default none.
   */
  readonly header?: string | undefined
  /**
   * Default true: also a request that wrote nothing renews the tokens it brought, or removes them once every replica has
   * caught up. With false only requests that wrote answer with a token or remove one, and it ends by its age.
   */
  readonly dropEarly?: boolean | undefined
  /** How long a response waits for the token, in ms. Default 1,000; 1 to 60,000. */
  readonly tokenTimeoutMs?: number | undefined
  /** Instead of tokens, time. */
  readonly pinning?: PinningOptions | undefined
  /**
   * Told when a response went out without the token that it should carry. Default: one `process.emitWarning()`.
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The number options, each with its default, range and unit. */
export const httpNumbers = {
  'cookie.maxAge': { default: 30, min: 1, max: 86_400, unit: 'seconds' },
  'pinning.seconds': { default: 15, min: 1, max: 86_400, unit: 'seconds' },
  tokenTimeoutMs: { default: 1_000, min: 1, max: 60_000, unit: 'ms' },
} as const

/** Pinning that was found right. */
export interface Pinning {
  readonly mode: 'method' | 'redirect'
  readonly seconds: number
  readonly cookieName: string
  readonly optOut: readonly RegExp[]
  readonly readOnlyMethods: readonly string[]
}

/** Options that were found right, with every default filled in. */
export interface HttpSettings {
  /** Name of the token's cookie; undefined = none. */
  readonly cookieName: string | undefined
  readonly maxAge: number
  readonly attributes: CookieAttributes
  readonly header: string | undefined
  readonly dropEarly: boolean
  readonly tokenTimeoutMs: number
  readonly pinning: Pinning | undefined
  readonly onError: ((error: unknown) => void) | undefined
}

/** Reads the options. Throws {@link ConfigError}, naming path, value and what is allowed. */
export function readHttpOptions(options: HttpSessionOptions = {}): HttpSettings {
  refuseUnknown(options, ['cookie', 'header', 'dropEarly', 'tokenTimeoutMs', 'pinning', 'onError'], '')
  const cookie = options.cookie === false ? {} : (options.cookie ?? {})
  const header = options.header === undefined ? undefined : nameOf(options.header, 'header').toLowerCase()
  if (options.pinning !== undefined && (options.cookie === false || header !== undefined))
    throw new ConfigError('pinning', 'It is carried by a cookie alone.', 'pinning with a cookie and without a header')
  if (options.cookie === false && header === undefined)
    throw new ConfigError('header', 'Nothing would carry the token.', 'the name of a header, where there is no cookie')
  const attributes = attributesOf(cookie)
  const cookieName = nameOf(cookie.name ?? 'signalbox', 'cookie.name')
  const pinning = options.pinning === undefined ? undefined : pinningOf(options.pinning)
  for (const [name, path] of [
    [cookieName, 'cookie.name'],
    [pinning?.cookieName ?? '', 'pinning.cookieName'],
  ] as const)
    checkPrefix(name, path, attributes)
  return {
    cookieName: options.cookie === false ? undefined : cookieName,
    maxAge: numberOf('cookie.maxAge', cookie.maxAge),
    attributes,
    header,
    dropEarly: booleanOf(options.dropEarly, 'dropEarly', true),
    tokenTimeoutMs: numberOf('tokenTimeoutMs', options.tokenTimeoutMs),
    pinning,
    onError: options.onError,
  }
}

function attributesOf(cookie: CookieOptions): CookieAttributes {
  refuseUnknown(cookie, ['name', 'maxAge', 'sameSite', 'httpOnly', 'secure', 'path', 'domain'], 'cookie.')
  const sameSite = cookie.sameSite ?? 'Lax'
  if (!['Lax', 'Strict', 'None'].includes(sameSite))
    throw invalid('cookie.sameSite', sameSite, "'Lax', 'Strict' or 'None'; default 'Lax'")
  const secure = booleanOf(cookie.secure, 'cookie.secure', false)
  if (sameSite === 'None' && !secure)
    throw invalid('cookie.sameSite', sameSite, 'secure: true beside it, without which browsers drop the cookie')
  const path = cookie.path ?? '/'
  if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path)) throw invalid('cookie.path', path, "a path that begins with '/'")
  if (cookie.domain !== undefined && !/^[\w.-]+$/.test(cookie.domain))
    throw invalid('cookie.domain', cookie.domain, 'the name of a host')
  return {
    sameSite,
    httpOnly: booleanOf(cookie.httpOnly, 'cookie.httpOnly', true),
    secure,
    path,
    domain: cookie.domain,
  }
}

function pinningOf(options: PinningOptions): Pinning {
  refuseUnknown(options, ['mode', 'seconds', 'cookieName', 'optOut', 'readOnlyMethods'], 'pinning.')
  const mode = options.mode ?? 'method'
  if (mode !== 'method' && mode !== 'redirect') throw invalid('pinning.mode', mode, "'method' or 'redirect'")
  return {
    mode,
    seconds: numberOf('pinning.seconds', options.seconds ?? (mode === 'redirect' ? 5 : undefined)),
    cookieName: nameOf(options.cookieName ?? 'signalbox_pin', 'pinning.cookieName'),
    optOut: (options.optOut ?? []).map(patternOf),
    readOnlyMethods: (options.readOnlyMethods ?? ['GET', 'HEAD', 'OPTIONS', 'TRACE']).map((name) => name.toUpperCase()),
  }
}

/** The pattern of a path: `*` stands for anything within a segment, `**` for anything. */
function patternOf(glob: string, index: number): RegExp {
  if (typeof glob !== 'string' || !glob.startsWith('/'))
    throw invalid(`pinning.optOut[${index}]`, glob, "a path that begins with '/'")
  const parts = glob.split(/(\*\*?)/).map((part) => {
    if (part === '**') return '.*'
    return part === '*' ? '[^/]*' : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
  })
  return new RegExp(`^${parts.join('')}$`, 's')
}

// Browsers drop a cookie that breaks the promise of its name.
function checkPrefix(name: string, path: string, { secure, path: cookiePath, domain }: CookieAttributes): void {
  if (/^__secure-/i.test(name) && !secure) throw invalid(path, name, 'cookie.secure: true beside this prefix')
  if (/^__host-/i.test(name) && !(secure && cookiePath === '/' && domain === undefined))
    throw invalid(path, name, "cookie.secure: true, path '/' and no domain beside this prefix")
}

function nameOf(value: string, path: string): string {
  if (typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]{1,64}$/.test(value)) return value
  throw invalid(path, value, 'a name of letters, digits, "-" and "_", 64 characters at most')
}

function booleanOf(value: boolean | undefined, path: string, byDefault: boolean): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? byDefault
  throw invalid(path, value, `true or false; default ${byDefault}`)
}

function numberOf(path: keyof typeof httpNumbers, value: number | undefined): number {
  const option = httpNumbers[path]
  if (value === undefined) return option.default
  if (Number.isInteger(value) && value >= option.min && value <= option.max) return value
  throw invalid(
    path,
    value,
    `a whole number of ${option.unit} from ${option.min} to ${option.max}; default ${option.default}`,
  )
}

function refuseUnknown(options: object, known: readonly string[], path: string): void {
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw new ConfigError(`${path}${name}`, 'There is no such option.', known.join(', '))
}

function invalid(path: string, value: unknown, allowed: string): ConfigError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value)
  return new ConfigError(path, `${shown} is not accepted.`, allowed)
}
