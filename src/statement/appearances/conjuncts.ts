import type { AppearanceCondition, RangeBound, ValueSource } from '../analysis.ts'
import type { ColumnReference } from './origin.ts'
import type { QueryColumns } from './query-columns.ts'

/** `column = value`, `column IN (values)`. */
export interface Restriction {
  readonly column: ColumnReference
  readonly operator: 'equals' | 'in'
  readonly values: readonly ValueSource[]
  /** As in {@link AppearanceCondition}. */
  readonly at?: AppearanceCondition['at'] | undefined
}

/** `column > value`, `column BETWEEN value AND value`. */
export interface RangeRestriction {
  readonly column: ColumnReference
  readonly from?: RangeBound
  readonly to?: RangeBound
}

/** `column = column`. */
export interface Match {
  readonly left: ColumnReference
  readonly right: ColumnReference
}

/** `column IN (SELECT …)`, `column = (SELECT …)`, and the same with rows of columns. */
export interface Membership {
  /** `undefined`: something else than a column. */
  readonly columns: readonly (ColumnReference | undefined)[]
  readonly query: QueryColumns
  /** Compared with the one row that the query gives: which one it is may hang on its other rows. */
  readonly single: boolean
  /** `column NOT IN (SELECT …)`: rows of the query with other values make no difference, as long as there is no NULL. */
  readonly negated?: true
}

/** What is understood of a condition: members of its chain of `AND`s, each of which must hold. */
export interface Conjuncts {
  readonly restrictions: readonly Restriction[]
  readonly ranges: readonly RangeRestriction[]
  readonly matches: readonly Match[]
  readonly memberships: readonly Membership[]
  /** `EXISTS (SELECT …)`. */
  readonly existing: readonly QueryColumns[]
}

/** Conjuncts while a condition is read. */
export interface FoundConjuncts {
  readonly restrictions: Restriction[]
  readonly ranges: RangeRestriction[]
  readonly matches: Match[]
  readonly memberships: Membership[]
  readonly existing: QueryColumns[]
}

export function foundConjuncts(): FoundConjuncts {
  return { restrictions: [], ranges: [], matches: [], memberships: [], existing: [] }
}

export const noConjuncts: Conjuncts = Object.freeze({
  restrictions: Object.freeze([]),
  ranges: Object.freeze([]),
  matches: Object.freeze([]),
  memberships: Object.freeze([]),
  existing: Object.freeze([]),
})

/** Comparisons by the one that says the same with its sides exchanged. */
export const turnedComparisons: ReadonlyMap<string, string> = new Map([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
])
