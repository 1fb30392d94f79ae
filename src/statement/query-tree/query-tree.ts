import type { Span } from '../analysis.ts'
import type { QueryShape } from '../shape/query-shape.ts'

/**
 * A query and the queries that its rows come from: those of its FROM and WITH, and the members of a UNION and the like. Queries
 * inside expressions are no part of it: their tables belong to the query around them. Names are as the engine compares them.
 */
export type QueryTree = SelectTree | SetTree | ValuesTree

export interface SelectTree {
  readonly kind: 'select'
  /** Of its WITH too. */
  readonly span: Span
  readonly shape: QueryShape
  /** `UNION ALL` and the like sort and limit all their members: those of the last member are theirs. */
  readonly isSorted: boolean
  readonly isLimited: boolean
  readonly from: readonly FromItem[]
  /** A join makes one of columns that have the same name (NATURAL, USING). */
  readonly mergesColumns: boolean
  readonly outputs: readonly Output[]
  /** Each key of GROUP BY; undefined for what is no plain column. */
  readonly groups: readonly (ColumnPath | undefined)[]
  /** The plain columns in the PARTITION BY of each window function. */
  readonly partitions: readonly (readonly ColumnPath[])[]
  /** Queries of a WITH that a query inside an expression seems to read, or one beside a LATERAL. */
  readonly readInside: readonly WithQuery[]
}

/** Queries between UNION ALL, UNION, INTERSECT and EXCEPT; also one in brackets, with ORDER BY or LIMIT behind them. */
export interface SetTree {
  readonly kind: 'set'
  readonly span: Span
  readonly members: readonly QueryTree[]
  /** One less than members: `UNION ALL`, `UNION`, `EXCEPT ALL`. */
  readonly operators: readonly string[]
  readonly isSorted: boolean
  readonly isLimited: boolean
  /** ORDER BY, LIMIT and the like behind the last member; empty, and at its end, where there is nothing. */
  readonly tail: Span
}

/** `VALUES (…), (…)`. */
export interface ValuesTree {
  readonly kind: 'values'
  readonly span: Span
}

/** One query of a WITH. */
export interface WithQuery {
  readonly name: string
  /** The names that it gives to its columns. */
  readonly columns: readonly string[] | undefined
  /** Undefined while it is being read: where it reads itself. */
  readonly query: QueryTree | undefined
}

/** A column as it is written, perhaps in brackets. */
export interface ColumnPath {
  /** The name of a table, or an alias. */
  readonly qualifier: string | undefined
  readonly column: string
}

/** An item of a FROM. */
export interface FromItem {
  readonly source:
    | { readonly kind: 'table' }
    | { readonly kind: 'query'; readonly query: QueryTree }
    | { readonly kind: 'with'; readonly query: WithQuery }
    /** A function; or a LATERAL query, whose rows are others for each row that it stands beside. */
    | { readonly kind: 'other' }
  /** Where it starts in the text. */
  readonly position: number
  /** The alias, or else the name. */
  readonly name: string | undefined
  /** The names that it gives to its columns. */
  readonly columns: readonly string[] | undefined
  /** An outer join may fill it up with nulls. True also where that is not told for sure. */
  readonly mayBeMissing: boolean
}

/** A column of the answer, or several. */
export type Output =
  | { readonly kind: 'star'; readonly qualifier: string | undefined }
  | {
      readonly kind: 'column'
      /** Undefined where only the engine knows it. */
      readonly name: string | undefined
      /** Present if it is nothing but a column. */
      readonly path: ColumnPath | undefined
    }
