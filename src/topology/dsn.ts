import type { Engine } from './server-target.ts'

const engineOfScheme: Readonly<Record<string, Engine>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
}

/** The schemes that a data source name may start with. */
export const dsnSchemes: readonly string[] = Object.keys(engineOfScheme)

const schemePattern = /^([a-z][a-z0-9+.-]*):/i

/** Whether a text has the form of a data source name (`scheme:…`), known scheme or not. Aliases never do. */
export function looksLikeDsn(text: string): boolean {
  return schemePattern.test(text)
}

/** The engine that a data source name speaks of, or `undefined` for an unknown scheme. */
export function engineOfDsn(dsn: string): Engine | undefined {
  const scheme = schemePattern.exec(dsn)?.[1]?.toLowerCase()
  return scheme === undefined || !Object.hasOwn(engineOfScheme, scheme) ? undefined : engineOfScheme[scheme]
}

/** Why a data source name cannot be used, or `undefined` if it can. Never quotes the name itself. */
export function faultOfDsn(dsn: string): string | undefined {
  const engine = engineOfDsn(dsn)
  if (engine === undefined) return 'the scheme is unknown'
  if (engine === 'sqlite') return dsn.slice(dsn.indexOf(':') + 1) === '' ? 'it names no file' : undefined
  if (!/^[a-z]+:\/\//i.test(dsn)) return 'there must be "//" after the scheme'
  const url = parseUrl(dsn)
  if (url === undefined) return 'it is not a valid URL (encode special characters of the password with %XX)'
  if (url.hostname === '' && !url.searchParams.has('host')) return 'it names no host'
  return undefined
}

const secretParameters = /([?&](?:password|pass|pwd|sslpassword|sslkey|token|secret)=)[^&#]*/gi

/**
 * A data source name that may be shown: without password.
 *
 * Everything between the first `:` after the user and the *last* `@` goes, so that a password with an unencoded `@` or
 * `/` in it is hidden whole, even where the text is no valid URL.
 */
export function redactDsn(dsn: string): string {
  const authority = /^([a-z][a-z0-9+.-]*:\/\/)([^@]*(?:@[^@]*)*)@([^@]*)$/is.exec(dsn)
  let shown = dsn
  if (authority !== null) {
    const [, scheme = '', userinfo = '', rest = ''] = authority
    const colon = userinfo.indexOf(':')
    shown = colon === -1 ? dsn : `${scheme}${userinfo.slice(0, colon)}:***@${rest}`
  }
  return shown.replace(secretParameters, '$1***')
}

/** Where a server listens, for people: `host:port/database`, or the file. */
export function addressOfDsn(dsn: string): string {
  if (engineOfDsn(dsn) === 'sqlite') return redactDsn(dsn)
  const url = parseUrl(dsn)
  if (url === undefined) return redactDsn(dsn)
  const user = url.username === '' ? '' : `${decodeURIComponent(url.username)}@`
  return `${url.protocol}//${user}${url.host || (url.searchParams.get('host') ?? '')}${url.pathname}`
}

/** The name of the database (MySQL: of the schema) in a data source name, if it has one. */
export function databaseNameOfDsn(dsn: string): string | undefined {
  const name = parseUrl(dsn)?.pathname.slice(1)
  return name === undefined || name === '' ? undefined : decodeURIComponent(name)
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
