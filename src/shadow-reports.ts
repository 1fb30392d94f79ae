import type { ShadowConflict } from './errors.ts'
import type { Promoted } from './shadows/changes/promote-changes.ts'
import { countChanges, type ChangeCounts } from './shadows/changes/read-changes.ts'
import { incomparable } from './shadows/changes/row-change.ts'
import { conflictReport, type ChangedRow } from './shadows/changes/row-report.ts'
import type { ShadowReader } from './shadows/changes/shadow-store.ts'
import type { ShadowTexts } from './shadows/changes/shadow-texts.ts'
import type { ShadowTable, Storage } from './shadows/shadow-table.ts'
import type { ShadowKind } from './topology/shadow.ts'

/** What `create` has made. */
export interface ShadowReport {
  readonly shadow: string
  readonly base: string
  /** The tables of which something is kept. `base`: copies of rows alone that foreign keys of augmented tables lead to. */
  readonly tables: readonly { readonly table: string; readonly kind: ShadowKind; readonly isNew: boolean }[]
}

/** How a table of a shadow differs from the base. */
export interface TableDiff extends ChangeCounts {
  readonly table: string
  readonly kind: ShadowKind
  /** Columns that were added here to an augmented table; in `rows`, the base's rows have their default `before`. */
  readonly addedColumns: readonly string[]
  /** In the order of the primary key; at most `limit`. */
  readonly rows: readonly ChangedRow[]
  /** Why the rows cannot be compared one by one; then nothing is counted. */
  readonly incomparable?: string
}

/** How a shadow differs from its base. */
export interface ShadowDiff {
  readonly shadow: string
  readonly base: string
  readonly tables: readonly TableDiff[]
}

/** Local rows whose row of the base has changed since. */
export interface ShadowConflicts {
  readonly shadow: string
  readonly base: string
  /** All of them. */
  readonly count: number
  /** At most `limit` of each table. */
  readonly rows: readonly ShadowConflict[]
}

/** What was, or with `preview` would be, promoted. */
export interface PromotionReport {
  readonly shadow: string
  readonly to: string
  readonly preview: boolean
  readonly tables: readonly ({ readonly table: string } & ChangeCounts)[]
  /** Rows that are not, there, as they were when they were changed here; of them the first 1,000. */
  readonly conflicts: readonly ShadowConflict[]
  readonly conflictCount: number
  /** Changes that the other database has already. */
  readonly alike: number
  /** Replaced tables with changes that were not named in `tables`. */
  readonly leftOut: readonly string[]
}

/** Conflicts of a report. */
const mostConflicts = 1_000

/** As it is declared. */
export function kindOf(storage: Storage): ShadowKind {
  return storage === 'mirror' ? 'base' : storage
}

/** The first few of what comes, in another form. */
export async function firstOf<T, R>(
  values: AsyncIterable<T>,
  limit: number,
  form: (value: T) => R,
): Promise<readonly R[]> {
  const found: R[] = []
  for await (const value of values) {
    if (found.length === limit) break
    found.push(form(value))
  }
  return found
}

/** The names of those that have changes, or may have. */
export async function changedTables(
  reader: ShadowReader,
  tables: readonly ShadowTable[],
  texts: ShadowTexts,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const table of tables) {
    const counts = incomparable(table) === undefined ? await countChanges(reader, table, texts) : undefined
    if (counts === undefined || counts.added + counts.changed + counts.deleted > 0) found.push(table.name)
  }
  return found
}

/** `undefined`: there was nothing to promote. */
export function promotionOf(
  promoted: Promoted | undefined,
): Pick<PromotionReport, 'tables' | 'conflicts' | 'conflictCount' | 'alike'> {
  const { counts = new Map<ShadowTable, ChangeCounts>(), conflicts = [], alike = 0 } = promoted ?? {}
  return {
    tables: [...counts].map(([table, count]) => ({ table: table.name, ...count })),
    conflicts: conflicts.slice(0, mostConflicts).map(conflictReport),
    conflictCount: conflicts.length,
    alike,
  }
}
