import type { RowSource } from '../../src/execution/merge/row-source.ts'

/** A source of rows whose every step the test decides. */
export class ControlledSource<Row> {
  /** Batches that were asked for, … */
  asked = 0
  /** … and that were given. */
  given = 0
  opened = 0
  /** The loop over it was left, and it has cleaned up. */
  closed = false
  interrupted = false
  hasEnded = false
  readonly #batches: (readonly Row[])[]
  #pending: { resolve: (batch: readonly Row[] | undefined) => void; reject: (error: unknown) => void } | undefined
  readonly #failure: { readonly error: unknown } | undefined

  /** `failure`: thrown after the last batch, instead of its end. */
  constructor(batches: readonly (readonly Row[])[], failure?: { readonly error: unknown }) {
    this.#batches = [...batches]
    this.#failure = failure
  }

  get isWaiting(): boolean {
    return this.#pending !== undefined
  }

  /** Answers what was asked for. False if nothing was. */
  step(): boolean {
    const pending = this.#pending
    if (pending === undefined) return false
    this.#pending = undefined
    const batch = this.#batches.shift()
    if (batch === undefined && this.#failure !== undefined) pending.reject(this.#failure.error)
    else pending.resolve(batch)
    return true
  }

  /** Fails what was asked for. */
  fail(error: unknown): void {
    this.#pending?.reject(error)
    this.#pending = undefined
  }

  readonly open: RowSource<Row> = (signal) => this.#rows(signal)

  async *#rows(signal: AbortSignal): AsyncGenerator<readonly Row[], void, undefined> {
    this.opened += 1
    try {
      for (;;) {
        const batch = await this.#next(signal)
        if (batch === undefined) break
        this.given += 1
        yield batch
      }
      this.hasEnded = true
    } finally {
      // Cleaning up takes time, too.
      await new Promise((done) => setImmediate(done))
      this.closed = true
    }
  }

  #next(signal: AbortSignal): Promise<readonly Row[] | undefined> {
    this.asked += 1
    const { promise, resolve, reject } = Promise.withResolvers<readonly Row[] | undefined>()
    this.#pending = { resolve, reject }
    signal.addEventListener(
      'abort',
      () => {
        this.interrupted = true
        this.fail(signal.reason)
      },
      { once: true },
    )
    return promise
  }
}

/** Answers one source after the other, chosen by `choose`, until all is told; returns when `done` settles. */
export async function driven<T, Row>(
  sources: readonly ControlledSource<Row>[],
  done: Promise<T>,
  choose: (count: number) => number,
): Promise<T> {
  const progress = { isSettled: false }
  const settle = (): void => {
    progress.isSettled = true
  }
  done.then(settle, settle)
  while (!progress.isSettled) {
    await new Promise((turn) => setImmediate(turn))
    const waiting = sources.filter(({ isWaiting }) => isWaiting)
    if (waiting.length > 0) waiting[choose(waiting.length) % waiting.length]!.step()
  }
  return done
}
