/**
 * The rows of one shard, in batches. Called once, when its rows are first wanted. It must end soon after the signal
 * fires, by an error or by its end: closing waits for that. It may throw, and a batch may be empty.
 */
export type RowSource<Row> = (signal: AbortSignal) => AsyncIterable<readonly Row[]>

/** Rows that were put together, in batches that are never empty. Leaving the loop closes the sources. */
export type RowBatches<Row> = AsyncGenerator<readonly Row[], void, undefined>

/** What holds for every way to put the rows of several shards together. */
export interface MergeLimits {
  /** Ends the rows with an `AbortedError`. */
  readonly signal?: AbortSignal | undefined
  /**
   * Told of each error that is thrown to nobody: of the second and later ones, of rows that were read ahead when nobody
   * wanted them any more. Not of errors by which a source answers to its signal. Default: nobody is told. Must not throw.
   */
  readonly onSideError?: ((error: unknown, source: number) => void) | undefined
}

/** Groups rows that come one by one, as a driver's stream has them. A batch is shorter than `size` only at the end. */
export async function* batched<Row>(rows: AsyncIterable<Row>, size: number): RowBatches<Row> {
  let batch: Row[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Rows one by one. */
export async function* rowsOf<Row>(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<Row, void, undefined> {
  for await (const batch of batches) yield* batch
}
