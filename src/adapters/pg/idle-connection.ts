import { EventEmitter } from 'node:events'
import { setImmediate } from 'node:timers/promises'

/** What a client says when it connects, and the answer. */
export interface Welcome {
  readonly processID: number
  readonly secretKey: number
  /** What the server says of itself, such as `server_version`. */
  readonly parameters: Readonly<Record<string, string>>
}

/** In milliseconds; Node.js has no longer ones. */
const longestTimer = 2_147_483_647

export interface IdleConnectionParts {
  readonly welcome: () => Promise<Welcome>
  /** Gives back what is held, and stops what runs. */
  readonly leave: () => Promise<void>
  readonly cancel: (processID: number) => void
}

/** The methods of a client of `pg` that its connection's events come to. */
const methods = {
  backendKeyData: '_handleBackendKeyData',
  error: '_handleErrorEvent',
  errorMessage: '_handleErrorMessage',
  readyForQuery: '_handleReadyForQuery',
  notice: '_handleNotice',
  rowDescription: '_handleRowDescription',
  dataRow: '_handleDataRow',
  portalSuspended: '_handlePortalSuspended',
  emptyQuery: '_handleEmptyQuery',
  commandComplete: '_handleCommandComplete',
  parseComplete: '_handleParseComplete',
  copyInResponse: '_handleCopyInResponse',
  copyData: '_handleCopyData',
  notification: '_handleNotification',
} as const

type Handlers = Readonly<Record<(typeof methods)[keyof typeof methods], (message: unknown) => void>>

/**
 * What a client of `pg` has for a connection while it is on none: it says hello without a socket, and takes what `pg` sends for a query, so
 * that its own checks of texts, names and values run.
 */
export class IdleConnection extends EventEmitter {
  readonly stream: IdleStream
  readonly parsedStatements: Record<string, string> = {}
  readonly submittedNamedStatements: Record<string, string> = {}
  readonly ssl = false
  _ending = false
  _connecting = false
  readonly #parts: IdleConnectionParts
  #taken: Taken = { text: undefined, values: undefined, ended: false }
  /** Keeps the process alive in place of a socket. */
  #alive: NodeJS.Timeout | undefined
  #handlers: Handlers | undefined
  /** Ended, or about to: `pg` hears of nothing but its end. */
  isOver = false

  constructor(parts: IdleConnectionParts) {
    super()
    this.#parts = parts
    this.stream = new IdleStream((error) => this.#break(error))
  }

  /**
   * Calls the methods of a client as if they listened: twenty listeners are most of what an idle client would take. False if it has not all of them.
   */
  attach(client: object): boolean {
    const handlers = client as Handlers
    if (!Object.values(methods).every((method) => typeof handlers[method] === 'function')) return false
    this.#handlers = handlers
    return true
  }

  override emit(event: string, ...given: unknown[]): boolean {
    if (this.#handlers === undefined || !Object.hasOwn(methods, event)) return super.emit(event, ...given)
    this.#handlers[methods[event as keyof typeof methods]](given[0])
    if (this.listenerCount(event) > 0) super.emit(event, ...given)
    return true
  }

  connect(): void {
    // A socket that was destroyed before it connected connects all the same.
    if (this.isOver && !this._ending) {
      this.isOver = false
      this.stream.destroyed = false
    }
    this._connecting = true
    this.#alive = setInterval(() => undefined, longestTimer)
    process.nextTick(() => this.emit('connect'))
  }

  requestSsl(): void {
    process.nextTick(() => this.emit('sslconnect'))
  }

  startup(): void {
    void this.#greet()
  }

  async #greet(): Promise<void> {
    try {
      const { processID, secretKey, parameters } = await this.#parts.welcome()
      if (this.isOver) return
      for (const [parameterName, parameterValue] of Object.entries(parameters))
        this.emit('parameterStatus', { parameterName, parameterValue })
      this.emit('backendKeyData', { processID, secretKey })
    } catch (error) {
      this.#break(error)
      return
    }
    this.ready('I')
  }

  /** What `pg` has sent since the last call. */
  take(): Taken {
    const taken = this.#taken
    this.#taken = { text: undefined, values: undefined, ended: false }
    return taken
  }

  ready(status: 'I' | 'T' | 'E'): void {
    if (this.isOver) return
    const message = { name: 'readyForQuery', length: 5, status }
    // As `emit` does; but each statement comes by here.
    if (this.#handlers === undefined || this.listenerCount('readyForQuery') > 0) this.emit('readyForQuery', message)
    else this.#handlers._handleReadyForQuery(message)
  }

  query(text: string): void {
    this.#taken = { text, values: undefined, ended: true }
  }

  parse({ text }: { readonly text: string }): void {
    this.#taken = { ...this.#taken, text }
  }

  bind({ values, valueMapper, statement }: BindMessage): void {
    // What cannot be sent is to be told at once, and so by `pg` itself.
    for (const value of values ?? []) if (typeof value === 'object' && value !== null) valueMapper?.(value)
    const known = statement === undefined ? undefined : this.parsedStatements[statement]
    this.#taken = { ...this.#taken, text: this.#taken.text ?? known, values: values ?? [] }
  }

  sync(): void {
    this.#taken = { ...this.#taken, ended: true }
  }

  describe(): void {}
  execute(): void {}
  flush(): void {}
  close(): void {
    this.#taken = { text: undefined, values: undefined, ended: false }
  }
  sendCopyFail(): void {}

  ref(): void {
    this.#alive?.ref()
  }

  unref(): void {
    this.#alive?.unref()
  }

  cancel(processID: number): void {
    this.#parts.cancel(processID)
    this.end()
  }

  end(): void {
    this._ending = true
    if (this.isOver) return
    this.isOver = true
    void this.#left()
  }

  async #left(pause?: () => Promise<unknown>): Promise<void> {
    await Promise.all([this.#parts.leave(), pause?.()])
    clearInterval(this.#alive)
    this.stream.over()
    this.emit('end')
  }

  /** Ended by the server: who waits for an answer is told why, and then the connection is gone. */
  terminate(why: unknown): void {
    if (this.isOver) return
    this.emit('errorMessage', why)
    // Whoever was told may have ended the client.
    if (this.isOver) return
    this.isOver = true
    void this.#left(onceToldAndDone)
  }

  /** Broken as a connection of `pg` is, whose error this was. */
  lost(error: unknown): void {
    // That is what the client says of itself when its connection ends.
    if (error instanceof Error && error.message === 'Connection terminated unexpectedly') this.#break(undefined)
    else this.terminate(error)
  }

  #break(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    if (error !== undefined && error !== null) this.emit('error', error)
    void this.#left()
  }
}

/** The end of a connection arrives after what the server has said, so that who was told has come to give its client back. */
const onceToldAndDone = async (): Promise<unknown> => await setImmediate(undefined)

interface BindMessage {
  readonly values?: readonly unknown[] | null
  readonly statement?: string
  readonly valueMapper?: (value: unknown) => unknown
}

/** A statement that `pg` has sent. */
export interface Taken {
  readonly text: string | undefined
  /** `undefined` for a text that was sent alone. */
  readonly values: readonly unknown[] | undefined
  /** The server would answer now. */
  readonly ended: boolean
}

/** In place of a socket. */
class IdleStream extends EventEmitter {
  readonly writable = true
  destroyed = false
  readonly #destroyed: (error: unknown) => void

  constructor(destroyed: (error: unknown) => void) {
    super()
    this.#destroyed = destroyed
  }

  /** What a socket says when the other side has gone. */
  over(): void {
    this.destroyed = true
    this.emit('end')
    this.emit('close')
  }

  write(): boolean {
    return true
  }

  cork(): void {}
  uncork(): void {}
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }

  end(): void {
    this.destroy()
  }

  destroy(error?: unknown): this {
    if (this.destroyed) return this
    this.destroyed = true
    this.#destroyed(error)
    return this
  }
}
