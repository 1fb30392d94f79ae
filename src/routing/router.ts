import type { ColumnValues, FunctionUse, StatementKind, TableUse } from '../statement/analysis.ts'
import type { Statement } from '../statement/statement.ts'
import type { Dsn, Handle } from '../topology/server-target.ts'
import type { TableName } from '../topology/table-map.ts'
import type { Role } from '../topology/topology.ts'

/** A statement as a router sees it: the text, what the analysis found in it, and the values of the filtered columns. */
export interface AnalysedStatement extends Statement {
  readonly kind: StatementKind
  readonly tables: readonly TableUse[]
  readonly functions: readonly FunctionUse[]
  readonly columnValues: readonly ColumnValues[]
  /**
   * The values that the statement gives for a column, parameters filled in: those of `=`, `IN` and `= ANY` conditions
   * that hold for every row it touches, or those of the rows it inserts. `undefined` if the statement does not fix them.
   */
  valuesOf(column: string, table?: string): readonly unknown[] | undefined
}

/** What the caller said about one call, besides the statement: `client.query(sql, params, { hints })`. */
export type Hints = Readonly<Record<string, unknown>>

/** A database: an alias, a data source name, or a driver's own pool or handle. */
export type Target<A extends string = string> = A | Dsn | Handle

/** An answer with details. What is left out is decided as if there were no router. */
export interface PartialRoute<A extends string = string> {
  readonly database: Target<A>
  readonly shard?: string
  readonly role?: Role
  readonly tags?: readonly string[]
}

/**
 * Code that decides where declarations do not reach. Routers are asked in their order and the first answer wins;
 * `undefined` or `null` means "no opinion". An error thrown inside a router reaches the caller.
 *
 * A router should give the same answer for the same input and do no I/O: it is asked for every statement, and also by
 * `explain`, and more than once where the databases are of several engines.
 */
export interface Router<A extends string = string> {
  /** For reasons and messages. Default: the name of its class, or its position in the list. */
  readonly name?: string
  /** Where the statement goes: a database, or one with shard, role or tags. */
  route?(statement: AnalysedStatement, hints: Hints): Target<A> | PartialRoute<A> | undefined | null
  /** May these two tables appear in one statement although they live in different databases? */
  allowRelation?(a: TableName, b: TableName): boolean | undefined | null
  /** May this table be created, altered or dropped on this database? */
  allowMigrate?(database: A, table: TableName): boolean | undefined | null
}
