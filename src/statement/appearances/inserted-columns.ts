import type { NameComparison, Origin } from './origin.ts'
import type { QueryColumns } from './query-columns.ts'
import type { TableEntry } from './table-entry.ts'

/** The columns of an `INSERT`, and the query that gives their values, place by place. */
export interface InsertedColumns {
  readonly target: TableEntry
  readonly columns: readonly string[]
  readonly query: QueryColumns
}

/**
 * Notes at the target, and at the tables of the query, that a row which is inserted has the values of the rows that it is
 * made of. To be called when all levels have claimed: then it is known where an outer join may have put nulls instead.
 */
export function claimInserted({ target, columns, query }: InsertedColumns, comparison: NameComparison): void {
  for (const [place, column] of columns.entries()) {
    const value = query.valueAt(place)
    if (value !== undefined && value.from !== 'expression')
      target.conditions.push({ column, operator: 'insert', values: [value], certain: true })
    const sources = query.membersAt(place, comparison)?.map(onlySource)
    if (sources?.every((source) => source !== undefined)) target.taken.push({ column, sources })
    for (const origin of query.originsOf(place, comparison)) {
      const { entry, certain } = origin
      if (origin.nullable) continue
      if (origin.alone) target.equalities.push({ column, other: entry, otherColumn: origin.column, certain })
      if (origin.passes) entry.equalities.push({ column: origin.column, other: target, otherColumn: column, certain })
    }
  }
}

/** The one column that all values of a member of a UNION come from. */
function onlySource([origin, ...more]: readonly Origin[]): Origin | undefined {
  return origin?.alone === true && !origin.nullable && more.length === 0 ? origin : undefined
}
