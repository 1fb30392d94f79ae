import { messageOf, SignalboxError, type Result } from 'signalbox'

export type Kind = 'read' | 'write'

/** A call that threw, on the clock of `performance.now()`. */
export interface Failure {
  readonly begun: number
  readonly ended: number
  readonly reason: string
  /** The error says that it had no effect. */
  readonly nothingHappened: boolean
  /** A statement on its own: the client itself repeats it where it had no effect. */
  readonly isStatement: boolean
}

/** What a call is to the client. Only the application can repeat the callback of a transaction. */
export type Form = 'statement' | 'transaction'

/** What happened since the last column of the chart. */
export interface Slice {
  /** By number of the server. */
  readonly reads: readonly number[]
  readonly writes: number
  readonly failures: number
  readonly longestMs: number
}

/** What the application notices of one kind of call. */
export class Noticed {
  readonly failures: Failure[] = []
  /** Answers by number of the server that gave them. */
  readonly answers: number[]
  longestMs = 0

  constructor(servers: number) {
    this.answers = Array.from({ length: servers }, () => 0)
  }

  get answered(): number {
    return this.answers.reduce((sum, each) => sum + each, 0)
  }
}

/** Everything that the application notices of its servers: answers, errors, and how long it waited. */
export class Observations {
  readonly read: Noticed
  readonly write: Noticed
  /** Reads that showed less than the same visitor had written or seen before. */
  stale = 0
  /** Reads that showed more than was ever written. */
  doubled = 0
  readsOnPrimary = 0
  readonly #numberOf: (address: string) => number
  readonly #servers: number
  #slice: { reads: number[]; writes: number; failures: number; longestMs: number }

  /** `numberOf`: of the server with this address, from 0. */
  constructor(servers: number, numberOf: (address: string) => number) {
    this.#servers = servers
    this.#numberOf = numberOf
    this.read = new Noticed(servers)
    this.write = new Noticed(servers)
    this.#slice = this.#emptySlice()
  }

  /** Makes a call and notes how it ends. `undefined` if it failed. */
  async note<Row>(
    kind: Kind,
    call: () => Promise<Result<Row>>,
    form: Form = 'statement',
  ): Promise<Result<Row> | undefined> {
    const begun = performance.now()
    try {
      const answer = await call()
      const server = this.#numberOf(answer.route.server ?? '')
      this[kind].answers[server] = (this[kind].answers[server] ?? 0) + 1
      if (kind === 'write') this.#slice.writes += 1
      else {
        this.#slice.reads[server] = (this.#slice.reads[server] ?? 0) + 1
        if (answer.route.role === 'primary') this.readsOnPrimary += 1
      }
      return answer
    } catch (error) {
      const nothingHappened = error instanceof SignalboxError && error.safeToRetry
      const [ended, isStatement] = [performance.now(), form === 'statement']
      this[kind].failures.push({ begun, ended, reason: messageOf(error), nothingHappened, isStatement })
      this.#slice.failures += 1
      return undefined
    } finally {
      const waited = performance.now() - begun
      this[kind].longestMs = Math.max(this[kind].longestMs, waited)
      this.#slice.longestMs = Math.max(this.#slice.longestMs, waited)
    }
  }

  /** What happened since the last call. */
  takeSlice(): Slice {
    const slice = this.#slice
    this.#slice = this.#emptySlice()
    return slice
  }

  #emptySlice(): { reads: number[]; writes: number; failures: number; longestMs: number } {
    return { reads: Array.from({ length: this.#servers }, () => 0), writes: 0, failures: 0, longestMs: 0 }
  }
}
