import { Carrier, type Arrival, type Arriving, type Departure } from './carrier.ts'
import { isCarriable, longestValue } from './cookie.ts'
import type { HttpSessionOptions } from './options.ts'
import type { HttpSession, SessionHost } from './session-host.ts'

/** Asked once, when the head of the response is about to be sent. It never rejects. */
export type Answer = (status: number) => Departure | undefined | Promise<Departure | undefined>

/** Runs each request in a session of its own. */
export class RequestSessions {
  readonly #host: SessionHost
  readonly #carrier: Carrier
  #warned = false

  constructor(host: SessionHost, options?: HttpSessionOptions) {
    this.#host = host
    this.#carrier = new Carrier(options)
  }

  /** Runs `fn` in the session of a request; `fn` gets what is to be asked before the response begins. */
  run<T>(request: Arriving, fn: (answer: Answer) => T): T {
    const arrival = this.#carrier.arrive(request)
    return this.#host.session(
      (session) => fn((status) => this.#answer(request, arrival, session, status)),
      arrival.start,
    )
  }

  #answer(
    request: Arriving,
    arrival: Arrival,
    session: HttpSession,
    status: number,
  ): Departure | undefined | Promise<Departure | undefined> {
    const { wrote } = session
    if (!this.#carrier.asks(arrival, wrote)) return this.#carrier.depart(arrival, request, { status, wrote })
    return this.#token(session).then(
      (token) => this.#carrier.depart(arrival, request, { status, wrote, token }),
      // What was done is done: the response goes out, and the caller keeps the token that it has.
      (error: unknown) => this.#lost(error),
    )
  }

  async #token(session: HttpSession): Promise<string | undefined> {
    const { tokenTimeoutMs } = this.#carrier.settings
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`The session's token was not known after ${tokenTimeoutMs} ms.`)),
        tokenTimeoutMs,
      )
    })
    try {
      const token = await Promise.race([session.token(), late])
      if (token === undefined || isCarriable(token)) return token
      throw new Error(
        `A token of ${token.length} characters cannot be carried: at most ${longestValue}, none that a cookie cannot hold.`,
      )
    } finally {
      clearTimeout(timer)
    }
  }

  #lost(error: unknown): undefined {
    const { onError } = this.#carrier.settings
    if (onError === undefined) return this.#warn(`A response went out without its session's token: ${textOf(error)}`)
    try {
      onError(error)
    } catch (thrown) {
      this.#warn(`onError of the HTTP sessions threw: ${textOf(thrown)}`)
    }
  }

  /** Once: when the primary is away, every request that writes would say the same. */
  #warn(message: string): undefined {
    if (!this.#warned) process.emitWarning(message, 'SignalboxWarning')
    this.#warned = true
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
