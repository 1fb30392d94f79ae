import type { RowSource } from './row-source.ts'

/** Told of an error while rows are read, once. */
type OnError = (error: unknown) => void

/** One source that is being read: holds at most one batch that nobody has taken yet. */
export class OpenSource<Row> {
  readonly #open: RowSource<Row>
  readonly #onError: OnError
  readonly #controller = new AbortController()
  #iterator: AsyncIterator<readonly Row[]> | undefined
  /** The batch that was asked for and not taken; resolves with `undefined` at the end, and after an error. */
  #coming: Promise<readonly Row[] | undefined> | undefined
  #isReading = false
  #hasEnded = false

  constructor(open: RowSource<Row>, onError: OnError) {
    this.#open = open
    this.#onError = onError
  }

  /** Asks for the next batch, unless that was done. The promise never rejects. */
  request(): Promise<readonly Row[] | undefined> {
    this.#coming ??= this.#read()
    return this.#coming
  }

  /** The next batch, not empty; `undefined` at the end, and after an error. */
  async take(): Promise<readonly Row[] | undefined> {
    const batch = await this.request()
    this.#coming = undefined
    return batch
  }

  /**
   * Interrupts what is being read, and closes. Only a source that reads is told by its signal: for one that waits, closing
   * is enough, and cancelling on the server would be work for nothing. Errors in closing are thrown.
   */
  async close(): Promise<void> {
    if (this.#isReading) {
      this.#controller.abort()
      await this.#coming
    }
    if (this.#hasEnded) return
    this.#hasEnded = true
    await this.#iterator?.return?.()
  }

  /** Whether an error is no more than the answer to `close`. */
  isInterruption(error: unknown): boolean {
    const { aborted, reason } = this.#controller.signal
    return aborted && (error === reason || (error instanceof Error && error.name === 'AbortError'))
  }

  async #read(): Promise<readonly Row[] | undefined> {
    if (this.#hasEnded) return undefined
    this.#isReading = true
    try {
      this.#iterator ??= this.#open(this.#controller.signal)[Symbol.asyncIterator]()
      for (;;) {
        const next = await this.#iterator.next()
        if (next.done === true) break
        if (next.value.length > 0) return next.value
        if (this.#controller.signal.aborted) return undefined
      }
      this.#hasEnded = true
    } catch (error) {
      this.#hasEnded = true
      this.#onError(error)
    } finally {
      this.#isReading = false
    }
    return undefined
  }
}
