import { validateHeaderName, validateHeaderValue, type ServerResponse } from 'node:http'
import type { Departure } from './carrier.ts'
import type { Answer } from './request-sessions.ts'

type Call = () => unknown

/**
 * Adds what `answer` says to the head of a response, whoever sends it and however: by `writeHead`, `flushHeaders`, the
 * first `write`, or `end`. If the answer takes time, these calls are kept and carried out afterwards, in their order;
 * meanwhile the response looks as if they had happened: nothing can be changed about its head any more.
 */
export function holdHead(response: ServerResponse, answer: Answer): void {
  new HeldHead(response, answer).install()
}

class HeldHead {
  readonly #response: ServerResponse
  readonly #answer: Answer
  readonly #kept: Call[] = []
  #state: 'untouched' | 'asking' | 'released' = 'untouched'
  #departure: Departure | undefined
  #ended = false
  #written = false

  constructor(response: ServerResponse, answer: Answer) {
    this.#response = response
    this.#answer = answer
  }

  install(): void {
    const response = this.#response
    const original = {
      writeHead: response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse,
      write: response.write.bind(response) as (...given: unknown[]) => boolean,
      end: response.end.bind(response) as (...given: unknown[]) => ServerResponse,
      flushHeaders: response.flushHeaders.bind(response),
    }
    const hooks = {
      writeHead: (...given: unknown[]) => this.#writeHead(original.writeHead, given),
      write: (...given: unknown[]) => {
        if (!isChunk(given[0]) || !this.#keeps(() => original.write(...given))) return original.write(...given)
        this.#written = true
        // Whoever heeds this waits for the "drain" that comes with the release.
        return false
      },
      end: (...given: unknown[]) => {
        const valid = given[0] === undefined || given[0] === null || typeof given[0] === 'function' || isChunk(given[0])
        if (!valid || !this.#keeps(() => original.end(...given))) return original.end(...given)
        this.#ended = true
        return response
      },
      flushHeaders: () => {
        if (!this.#keeps(() => original.flushHeaders())) original.flushHeaders()
      },
    }
    Object.assign(response, hooks)
  }

  /** True if the call is kept for later; false if the caller is to carry it out now. */
  #keeps(call: Call, status = this.#response.statusCode): boolean {
    if (this.#state === 'untouched') this.#begin(status)
    if (this.#state === 'released') return false
    this.#kept.push(call)
    return true
  }

  #begin(status: number): void {
    // An answer that throws leaves the response as it would be without us.
    this.#state = 'released'
    const departure = this.#answer(status)
    if (!(departure instanceof Promise)) {
      this.#departure = departure
      return this.#add()
    }
    this.#state = 'asking'
    const unfreeze = freeze(this.#response, () => this.#ended)
    void departure.then((known) => this.#release(known, unfreeze))
  }

  #release(departure: Departure | undefined, unfreeze: () => void): void {
    unfreeze()
    this.#departure = departure
    this.#state = 'released'
    try {
      this.#add()
      let flows: unknown = true
      for (const call of this.#kept.splice(0)) flows = call()
      if (this.#written && !this.#ended && flows !== false) this.#response.emit('drain')
    } catch (error) {
      // The caller that should have been told is gone; it is the same as an error on the wire.
      this.#response.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #writeHead(original: (...given: unknown[]) => ServerResponse, given: readonly unknown[]): ServerResponse {
    const status = Number(given[0])
    // Not ours: what Node.js refuses, and 1xx, which are not the response's head.
    if (!(status >= 200 && status <= 999)) return original(...given)
    if (this.#state === 'asking') throw headersSent()
    const [text, headers] = typeof given[1] === 'string' ? [[given[1]], given[2]] : [[], given[1] ?? given[2]]
    const pairs = pairsOf(headers)
    // An error in them is the caller's, now and not when they are carried out.
    for (const [name, value] of pairs) {
      validateHeaderName(name)
      validateHeaderValue(name, String(value))
    }
    // Given here, they would replace what was added, so they are put in place first.
    const carryOut = (): ServerResponse => {
      if (this.#departure === undefined) return original(...given)
      setHeaders(this.#response, pairs)
      this.#add()
      return original(status, ...text)
    }
    return this.#keeps(carryOut, status) ? this.#response : carryOut()
  }

  /** Puts the departure into the headers, if it is not there. */
  #add(): void {
    const response = this.#response
    if (this.#departure === undefined || response.headersSent) return
    const { cookies, header } = this.#departure
    const present = [response.getHeader('set-cookie') ?? []].flat().map(String)
    const missing = cookies.filter((cookie) => !present.includes(cookie))
    if (missing.length > 0) response.setHeader('set-cookie', [...present, ...missing])
    if (header !== undefined) response.setHeader(...header)
  }
}

/** Makes a response look and behave as one whose head was sent. Gives the function that undoes it. */
function freeze(response: ServerResponse, ended: () => boolean): () => void {
  const { statusCode } = response
  const refuse = (): never => {
    throw headersSent()
  }
  const shown: Record<string, PropertyDescriptor> = {
    headersSent: { get: () => true },
    writableEnded: { get: ended },
    setHeader: { value: refuse },
    appendHeader: { value: refuse },
    removeHeader: { value: refuse },
  }
  const before = Object.keys(shown).map((name) => [name, Object.getOwnPropertyDescriptor(response, name)] as const)
  for (const [name, descriptor] of Object.entries(shown))
    Object.defineProperty(response, name, { ...descriptor, configurable: true })
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(response, name)
      else Object.defineProperty(response, name, descriptor)
    }
    response.statusCode = statusCode
  }
}

type Pair = readonly [name: string, value: number | string | readonly string[]]

/** Headers in the forms that `writeHead` takes: an object, names and values in one list, or a list of pairs. */
function pairsOf(headers: unknown): readonly Pair[] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!Array.isArray(headers))
    return Object.entries(headers as Record<string, Pair[1]>).filter(([, value]) => value !== undefined)
  if (Array.isArray(headers[0])) return headers as Pair[]
  return headers.flatMap((name: string, index) =>
    index % 2 === 0 ? [[name, headers[index + 1] as string] as const] : [],
  )
}

function setHeaders(response: ServerResponse, pairs: readonly Pair[]): void {
  const seen = new Set<string>()
  for (const [name, value] of pairs) {
    if (seen.has(name.toLowerCase())) response.appendHeader(name, typeof value === 'number' ? String(value) : value)
    else response.setHeader(name, value)
    seen.add(name.toLowerCase())
  }
}

function headersSent(): Error {
  const error = new Error('Cannot change headers after they are sent to the client')
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}

function isChunk(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Uint8Array
}
