import { AbortedError } from '../../errors.ts'
import { OpenSource } from './open-source.ts'
import type { MergeLimits, RowBatches, RowSource } from './row-source.ts'

/**
 * The sources of one merge: the first error of any of them, or the signal, ends the waiting for all. Nothing is opened
 * before it is asked for.
 */
export class SourceGroup<Row> {
  readonly #sources: readonly OpenSource<Row>[]
  readonly #limits: MergeLimits
  readonly #onAbort = (): void => this.#fail(this.#aborted(), undefined)
  #failure: { readonly error: unknown; readonly source: number | undefined } | undefined
  #giveUp: ((error: unknown) => void) | undefined
  #isClosing = false

  constructor(sources: readonly RowSource<Row>[], limits: MergeLimits) {
    this.#limits = limits
    this.#sources = sources.map((open, index) => new OpenSource(open, (error) => this.#fail(error, index)))
    limits.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (limits.signal?.aborted === true) this.#onAbort()
  }

  get size(): number {
    return this.#sources.length
  }

  /** Throws the first error, if there was one. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Begins to read the next batch of a source; never more than one. `onArrival` is told when it is there, or the end. */
  request(source: number, onArrival?: () => void): void {
    const coming = this.#at(source).request()
    if (onArrival !== undefined) void coming.then(onArrival)
  }

  /** The next batch of a source, not empty; `undefined` at its end. Throws the first error of any source. */
  take(source: number): Promise<readonly Row[] | undefined> {
    return this.until(this.#at(source).take())
  }

  /** What is awaited, which never rejects, or the first error of any source. One at a time. */
  async until<T>(awaited: Promise<T>): Promise<T> {
    this.check()
    // Not Promise.race: a promise that lives as long as the merge would remember every race.
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#giveUp = reject
    void awaited.then(resolve)
    const value = await promise
    this.check()
    return value
  }

  /** Closes every source and waits for it. Throws the first error in closing, unless an error was thrown already. */
  async close(hasThrown: boolean): Promise<void> {
    this.#isClosing = true
    this.#limits.signal?.removeEventListener('abort', this.#onAbort)
    const failure = this.#failure
    if (!hasThrown && failure?.source !== undefined) this.#limits.onSideError?.(failure.error, failure.source)
    const closings = await Promise.allSettled(this.#sources.map((source) => source.close()))
    let first: { readonly error: unknown } | undefined
    for (const [index, closing] of closings.entries()) {
      if (closing.status === 'fulfilled' || this.#at(index).isInterruption(closing.reason)) continue
      if (hasThrown || first !== undefined) this.#limits.onSideError?.(closing.reason, index)
      else first = { error: closing.reason }
    }
    if (first !== undefined) throw first.error
  }

  #fail(error: unknown, source: number | undefined): void {
    if (this.#failure === undefined && !this.#isClosing) {
      this.#failure = { error, source }
      this.#giveUp?.(error)
    } else if (source !== undefined && !this.#at(source).isInterruption(error)) {
      this.#limits.onSideError?.(error, source)
    }
  }

  #at(index: number): OpenSource<Row> {
    const source = this.#sources[index]
    if (source === undefined) throw new RangeError(`There is no source ${index}.`)
    return source
  }

  #aborted(): AbortedError {
    const cause: unknown = this.#limits.signal?.reason
    return new AbortedError('The call was aborted while the rows of several shards were put together.', { cause })
  }
}

/** Rows that `read` takes from a group, which is closed afterwards, however that ends. */
export async function* drawn<Row>(
  sources: readonly RowSource<Row>[],
  limits: MergeLimits,
  read: (group: SourceGroup<Row>) => RowBatches<Row>,
): RowBatches<Row> {
  const group = new SourceGroup(sources, limits)
  let hasThrown = false
  try {
    group.check()
    for await (const batch of read(group)) {
      yield batch
      group.check()
    }
  } catch (error) {
    hasThrown = true
    throw error
  } finally {
    await group.close(hasThrown)
  }
}
