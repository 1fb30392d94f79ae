import type { Span, ValueSource } from '../analysis.ts'
import type { Dialect } from '../statement.ts'

/**
 * The parts of a text that is one SELECT, read from its tokens: what has to be known to ask several shards for parts of its
 * answer and to put these together. All spans are positions in the text.
 */
export interface QueryShape {
  readonly dialect: Dialect
  /** The whole statement, without a semicolon at its end. */
  readonly span: Span
  /** `WITH …`, up to the SELECT that is described. */
  readonly with?: Span
  /** `all`: `SELECT DISTINCT`. */
  readonly distinct: 'none' | 'all'
  readonly items: readonly SelectItem[]
  /** From the first item to the last. */
  readonly itemsSpan: Span
  /**
   * From the word FROM to the end of the WHERE clause, or of the last table if there is none. Without FROM it begins with
   * WHERE, and without both it is absent.
   */
  readonly source?: Span
  /** The condition behind WHERE. */
  readonly where?: Span
  /** Each with the whole clause: `GROUP BY a, b`. */
  readonly groupBy?: { readonly span: Span; readonly keys: readonly Expression[] }
  readonly having?: { readonly span: Span; readonly condition: Expression }
  readonly orderBy?: { readonly span: Span; readonly keys: readonly SortKey[] }
  /**
   * LIMIT and OFFSET in whatever spelling (`LIMIT 5, 10`, `OFFSET 5 ROWS FETCH FIRST 10 ROWS ONLY`), from the first word to
   * the last. No `count` or `offset` where it is missing or says none: PostgreSQL's `LIMIT ALL` and `NULL`, SQLite's
   * negative numbers. What a parameter holds may say none, too. One that is an expression is an obstacle.
   */
  readonly limit?: { readonly span: Span; readonly count?: ValueSource; readonly offset?: ValueSource }
  /**
   * What cannot be done in parts, each named for people: "a window function", "UNION", "DISTINCT ON", "FOR UPDATE". Where
   * there are any, the rest is a help for messages only: with a set operation it is the first SELECT's, and what INTO,
   * locking clauses and grouping sets say is left out.
   */
  readonly obstacles: readonly string[]
}

/** Of the obstacles, those that are none where every window lies on one shard. */
export function isWindow(obstacle: string): boolean {
  return obstacle === 'a window function' || obstacle === 'WINDOW'
}

export interface Expression {
  readonly span: Span
  /** Aggregates of the outer query in it, in the order of the text; those of subqueries are not. */
  readonly aggregates: readonly Aggregate[]
  /**
   * It is nothing but a name without a table before it, perhaps in brackets: as the engine compares names, unquoted and on
   * MySQL and SQLite in lower case.
   */
  readonly name?: string
  /**
   * It is nothing but a whole number, perhaps in brackets (on MySQL and SQLite also behind a plus); in ORDER BY and GROUP BY
   * the place of an item, from 1.
   */
  readonly ordinal?: number
  /** It is nothing but a parameter. */
  readonly parameter?: true
  readonly hasSubquery: boolean
  /** The name behind a COLLATE at its end, unquoted and without schema: "C" for `a collate pg_catalog."C"`. */
  readonly collation?: string
  /** A COLLATE stands elsewhere in it, which may or may not decide how its values compare. */
  readonly collatesInside?: true
}

export interface SelectItem extends Expression {
  /** `*` or `t.*`. */
  readonly star?: true
  /** Where the alias stands, quotes included, and its name as the engine shows it: in the case in which it is written, but for PostgreSQL. */
  readonly alias?: { readonly span: Span; readonly name: string }
  /** The name of a plain column, also with a table before it: `name` for `p.name`. As the alias's name, in the case in which it is written. */
  readonly column?: string
  /**
   * Of an item that is no plain column and has no alias: the name that it gets, which ORDER BY and GROUP BY may call it by. `count` of `count(*)` on
   * PostgreSQL; on MySQL only of a column in brackets.
   */
  readonly label?: string
  /** It gets a name that is not told here: any name in its text may be that. */
  readonly hasUnclearLabel?: true
}

/** The name by which ORDER BY calls an item, if that is known. */
export function itemName({ alias, column, label }: SelectItem): string | undefined {
  return alias?.name ?? column ?? label
}

export interface Aggregate {
  /** The whole call, with FILTER and WITHIN GROUP. */
  readonly span: Span
  /** In lower case. */
  readonly name: string
  /** `count(*)`. */
  readonly star: boolean
  readonly distinct: boolean
  readonly args: readonly Span[]
  /** `ORDER BY …` within the brackets; `SEPARATOR …` likewise. */
  readonly order?: Span
  readonly separator?: Span
  /** `FILTER (WHERE …)`, whole. */
  readonly filter?: Span
}

/**
 * Its span holds a COLLATE, but not the direction. On SQLite, which looks for items through a COLLATE, it may have a `name`
 * or `ordinal` and a `collation`.
 */
export interface SortKey extends Expression {
  readonly descending: boolean
  /** As written, else as the engine has it. */
  readonly nulls: 'first' | 'last'
}
