import type { TableName } from '../../topology/table-map.ts'
import { BulkCopy, canBulk } from './bulk-copy.ts'
import { checkRows } from './check-rows.ts'
import type { TablePair } from './column-pairs.ts'
import type { CopyRecord } from './copy-record.ts'
import type { Place } from './place.ts'
import { RowReader, type CopyPosition, type RowChoice } from './row-reader.ts'
import { RowWriter } from './row-writer.ts'
import type { CopyPolicy } from './conflict.ts'

/** How one table is copied. */
export interface TableTask {
  readonly table: TableName
  readonly pair: TablePair
  readonly choice: RowChoice
  readonly onConflict: CopyPolicy
  readonly verify: boolean
  readonly batchSize: number | undefined
  /** It is copied in several transactions. */
  readonly inParts: boolean
}

/** Copies the next rows of a table, in the transactions that are open. `onRows` is told how many have passed of them. */
export type NextBatch = (after: CopyPosition | undefined, onRows: (rows: number) => void) => Promise<CopyRecord>

const defaultBatch = 1_000
const defaultBulk = 100_000

/** Chooses how a table is copied. */
export function copierOf(source: Place, target: Place, task: TableTask): NextBatch {
  return canBulk(source, target, task.pair, task.choice, task.onConflict)
    ? inBulk(source, target, task)
    : rowByRow(source, target, task)
}

function inBulk(
  source: Place,
  target: Place,
  { table, pair, choice, verify, batchSize, inParts }: TableTask,
): NextBatch {
  const bulk = new BulkCopy([source, target], table, pair, { where: choice.where, verify })
  const limit = inParts ? (batchSize ?? defaultBulk) : undefined
  return async (after, onRows) => {
    const { read, checksum, position, isLast } = await bulk.copy(after, limit, onRows)
    return { position, isDone: isLast, read, inserted: read, skipped: 0, replaced: 0, checksum }
  }
}

function rowByRow(source: Place, target: Place, task: TableTask): NextBatch {
  const { table, pair, choice, verify } = task
  const reader = new RowReader(source, table, pair, choice)
  const writer = new RowWriter(target, table, pair, task.onConflict)
  return async (after) => {
    const { rows, position, isLast } = await reader.read(after, task.batchSize ?? defaultBatch)
    const converted = rows.map((row) => pair.pairs.map((each, index) => each.convert(row[index]!)))
    const { inserted, replaced, skipped } = await writer.write(converted)
    const written = [...inserted, ...replaced]
    const checksum = verify ? await checkRows(target, pair, writer, written, 0n) : 0n
    const counts = { inserted: inserted.length, replaced: replaced.length, skipped }
    return { position, isDone: isLast, read: rows.length, ...counts, checksum }
  }
}
