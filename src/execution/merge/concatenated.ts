import type { MergeLimits, RowBatches, RowSource } from './row-source.ts'
import { drawn, type SourceGroup } from './source-group.ts'

export interface ConcatenatedOptions extends MergeLimits {
  /** Most sources that are read at a time, at least 1. */
  readonly concurrency: number
  /** True: the rows of the first source, then those of the second, …: the same each time. Default false: as they come. */
  readonly inOrder?: boolean | undefined
}

/**
 * The rows of all sources, each source in its own order. Of each source that is read, one batch is in the hands of the
 * reader or waits for it, and one is read ahead. Closing and errors as with `mergeSorted`.
 */
export function concatenated<Row>(sources: readonly RowSource<Row>[], options: ConcatenatedOptions): RowBatches<Row> {
  const { concurrency, inOrder = false } = options
  if (!(concurrency >= 1)) throw new RangeError(`concurrency: ${concurrency} would read nothing. Allowed: 1 or more.`)
  return drawn(sources, options, (group) => (inOrder ? oneByOne(group, concurrency) : asTheyCome(group, concurrency)))
}

async function* oneByOne<Row>(group: SourceGroup<Row>, concurrency: number): RowBatches<Row> {
  for (let source = 0; source < Math.min(concurrency, group.size); source += 1) group.request(source)
  for (let source = 0; source < group.size; source += 1) {
    for (;;) {
      const batch = await group.take(source)
      if (batch === undefined) break
      group.request(source)
      yield batch
    }
    if (source + concurrency < group.size) group.request(source + concurrency)
  }
}

async function* asTheyCome<Row>(group: SourceGroup<Row>, concurrency: number): RowBatches<Row> {
  const arrived: number[] = []
  let wake: (() => void) | undefined
  let opened = 0
  let ended = 0
  const request = (source: number): void => {
    group.request(source, () => {
      arrived.push(source)
      wake?.()
    })
  }
  while (opened < Math.min(concurrency, group.size)) request(opened++)
  while (ended < group.size) {
    if (arrived.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      await group.until(promise)
    }
    const source = arrived.shift()!
    const batch = await group.take(source)
    if (batch === undefined) {
      ended += 1
      if (opened < group.size) request(opened++)
    } else {
      request(source)
      yield batch
    }
  }
}
