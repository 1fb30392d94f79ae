import { ConfigError, DiscoveryError, messageOf } from '../errors.ts'
import { parseMembers } from './patroni-members.ts'
import type { FindLimits, FoundServer, ServerSource } from './source.ts'

/** An answer that is longer is refused. A member takes about 300 bytes, so this is room for some 800 of them. */
const mostBytes = 262_144

/** The REST interface of one member. */
interface RestInterface {
  /** For people: without account and password. */
  readonly about: string
  readonly cluster: string
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The members of a Patroni cluster as a source of servers: `GET /cluster` of its REST interface, which every member
 * answers for all (https://patroni.readthedocs.io/en/latest/rest_api.html). All versions from 2.0.2 on have it.
 *
 * Every member is a server, whatever its state and role: the list is up to `loop_wait` seconds old, and who is down or
 * the primary is found out by asking the servers. A member that is gone for longer than Patroni's `ttl` is not in the list. The tag
 * `noloadbalance` means that a member is read only where no other replica can be. Tags of your own are tags of the server: `search: true` in
 * Patroni's configuration is the tag `search`, `zone: eu` is `zone=eu`, and `false` is none.
 *
 * The member that answered last is asked first. If it fails the next one is asked at once; if it says nothing for an equal
 * share of the time limit, the next one is asked beside it.
 *
 * @param urls `http://10.0.0.1:8008`, one for each member, or for some. `http://name:password@…` sends the account by basic
 * authentication. With `https:` the certificate has to be one that Node.js trusts (NODE_EXTRA_CA_CERTS).
 * @param fetch Another `fetch` than Node's own, for instance with a client certificate.
 * @throws ConfigError if there is no URL, or one is not of `http:` or `https:`.
 *
 * `find` rejects with a DiscoveryError that says for each URL what went wrong. Redirects are not followed.
 */
export function patroniSource(
  urls: readonly string[],
  fetch: typeof globalThis.fetch = globalThis.fetch,
): ServerSource {
  if (urls.length === 0) throw new ConfigError('patroni', 'There is no URL.', 'one or several URLs of REST interfaces')
  return new PatroniSource(urls.map(restInterface), fetch)
}

class PatroniSource implements ServerSource {
  readonly about: string
  readonly #interfaces: readonly RestInterface[]
  readonly #fetch: typeof globalThis.fetch
  #first: RestInterface | undefined

  constructor(interfaces: readonly RestInterface[], fetch: typeof globalThis.fetch) {
    this.#interfaces = interfaces
    this.#fetch = fetch
    this.about = `Patroni at ${interfaces.map(({ about }) => about).join(', ')}`
  }

  async find({ timeoutMs }: FindLimits): Promise<readonly FoundServer[]> {
    const first = this.#first
    const order = this.#interfaces.toSorted((a, b) => Number(b === first) - Number(a === first))
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    try {
      const { from, servers } = await this.#firstAnswer(order, timeoutMs / order.length, stop.signal)
      this.#first = from
      return servers
    } finally {
      clearTimeout(timer)
      stop.abort(new Error('another member answered'))
    }
  }

  /** Asks the next one whenever one has failed, or the last one asked has said nothing for `patienceMs`. */
  #firstAnswer(order: readonly RestInterface[], patienceMs: number, signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<{
      from: RestInterface
      servers: readonly FoundServer[]
    }>()
    const waiting = [...order]
    const failures: string[] = []
    let patience: NodeJS.Timeout | undefined
    const askNext = (): void => {
      clearTimeout(patience)
      const from = waiting.shift()
      if (from === undefined) return
      if (waiting.length > 0) patience = setTimeout(askNext, patienceMs)
      this.#ask(from, signal).then(
        (servers) => resolve({ from, servers }),
        (error: unknown) => {
          failures.push(`${from.about}: ${reasonOf(error)}`)
          if (failures.length < order.length) return askNext()
          reject(new DiscoveryError(`Patroni named no servers. ${failures.join('; ')}.`, { cause: error }))
        },
      )
    }
    askNext()
    return promise.finally(() => clearTimeout(patience))
  }

  async #ask({ cluster, headers }: RestInterface, signal: AbortSignal): Promise<readonly FoundServer[]> {
    const { promise: stopped, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', onAbort)
    try {
      const fetch = this.#fetch
      // Raced as well: a `fetch` that was passed in may not heed the signal.
      const asked = fetch(cluster, { headers, signal, redirect: 'manual' }).then(textOf)
      return parseMembers(await Promise.race([asked, stopped]))
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/** The parts of a URL. Messages do not quote it: it may hold a password. */
function restInterface(given: string): RestInterface {
  const allowed = 'the URL of a REST interface: http://host:8008 or https://name:password@host:8008'
  if (!URL.canParse(given)) throw new ConfigError('patroni', 'A URL cannot be read.', allowed)
  const { protocol, host, pathname, username, password } = new URL(given)
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new ConfigError('patroni', `A URL begins with "${protocol}".`, allowed)
  }
  const about = `${protocol}//${host}${pathname.replace(/\/+$/, '')}`
  const account = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
  const authorization = username === '' && password === '' ? {} : { authorization: `Basic ${account}` }
  return { about, cluster: `${about}/cluster`, headers: { accept: 'application/json', ...authorization } }
}

/** A part that is not percent-encoded correctly is taken as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

async function textOf(response: Response): Promise<string> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`HTTP status ${response.status}${hintOf(response.status)}`)
  }
  const decoder = new TextDecoder()
  let bytes = 0
  let text = ''
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > mostBytes) throw new Error(`its answer is longer than ${mostBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function hintOf(status: number): string {
  if (status === 401 || status === 403) return ' (it wants another account: http://name:password@host:8008)'
  return status >= 300 && status < 400 ? ' (redirects are not followed)' : ''
}

/** `fetch` says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof TypeError && error.cause !== undefined ? error.cause : error
  const text = messageOf(cause)
  // Several addresses of a host were tried: an error without a message of its own.
  return text === '' && cause instanceof AggregateError ? cause.errors.map(messageOf).join(', ') : text
}
