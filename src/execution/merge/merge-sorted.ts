import { MergeError } from '../../errors.ts'
import type { MergeLimits, RowBatches, RowSource } from './row-source.ts'
import { drawn, type SourceGroup } from './source-group.ts'
import { Tournament } from './tournament.ts'

/** How rows are sorted. What is compared is made of each row once: see `comparatorOf`. */
export interface RowOrder<Row, Key = unknown> {
  readonly keyOf: (row: Row) => Key
  /** Negative: `a` first; positive: `b` first; 0: either. */
  readonly compare: (a: Key, b: Key) => number
}

export interface MergeSortedOptions<Row, Key> extends RowOrder<Row, Key>, MergeLimits {
  /** Most rows of a batch that is handed out; default 500. */
  readonly batchRows?: number | undefined
}

/**
 * Merges sources that are each sorted by `compare` into one, and makes sure that they are: a source that is not ends the
 * rows with a `MergeError`. Rows that are equal come in the order of the sources, and
 * within a source as they came: the same input always gives the same order.
 *
 * All sources are opened with the first row that is asked for. Of each, one batch is being handed out and one is read
 * ahead, no more, and the second only when the first is begun. A batch is handed out as soon as the next row would have to
 * be waited for.
 *
 * Leaving the loop, an error of a source or of `compare`, and the signal close all sources and wait for that. The first
 * error is thrown as it is.
 */
export function mergeSorted<Row, Key>(
  sources: readonly RowSource<Row>[],
  options: MergeSortedOptions<Row, Key>,
): RowBatches<Row> {
  return drawn(sources, options, (group) => merged(group, options))
}

async function* merged<Row, Key>(group: SourceGroup<Row>, options: MergeSortedOptions<Row, Key>): RowBatches<Row> {
  const { batchRows = 500 } = options
  for (let source = 0; source < group.size; source += 1) group.request(source)
  const heads: Head<Row, Key>[] = []
  for (let source = 0; source < group.size; source += 1) {
    heads.push(new Head(await group.take(source), options))
  }
  const tournament = new Tournament(heads.length, (a, b) => {
    const left = heads[a]!
    const right = heads[b]!
    if (left.hasEnded || right.hasEnded) return right.hasEnded && !left.hasEnded
    const difference = options.compare(left.key, right.key)
    return difference < 0 || (difference === 0 && a < b)
  })
  let rows: Row[] = []
  for (;;) {
    const winner = tournament.winner
    const head = heads[winner]
    if (head === undefined || head.hasEnded) break
    group.request(winner)
    rows.push(head.row)
    if (!head.advance()) {
      // The row that comes next is not here: what is here is handed out first.
      yield rows
      rows = []
      head.refill(await group.take(winner))
    }
    tournament.replay()
    if (rows.length < batchRows) continue
    yield rows
    rows = []
  }
}

/** The first row of what is left of one source. */
class Head<Row, Key> {
  readonly #order: RowOrder<Row, Key>
  #batch: readonly Row[]
  #at = 0
  #key: Key | undefined

  constructor(batch: readonly Row[] | undefined, order: RowOrder<Row, Key>) {
    this.#order = order
    this.#batch = batch ?? []
    if (!this.hasEnded) this.#key = order.keyOf(this.row)
  }

  get hasEnded(): boolean {
    return this.#at >= this.#batch.length
  }

  get row(): Row {
    return this.#batch[this.#at]!
  }

  get key(): Key {
    return this.#key as Key
  }

  refill(batch: readonly Row[] | undefined): void {
    this.#batch = batch ?? []
    this.#at = 0
    if (!this.hasEnded) this.#step()
  }

  /** False if the batch has no further row. */
  advance(): boolean {
    this.#at += 1
    if (this.hasEnded) return false
    this.#step()
    return true
  }

  #step(): void {
    const key = this.#order.keyOf(this.row)
    if (this.#order.compare(this.key, key) > 0) throw unsorted()
    this.#key = key
  }
}

function unsorted(): MergeError {
  return new MergeError(
    'Two rows of one shard came in another order than Signalbox expects of the type that they are sorted by: its server sorts by another collation, or the values came rounded (microseconds are lost in a Date). Sort by an expression whose value comes exactly, such as the text of the timestamp.',
  )
}
