import type { ShadowColumn, ShadowTable } from '../shadow-table.ts'

/** How an engine's SQL calls the rows of a shadow, and writes what is compared and promoted. */
export interface ShadowTexts {
  readonly quote: (name: string) => string
  /** A table by its own name, on the database that changes go to. */
  readonly target: (table: ShadowTable) => string
  /** A value as the shadow's own rows have it. */
  readonly literal: (value: unknown) => string
  /** The placeholder of a parameter; the first is 1. */
  readonly placeholder: (number: number) => string
  /** That two values are the same, NULL included, to the last letter. */
  readonly same: (one: string, other: string) => string
  /** That a column, where changes go to, has the value of a parameter. */
  readonly has: (column: ShadowColumn, placeholder: string) => string
  /** The local rows of a table, on a connection to the shadow. */
  readonly local: (table: ShadowTable) => string
  /** The rows of the base that were copied or hidden, as they were then. */
  readonly original: (table: ShadowTable) => string
  /** The table of the base. */
  readonly base: (table: ShadowTable) => string
  /** What rows of the base show in a column that was added here. */
  readonly preset: (column: ShadowColumn) => string
  /** The query of the columns, by `name`, that a table has where changes go to. No rows: there is no such table. */
  readonly columnsOf: (table: ShadowTable) => string
  /** Before the VALUES of an INSERT: numbers that the engine would rather give itself are given, too. */
  readonly overriding: string
  /** Put off to the end of a transaction that writes rows: the checks of foreign keys. */
  readonly deferKeys: string
  /** Behind a query of rows that nobody else may change until the end of the transaction. */
  readonly locking: string
}
