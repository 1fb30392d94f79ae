import type { RowBatches } from './row-source.ts'

export interface Limits {
  /** Rows that are left out at the beginning; default 0. */
  readonly offset?: number | undefined
  /** Most rows after them; absent = all. 0: nothing is opened. */
  readonly count?: number | undefined
}

/** A part of the rows. After the last one the sources are closed, and waited for, without reading on. */
export async function* limited<Row>(rows: RowBatches<Row>, { offset = 0, count = Infinity }: Limits): RowBatches<Row> {
  let toSkip = offset
  let wanted = count
  try {
    while (wanted > 0) {
      const next = await rows.next()
      if (next.done === true) return
      const skipped = Math.min(toSkip, next.value.length)
      toSkip -= skipped
      const part =
        skipped === 0 && next.value.length <= wanted ? next.value : next.value.slice(skipped, skipped + wanted)
      wanted -= part.length
      if (part.length > 0) yield part
    }
  } finally {
    await rows.return()
  }
}
