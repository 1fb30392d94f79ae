import type { TableEntry } from './table-entry.ts'

/** A column as a condition writes it. */
export interface ColumnReference {
  readonly column: string
  /** The table's name or alias. */
  readonly qualifier: string | undefined
  readonly schema: string | undefined
}

/** How an engine compares the names of tables: `either` where that depends on the server. */
export type NameComparison = 'exact' | 'folded' | 'either'

/** Positions of items in a `FROM`: the part of it that one join covers. */
export interface Extent {
  readonly from: number
  readonly to: number
}

/** A column of a table that the values of a query's column come from. */
export interface Origin {
  readonly entry: TableEntry
  readonly column: string
  /** False: the column may be another table's if this one has none of that name. */
  readonly certain: boolean
  /**
   * Rows of the table with other values change nothing about the rows that the query gives with this one: a condition on
   * the query's column is as good as one on the table's.
   */
  readonly passes: boolean
  /** The query's column may be NULL where no row of the table stands behind it. */
  readonly nullable: boolean
  /** Every value comes from here; false: some may come from another member of a UNION. */
  readonly alone: boolean
}

/** What gives columns that can be asked where they come from. */
export interface ColumnSource {
  /** Of that name, or at that place from 0. @param deep How many queries have been gone through to get here. */
  originsOf(column: string | number, comparison: NameComparison, deep?: number): readonly Origin[]
}

/** A query level, as those see it who ask where its columns come from. */
export interface ReadLevel {
  originsOf(reference: ColumnReference, deep: number): readonly Origin[]
  /** The same for a name out of `qualifier.*`, or out of `*`. */
  originsOfAll(column: string, qualifier: string | undefined, deep: number): readonly Origin[]
  /** Rows of `side`, a part of a level around it, count only where this level has a row that meets its conditions. */
  isNeededBy(level: ReadLevel, side: Extent): void
}
