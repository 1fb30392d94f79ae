import type { Engine } from './server-target.ts'

const engineOfScheme: Readonly<Record<string, Engine>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
}

/** The port where none is named. */
export const defaultPorts: Readonly<Record<Exclude<Engine, 'sqlite'>, number>> = { postgres: 5_432, mysql: 3_306 }

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
  const parts = [url.username, url.password, url.pathname]
  if (parts.some((part) => decoded(part) === undefined)) return 'it has a "%" that starts no escape (write it as %25)'
  if (url.hostname === '' && !url.searchParams.has('host')) return 'it names no host'
  return undefined
}

const secretParameters = /([?&](?:password|pass|pwd|sslpassword|sslkey|token|secret)=)[^&#]*/gi

/**
 * A text that may be shown: a data source name without its password, and anything else as it is.
 *
 * Made for texts that are wrong, too, since those are the ones that messages quote: everything between the first `:`
 * after the scheme and the *last* `@` goes, so that a password with an unencoded `@` or `/` is hidden whole, and one
 * without a scheme before it, or with a quotation mark, as well.
 */
export function redactDsn(text: string): string {
  const shown = text.replace(secretParameters, '$1***')
  if (engineOfDsn(text) === 'sqlite') return shown
  const start = /^[^:/@]*:?\/\//.exec(shown)?.[0].length ?? 0
  const end = shown.lastIndexOf('@')
  const colon = shown.indexOf(':', start)
  return colon === -1 || end < colon ? shown : `${shown.slice(0, colon)}:***${shown.slice(end)}`
}

/** Where a server listens, for people: `host:port/database`, or the file. */
export function addressOfDsn(dsn: string): string {
  if (engineOfDsn(dsn) === 'sqlite') return redactDsn(dsn)
  const url = parseUrl(dsn)
  // Without a user, an "@" means that a "/", "?" or "#" of the password was taken for the end of the host.
  const isCutShort = url?.username === '' && `${url.pathname}${url.search}${url.hash}`.includes('@')
  if (url === undefined || isCutShort) return redactDsn(dsn)
  const user = url.username === '' ? '' : `${decoded(url.username) ?? ''}@`
  return `${url.protocol}//${user}${url.host || (url.searchParams.get('host') ?? '')}${url.pathname}`
}

/** The name of the database (MySQL: of the schema) in a data source name, if it has one. */
export function databaseNameOfDsn(dsn: string): string | undefined {
  const name = parseUrl(dsn)?.pathname.slice(1)
  return name === undefined || name === '' ? undefined : decoded(name)
}

/** Host and port of a data source name; `undefined` of a file, a socket, or where it names several. */
export function endpointOfDsn(dsn: string): { readonly host: string; readonly port: number } | undefined {
  const engine = engineOfDsn(dsn)
  const url = parseUrl(dsn)
  if (engine === undefined || engine === 'sqlite' || url === undefined || url.hostname === '') return undefined
  if (url.searchParams.has('host')) return undefined
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: url.port === '' ? defaultPorts[engine] : Number(url.port) }
}

/** The same data source name for the server at another host and port. */
export function dsnAt(dsn: string, host: string, port: number): string {
  const url = new URL(dsn)
  for (const name of ['host', 'port', 'socketPath']) url.searchParams.delete(name)
  url.hostname = host.includes(':') ? `[${host}]` : host
  url.port = String(port)
  return url.href
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
