import { EventEmitter } from 'node:events'

/** What a client says when it connects, and the answer. */
export interface Welcome {
  readonly processID: number
  readonly secretKey: number
  /** What the server says of itself, such as `server_version`. */
  readonly parameters: Readonly<Record<string, string>>
}

export interface IdleConnectionParts {
  readonly welcome: () => Promise<Welcome>
  /** Gives back what is held, and stops what runs. */
  readonly leave: () => Promise<void>
  readonly cancel: (processID: number) => void
}

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
  /** Ended, or about to: `pg` hears of nothing but its end. */
  isOver = false

  constructor(parts: IdleConnectionParts) {
    super()
    this.#parts = parts
    this.stream = new IdleStream((error) => this.#break(error))
  }

  connect(): void {
    this._connecting = true
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
    if (!this.isOver) this.emit('readyForQuery', { name: 'readyForQuery', length: 5, status })
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
  ref(): void {}
  unref(): void {}

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

  async #left(): Promise<void> {
    await this.#parts.leave()
    this.emit('end')
  }

  #break(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    if (error !== undefined && error !== null) this.emit('error', error)
    void this.#left()
  }
}

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
