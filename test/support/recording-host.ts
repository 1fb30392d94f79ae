import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import type { HttpSession, SessionHost, SessionStart } from '../../src/adapters/http/node.ts'

interface Recorded extends HttpSession {
  readonly start: SessionStart
  wrote: boolean
}

/** Sessions without a database: they remember what they began with, and say what they are told to. */
export class RecordingHost implements SessionHost {
  readonly #sessions = new AsyncLocalStorage<Recorded>()
  readonly starts: SessionStart[] = []
  /** Every replica has caught up, with all but what is written from now on. */
  caughtUp = false
  /** What becomes of a token, instead of the one that is due. */
  token: (() => Promise<string | undefined>) | undefined
  #written = 0

  session<T>(fn: (session: HttpSession) => T, start: SessionStart = {}): T {
    this.starts.push(start)
    const session: Recorded = {
      start,
      wrote: false,
      token: async () => {
        await setImmediate()
        if (this.token !== undefined) return this.token()
        if (session.wrote) return `written-${this.#written}`
        return this.caughtUp ? undefined : start.token?.join('+')
      },
    }
    return this.#sessions.run(session, () => fn(session))
  }

  /** What the session began with that is active here. */
  get start(): SessionStart {
    const session = this.#sessions.getStore()
    if (session === undefined) throw new Error('No session is active here.')
    return session.start
  }

  /** A statement that writes. */
  async write(): Promise<void> {
    const session = this.#sessions.getStore()
    if (session === undefined) throw new Error('No session is active here.')
    session.wrote = true
    this.#written += 1
    await setImmediate()
  }
}
