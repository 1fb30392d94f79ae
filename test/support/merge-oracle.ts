import { expect } from 'vitest'
import { comparatorOf, type SortKey } from '../../src/execution/merge/comparator.ts'
import { mergeSorted } from '../../src/execution/merge/merge-sorted.ts'
import { rowsOf, type RowSource } from '../../src/execution/merge/row-source.ts'
import type { SortType } from '../../src/execution/merge/sort-type.ts'

/** A row of a column under test: `place` is what the engine's dense_rank over the rows of all shards says. */
export interface PlacedRow {
  readonly id: number
  readonly v: unknown
  readonly place: number
}

export interface Direction {
  readonly descending: boolean
  readonly nulls: 'first' | 'last'
}

export const directions: readonly Direction[] = [false, true].flatMap((descending) =>
  (['first', 'last'] as const).map((nulls) => ({ descending, nulls })),
)

export const shards = [0, 1, 2, 3]

export interface Judged {
  readonly type: SortType
  readonly direction: Direction
  /** Values may come coarser than they are stored: what differs on the server may then be equal. */
  readonly isCoarse?: boolean | undefined
  /** Instead of the comparator of the type: for the proof that the oracle notices. */
  readonly compare?: ((a: unknown, b: unknown) => number) | undefined
}

/** Merges what each shard has sorted, and compares with where the engine would put each row, and each pair of them. */
export async function judge(sorted: readonly (readonly PlacedRow[])[], judged: Judged): Promise<void> {
  const key: SortKey<PlacedRow> = { of: (row) => row.v, type: judged.type, ...judged.direction }
  const order = orderOf(key, judged.compare)
  const rows = sorted.flat()
  const merged: PlacedRow[] = []
  for await (const row of rowsOf(mergeSorted(sorted.map(inBatches), order))) merged.push(row)

  expect(merged.length).toBeGreaterThanOrEqual(300)
  expect(merged.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
    rows.map(({ id }) => id).toSorted((a, b) => a - b),
  )
  if (judged.isCoarse !== true) {
    const misplaced = merged.flatMap((row, at) =>
      at > 0 && merged[at - 1]!.place > row.place ? [[merged[at - 1], row]] : [],
    )
    expect(misplaced).toEqual([])
  }
  const keyed = rows.map((row) => ({ row, key: order.keyOf(row) }))
  for (const a of keyed) {
    for (const b of keyed) {
      const sign = Math.sign(order.compare(a.key, b.key))
      if (judged.isCoarse === true && sign === 0) continue
      if (sign !== Math.sign(a.row.place - b.row.place))
        expect.fail(`compared as ${sign}: ${shown(a.row)} and ${shown(b.row)}`)
    }
  }
}

function orderOf(key: SortKey<PlacedRow>, compare: Judged['compare']) {
  if (compare === undefined) return comparatorOf([key])
  return { keyOf: (row: PlacedRow): unknown => row.v, compare }
}

function inBatches(rows: readonly PlacedRow[]): RowSource<PlacedRow> {
  return async function* () {
    for (let at = 0; at < rows.length; at += 7) yield rows.slice(at, at + 7)
  }
}

function shown({ v, place }: PlacedRow): string {
  return `${typeof v === 'string' ? JSON.stringify(v) : String(v)} (place ${place})`
}
