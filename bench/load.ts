import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, type Result } from 'signalbox'

/** One call of a load. Times are those of `performance.now()`. */
export interface Call {
  readonly begun: number
  readonly ended: number
  /** The port of the server that answered; `undefined`: the call failed. */
  readonly port: number | undefined
  readonly failure?: string
}

/** Between the end of a call and the next one of the same caller, in ms: the servers share the machine with the load. */
const thinkMs = 1

/** Callers that call again and again, and what came of it. */
export class Load {
  readonly #over = new AbortController()
  readonly #calls: Call[] = []
  readonly #callers: Promise<unknown>

  /** `visit` makes one or more calls, each by `note`; it gets the number of the caller. */
  constructor(
    callers: number,
    visit: (caller: number, note: (call: () => Promise<Result<unknown>>) => Promise<void>) => Promise<void>,
  ) {
    const note = (call: () => Promise<Result<unknown>>): Promise<void> => this.#note(call)
    this.#callers = Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        while (!this.#over.signal.aborted) await visit(caller, note)
      }),
    )
  }

  /** The calls that have ended, in the order of their ends. */
  get calls(): readonly Call[] {
    return this.#calls
  }

  /** Resolves when every call under way has ended; none begins after this. */
  async stop(): Promise<readonly Call[]> {
    this.#over.abort()
    await this.#callers
    return this.#calls
  }

  async #note(call: () => Promise<Result<unknown>>): Promise<void> {
    const begun = performance.now()
    try {
      const { route } = await call()
      this.#calls.push({ begun, ended: performance.now(), port: portOf(route.server) })
    } catch (error) {
      this.#calls.push({ begun, ended: performance.now(), port: undefined, failure: messageOf(error) })
    }
    await delay(thinkMs)
  }
}

function portOf(address: string | undefined): number {
  return Number(new URL(address ?? '').port)
}
