import type { Dialect } from './statement.ts'

/**
 * What a statement does, learnt from its text alone.
 *
 * - `read`: reads only (a function it calls may still make it a write: see {@link Analysis.functions})
 * - `locking-read`: reads and locks rows (`FOR UPDATE`, `FOR SHARE`, `LOCK IN SHARE MODE`)
 * - `write`: changes rows
 * - `ddl`: changes the schema, rights, or statistics
 * - `transaction`: `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints, `PREPARE TRANSACTION`, `XA`
 * - `session`: changes the state of the connection (`SET`, `LISTEN`, `PREPARE`, temporary tables, `USE`, `ATTACH`, `LOCK TABLES`)
 * - `unknown`: not understood; treated as a write
 */
export type StatementKind = 'read' | 'locking-read' | 'write' | 'ddl' | 'transaction' | 'session' | 'unknown'

/** Transaction control in the text, for the kind `transaction`. */
export type TransactionVerb =
  'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback-to' | 'set-transaction' | 'two-phase'

/** Half-open range of UTF-16 positions in the SQL text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A table (or view) that the statement names; common table expressions and aliases are not tables. */
export interface TableUse {
  /** As written; folded to lower case on PostgreSQL when not quoted. */
  readonly name: string
  readonly schema?: string
  /** `write` when its rows or its definition change; a table that is also read appears a second time with `read`. */
  readonly access: 'read' | 'write'
  /** Where the unqualified or qualified name stands in the text, quotes included, once for each appearance. */
  readonly spans: readonly Span[]
}

/** A function that the statement calls; folded to lower case when not quoted. */
export interface FunctionUse {
  readonly name: string
  readonly schema?: string
}

/** Where a value comes from. `index` counts parameters from 0 (`$1` is 0; the third `?` is 2). */
export type ValueSource =
  | { readonly from: 'parameter'; readonly index: number }
  | { readonly from: 'named'; readonly name: string }
  | { readonly from: 'constant'; readonly value: string | number | bigint | boolean | null }
  /** An array parameter whose elements are the values: `= ANY($1)`. */
  | { readonly from: 'array-parameter'; readonly index: number }
  /** An expression: its value is not known from the text. */
  | { readonly from: 'expression' }

/**
 * The values that a condition or an inserted row gives for a column.
 *
 * `equals` and `in` are listed only where the condition holds for *every* row of that table which the statement
 * touches (it stands in a chain of `AND`s of the `WHERE` or of an inner join's `ON`), so that a router may rely on it.
 */
export interface ColumnValues {
  /** The table's own name, not its alias; absent when an unqualified column could belong to several tables. */
  readonly table?: string
  readonly schema?: string
  readonly column: string
  /** `insert`: one value per inserted row, in order. */
  readonly operator: 'equals' | 'in' | 'insert'
  readonly values: readonly ValueSource[]
}

/**
 * One place in a text where rows of a table are read or changed. A row *counts* there if the outcome could be another one
 * without it: of the right side of a LEFT JOIN count only the rows that meet its ON, of the left side all.
 */
export interface TableAppearance {
  /** As in {@link TableUse}. */
  readonly name: string
  readonly schema?: string
  /**
   * - `target`: its rows are changed (INSERT, UPDATE, DELETE, MERGE), or it is defined
   * - `from`: in the FROM of the statement itself, joins included
   * - `expression`: in a subquery that is part of an expression (`EXISTS (…)`, `IN (SELECT …)`, a scalar subquery)
   * - `derived`: in a subquery of a FROM, in a WITH, in a member of a UNION and the like, in the SELECT of an INSERT or of
   *   a definition
   *
   * What stands in a query inside an expression is `expression`, however deep.
   */
  readonly place: 'target' | 'from' | 'expression' | 'derived'
  /** Present: a row of its query may have none of this table, because an outer join fills it up with nulls. */
  readonly optional?: true
  /**
   * What every row that counts there fulfils; `insert` for the rows that are inserted (of an `INSERT … SELECT` the one value
   * that all of them have). `equals` and `in` only with values that are known (`insert` may hold expressions), and by the
   * engine's own `=`, which may think little of case, of blanks at the end, or of types. None of a definition.
   */
  readonly conditions: readonly AppearanceCondition[]
  /** Between which values columns lie in every row that counts there, by the engine's own order. Only with values that are known. */
  readonly ranges: readonly AppearanceRange[]
  /**
   * Columns that have, in every row that counts there, the value of a column of another appearance: in the row that it is joined
   * with, in the one that its row is made for (of a query inside an expression, the row that the expression is evaluated for;
   * of the SELECT of an INSERT, the row that is inserted), or in one that it is made of. One way only: for both the other
   * appearance lists it too.
   */
  readonly equalities: readonly AppearanceEquality[]
  /** Columns that the statement assigns in existing rows (`SET`, also of `ON CONFLICT` and `ON DUPLICATE KEY`); of targets. */
  readonly assigned: readonly string[]
  /**
   * How the rows of a target are changed, where the statement does just that to them. Absent of other statements (MERGE, COPY,
   * definitions), and of those that may store something else than they say (MySQL's IGNORE).
   */
  readonly change?: 'insert' | 'update' | 'delete'
  /** The columns that an INSERT names, if it names them. */
  readonly listed?: readonly string[]
  /** Of a target: its columns that every row takes from one of several, see {@link TakenColumn}. */
  readonly taken?: readonly TakenColumn[]
  /** What the SET of an UPDATE gives to columns of a target, one entry for each time that one is named. */
  readonly given?: readonly AssignedValue[]
}

/** Of the rows that an INSERT takes from a UNION or the like: a column, and the one that it is in each of the members. */
export interface TakenColumn {
  readonly column: string
  readonly sources: readonly Omit<AppearanceEquality, 'column' | 'unlessNull'>[]
}

/** What a SET gives to a column. */
export interface AssignedValue {
  readonly column: string
  readonly value: ValueSource
}

/** What a condition, or an inserted row, says of a column. */
export interface AppearanceCondition {
  readonly column: string
  readonly operator: ColumnValues['operator']
  readonly values: readonly ValueSource[]
  /**
   * False: the column is written without its table, and several tables are in view (of its own query, or of one around it).
   * It is this table's if the table has such a column, since the statement would be ambiguous otherwise. With more than 50
   * tables in view it is listed nowhere.
   */
  readonly certain: boolean
  /**
   * Of a list that stands in the text as it is: where its operator begins (`IN`, or the `=` of `= ANY`), in UTF-16 units. Its items
   * are `values`, in their order. Absent where the condition was made of several.
   */
  readonly at?: number
  /** Present: rows of other tables must meet the very same condition, because a UNION gives them beside those of this one. */
  readonly shared?: true
}

/** What a column lies between. At least one bound is there. */
export interface AppearanceRange {
  readonly column: string
  readonly from?: RangeBound
  readonly to?: RangeBound
  /** As in {@link AppearanceCondition}. */
  readonly certain: boolean
}

/** One end of what a column lies between. */
export interface RangeBound {
  readonly value: ValueSource
  /** Whether the value itself is meant, too. */
  readonly inclusive: boolean
}

/** A column that has the value of a column of another appearance. */
export interface AppearanceEquality {
  readonly column: string
  /** The place of the other appearance in `Analysis.appearances`. */
  readonly other: number
  readonly otherColumn: string
  /** False: one of the columns is written without its table, and is another one's if this one has no such column. */
  readonly certain: boolean
  /** True: only as long as neither column is NULL anywhere (`NOT IN (SELECT …)`). */
  readonly unlessNull?: true
}

/** What was learnt from one SQL text. Frozen, and the same for the same text and dialect. */
export interface Analysis {
  readonly dialect: Dialect
  readonly kind: StatementKind
  /** For `transaction`: which command. */
  readonly verb?: TransactionVerb
  /** One phrase that says why it is of this kind, for instance "SELECT … FOR UPDATE locks rows". */
  readonly why: string
  readonly tables: readonly TableUse[]
  readonly functions: readonly FunctionUse[]
  readonly values: readonly ColumnValues[]
  /** In the order of the text. Empty where the text was not understood, or means different things to different servers. */
  readonly appearances: readonly TableAppearance[]
  /** How many statements the text holds (empty ones not counted). */
  readonly statements: number
  /** False when the text was not understood, or too long to be read whole: `tables` may then be incomplete. */
  readonly complete: boolean
  /** The text names a temporary table that it creates, or otherwise leaves something behind on its connection. */
  readonly leavesState: boolean
}
