import type { ShadowTable } from '../shadow-table.ts'
import { changesText, conflictsText, countsText } from './change-texts.ts'
import { comparedColumns, type RowChange, type RowValues } from './row-change.ts'
import type { ShadowReader } from './shadow-store.ts'
import type { ShadowTexts } from './shadow-texts.ts'

/** How many rows of a table are not as the base's. */
export interface ChangeCounts {
  readonly added: number
  readonly changed: number
  readonly deleted: number
}

/** The changes of one table, in the order of its primary key. */
export async function* readChanges(
  reader: ShadowReader,
  table: ShadowTable,
  texts: ShadowTexts,
): AsyncGenerator<RowChange, void, undefined> {
  const { length } = comparedColumns(table)
  for await (const [was, is, ...values] of reader.rows(changesText(table, texts))) {
    const before = values.slice(0, length)
    const after = values.slice(length)
    yield { table, ...(Number(was) === 1 ? { before } : {}), ...(Number(is) === 1 ? { after } : {}) }
  }
}

export async function countChanges(
  reader: ShadowReader,
  table: ShadowTable,
  texts: ShadowTexts,
): Promise<ChangeCounts> {
  const counts = { added: 0, changed: 0, deleted: 0 }
  for await (const [was, is, count] of reader.rows(countsText(table, texts)))
    counts[Number(was) === 0 ? 'added' : Number(is) === 0 ? 'deleted' : 'changed'] = Number(count)
  return counts
}

/** One row in three states: as it was when it was copied, as it is here, as it is in the base; each absent if there is none. */
export interface RowConflict {
  readonly table: ShadowTable
  readonly was?: RowValues
  readonly ours?: RowValues
  readonly theirs?: RowValues
}

/** Local rows that rest on a row of the base which has changed or gone since, and rows that both have added. */
export async function* readConflicts(
  reader: ShadowReader,
  table: ShadowTable,
  texts: ShadowTexts,
): AsyncGenerator<RowConflict, void, undefined> {
  const { length } = comparedColumns(table)
  for await (const [was, ours, theirs, ...values] of reader.rows(conflictsText(table, texts)))
    yield {
      table,
      ...(Number(was) === 1 ? { was: values.slice(0, length) } : {}),
      ...(Number(ours) === 1 ? { ours: values.slice(length, 2 * length) } : {}),
      ...(Number(theirs) === 1 ? { theirs: values.slice(2 * length) } : {}),
    }
}
